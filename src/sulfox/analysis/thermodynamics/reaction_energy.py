"""Chemical reaction energy of two phases in contact, closed or open to an element.

Eq. 2 of doi 10.1002/adma.202305748, on the pseudo-binary line of
doi 10.1021/acs.chemmater.5b04082: x of reactant 1 with 1 - x of reactant 2 goes to the
equilibrium phases of the mixture. The reactants stand on the hull (what remains is mutual)
or at their own energy (self-decomposition of a metastable reactant is added).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.phase_hull import (
    FloatArray,
    HullLibrary,
    PhaseHull,
    envelope_kinks,
)
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.entry_set import EntrySet
from sulfox.documents.reaction_energy import (
    OpenElement,
    Reactant,
    ReactionEnergyDoc,
    ReactionKink,
    ReactionTerm,
)
from sulfox.errors import SulfoxError
from sulfox.units import KJ_PER_MOL_PER_EV, LI_IN_VS_LI_V

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["ION_CHARGES", "parse_open_element", "reaction_energy", "write_reaction"]

#: Working ions whose chemical potential a voltage sets: element -> charge.
ION_CHARGES = {"Li": 1, "Na": 1, "K": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3}

_METHOD_VERSION = 1
_ZERO_EV = 1e-11
_AMOUNT_MOL = 1e-7
_OPEN = re.compile(r"\s*([A-Z][a-z]?)\s*=\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(eV|V)\s*")


def parse_open_element(text: str, reference: str = "Li") -> OpenElement:
    """Read ``"Li=3.6V"`` or ``"Co=-1.0eV"``.

    A voltage sets the chemical potential relative to the metal, mu = -z e V; an energy is
    the chemical potential relative to the element's most stable entry itself.

    Parameters
    ----------
    text : str
        Element, ``=``, number, ``V`` or ``eV``.
    reference : str
        ``"Li"`` for volts against the ion's own metal, ``"Li-In"`` against the Li-In
        electrode (Li only; 0.62 V are added).

    Returns
    -------
    OpenElement
        Both forms.

    Raises
    ------
    SulfoxError
        SFX-724 if it cannot be read, the voltage is of an element that is no working ion,
        or the reservoir would be more stable than the element itself.
    """
    match = _OPEN.fullmatch(text)
    if match is None:
        raise _impossible(text, "not an element with a potential", "Li=3.6V or Co=-1.0eV")
    element, digits, unit = match.groups()
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _impossible(text, f"the number {digits}", "a finite number")
    if unit == "eV":
        if value > 0:
            found = f"{value:g} eV above the element: it would precipitate"
            raise _impossible(text, found, "at most 0 eV, relative to the element")
        return OpenElement(element=element, chemical_potential_eV=value)
    if element not in ION_CHARGES:
        ions = ", ".join(ION_CHARGES)
        raise _impossible(text, f"a voltage of {element}", f"a working ion ({ions}), or eV")
    if reference not in ("Li", "Li-In") or (reference == "Li-In" and element != "Li"):
        raise _impossible(text, f"reference {reference}", "Li, or Li-In for lithium")
    voltage = value + (LI_IN_VS_LI_V if reference == "Li-In" else 0.0)
    if voltage < 0:
        found = f"{voltage:g} V against the metal: it would plate"
        raise _impossible(text, found, "0 V or more against the metal")
    charge = ION_CHARGES[element]
    return OpenElement(
        element=element,
        chemical_potential_eV=0.0 - charge * voltage,
        voltage_V=voltage,
        reference=f"{element}/{element}{charge if charge > 1 else ''}+",
    )


@dataclass(frozen=True)
class _Side:
    """A reactant on its hull; energies per atom that is not open."""

    asked: str
    formula: str
    composition: Composition
    amounts: FloatArray
    open_amounts: FloatArray
    hull_energy_eV: float
    own_energy_eV: float
    e_above_hull_eV: float | None
    closed_hull_eV: float
    entry_id: str | None

    @property
    def fixed_atoms(self) -> float:
        """Atoms per formula that are not of an open element."""
        return float(self.amounts.sum())

    @property
    def unit(self) -> FloatArray:
        """Amounts of one atom."""
        return self.amounts / self.fixed_atoms

    @property
    def self_decomposition_eV(self) -> float:
        """Hull minus own energy [eV/atom], not positive."""
        return _clean(min(self.hull_energy_eV - self.own_energy_eV, 0.0))


def reaction_energy(
    entries: HullLibrary | EntrySet,
    reactants: tuple[str, str],
    open_element: OpenElement | None = None,
    *,
    use_hull_energy: bool = True,
) -> ReactionEnergyDoc:
    """Find every kink of the reaction of two phases and the minimum.

    x is the atomic fraction of reactant 1. Energies are per atom of the mixture that is
    not of the open element, as pymatgen has them. With an open element "on the hull" means
    the hull under that potential, so the energy is zero at both ends; the own energy is
    the grand potential of the entry, so that its decomposition under potential counts.

    Parameters
    ----------
    entries : HullLibrary or EntrySet
        The phases; a library shares its hulls between calls.
    reactants : tuple of str
        Two formulas. Multiples make no difference.
    open_element : OpenElement, optional
        Element with a reservoir, see :func:`parse_open_element`.
    use_hull_energy : bool
        Which convention ``energy_eV_per_atom`` and ``minimum`` are in; both are in the
        document.

    Returns
    -------
    ReactionEnergyDoc
        Kinks by ascending x.

    Raises
    ------
    SulfoxError
        SFX-722 for an element without entries, SFX-723 for a bad formula, SFX-724 where
        nothing of a reactant would remain without the open element.
    """
    library = entries if isinstance(entries, HullLibrary) else HullLibrary(entries)
    read = [(text, *read_composition(text, f"reactant {k}")) for k, text in enumerate(reactants, 1)]
    system = {element.symbol for _, _, composition in read for element in composition}
    for text, _, composition in read:
        library.require((e.symbol for e in composition), text)
    potentials = _potentials(library, open_element)
    for text, _, composition in read:
        if {element.symbol for element in composition} <= potentials.keys():
            found = f"{text} consists of nothing else"
            raise _impossible(", ".join(potentials), found, "another open element")
    closed, hull = library.hull(system | potentials.keys()), library.hull(system, potentials)
    first, second = (_side(library, closed, hull, *item) for item in read)
    kinks = _kinks(hull, first, second, use_hull_energy)
    minimum = min(kinks, key=lambda k: k.energy_eV_per_atom)
    question = [first.formula, second.formula, open_element, use_hull_energy]
    inputs_hash = content_hash([library.entry_set.hash, *question])
    reference = library.entry_set.reference
    atoms = f" without {open_element.element}" if open_element else ""
    return ReactionEnergyDoc(
        id="re-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=_remarks(library, (first, second), kinks, minimum),
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=reference.described,
            inputs_hash=inputs_hash,
        ),
        entries=reference,
        reactants=(_reactant(hull, first), _reactant(hull, second)),
        x_is=f"atomic fraction of reactant 1, {first.formula}; the rest is {second.formula}",
        energy_per=f"atom of both reactants together{atoms}",
        kinks=kinks,
        minimum=minimum,
        minimum_hull=min(kinks, key=lambda k: k.mutual_eV_per_atom),
        minimum_own_energy=min(kinks, key=lambda k: k.own_energy_eV_per_atom),
        use_hull_energy=use_hull_energy,
        open=open_element,
    )


def write_reaction(left: Sequence[ReactionTerm], right: Sequence[ReactionTerm]) -> str:
    """Write ``"0.5 Li3P + 0.5 P2S5 -> ..."`` with amounts of four digits.

    Parameters
    ----------
    left, right : sequence of ReactionTerm
        Both sides.

    Returns
    -------
    str
        An amount of 1 is not written.
    """

    def written(term: ReactionTerm) -> str:
        one = math.isclose(term.amount_mol, 1, abs_tol=1e-9)
        return term.formula if one else f"{term.amount_mol:.4g} {term.formula}"

    return " -> ".join(" + ".join(map(written, side)) for side in (left, right))


def _potentials(library: HullLibrary, open_element: OpenElement | None) -> dict[str, float]:
    if open_element is None:
        return {}
    symbol = open_element.element
    if symbol not in library.elements:
        known = ", ".join(sorted(library.elements))
        found = f"no entry with it in {library.entry_set.name}"
        raise _impossible(symbol, found, f"one of {known}")
    return {symbol: open_element.chemical_potential_eV}


def _side(
    library: HullLibrary,
    closed: PhaseHull,
    hull: PhaseHull,
    asked: str,
    formula: str,
    composition: Composition,
) -> _Side:
    amounts, opened = hull.vector(composition), hull.open_vector(composition)
    atoms = float(amounts.sum())
    entry = library.entry_of(formula)
    on_hull = closed.energy(closed.vector(composition))
    own = on_hull
    if entry is not None:
        own = entry.formation_energy_eV_per_atom * composition.num_atoms
    above = None if entry is None else _clean((own - on_hull) / composition.num_atoms)
    return _Side(
        asked=asked,
        formula=formula,
        composition=composition,
        amounts=amounts,
        open_amounts=opened,
        hull_energy_eV=hull.energy(amounts) / atoms,
        own_energy_eV=(own - float(opened @ hull.open_potentials)) / atoms,
        e_above_hull_eV=above,
        closed_hull_eV=on_hull / composition.num_atoms,
        entry_id=entry.entry_id if entry else None,
    )


def _kinks(
    hull: PhaseHull, first: _Side, second: _Side, use_hull_energy: bool
) -> tuple[ReactionKink, ...]:
    direction = first.unit - second.unit
    points, _ = envelope_kinks(hull.planes @ second.unit, hull.planes @ direction, end=1.0)
    return tuple(_kink(hull, first, second, t, use_hull_energy) for t in [*points, 1.0])


def _kink(
    hull: PhaseHull, first: _Side, second: _Side, t: float, use_hull_energy: bool
) -> ReactionKink:
    """Energy and reaction where a fraction `t` of the fixed atoms is reactant 1's."""
    mixture = t * first.unit + (1 - t) * second.unit
    on_hull = t * first.hull_energy_eV + (1 - t) * second.hull_energy_eV
    mutual = _clean(hull.energy(mixture) - on_hull)
    alone = _clean(t * first.self_decomposition_eV + (1 - t) * second.self_decomposition_eV)
    energy = mutual if use_hull_energy else mutual + alone
    moles = np.array([t / first.fixed_atoms, (1 - t) / second.fixed_atoms])
    per_mole = 1 / moles.sum()  # fixed atoms in one mole of reactants
    n_first, n_second = moles * per_mole
    atoms = n_first * first.composition.num_atoms, n_second * second.composition.num_atoms
    left, right = _terms(hull, (first, second), (n_first, n_second), mixture * per_mole)
    return ReactionKink(
        x_atomic=atoms[0] / sum(atoms),
        x_fixed_atoms=t,
        energy_eV_per_atom=energy,
        energy_kJ_per_mol=energy * per_mole * KJ_PER_MOL_PER_EV,
        mutual_eV_per_atom=mutual,
        self_decomposition_eV_per_atom=alone,
        own_energy_eV_per_atom=mutual + alone,
        reaction=write_reaction(left, right),
        reactants=left,
        products=right,
    )


def _terms(
    hull: PhaseHull, sides: tuple[_Side, _Side], moles: tuple[float, float], mixture: FloatArray
) -> tuple[tuple[ReactionTerm, ...], tuple[ReactionTerm, ...]]:
    left: dict[str, float] = {}
    for side, amount in zip(sides, moles, strict=True):
        if amount > 0:
            left[side.formula] = left.get(side.formula, 0.0) + float(amount)
    right, spare = {}, -sum(n * side.open_amounts for n, side in zip(moles, sides, strict=True))
    for phase, atoms in hull.products(mixture):
        right[hull.formulas[phase]] = atoms / hull.atoms[phase]
        spare = spare + atoms * hull.open_amounts[phase]
    for element, amount in zip(hull.open_elements, np.atleast_1d(spare), strict=True):
        if abs(amount) > _AMOUNT_MOL:
            (left if amount > 0 else right)[element] = abs(float(amount))
    terms = (
        tuple(ReactionTerm(formula=f, amount_mol=float(n)) for f, n in side.items())
        for side in (left, right)
    )
    first, second = terms
    return first, second


def _reactant(hull: PhaseHull, side: _Side) -> Reactant:
    return Reactant(
        asked=side.asked,
        formula=side.formula,
        entry_id=side.entry_id,
        own_energy_from="hull" if side.e_above_hull_eV is None else "entry",
        e_above_hull_eV_per_atom=side.e_above_hull_eV,
        self_decomposition_eV_per_atom=side.self_decomposition_eV,
        decomposes_to=tuple(hull.formulas[phase] for phase, _ in hull.products(side.amounts)),
        hull_eV_per_atom=side.closed_hull_eV,
    )


def _remarks(
    library: HullLibrary,
    sides: tuple[_Side, _Side],
    kinks: tuple[ReactionKink, ...],
    minimum: ReactionKink,
) -> tuple[Reason, ...]:
    remarks = list(library.entry_set.remarks)
    for side in dict.fromkeys(s.formula for s in sides if s.e_above_hull_eV is None):
        text = f"no entry of {side}: its own energy is taken as that of its equilibrium phases"
        remarks.append(Reason(code="no_entry", message=text))
    if all(kink.mutual_eV_per_atom == 0 for kink in kinks):
        remarks.append(Reason(code="no_reaction", message="the two do not react with each other"))
    if minimum.energy_eV_per_atom < 0 and minimum in (kinks[0], kinks[-1]):
        text = "the lowest energy is a reactant's own decomposition, not a reaction of the two"
        remarks.append(Reason(code="end_point", message=text))
    return tuple(remarks)


def _clean(energy_eV: float) -> float:
    return 0.0 if abs(energy_eV) < _ZERO_EV else float(energy_eV)


def _impossible(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-724",
        who=f"open element {who}",
        found=found,
        expected=expected,
        next_step="correct --open",
    )
