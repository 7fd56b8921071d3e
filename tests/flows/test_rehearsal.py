"""A rehearsal kills only what it should, and chooses what it says."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from sulfox.errors import SulfoxError
from sulfox.flows.random_killer import RandomKiller
from sulfox.flows.rehearsal import shorten
from sulfox.flows.study import load_study


@pytest.mark.parametrize("in_its_folder", [True, False])
def test_only_a_process_of_the_segment_is_killed(tmp_path, in_its_folder):
    folder = tmp_path / "job" / "segments" / "0001"
    folder.mkdir(parents=True)
    cwd = folder if in_its_folder else tmp_path
    process = subprocess.Popen(["sleep", "30"], cwd=cwd, start_new_session=True)
    # a watcher that is not its parent is never killed
    note = {"pid": process.pid, "watcher": 1, "host": "here"}
    (folder / "vasp.pid").write_text(json.dumps(note))
    progress = tmp_path / "job" / "progress.json"
    progress.write_text(json.dumps({"steps_done": 0}))
    killer = RandomKiller(tmp_path, 10, 1)
    killer.start()
    time.sleep(0.4)
    assert process.poll() is None  # no step was done
    progress.write_text(json.dumps({"steps_done": 100}))
    time.sleep(1.8)
    killer.stop()
    try:
        assert (process.poll() is not None) == in_its_folder
        assert killer.n_kills == int(in_its_folder)
    finally:
        process.kill()
        process.wait()


def test_a_rehearsal_takes_one_run_of_each_pair_with_vasp():
    study = load_study("gsirr")
    found = shorten(study, "LCO|LPSCl", 600.0)
    assert [pair.name for pair in found.pairs] == ["LCO|LPSCl"]
    assert found.engine == "vasp"
    assert found.dynamics.temperatures_K == (600.0,)
    assert len(found.dynamics.seeds) == 1
    assert len(shorten(study, None, None).pairs) == len(study.pairs)
    with pytest.raises(SulfoxError, match="SFX-356"):
        shorten(study, "X|Y", None)
