"""Promise: a run killed by SIGKILL at any moment resumes to the archive it would have had.

Every life of a run is a forked process that really dies; what it left on disk is all the next
one has. ``SULFOX_KILL_STEPS`` makes the NEP89 run longer.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import signal
import time

import pytest
from ase.build import bulk

from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.mlip import dynamics
from sulfox.engines.mlip.calculators import load_calculator
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories import durable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CONTEXT = RunContext(pair="Cu|Cu")
FORK = multiprocessing.get_context("fork")
N_KILLS = 20
N_SEGMENTS = 25
SEGMENT_STEPS = 20


def emt_case(thermostat, n_steps, segment_steps):
    atoms = bulk("Cu", a=3.7, cubic=True)
    atoms.rattle(0.05, seed=3)
    spec = DynamicsSpec(
        temperature_K=600,
        seed=5,
        thermostat=thermostat,
        n_steps=n_steps,
        segment_steps=segment_steps,
    )
    return StructureRecord.from_ase(atoms), spec, load_calculator("ase.calculators.emt:EMT")


def nep_case(thermostat, n_steps, segment_steps):
    atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    atoms.rattle(0.05, seed=3)
    _, spec, _ = emt_case(thermostat, n_steps, segment_steps)
    return StructureRecord.from_ase(atoms), spec, load_calculator("nep89")


def live(case, folder, prepare=None):
    """One life of a run; `prepare` may plan its death."""

    def body():
        if prepare is not None:
            prepare()
        try:
            dynamics.run_dynamics(*case, folder, context=CONTEXT)
        except SulfoxError as error:
            os._exit(int(error.code[-3:]) % 256)
        os._exit(0)

    process = FORK.Process(target=body)
    process.start()
    return process


def checksums(case, folder):
    doc = dynamics.run_dynamics(*case, folder, context=CONTEXT)
    return [(s.name, s.sha256) for s in doc.archive.segments], doc.final_velocities_A_fs


@pytest.mark.slow
@pytest.mark.parametrize("thermostat", ["nose-hoover-chain", "langevin"])
@pytest.mark.parametrize("make_case", [emt_case, nep_case])
def test_killed_at_random_moments_the_archive_is_bit_identical(
    make_case, thermostat, tmp_path, request
):
    """Twenty kills of one run, each somewhere inside another segment of it."""
    if make_case is nep_case:
        request.getfixturevalue("nep89")
    case = make_case(thermostat, SEGMENT_STEPS * N_SEGMENTS, SEGMENT_STEPS)
    start = time.monotonic()
    live(case, tmp_path / "timed").join()
    seconds_a_segment = (time.monotonic() - start) / N_SEGMENTS
    expected = checksums(case, tmp_path / "whole")

    moments, folder = random.Random(11), tmp_path / "killed"
    for n_written in sorted(moments.sample(range(N_SEGMENTS - 2), N_KILLS)):
        process = live(case, folder)
        while len(list(folder.glob("segment-*"))) < n_written:
            time.sleep(0.001)
        process.join(moments.uniform(0.0, seconds_a_segment))
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert checksums(case, folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("thermostat", ["nose-hoover-chain", "langevin"])
def test_killed_at_every_write_the_archive_is_bit_identical(thermostat, tmp_path):
    case = emt_case(thermostat, 40, 20)
    expected = checksums(case, tmp_path / "whole")
    for nth in range(1, 40):
        folder = tmp_path / f"killed-{nth}"
        left = [nth]

        def die_at_the_nth_write(left=left):
            real = os.fsync

            def fsync(descriptor):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                real(descriptor)

            durable.os.fsync = fsync

        process = live(case, folder, die_at_the_nth_write)
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert checksums(case, folder) == expected
        assert not list(folder.glob(".*-*")), "a half-written file was left"
    # header, two segments, two checkpoints: each flushes its file and its folder
    assert nth == 11


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    case = emt_case("nose-hoover-chain", 40, 20)
    expected = checksums(case, tmp_path / "whole")

    def no_room():  # the kernel refuses longer files, as a full disk does
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    process = live(case, tmp_path / "run", no_room)
    process.join()
    assert process.exitcode == 503 % 256
    assert not list((tmp_path / "run").glob(".*-*"))
    assert checksums(case, tmp_path / "run") == expected


def test_a_second_process_is_kept_out(tmp_path):
    case = emt_case("nose-hoover-chain", 4000, 20)
    process = live(case, tmp_path)
    try:
        while not (tmp_path / "checkpoint.npz").exists():
            time.sleep(0.01)
        with pytest.raises(SulfoxError, match=r"SFX-307"):
            dynamics.run_dynamics(*case, tmp_path, context=CONTEXT)
    finally:
        process.kill()
        process.join()
