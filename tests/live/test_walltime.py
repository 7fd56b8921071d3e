"""Promise: a run that leaves before its time limit goes on in the next job as if nothing was."""

from __future__ import annotations

import time

import pytest
from ase.build import bulk

from sulfox.documents.structure import StructureRecord
from sulfox.engines.allocation import OutOfTime, seconds_left
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.calculators import load_calculator
from sulfox.engines.mlip.dynamics import run_dynamics
from sulfox.protocols.dynamics import DynamicsSpec

CONTEXT = RunContext(pair="Cu|Cu")


def case():
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.rattle(0.05, seed=3)
    spec = DynamicsSpec(
        temperature_K=600, seed=5, thermostat="langevin", n_steps=100, segment_steps=20
    )
    return StructureRecord.from_ase(atoms), spec, load_calculator("ase.calculators.emt:EMT")


@pytest.mark.parametrize("variable", ["SULFOX_JOB_ENDS_AT", "SLURM_JOB_END_TIME"])
def test_five_jobs_of_one_segment_give_the_archive_of_one_job(tmp_path, monkeypatch, variable):
    whole = run_dynamics(*case(), tmp_path / "whole", context=CONTEXT)
    monkeypatch.setenv(variable, str(time.time() + 5))  # less than the reserve: one segment each
    done = []
    for _ in range(4):
        with pytest.raises(OutOfTime) as stop:
            run_dynamics(*case(), tmp_path / "parts", context=CONTEXT)
        done.append(stop.value.done)
    parts = run_dynamics(*case(), tmp_path / "parts", context=CONTEXT)
    assert done == [20, 40, 60, 80]
    assert [s.sha256 for s in parts.archive.segments] == [s.sha256 for s in whole.archive.segments]
    assert parts.final_velocities_A_fs == whole.final_velocities_A_fs


def test_a_job_with_time_enough_is_not_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("SULFOX_JOB_ENDS_AT", str(time.time() + 3600))
    assert run_dynamics(*case(), tmp_path, context=CONTEXT).n_steps_done == 100


def test_where_no_scheduler_says_an_end_there_is_none(monkeypatch):
    for name in ("SULFOX_JOB_ENDS_AT", "SLURM_JOB_END_TIME", "PBS_WALLTIME", "LSB_JOB_RUNLIMIT"):
        monkeypatch.delenv(name, raising=False)
    assert seconds_left() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "UNLIMITED")
    assert seconds_left() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1000")
    assert seconds_left(now=900) == 100
