"""A run's ledger: what is refused, and what is read again as it was written."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("custodian", reason="needs sulfox[vasp]")

from sulfox.engines.vasp.dynamics.failures import too_many_failures
from sulfox.engines.vasp.dynamics.ledger import (
    Checkpoint,
    Ledger,
    Start,
    Tail,
    VaspSegment,
    read_checkpoint,
    write_checkpoint,
)
from sulfox.engines.vasp.dynamics.raw_files import settle_raw_files
from sulfox.errors import SulfoxError

START = Start(
    step=0, origin="structure", keeps_thermostat=True, poscar="x\n", random_seed=(1, 0, 0)
)


def runs(*endings):
    return tuple(
        VaspSegment(
            number=k + 1,
            first_step=0,
            n_steps=new,
            n_new_steps=new,
            origin="contcar",
            ending=ending,
            message=f"message {k + 1}",
        )
        for k, (ending, new) in enumerate(endings)
    )


@pytest.mark.parametrize(
    ("endings", "is_refused"),
    [
        ([("failed", 0)] * 2, False),
        ([("failed", 0)] * 3, True),
        ([("hung", 0), ("failed", 0), ("hung", 0)], True),
        ([("failed", 0), ("failed", 1), ("failed", 0)], False),
        ([("failed", 3)] * 20, False),
        ([("failed", 3)] * 21, True),
        ([("killed", 0)] * 9, False),
        ([("interrupted", 0)] * 10, True),
        ([("stopped", 0), ("killed", 5)] * 100, False),
    ],
)
def test_failures_are_tried_again_but_not_for_ever(endings, is_refused):
    ledger = Ledger(run_hash="a", start=START, runs=runs(*endings))
    found = too_many_failures(ledger, "trial", 5)
    assert (found is not None) == is_refused
    if found is not None:
        assert found.code == "SFX-351"
        assert "message" in found.message


def test_a_checkpoint_is_read_as_it_was_written_and_no_other_run_takes_it(tmp_path):
    noise = np.random.default_rng(1)
    tail = Tail(noise.random((2, 4, 3)), noise.random((4, 3)), *noise.random((3, 7)))
    ledger = Ledger(run_hash="a", start=START, n_steps_done=7, runs=runs(("killed", 7)))
    write_checkpoint(tmp_path, Checkpoint(ledger, tail))
    again = read_checkpoint(tmp_path, "a")
    assert again.ledger == ledger
    np.testing.assert_array_equal(again.tail.positions, tail.positions)
    with pytest.raises(SulfoxError, match="SFX-306"):
        read_checkpoint(tmp_path, "b")
    path = next(tmp_path.glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SulfoxError, match="SFX-306"):
        read_checkpoint(tmp_path, "a")


@pytest.mark.parametrize("keeps", [True, False])
def test_raw_files_are_kept_compressed_or_dropped_and_potcars_never_kept(tmp_path, keeps):
    folder, kept = tmp_path / "0001", tmp_path / "raw"
    folder.mkdir()
    for name in ("OUTCAR", "XDATCAR", "POTCAR", "STOPCAR"):
        (folder / name).write_text(name * 100)
    for _ in range(2):
        settle_raw_files(folder, kept if keeps else None)
        assert not folder.exists()
    found = sorted(path.name for path in kept.glob("*")) if keeps else []
    assert found == (["OUTCAR.gz", "XDATCAR.gz"] if keeps else [])
