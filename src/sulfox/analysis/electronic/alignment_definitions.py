"""The definitions by which band centres of two materials are set side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sulfox.documents.band_alignment import RowKind
from sulfox.documents.band_center import BandCenterDoc

__all__ = ["Definition", "definitions", "orbital_name"]

Value = Callable[[BandCenterDoc], float | None]

_CLOSED_SHELLS = (2, 10, 18, 36, 54, 86)
_OWN_EDGE = (
    "each from its own band edge: how deep the states lie below it, not where on a common scale"
)
_GAP = "moves with the gap, which PBE+U gives too small"
_E_F = "in a gap E_F has no meaning of its own: the code puts it anywhere between the edges"
_METALS = "both are metals"
_MIXED = "two different references: the difference holds a gap"
_FILLED = "the highest filled level of both, of a metal in one and of an insulator in the other"


@dataclass(frozen=True)
class Definition:
    """How a centre is measured in each of the two materials.

    Attributes
    ----------
    states : str
        Which states are averaged.
    upper_reference, lower_reference : str
        What the centre is measured from.
    upper, lower : callable
        Centre of a document; None where it has none.
    kind : str
        Whether the difference has a meaning.
    remark : str
        What it means.
    """

    states: str
    upper_reference: str
    lower_reference: str
    upper: Value
    lower: Value
    kind: RowKind
    remark: str

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells two definitions apart."""
        return self.states, self.upper_reference, self.lower_reference


def orbital_name(element: str, orbital: str) -> str:
    """Name a valence orbital with its principal quantum number.

    Parameters
    ----------
    element, orbital : str
        ``"O"``, ``"p"``.

    Returns
    -------
    str
        ``"O 2p"``, ``"Co 3d"``.
    """
    from ase.data import atomic_numbers

    number = atomic_numbers[element]
    period = 1 + sum(number > closed for closed in _CLOSED_SHELLS)
    return f"{element} {period - max('spdf'.index(orbital) - 1, 0)}{orbital}"


def _both(states: str, reference: str, value: Value, remark: str) -> Definition:
    return Definition(states, reference, reference, value, value, "consistent", remark)


def definitions(upper: BandCenterDoc, lower: BandCenterDoc) -> Iterator[Definition]:
    """List what can be asked of two band centres.

    Parameters
    ----------
    upper, lower : BandCenterDoc
        Of the same orbital of the same element.

    Yields
    ------
    Definition
        Those with one reference first.
    """
    yield _both("occupied", "VBM", lambda c: c.occupied_re_vbm_eV, _OWN_EDGE)
    yield _full_manifold(upper, lower)
    yield _both("occupied", "mid-gap", lambda c: c.occupied_re_mid_gap_eV, _GAP)
    yield _both("occupied", "CBM", lambda c: c.occupied_re_cbm_eV, _GAP)
    yield from _site_potentials(upper, lower)
    if upper.orbital != "s":
        yield _both(
            "occupied",
            f"{orbital_name(upper.element, 's')} level",
            lambda c: c.occupied_re_semicore_s_eV,
            "a common scale, but for the shift of the level with the atom's charge",
        )
    yield from _fermi_levels(upper, lower)
    yield from _mixed(upper, lower)


def _full_manifold(upper: BandCenterDoc, lower: BandCenterDoc) -> Definition:
    tops = [f"{document.window_eV[1]:g}" for document in (upper, lower)]
    same = tops[0] == tops[1]
    return Definition(
        f"full manifold up to {tops[0]} eV" if same else f"up to {tops[0]} and {tops[1]} eV",
        "VBM",
        "VBM",
        lambda c: c.full_re_vbm_eV,
        lambda c: c.full_re_vbm_eV,
        "consistent" if same else "undefined",
        "with empty states: depends on where the window ends" if same else "two windows",
    )


def _site_potentials(upper: BandCenterDoc, lower: BandCenterDoc) -> Iterator[Definition]:
    own = upper.element
    yield _both(
        "occupied",
        f"potential at {own} sites",
        lambda c: c.occupied_re_site_potential_eV,
        "a common scale, but for the shift of the potential with the atom's charge",
    )
    for element in upper.occupied_re_element_potential_eV:
        if element != own and element in lower.occupied_re_element_potential_eV:
            yield _at_element(element)


def _at_element(element: str) -> Definition:
    return _both(
        "occupied",
        f"potential at {element} sites",
        lambda c: c.occupied_re_element_potential_eV.get(element),
        f"holds the change of {element}'s own charge between the two, if it has one",
    )


def _fermi_levels(upper: BandCenterDoc, lower: BandCenterDoc) -> Iterator[Definition]:
    metals = upper.is_metal is True and lower.is_metal is True
    kind: RowKind = "consistent" if metals else "undefined"
    remark = _METALS if metals else _E_F
    for states, value in (
        ("occupied", _occupied_re_fermi),
        ("all energies of the file", _all_re_fermi),
    ):
        yield Definition(states, "E_F", "E_F", value, value, kind, remark)


def _occupied_re_fermi(center: BandCenterDoc) -> float | None:
    return center.occupied_re_fermi_eV


def _all_re_fermi(center: BandCenterDoc) -> float | None:
    return center.all_re_fermi_eV


def _mixed(upper: BandCenterDoc, lower: BandCenterDoc) -> Iterator[Definition]:
    if upper.cbm_eV is not None and lower.vbm_eV is not None:
        yield Definition(
            "occupied",
            "CBM",
            "VBM",
            lambda c: c.occupied_re_cbm_eV,
            lambda c: c.occupied_re_vbm_eV,
            "mixed",
            _MIXED,
        )
    if upper.is_metal is True and lower.vbm_eV is not None:
        yield _metal_and_insulator("occupied", _occupied_re_fermi, lambda c: c.occupied_re_vbm_eV)
        if upper.window_eV[1] == lower.window_eV[1]:
            yield _metal_and_insulator(
                f"full manifold up to {upper.window_eV[1]:g} eV",
                lambda c: c.window_re_fermi_eV,
                lambda c: c.full_re_vbm_eV,
            )


def _metal_and_insulator(states: str, upper: Value, lower: Value) -> Definition:
    return Definition(states, "E_F", "VBM", upper, lower, "mixed", _FILLED)
