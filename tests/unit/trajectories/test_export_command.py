"""``sulfox export`` of an archive folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from sulfox.cli.store.export import export
from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import open_archive
from sulfox.trajectories.readers import read_trajectory

app = typer.Typer()
app.command()(export)


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)


def test_every_second_frame_as_extxyz(archive_folder, tmp_path):
    out = tmp_path / "new" / "run.extxyz"
    done = run(archive_folder, out, "--format", "extxyz", "--start", 3, "--stride", 2, "--json")
    assert json.loads(done.stdout) == {
        "path": str(out),
        "format": "extxyz",
        "n_frames": 10,
        "n_atoms": 5,
    }
    frames = open_archive(archive_folder).frames(3, None, 2)
    again = read_trajectory(out)
    assert np.array_equal(again.steps, frames.steps)
    assert again.sides == frames.sides


def test_bad_requests_write_nothing(archive_folder, tmp_path):
    out = tmp_path / "run"
    for options, code in ((["--format", "pdb"], "SFX-402"), (["--stop", "99"], "SFX-406")):
        with pytest.raises(SulfoxError, match=code):
            run(archive_folder, out, *options)
    assert not out.exists()
