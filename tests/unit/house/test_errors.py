"""Errors: one line, a stable code, the four things a user needs, through process boundaries."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys

import pytest

from sulfox.errors import CODES, SulfoxError


def make(code="SFX-101"):
    return SulfoxError(code, who="LCX", found="no\nsuch   name", expected="LCO", next_step="look")


def test_the_message_is_one_line_with_code_and_all_parts():
    line = make().line
    assert "\n" not in line
    assert line == "SFX-101 [input] LCX: no such name; expected LCO; look"


def test_an_error_survives_pickling_whole():
    back = pickle.loads(pickle.dumps(make()))
    assert (back.code, back.who, back.line) == ("SFX-101", "LCX", make().line)


@pytest.mark.parametrize(
    ("code", "status"),
    [("SFX-101", 2), ("SFX-401", 2), ("SFX-302", 1), ("SFX-503", 1), ("SFX-999", 1)],
)
def test_exit_status_follows_who_can_help(code, status):
    assert make(code).exit_code == status


def test_codes_are_well_formed_and_every_raised_code_is_in_the_table():
    assert all(re.fullmatch(r"SFX-\d{3}", code) for code in CODES)
    found = subprocess.run(
        ["git", "grep", "-hoE", r"SFX-[0-9]{3}", "--", "src/sulfox"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert set(found) <= set(CODES)


def test_an_unknown_code_cannot_be_raised():
    with pytest.raises(KeyError):
        make("SFX-000")


def test_importing_the_package_is_light():
    code = "import sys, sulfox.errors; print([m for m in ('numpy', 'ase') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
