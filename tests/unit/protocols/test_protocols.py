"""Protocols: what is shipped is valid, and a slip in a file is found."""

from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSettings, DynamicsSpec
from sulfox.protocols.protocol import load_protocol


def test_the_shipped_protocol_is_that_of_the_paper():
    protocol = load_protocol("aimd")
    assert protocol.production.time_step_fs == 2.0
    assert protocol.production.length_ps == 20.0
    assert protocol.production.n_frames == 2001
    assert "10.1002/adma.202305748" in protocol.source
    assert all(choice.reason for choice in protocol.choices)


def test_a_protocol_is_completed_by_temperature_and_seed():
    spec = load_protocol("aimd").production.at(600, 3, n_steps=1001)
    assert (spec.temperature_K, spec.seed, spec.n_steps) == (600, 3, 1005)
    assert DynamicsSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("production", "time_step_ps", 1),
        ("production", "time_step_fs", -1),
        ("production", "n_steps", 1003),
        ("production", "thermostat", "berendsen"),
        ("bulk_relaxation", "cell", "maybe"),
    ],
)
def test_a_slip_in_a_file_is_found(tmp_path, where, key, value):
    content = load_protocol("aimd").model_dump(mode="json")
    content[where][key] = value
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(SulfoxError, match=rf"SFX-102.*{where}"):
        load_protocol(str(path))


@pytest.mark.parametrize("text", ["- 1\n", "a: [", "\x00"])
def test_a_file_that_is_no_protocol_is_refused(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(SulfoxError, match=r"SFX-102"):
        load_protocol(str(path))


def test_an_unknown_protocol_lists_the_known():
    with pytest.raises(SulfoxError, match=r"SFX-102.*aimd"):
        load_protocol("amid")


def test_a_thermostat_faster_than_the_motion_is_refused():
    with pytest.raises(ValidationError, match="five time steps"):
        DynamicsSettings(thermostat_time_fs=5.0)
