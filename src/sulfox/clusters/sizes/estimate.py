"""What a study costs with VASP, before anything is submitted.

The model counts floating point operations of one electronic iteration (G. Kresse and
J. Furthmueller, Phys. Rev. B 54, 11169 (1996)): orthonormalisation and rotation of the bands,
their Fourier transforms, and the projectors. Its rate and the iterations per step are assumed,
not measured: the answer is an order of magnitude until a pilot or a finished segment exists.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
from pydantic import Field

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.sizes.resources import Resources, job_resources, jobs_of_a_run
from sulfox.documents.base import Record
from sulfox.engines.standin.label import MARK
from sulfox.engines.vasp.dynamics.pace import MeasuredPace
from sulfox.engines.vasp.inputs.profile import VaspProfile, load_profile
from sulfox.errors import SulfoxError
from sulfox.flows.input_decks import StudyDeck, study_decks
from sulfox.flows.study import Study
from sulfox.units import Charge, Dimensionless, Seconds

__all__ = ["CostRow", "StudyCost", "estimate_cost", "expected_pace"]

#: hbar^2 / 2 m_e [eV Å^2]
_KINETIC = 3.80998212
#: Sustained rate, operations per second, of a core and of a GPU.
_RATE_PER_CORE, _RATE_PER_GPU = 3e9, 1e12
#: Without a cluster: cores and time limit [h].
_CORES, _WALLTIME_H = 64, 24.0
#: Electronic iterations of a step of dynamics, of a relaxation, and of a single point.
_ITERATIONS = {"md": 10, "relax": 12, "static": 25, "dos": 15}
_RELAXATION_STEPS = 40
#: Applications of the Hamiltonian and matrix products per iteration.
_APPLICATIONS, _PRODUCTS = 4, 6
_PROJECTORS_PER_ATOM, _POINTS_PER_SPHERE = 12, 1500
_UNCALIBRATED = (
    "operations counted by size (plane waves x bands^2, transforms, projectors), "
    f"{_RATE_PER_CORE / 1e9:g} GFLOP/s per core or {_RATE_PER_GPU / 1e9:g} per GPU and "
    f"{_ITERATIONS['md']} iterations per step assumed: an order of magnitude, uncalibrated until "
    "a pilot or finished segments exist"
)


class CostRow(Record):
    """Runs of one size.

    Attributes
    ----------
    label, kind : str
        For a person; ``"md"``, ``"relax"``, ``"static"``, ``"dos"``.
    n_runs, n_steps : int
        Runs, and ionic steps of each.
    n_atoms, n_bands, n_plane_waves, n_k_points, n_spins : int
        Size of one.
    n_electrons : float
        Valence electrons [e].
    memory_GB : float
        Of all processes [GB].
    seconds_per_step : float
        [s]
    basis : str
        Where that comes from.
    cores, gpus : int
        Of a job.
    core_hours, gpu_hours : float
        Of all runs.
    n_jobs : int
        Of each run: segments by the time limit.
    hours : float
        Of each run, without waiting [h].
    queue_hours : float
        The same with the stated wait before every job [h].
    """

    label: str
    kind: str
    n_runs: int
    n_steps: int
    n_atoms: int
    n_bands: int
    n_plane_waves: int
    n_k_points: int
    n_spins: int
    n_electrons: Charge
    memory_GB: Dimensionless
    seconds_per_step: Seconds
    basis: str
    cores: int
    gpus: int
    core_hours: Dimensionless
    gpu_hours: Dimensionless
    n_jobs: int
    hours: Dimensionless
    queue_hours: Dimensionless


class StudyCost(Record):
    """Cost of a study.

    Attributes
    ----------
    study, cluster : str
        Names; ``"none"`` for the assumed machine.
    rows : tuple of CostRow
        By size.
    core_hours, gpu_hours : float
        Of all.
    wait_h : float
        Assumed before every job [h].
    basis : tuple of str
        What the numbers stand on.
    """

    study: str
    cluster: str
    rows: tuple[CostRow, ...]
    core_hours: Dimensionless
    gpu_hours: Dimensionless
    wait_h: Dimensionless = Field(ge=0)
    basis: tuple[str, ...]


class _Size(Record):
    species: tuple[str, ...]
    n_electrons: Charge
    n_bands: int
    n_plane_waves: int
    n_grid: int
    n_k_points: int
    n_spins: int
    is_gamma: bool

    @property
    def operations(self) -> float:
        """Of one electronic iteration; half of them with real orbitals."""
        waves, bands, grid = self.n_plane_waves, self.n_bands, self.n_grid
        rotation = 8.0 * _PRODUCTS * waves * bands**2
        transforms = 2 * _APPLICATIONS * bands * 5.0 * grid * math.log2(grid)
        n_projectors = _PROJECTORS_PER_ATOM * len(self.species)
        projection = 2 * _APPLICATIONS * bands * 4.0 * n_projectors * _POINTS_PER_SPHERE
        whole = (rotation + transforms + projection) * self.n_k_points * self.n_spins
        return whole * (0.5 if self.is_gamma else 1.0)

    @property
    def memory_GB(self) -> Dimensionless:
        """Orbitals three times (orbitals, search directions, work), grids ten times."""
        number = 8 if self.is_gamma else 16
        orbitals = 3 * number * self.n_plane_waves * self.n_bands * self.n_k_points * self.n_spins
        return (orbitals + 10 * 16 * 8 * self.n_grid * self.n_spins) / 1e9


def estimate_cost(
    study: str,
    decks: Iterable[StudyDeck],
    profile: VaspProfile,
    *,
    cluster: Cluster | None = None,
    paces: Iterable[MeasuredPace] = (),
    wait_h: float = 0.0,
) -> StudyCost:
    """Estimate what the runs of a study cost.

    Parameters
    ----------
    study : str
        Name.
    decks : iterable of StudyDeck
        Everything it would run.
    profile : VaspProfile
        Valence electrons.
    cluster : Cluster, optional
        Cores and time limits; else 64 cores and 24 h are assumed.
    paces : iterable of MeasuredPace
        Measured seconds per step; those of the same atoms are taken as they are.
    wait_h : float
        Waiting time before every job [h].

    Returns
    -------
    StudyCost
        With the basis of every number.

    Raises
    ------
    SulfoxError
        SFX-358 for a waiting time below zero.
    """
    if not 0 <= wait_h < math.inf:
        raise SulfoxError(
            "SFX-358",
            who=study,
            found=f"a waiting time of {wait_h:g} h",
            expected="zero or more",
            next_step="give the hours that a job waits on average",
        )
    known = list(paces)
    grouped: dict[tuple[object, ...], tuple[StudyDeck, int]] = {}
    for deck in decks:
        key = (deck.deck.kind, deck.n_atoms, deck.deck.poscar, _n_steps(deck))
        first, count = grouped.get(key, (deck, 0))
        grouped[key] = (first, count + 1)
    rows = tuple(_row(deck, n, profile, (cluster, wait_h), known) for deck, n in grouped.values())
    machine = "none" if cluster is None else cluster.name
    told = [] if cluster else [f"no cluster given: {_CORES} cores and {_WALLTIME_H:g} h assumed"]
    told += [f"a relaxation takes {_RELAXATION_STEPS} steps (assumed)"]
    told += [f"waiting time before every job: {wait_h:g} h (given, not known)"]
    return StudyCost(
        study=study,
        cluster=machine,
        rows=rows,
        core_hours=sum(row.core_hours for row in rows),
        gpu_hours=sum(row.gpu_hours for row in rows),
        wait_h=wait_h,
        basis=(*dict.fromkeys(row.basis for row in rows), *told),
    )


def expected_pace(study: Study, cluster: Cluster, pair: str) -> float | None:
    """Expect the time of a step of VASP's dynamics of an interface; nothing is measured.

    Parameters
    ----------
    study : Study
        With the pair.
    cluster : Cluster
        Where it would run.
    pair : str
        Name of the pair; its interface is built from measured lattices, which takes a while.

    Returns
    -------
    float or None
        Seconds per step [s]; None for the stand-in, which is not VASP.

    Raises
    ------
    SulfoxError
        As :func:`sulfox.flows.input_decks.study_decks`.
    """
    if MARK in cluster.commands.vasp_std:
        return None
    pairs = tuple(p for p in study.pairs if p.name == pair)
    alone = study.model_copy(update={"pairs": pairs, "band_centers": None, "parts": ("dynamics",)})
    deck = next(deck for deck in study_decks(alone) if deck.deck.kind == "md")
    return _row(deck, 1, load_profile(), (cluster, 0.0), []).seconds_per_step


def _row(
    deck: StudyDeck,
    n_runs: int,
    profile: VaspProfile,
    place: tuple[Cluster | None, float],
    paces: list[MeasuredPace],
) -> CostRow:
    cluster, wait_h = place
    kind, n_steps = deck.deck.kind, _n_steps(deck)
    size = _size(deck, profile)
    resources = _resources(cluster, kind, deck.n_atoms)
    cores, gpus, walltime_h = (_CORES, 0, _WALLTIME_H)
    rate = _CORES * _RATE_PER_CORE
    if resources is not None:
        cores, gpus, walltime_h = resources.cores, resources.gpus, resources.walltime_h
        rate = gpus * _RATE_PER_GPU or cores * _RATE_PER_CORE
    seconds, basis = size.operations * _ITERATIONS[kind] / rate, _UNCALIBRATED
    same = [pace for pace in paces if pace.species == size.species]
    if kind == "md" and same:
        best = max(same, key=lambda pace: pace.n_steps)
        seconds = best.seconds_per_step
        basis = f"measured in {best.source}, on the cores that it ran on"
    hours = seconds * n_steps / 3600
    n_jobs = jobs_of_a_run(hours, walltime_h)
    return CostRow(
        label=deck.label,
        kind=kind,
        n_runs=n_runs,
        n_steps=n_steps,
        n_atoms=deck.n_atoms,
        n_bands=size.n_bands,
        n_plane_waves=size.n_plane_waves,
        n_k_points=size.n_k_points,
        n_spins=size.n_spins,
        n_electrons=size.n_electrons,
        memory_GB=size.memory_GB,
        seconds_per_step=seconds,
        basis=basis,
        cores=cores,
        gpus=gpus,
        core_hours=hours * cores * n_runs,
        gpu_hours=hours * gpus * n_runs,
        n_jobs=n_jobs,
        hours=hours,
        queue_hours=hours + n_jobs * wait_h,
    )


def _resources(cluster: Cluster | None, kind: str, n_atoms: int) -> Resources | None:
    if cluster is None:
        return None
    job = {"md": "dynamics", "relax": "relaxation"}.get(kind, "electronic")
    return job_resources(cluster, job, n_atoms, "vasp")  # type: ignore[arg-type]


def _n_steps(deck: StudyDeck) -> int:
    from pymatgen.io.vasp import Incar

    if deck.deck.kind == "md":
        return int(Incar.from_str(deck.deck.incar)["NSW"])
    return _RELAXATION_STEPS if deck.deck.kind == "relax" else 1


def _size(deck: StudyDeck, profile: VaspProfile) -> _Size:
    """Size as VASP chooses it by default (NBANDS, plane waves inside the cutoff)."""
    from pymatgen.io.vasp import Incar, Poscar

    tags = Incar.from_str(deck.deck.incar)
    structure = Poscar.from_str(deck.deck.poscar).structure
    cutoff = float(tags["ENCUT"])
    species = [site.specie.symbol for site in structure]
    valence = {e: profile.potcar.choose(e, cutoff).valence_electrons for e in set(species)}
    electrons = sum(valence[e] * count for e, count in Counter(species).items())
    n_spins = int(tags.get("ISPIN", 1))
    bands = max(electrons / 2 + 1 + max(len(species) / 2, 3), 0.6 * electrons)
    k_max = math.sqrt(cutoff / _KINETIC)
    lengths = np.linalg.norm(structure.lattice.matrix, axis=1)
    mesh = deck.deck.k_divisions
    return _Size(
        species=tuple(sorted(species)),
        n_electrons=electrons,
        n_bands=int(tags.get("NBANDS", math.ceil(bands))),
        n_plane_waves=round(structure.volume * k_max**3 / (6 * math.pi**2)),
        n_grid=math.prod(math.ceil(1.5 * k_max * length / math.pi) for length in lengths),
        n_k_points=1 if mesh == (1, 1, 1) else math.ceil(math.prod(mesh) / 2),
        n_spins=n_spins,
        is_gamma=mesh == (1, 1, 1),
    )
