"""Bonds of one element pair formed and broken along a trajectory."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.units import Exposure, Length, RatePerAreaTime, Temperature, TimeFs, TimePs

__all__ = [
    "BondCriteria",
    "BondEvent",
    "BondLifetime",
    "Sensitivity",
    "SulfurBondRateDoc",
    "SulfurBondsDoc",
]


class BondCriteria(Record):
    """When two atoms count as bonded.

    Attributes
    ----------
    pair : str
        ``"S-S"``.
    form_A : float
        A bond is a candidate when closer than this [Å].
    break_A : float
        A bond is lost when farther than this [Å]; between the two the state stays.
    min_lifetime_fs : float
        A change counts only if it lasts this long [fs].
    """

    pair: str
    form_A: Length
    break_A: Length
    min_lifetime_fs: TimeFs


class BondEvent(Record):
    """A bond formed or broken.

    Attributes
    ----------
    type : str
        ``"formed"`` or ``"broken"``.
    time_fs : float
        When the threshold was crossed [fs].
    frame : int
        Frame of the crossing.
    atoms : tuple of int
        Indices, ascending.
    distance_A : float
        Distance in that frame [Å].
    location : str
        ``"cathode"``, ``"electrolyte"``, ``"bulk"`` (both atoms on that side) or
        ``"cross-interface"``.
    from_interface_A : float or None
        Height of the bond's middle above the interface plane [Å].
    groups : tuple of str or None
        What each S belonged to in the first frame: ``"PS4"`` (or ``"PS3"``, ... by the
        number of S around its P), ``"S2-"`` for one without a P; None for other pairs.
    """

    type: Literal["formed", "broken"]
    time_fs: TimeFs
    frame: int
    atoms: tuple[int, int]
    distance_A: Length
    location: str
    from_interface_A: Length | None
    groups: tuple[str, str] | None


class BondLifetime(Record):
    """One bond's life.

    Attributes
    ----------
    atoms : tuple of int
        Indices, ascending.
    start_fs, duration_fs : float
        [fs]
    left_censored : bool
        True if it was there in the first frame (its birth was not seen).
    right_censored : bool
        True if it was alive in the last frame (its end was not seen).
    """

    atoms: tuple[int, int]
    start_fs: TimeFs
    duration_fs: TimeFs
    left_censored: bool
    right_censored: bool


class Sensitivity(Record):
    """The same count with other criteria.

    Attributes
    ----------
    criteria : BondCriteria
        The changed criteria.
    n_formed, n_broken, n_final : int
        What they give.
    """

    criteria: BondCriteria
    n_formed: int
    n_broken: int
    n_final: int


class SulfurBondsDoc(Document):
    """Bond statistics of one pair over one trajectory.

    Attributes
    ----------
    trajectory_id, interface_id, pair_of_materials, variant : str
        What was analysed. Empty strings for a user's own file.
    temperature_K : float or None
        Target temperature of the run [K].
    seed : int or None
        Seed of the run.
    method_version : int
        Version of the analysis; 1 where an older document does not say.
    criteria : BondCriteria
        Pair and thresholds.
    n_frames, n_atoms : int
        Shape of the trajectory.
    length_ps : float or None
        Time from first to last frame [ps]; None where the file's times are unknown.
    n_initial, n_formed, n_broken, n_final : int
        Bonds in the first frame; events; bonds in the last frame.
        ``n_initial + n_formed - n_broken == n_final``.
    n_formed_cross_interface : int
        Formed events between atoms of different sides.
    min_distance_A : float
        Smallest distance of the pair in any frame [Å].
    min_distance_frame : int
        In which frame.
    events : tuple of BondEvent
        In order of time.
    lifetimes : tuple of BondLifetime
        Every bond seen.
    median_lifetime_fs : float or None
        Kaplan-Meier median; None where the survival never falls below one half [fs].
    times_ps, counts : tuple
        Bonds against time, at most 2,000 points; empty where times are unknown.
    exposure_nm2_ps : float or None
        Area times time [nm^2 ps]; None without an area.
    rate_per_nm2_ps : float or None
        Formed bonds per area and time; None without an area.
    rate_low_per_nm2_ps, rate_high_per_nm2_ps : float or None
        Exact 95 % Poisson interval for this one trajectory.
    sensitivity : tuple of Sensitivity
        Thresholds +-0.1 Å, minimum lifetime doubled.
    robust : bool
        True if every sensitivity row has the same ``n_formed``.
    """

    kind: Literal["sulfur_bonds"] = "sulfur_bonds"
    trajectory_id: str
    interface_id: str
    pair_of_materials: str
    variant: str
    temperature_K: Temperature | None
    seed: int | None
    method_version: int = 1
    criteria: BondCriteria
    n_frames: int
    n_atoms: int
    length_ps: TimePs | None
    n_initial: int
    n_formed: int
    n_broken: int
    n_final: int
    n_formed_cross_interface: int
    min_distance_A: Length
    min_distance_frame: int
    events: tuple[BondEvent, ...]
    lifetimes: tuple[BondLifetime, ...]
    median_lifetime_fs: TimeFs | None
    times_ps: tuple[TimePs, ...]
    counts: tuple[int, ...]
    exposure_nm2_ps: Exposure | None
    rate_per_nm2_ps: RatePerAreaTime | None
    rate_low_per_nm2_ps: RatePerAreaTime | None
    rate_high_per_nm2_ps: RatePerAreaTime | None
    sensitivity: tuple[Sensitivity, ...]
    robust: bool


class SulfurBondRateDoc(Document):
    """The same, pooled over the seeds of one pair, variant and temperature.

    Attributes
    ----------
    pair_of_materials, variant : str
        Which interface.
    temperature_K : float
        [K]
    method_version : int
        Version of the analysis; 1 where an older document does not say.
    criteria : BondCriteria
        Pair and thresholds.
    seeds : tuple of int
        Seeds pooled.
    analysis_ids : tuple of str
        The per-trajectory documents.
    n_formed : int
        Sum over the seeds.
    n_formed_per_seed : tuple of int
        In the order of `seeds`.
    exposure_nm2_ps : float
        Area times time, summed over the seeds [nm^2 ps].
    rate_per_nm2_ps, rate_low_per_nm2_ps, rate_high_per_nm2_ps : float
        Pooled rate with its exact 95 % Poisson interval.
    has_error_bar : bool
        False for one trajectory: one seed gives no spread.
    """

    kind: Literal["sulfur_bond_rate"] = "sulfur_bond_rate"
    pair_of_materials: str
    variant: str
    temperature_K: Temperature
    method_version: int = 1
    criteria: BondCriteria
    seeds: tuple[int, ...]
    analysis_ids: tuple[str, ...]
    n_formed: int
    n_formed_per_seed: tuple[int, ...]
    exposure_nm2_ps: Exposure
    rate_per_nm2_ps: RatePerAreaTime
    rate_low_per_nm2_ps: RatePerAreaTime
    rate_high_per_nm2_ps: RatePerAreaTime
    has_error_bar: bool
