"""Bonds of one element pair along a trajectory; S-S is the first row of the table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sulfox.analysis.bonds.bond_criteria import choose_criteria, varied_criteria
from sulfox.analysis.bonds.bond_events import (
    ClosePairs,
    Transitions,
    find_close_pairs,
    find_transitions,
)
from sulfox.analysis.bonds.bond_lifetimes import bond_lifetimes, median_lifetime, poisson_interval
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.sulfur_bonds import (
    BondCriteria,
    BondEvent,
    Sensitivity,
    SulfurBondRateDoc,
    SulfurBondsDoc,
)
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.trajectories.frames import FloatArray, Trajectory
from sulfox.trajectories.geometry import minimum_image, neighbour_pairs, surface_height
from sulfox.units import ANGSTROM2_PER_NM2, FS_PER_PS

__all__ = ["METHOD_VERSION", "analyze_bonds", "pool_rates", "sulfur_groups"]

#: Raised when the meaning of the numbers changes; part of every document's identity.
METHOD_VERSION = 1
_MAX_POINTS = 2000
_MAX_EVENTS = 10_000
_P_S_CUTOFF_A = 2.5


def analyze_bonds(
    trajectory: Trajectory,
    criteria: BondCriteria | None = None,
    source: TrajectoryDoc | None = None,
) -> SulfurBondsDoc:
    """Count the bonds of a pair that form and break along a trajectory.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.
    criteria : BondCriteria, optional
        Pair and thresholds; the table's S-S row if not given.
    source : TrajectoryDoc, optional
        What the frames are of: interface, seed, temperature, area. None for a user's
        own file; then there is no rate per area.

    Returns
    -------
    SulfurBondsDoc
        Counts, events, lifetimes, rate and sensitivity. The definition of an event
        is in :mod:`sulfox.analysis.bonds.bond_events`.

    Raises
    ------
    SulfoxError
        SFX-701 if the trajectory does not hold the pair; SFX-703 if times are unknown
        and the answer depends on them.
    """
    criteria = criteria or choose_criteria()
    variations = varied_criteria(criteria)
    cutoff = max(row.form_A for row in (criteria, *variations))
    close = find_close_pairs(trajectory, criteria.pair, cutoff)
    changes = _transitions(trajectory, close, criteria)
    sensitivity = _sensitivity(trajectory, close, variations)
    events = _events(trajectory, close, changes, criteria, source)
    times_fs = trajectory.times_fs
    lives = () if times_fs is None else bond_lifetimes(changes, close.pairs, times_fs)
    inputs_hash = _inputs_hash(trajectory, criteria, source)
    reasons = _remarks(trajectory, criteria, len(events), source)
    return SulfurBondsDoc(
        id="sb-" + inputs_hash[:16],
        status=Status.PARTIAL if any(r.code != "sampling" for r in reasons) else Status.COMPLETE,
        reasons=reasons,
        provenance=_provenance(inputs_hash, source),
        **_source_fields(source),
        method_version=METHOD_VERSION,
        criteria=criteria,
        n_frames=trajectory.n_frames,
        n_atoms=trajectory.n_atoms,
        length_ps=_length_ps(trajectory),
        n_initial=changes.n_initial,
        n_formed=changes.n_formed,
        n_broken=changes.n_broken,
        n_final=changes.n_final,
        n_formed_cross_interface=sum(
            event.type == "formed" and event.location == "cross-interface" for event in events
        ),
        min_distance_A=close.min_distance,
        min_distance_frame=close.min_frame,
        events=events[:_MAX_EVENTS],
        lifetimes=lives[:_MAX_EVENTS],
        median_lifetime_fs=median_lifetime(lives),
        **_series(trajectory, changes),
        **_rate_fields(changes.n_formed, _exposure(trajectory, source)),
        sensitivity=sensitivity,
        robust=all(row.n_formed == changes.n_formed for row in sensitivity),
    )


def _transitions(trajectory: Trajectory, close: ClosePairs, criteria: BondCriteria) -> Transitions:
    if trajectory.times_fs is not None:
        return find_transitions(close.distances, trajectory.times_fs, criteria)
    # Without times every attempt is let through. Where there is none, no time step could
    # make one, and the answer stands; else a time step is needed.
    frames = np.arange(trajectory.n_frames, dtype=np.float64)
    every = criteria.model_copy(update={"min_lifetime_fs": 0.0})
    attempts = find_transitions(close.distances, frames, every)
    if attempts.frame.size:
        raise SulfoxError(
            "SFX-703",
            who=f"{criteria.pair} bonds",
            found="a trajectory without times, in which distances cross the thresholds",
            expected="the time between two frames, to tell bonds from vibrations",
            next_step="give it with --time-step-fs",
        )
    return attempts


def _sensitivity(
    trajectory: Trajectory, close: ClosePairs, variations: Sequence[BondCriteria]
) -> tuple[Sensitivity, ...]:
    if trajectory.times_fs is None:
        return ()
    rows = []
    for criteria in variations:
        changes = find_transitions(close.distances, trajectory.times_fs, criteria)
        rows.append(
            Sensitivity(
                criteria=criteria,
                n_formed=changes.n_formed,
                n_broken=changes.n_broken,
                n_final=changes.n_final,
            )
        )
    return tuple(rows)


def _events(
    trajectory: Trajectory,
    close: ClosePairs,
    changes: Transitions,
    criteria: BondCriteria,
    source: TrajectoryDoc | None,
) -> tuple[BondEvent, ...]:
    if trajectory.times_fs is None or changes.frame.size == 0:
        return ()
    groups = sulfur_groups(trajectory) if criteria.pair == "S-S" else None
    plane = source.interface_height_A if source is not None else None
    events = []
    for k in np.lexsort((changes.pair, changes.frame)):
        row, frame = int(changes.pair[k]), int(changes.frame[k])
        first, second = (int(atom) for atom in close.pairs[row])
        events.append(
            BondEvent(
                type="formed" if changes.formed[k] else "broken",
                time_fs=float(trajectory.times_fs[frame]),
                frame=frame,
                atoms=(first, second),
                distance_A=float(close.distances[row, frame]),
                location=_location(trajectory, first, second),
                from_interface_A=None
                if plane is None
                else _height(trajectory, frame, (first, second), plane),
                groups=(groups[first], groups[second]) if groups else None,
            )
        )
    return tuple(events)


def _location(trajectory: Trajectory, first: int, second: int) -> str:
    if trajectory.sides is None:
        return "bulk"
    a, b = trajectory.sides[first], trajectory.sides[second]
    return a if a == b else "cross-interface"


def _height(trajectory: Trajectory, frame: int, atoms: tuple[int, int], plane: float) -> float:
    cell = trajectory.cell(frame)
    first, second = trajectory.positions[frame, list(atoms)]
    middle: FloatArray = first + minimum_image(second - first, cell) / 2
    return surface_height(middle, cell, plane)


def sulfur_groups(trajectory: Trajectory) -> dict[int, str]:
    """Say what each S atom belongs to in the first frame.

    Parameters
    ----------
    trajectory : Trajectory
        Frames.

    Returns
    -------
    dict
        Index of each S atom -> ``"PS4"`` (or ``"PS3"``, ... by the number of S within
        2.5 Å of its nearest P), or ``"S2-"`` where no P is within 2.5 Å.
    """
    atoms = np.concatenate([trajectory.indices("P"), trajectory.indices("S")])
    n_phosphorus = trajectory.indices("P").size
    groups = {int(atom): "S2-" for atom in trajectory.indices("S")}
    pairs, distances = neighbour_pairs(
        trajectory.positions[0, atoms], trajectory.cell(0), _P_S_CUTOFF_A
    )
    bonded = (pairs[:, 0] < n_phosphorus) & (pairs[:, 1] >= n_phosphorus)
    pairs, distances = pairs[bonded], distances[bonded]
    n_sulfur = np.bincount(pairs[:, 0], minlength=n_phosphorus)
    for k in np.argsort(-distances, kind="stable"):  # the nearest P has the last word
        groups[int(atoms[pairs[k, 1]])] = f"PS{n_sulfur[pairs[k, 0]]}"
    return groups


def _length_ps(trajectory: Trajectory) -> float | None:
    return None if trajectory.length_fs is None else trajectory.length_fs / FS_PER_PS


def _series(trajectory: Trajectory, changes: Transitions) -> dict[str, Any]:
    if trajectory.times_fs is None:
        return {"times_ps": (), "counts": ()}
    n = trajectory.n_frames
    shown = np.unique(np.rint(np.linspace(0, n - 1, min(n, _MAX_POINTS))).astype(int))
    return {
        "times_ps": tuple((trajectory.times_fs[shown] / FS_PER_PS).tolist()),
        "counts": tuple(changes.counts(n)[shown].tolist()),
    }


def _exposure(trajectory: Trajectory, source: TrajectoryDoc | None) -> float | None:
    length_ps = _length_ps(trajectory)
    if source is None or not length_ps or source.area_A2 <= 0:
        return None
    return source.area_A2 / ANGSTROM2_PER_NM2 * length_ps


def _rate_fields(n_formed: int, exposure: float | None) -> dict[str, float | None]:
    names = ("rate_per_nm2_ps", "rate_low_per_nm2_ps", "rate_high_per_nm2_ps")
    if exposure is None:
        return {"exposure_nm2_ps": None, **dict.fromkeys(names)}
    means = (n_formed, *poisson_interval(n_formed))
    rates = {name: mean / exposure for name, mean in zip(names, means, strict=True)}
    return {"exposure_nm2_ps": exposure, **rates}


def _source_fields(source: TrajectoryDoc | None) -> dict[str, Any]:
    return {
        "trajectory_id": source.id if source else "",
        "interface_id": source.interface_id if source else "",
        "pair_of_materials": source.pair if source else "",
        "variant": source.variant if source else "",
        "temperature_K": source.temperature_K if source else None,
        "seed": source.seed if source else None,
    }


def _provenance(inputs_hash: str, source: TrajectoryDoc | None) -> Provenance:
    if source is None:
        return Provenance(
            engine="sulfox", level_of_theory="not known (a user's file)", inputs_hash=inputs_hash
        )
    return Provenance(
        engine=source.provenance.engine,
        level_of_theory=source.provenance.level_of_theory,
        inputs_hash=inputs_hash,
        study=source.provenance.study,
        job_uuids=source.provenance.job_uuids,
    )


def _inputs_hash(
    trajectory: Trajectory, criteria: BondCriteria, source: TrajectoryDoc | None
) -> str:
    frames = hashlib.sha256()
    for array in (trajectory.positions, trajectory.lattice, trajectory.times_fs):
        if array is not None:
            frames.update(np.ascontiguousarray(array).tobytes())
    identity = [frames.hexdigest(), trajectory.species, trajectory.sides]
    return content_hash(
        ["sulfur_bonds", METHOD_VERSION, criteria, source.id if source else "", identity]
    )


def _remarks(
    trajectory: Trajectory, criteria: BondCriteria, n_events: int, source: TrajectoryDoc | None
) -> tuple[Reason, ...]:
    remarks = []
    if trajectory.times_fs is None:
        text = (
            "the file holds no times; no distance crosses the thresholds, so the counts hold "
            "for any time step; times, lifetimes and sensitivity need --time-step-fs"
        )
        remarks.append(Reason(code="SFX-703", message=text))
    elif trajectory.n_frames > 1:
        interval = float(np.diff(trajectory.times_fs).max())
        if interval > max(criteria.min_lifetime_fs, 1e-6):
            text = (
                f"frames are {interval:g} fs apart, more than the minimum lifetime of "
                f"{criteria.min_lifetime_fs:g} fs: bonds between frames are not seen"
            )
            remarks.append(Reason(code="sampling", message=text))
    if n_events > _MAX_EVENTS:
        text = f"{n_events} events counted, the first {_MAX_EVENTS} listed"
        remarks.append(Reason(code="events", message=text))
    if source is not None and source.status is not Status.COMPLETE:
        text = f"the trajectory is {source.status.value}"
        remarks.append(Reason(code="trajectory", message=text))
    return tuple(remarks)


def pool_rates(documents: Sequence[SulfurBondsDoc]) -> SulfurBondRateDoc:
    """Pool the formation rate over the seeds of one interface, variant and temperature.

    Parameters
    ----------
    documents : sequence of SulfurBondsDoc
        One per seed, of the same pair of materials, variant, temperature and criteria,
        each with an area.

    Returns
    -------
    SulfurBondRateDoc
        Events over summed exposure, with an exact 95 % Poisson interval. One seed has
        an interval too, but `has_error_bar` is then False: it shows no spread.

    Raises
    ------
    SulfoxError
        SFX-702 if the documents are none, mixed, of the same seed, or without an area.
    """
    documents = sorted(documents, key=lambda d: (d.seed is None, d.seed, d.id))
    _check_poolable(documents)
    first = documents[0]
    per_seed = tuple(document.n_formed for document in documents)
    exposure = sum(d.exposure_nm2_ps for d in documents if d.exposure_nm2_ps is not None)
    ids = tuple(document.id for document in documents)
    inputs_hash = content_hash(["sulfur_bond_rate", METHOD_VERSION, ids])
    complete = all(document.status is Status.COMPLETE for document in documents)
    partial = Reason(code="trajectory", message="a pooled analysis is partial")
    return SulfurBondRateDoc(
        id="sr-" + inputs_hash[:16],
        status=Status.COMPLETE if complete else Status.PARTIAL,
        reasons=() if complete else (partial,),
        provenance=first.provenance.model_copy(
            update={
                "inputs_hash": inputs_hash,
                "job_uuids": tuple(
                    uuid for document in documents for uuid in document.provenance.job_uuids
                ),
            }
        ),
        pair_of_materials=first.pair_of_materials,
        variant=first.variant,
        temperature_K=first.temperature_K,
        method_version=METHOD_VERSION,
        criteria=first.criteria,
        seeds=tuple(document.seed for document in documents),
        analysis_ids=ids,
        n_formed=sum(per_seed),
        n_formed_per_seed=per_seed,
        **_rate_fields(sum(per_seed), exposure),
        has_error_bar=len(documents) > 1,
    )


def _check_poolable(documents: Sequence[SulfurBondsDoc]) -> None:
    kinds = {
        (
            document.pair_of_materials,
            document.variant,
            document.temperature_K,
            document.criteria.model_dump_json(),
            document.provenance.level_of_theory,
        )
        for document in documents
    }
    seeds = [document.seed for document in documents]
    no_area = any(not document.exposure_nm2_ps for document in documents)
    if len(kinds) != 1 or None in seeds or len(set(seeds)) != len(seeds) or no_area:
        raise SulfoxError(
            "SFX-702",
            who="rate over seeds",
            found=f"{len(documents)} analyses of {len(kinds)} kinds, seeds {seeds}"
            + (", one without area or length" if no_area else ""),
            expected="analyses of one interface, variant, temperature, engine and criteria, "
            "with different seeds",
            next_step="pool only what belongs together",
        )
