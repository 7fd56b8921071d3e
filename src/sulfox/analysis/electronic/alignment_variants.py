"""Which calculations of a material were tried, and which of them is its ground state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sulfox.documents.band_alignment import AlignmentVariant
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.base import Status
from sulfox.documents.electronic_structure import ElectronicStructureDoc, MagneticState
from sulfox.errors import SulfoxError

__all__ = ["Tried", "find_variants", "variant_label"]


@dataclass(frozen=True, eq=False)
class Tried:
    """A variant with the documents it stands for.

    Attributes
    ----------
    variant : AlignmentVariant
        What a reader is told.
    center : BandCenterDoc or None
        None where the calculation gave none.
    calculation : ElectronicStructureDoc or None
        None where only the centre is at hand.
    """

    variant: AlignmentVariant
    center: BandCenterDoc | None
    calculation: ElectronicStructureDoc | None


_Key = tuple[MagneticState, bool]


def variant_label(material: str, magnetic_state: MagneticState, hubbard: bool) -> str:
    """Name a variant.

    Parameters
    ----------
    material : str
        Catalogue name.
    magnetic_state : str
        The order the calculation started with.
    hubbard : bool
        Whether U was on.

    Returns
    -------
    str
        ``"CoO"`` for the ground state with U, ``"CoO (ferromagnetic, no U)"``.
    """
    words = {"ground": [], "ferromagnetic": ["ferromagnetic"], "none": ["non-magnetic"]}
    remarks = words[magnetic_state] + ([] if hubbard else ["no U"])
    return material + (f" ({', '.join(remarks)})" if remarks else "")


def find_variants(
    material: str,
    centers: Iterable[BandCenterDoc],
    calculations: Iterable[ElectronicStructureDoc],
) -> tuple[Tried, ...]:
    """Put the documents of a material together, the ground state with U first.

    Parameters
    ----------
    material : str
        Catalogue name.
    centers, calculations : iterable of documents
        Of any materials.

    Returns
    -------
    tuple of Tried
        One a magnetic state and U.

    Raises
    ------
    SulfoxError
        SFX-714 if one variant has two documents of a kind.
    """
    center_of: dict[_Key, BandCenterDoc] = {}
    asked_of: dict[str | None, _Key] = {}  # a material may have no U where it was asked for
    run_of: dict[_Key, ElectronicStructureDoc] = {}
    for center in centers:
        if center.material == material:
            key = (center.magnetic_state or "ground", center.hubbard is not False)
            _refuse_twice(material, key, key in center_of, "band centres")
            center_of[key] = center
            asked_of[center.calculation_id] = key
    for run in calculations:
        if run.material == material:
            key = asked_of.get(run.id, (run.magnetic_state, run.hubbard))
            _refuse_twice(material, key, key in run_of, "calculations")
            run_of[key] = run
    keys = sorted({*center_of, *run_of}, key=lambda key: (not key[1], _STATES.index(key[0])))
    energies = {key: _energy_per_formula(run_of[key]) for key in keys if key in run_of}
    return tuple(
        Tried(
            _variant(material, key, center_of.get(key), run_of.get(key), energies),
            center_of.get(key),
            run_of.get(key),
        )
        for key in keys
    )


_STATES: Sequence[MagneticState] = ("ground", "ferromagnetic", "none")


def _refuse_twice(material: str, key: _Key, twice: bool, what: str) -> None:
    if twice:
        raise SulfoxError(
            "SFX-714",
            who=variant_label(material, *key),
            found=f"two {what} of this variant",
            expected="one of each, so that none is picked after the fact",
            next_step="give the documents of one study at one level of theory",
        )


def _energy_per_formula(run: ElectronicStructureDoc) -> float | None:
    if run.energy_eV is None or run.status is Status.REFUSED:
        return None
    return run.energy_eV / math.gcd(*run.structure.composition.values())


def _variant(
    material: str,
    key: _Key,
    center: BandCenterDoc | None,
    run: ElectronicStructureDoc | None,
    energies: dict[_Key, float | None],
) -> AlignmentVariant:
    known = {k: e for k, e in energies.items() if k[1] == key[1] and e is not None}
    energy = known.get(key)
    lowest = min(known.values()) if known else None
    # without the catalogue's own order among them, the lowest of the others says nothing
    by_energy = len(known) > 1 and ("ground", key[1]) in known
    moment, element = _largest_moment(run)
    source: BandCenterDoc | ElectronicStructureDoc | None = center or run
    return AlignmentVariant(
        material=material,
        label=variant_label(material, *key),
        magnetic_state=key[0],
        hubbard=key[1],
        energy_per_formula_eV=energy,
        above_lowest_eV=None if energy is None or lowest is None else energy - lowest,
        is_ground_state=energy == lowest if by_energy else key[0] == "ground",
        ground_state_by="energy" if by_energy else "catalogue",
        gap_eV=source.gap_eV if source else None,
        is_metal=source.is_metal if source else None,
        moment_muB=moment,
        moment_element=element,
        status=center.status if center else Status.REFUSED,
        band_center_id=center.id if center else None,
        calculation_id=run.id if run else center.calculation_id if center else None,
    )


def _largest_moment(run: ElectronicStructureDoc | None) -> tuple[float | None, str | None]:
    if run is None or not run.moments_muB:
        return None, None
    sizes = [abs(moment) for moment in run.moments_muB]
    atom = sizes.index(max(sizes))
    return sizes[atom], run.structure.species[atom]
