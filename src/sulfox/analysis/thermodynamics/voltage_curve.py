"""Reaction energy of two phases against the voltage of an open element.

At a chemical potential mu of the open element the lowest energy over all mixing ratios is the
optimum of a linear programme whose costs are linear in mu. With reactants at their own energy
it is therefore a concave chain of straight lines, found exactly by intersecting the lines of
two ends and halving at the intersection; on the hull the same holds between the kinks of the
reactants' own decomposition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.pair_line import Optimum, PairLine, pair_line
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import ION_CHARGES, write_reaction
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.entry_set import EntrySet
from sulfox.documents.reaction_energy import ReactionTerm
from sulfox.documents.voltage_curve import (
    VoltageCurveDoc,
    VoltageMark,
    VoltagePoint,
    VoltageSegment,
)
from sulfox.errors import SulfoxError
from sulfox.units import LI_IN_VS_LI_V

__all__ = ["CELL_MARKS", "voltage_curve"]


#: Cut-offs of the cells of doi 10.1002/adma.202305748 and of a Li-In cell, against Li/Li+ [V].
CELL_MARKS = (
    ("lower cut-off", 2.6),
    ("upper cut-off", 4.3),
    ("3.6 V against Li-In", 3.6 + LI_IN_VS_LI_V),
)

_METHOD_VERSION = 1
_SAME_EV = 1e-9
_SAME_MU = 1e-9
_AMOUNT = 1e-8
_LARGEST_V = 10.0


def voltage_curve(
    entries: HullLibrary | EntrySet,
    reactants: tuple[str, str],
    limits: tuple[float, float],
    open_element: str = "Li",
    scale: str = "Li",
) -> VoltageCurveDoc:
    """Follow the reaction energy of a pair through a range of voltage.

    Parameters
    ----------
    entries : HullLibrary or EntrySet
        The phases.
    reactants : tuple of str
        Two formulas.
    limits : tuple of float
        Ends of the range: volts on `scale` for a working ion; for any other element its
        chemical potential relative to the element [eV/atom], at most 0.
    open_element : str
        Element of the reservoir.
    scale : str
        ``"Li"`` or ``"Li-In"`` (+0.62 V) for lithium.

    Returns
    -------
    VoltageCurveDoc
        Every kink of both energies.

    Raises
    ------
    SulfoxError
        SFX-722 for an element without entries, SFX-723 for a bad formula, SFX-724 for an
        open element that is all of a reactant, SFX-736 for a range that cannot be used.
    """
    library = entries if isinstance(entries, HullLibrary) else HullLibrary(entries)
    read = [read_composition(text, f"reactant {k}") for k, text in enumerate(reactants, 1)]
    for text, (_, composition) in zip(reactants, read, strict=True):
        library.require((e.symbol for e in composition), text)
        if {e.symbol for e in composition} == {open_element}:
            raise _all_open(open_element, text)
    library.require([open_element], f"open element {open_element}")
    charge = ION_CHARGES.get(open_element)
    offset = _offset(open_element, scale)
    mus = _potentials(limits, charge, offset)
    line = pair_line(library, read, open_element)
    kinks = _kinks(line, *mus)
    points = tuple(_point(line, mu, charge, offset) for mu in kinks)
    reference = library.entry_set.reference
    formulas = (read[0][0], read[1][0])
    inputs_hash = content_hash([reference.hash, formulas, limits, open_element, scale])
    return VoltageCurveDoc(
        id="vc-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=(*library.entry_set.remarks, *_remarks(library, formulas)),
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=reference.described,
            inputs_hash=inputs_hash,
        ),
        entries=reference,
        reactants=formulas,
        open_element=open_element,
        scale=scale if open_element == "Li" else open_element,
        scale_offset_V=offset,
        energy_per=f"atom of both reactants together without {open_element}",
        points=points,
        segments=tuple(_segment(line, k, kinks, open_element) for k in range(len(kinks) - 1)),
        marks=_marks(line, mus) if open_element == "Li" else (),
    )


def _offset(open_element: str, scale: str) -> float:
    if scale == "Li-In" and open_element == "Li":
        return LI_IN_VS_LI_V
    if scale == "Li":
        return 0.0
    raise _bad_range(f"scale {scale} for {open_element}", "Li, or Li-In for lithium")


def _potentials(
    limits: tuple[float, float], charge: int | None, offset: float
) -> tuple[float, float]:
    """Chemical potentials of both ends, the higher one first."""
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise _bad_range(f"{low:g} to {high:g}", "two different numbers, the lower one first")
    if charge is None:
        if high > 0 or low < -_LARGEST_V:
            raise _bad_range(f"{low:g} to {high:g} eV", f"-{_LARGEST_V:g} to 0 eV")
        return high, low
    if low + offset < 0 or high + offset > _LARGEST_V:
        found = f"{low + offset:g} to {high + offset:g} V against the metal"
        raise _bad_range(found, f"0 to {_LARGEST_V:g} V")
    return -charge * (low + offset), -charge * (high + offset)


def _kinks(line: PairLine, first: float, last: float) -> list[float]:
    """All potentials between the ends at which a slope changes, from high to low."""
    alone = [
        mu
        for side in (0, 1)
        for mu in _breaks(lambda mu, side=side: line.hull_level(side, mu), first, last)  # type: ignore[misc]
    ]
    ends = _distinct([first, *alone, last])
    mutual = [mu for a, b in pairwise(ends) for mu in _breaks(line.mutual_between(a, b), a, b)]
    return _distinct([first, *alone, *mutual, *_breaks(line.total, first, last), last])


def _distinct(values: list[float]) -> list[float]:
    kept: list[float] = []
    for value in sorted(values, reverse=True):
        if not kept or kept[-1] - value > 1e-7:
            kept.append(value)
    return kept


def _breaks(energy: Callable[[float], Optimum], first: float, last: float) -> list[float]:
    """Kinks of a concave chain of straight lines, strictly between two points."""
    start, end = energy(first), energy(last)
    found: list[float] = []
    stack = [(first, start, last, end)]
    while stack:
        a, low, b, high = stack.pop()
        gap = (high.energy + high.slope * (a - b)) - low.energy
        bend = low.slope - high.slope
        if abs(bend) < _SAME_MU or gap < _SAME_EV:
            continue  # one straight line, or the right one starts where the left one does
        mu = a + gap / bend
        if not (min(a, b) + _SAME_MU < mu < max(a, b) - _SAME_MU):
            continue
        middle = energy(mu)
        if low.energy + low.slope * (mu - a) - middle.energy < _SAME_EV:
            found.append(mu)
            continue
        stack += [(a, low, mu, middle), (mu, middle, b, high)]
    return found


def _point(line: PairLine, mu: float, charge: int | None, offset: float) -> VoltagePoint:
    volts = None if charge is None else -mu / charge + 0.0
    return VoltagePoint(
        chemical_potential_eV=mu,
        voltage_V=volts,
        scale_V=None if volts is None else volts - offset,
        total_eV_per_atom=_clean(line.total(mu).energy),
        mutual_eV_per_atom=_clean(line.mutual(mu).energy),
    )


def _segment(line: PairLine, k: int, kinks: list[float], open_element: str) -> VoltageSegment:
    middle = (kinks[k] + kinks[k + 1]) / 2
    total, mutual = line.total(middle), line.mutual(middle)
    return VoltageSegment(
        from_point=k,
        to_point=k + 1,
        total_x=total.x,
        mutual_x=mutual.x,
        total_products=tuple(sorted(total.phases)),
        mutual_products=tuple(sorted(mutual.phases)),
        total_uptake=_clean(total.uptake),
        mutual_uptake=_clean(mutual.uptake),
        total_reaction=_written(line, total, open_element),
    )


def _written(line: PairLine, found: Optimum, open_element: str) -> str:
    """Balanced reaction for one mole of both reactants together."""
    one, two = line.sides
    moles = {one.formula: found.x / one.fixed_atoms}
    moles[two.formula] = moles.get(two.formula, 0.0) + (1 - found.x) / two.fixed_atoms
    scale = 1 / sum(moles.values())
    left = {f: n * scale for f, n in moles.items() if n * scale > _AMOUNT}
    atoms = dict(zip(line.formulas, line.atoms.tolist(), strict=True))
    right = {f: n * scale / atoms[f] for f, n in sorted(found.phases.items())}
    spare = found.uptake * scale
    if abs(spare) > 1e-7:
        side = left if spare > 0 else right
        side[open_element] = side.get(open_element, 0.0) + abs(spare)
    terms = [
        [ReactionTerm(formula=f, amount_mol=n) for f, n in side.items()] for side in (left, right)
    ]
    return write_reaction(*terms)


def _marks(line: PairLine, mus: tuple[float, float]) -> tuple[VoltageMark, ...]:
    rows = []
    for label, volts in CELL_MARKS:
        if mus[1] - _SAME_MU <= -volts <= mus[0] + _SAME_MU:
            total, mutual = line.total(-volts), line.mutual(-volts)
            rows.append(
                VoltageMark(
                    label=label,
                    voltage_V=volts,
                    total_eV_per_atom=_clean(total.energy),
                    mutual_eV_per_atom=_clean(mutual.energy),
                )
            )
    return tuple(rows)


def _remarks(library: HullLibrary, formulas: tuple[str, str]) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            code="no_entry",
            message=f"no entry of {f}: its own energy is taken as that of its equilibrium phases",
        )
        for f in dict.fromkeys(formulas)
        if library.entry_of(f) is None
    )


def _clean(value: float) -> float:
    return 0.0 if abs(value) < 1e-10 else float(value)


def _all_open(element: str, text: str) -> SulfoxError:
    return SulfoxError(
        "SFX-724",
        who=f"open element {element}",
        found=f"{text} consists of nothing else",
        expected="another open element",
        next_step="correct --open",
    )


def _bad_range(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-736",
        who="range of the open element",
        found=found,
        expected=expected,
        next_step="correct --range or --scale",
    )
