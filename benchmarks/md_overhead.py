"""What sulfox adds to the bare force calls: dynamics with archive and checkpoints against NEP.

Runs ``run_dynamics`` (thermostat, guard, archive, checkpoints, progress) and the same number
of bare ``nep_adapters.NEPCalculator.predict_arrays`` calls at the positions of that run, in
turns, each on one thread, and prints the ratio of their CPU times: the wall clock of a machine
that does other work as well says little. The run also times its own force calls from inside,
which no neighbour on the machine can disturb: that ratio is the sharper one. A second peer is
ASE's own driver around nep-adapters' ASE calculator, without an archive.

    python benchmarks/md_overhead.py [--steps 1000] [--rounds 3]

Needs the NEP89 potential: ``sulfox engines fetch nep89`` or SULFOX_NEP89_FILE.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from ase import Atoms, units
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from ase.md.velocitydistribution import thermalize_momenta
from ase.spacegroup import crystal
from nep_adapters import Model, NEPCalculator
from nep_adapters.ase import NepAseCalculator

from sulfox.documents.structure import StructureRecord
from sulfox.engines.base import RunContext
from sulfox.engines.mlip.calculators import load_calculator
from sulfox.engines.mlip.dynamics import run_dynamics
from sulfox.engines.mlip.potentials import find_nep89
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.trajectories.archive import open_archive


def lco_cell(repeats: tuple[int, int, int]) -> Atoms:
    """LiCoO2, R-3m, a 2.816 Å, c 14.05 Å (doi 10.1016/0022-4596(92)90222-6), repeated."""
    return (
        crystal(
            ["Li", "Co", "O"],
            [(0, 0, 0.5), (0, 0, 0), (0, 0, 0.2605)],
            spacegroup=166,
            cellpar=[2.816, 2.816, 14.05, 90, 90, 120],
        )
        * repeats
    )


class TimedModel:
    """A NEP model that adds up the CPU time of its force calls."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.seconds = 0.0

    def calculate(self, *arrays: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute forces on the clock."""
        start = time.process_time()
        result = self._model.calculate(*arrays)
        self.seconds += time.process_time() - start
        return result


def time_sulfox(structure: StructureRecord, spec: DynamicsSpec) -> tuple[float, float, np.ndarray]:
    """CPU seconds of the run, of the force calls inside it, and its positions."""
    loaded = load_calculator("nep89")
    nep = loaded.make()._model
    nep.model = timed = TimedModel(nep.model)
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        run_dynamics(structure, spec, loaded, folder, context=RunContext(pair="benchmark"))
        seconds = time.process_time() - start
        return seconds, timed.seconds, open_archive(folder).frames().positions


def time_bare(atoms: Atoms, positions: np.ndarray, n_calls: int) -> float:
    model = NEPCalculator(find_nep89().path)
    types, _, boxes, pbc = model.compose_structures([atoms])
    model.predict_arrays(types, positions[0], boxes, pbc=pbc)
    start = time.process_time()
    for call in range(n_calls):
        model.predict_arrays(types, positions[call % len(positions)], boxes, pbc=pbc)
    return time.process_time() - start


def time_ase(atoms: Atoms, spec: DynamicsSpec) -> float:
    atoms = atoms.copy()
    atoms.calc = NepAseCalculator(str(find_nep89().path))
    thermalize_momenta(atoms, spec.temperature_K, rng=np.random.default_rng(spec.seed))
    time_step, damping = spec.time_step_fs * units.fs, spec.thermostat_time_fs * units.fs
    dynamics = NoseHooverChainNVT(atoms, time_step, spec.temperature_K, damping)
    atoms.get_forces()
    start = time.process_time()
    dynamics.run(spec.n_steps)
    return time.process_time() - start


def compare(repeats: tuple[int, int, int], n_steps: int, n_rounds: int) -> None:
    atoms = lco_cell(repeats)
    structure = StructureRecord.from_ase(atoms)
    spec = DynamicsSpec(
        temperature_K=300, seed=1, n_steps=n_steps, segment_steps=min(1000, n_steps)
    )
    times: list[tuple[float, ...]] = []
    for _ in range(n_rounds):
        mine, inside, positions = time_sulfox(structure, spec)
        bare = time_bare(atoms, positions, n_steps + 1)
        times.append((mine, inside, bare, time_ase(atoms, spec)))
    mine, inside, bare, ase = (statistics.median(column) for column in zip(*times, strict=True))
    within, beside = ([row[0] / row[k] for row in times] for k in (1, 2))
    print(
        f"{len(atoms)} atoms, {n_steps} steps, {n_rounds} rounds, CPU ms per step: "
        f"sulfox {1e3 * mine / n_steps:.2f}, bare {1e3 * bare / n_steps:.2f}, "
        f"ASE driver {1e3 * ase / n_steps:.2f}\n"
        f"  sulfox / its own force calls = {statistics.median(within):.3f} "
        f"({', '.join(f'{ratio:.3f}' for ratio in within)}; limit 1.10)\n"
        f"  sulfox / bare force calls    = {statistics.median(beside):.3f} "
        f"({', '.join(f'{ratio:.3f}' for ratio in beside)}; limit 1.10)\n"
        f"  sulfox / ASE driver          = {mine / ase:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for repeats in ((5, 3, 1), (6, 5, 1)):
        compare(repeats, options.steps, options.rounds)


if __name__ == "__main__":
    main()
