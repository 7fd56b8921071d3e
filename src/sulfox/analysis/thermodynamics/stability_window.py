"""Electrochemical stability window of a compound from the hull of its entry set.

The equilibrium phases of a composition are followed while ions of a metal at voltage V are
added or taken away (doi 10.1021/cm702327g, 10.1021/acsami.5b07517). What pymatgen's
``get_element_profile`` gives step by step comes here from one envelope of tangent planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.phase_hull import (
    FloatArray,
    HullLibrary,
    PhaseHull,
    envelope_kinks,
)
from sulfox.analysis.thermodynamics.reaction_energy import ION_CHARGES, write_reaction
from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.entry_set import EntrySet
from sulfox.documents.reaction_energy import ReactionTerm
from sulfox.documents.stability_window import ProfileStep, StabilityWindowDoc, WindowLimits
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["stability_window"]

_METHOD_VERSION = 1
_SAME = 1e-7
_SAME_V = 1e-6


@dataclass(frozen=True)
class _Step:
    """Equilibrium at `ions` per formula, between two voltages."""

    ions: float
    lower_V: float
    upper_V: float | None
    energy_eV: float
    terms: tuple[ReactionTerm, ...]

    @property
    def products(self) -> tuple[str, ...]:
        return tuple(term.formula for term in self.terms)


def stability_window(
    entries: HullLibrary | EntrySet, formula: str, ion: str = "Li"
) -> StabilityWindowDoc:
    """Find the limits of a compound, the products beyond them and the voltage profile.

    Lowering a metastable compound to the hull moves no tangent plane, so the limits by
    phase equilibria and of the stabilised compound are the same numbers; what is there
    between them differs. Direct decomposition starts from the compound's own energy, which
    narrows the window by the energy above hull per ion exchanged.

    Parameters
    ----------
    entries : HullLibrary or EntrySet
        The phases.
    formula : str
        Compound, with or without the ion.
    ion : str
        Element of the working ion.

    Returns
    -------
    StabilityWindowDoc
        Voltages against the ion's metal.

    Raises
    ------
    SulfoxError
        SFX-722 for an element without entries, SFX-723 for a bad formula, SFX-724 for an
        ion that no voltage sets, or a compound of nothing but the ion.
    """
    library = entries if isinstance(entries, HullLibrary) else HullLibrary(entries)
    reduced, composition = read_composition(formula, "the compound")
    system = {element.symbol for element in composition}
    library.require(system, formula)
    if ion not in ION_CHARGES or system == {ion}:
        found = f"{formula} is nothing else" if system == {ion} else "an element without a voltage"
        raise _impossible(ion, found)
    library.require([ion], f"working ion {ion}")
    hull = library.hull(system | {ion})
    steps = _steps(hull, composition, ion)
    entry = library.entry_of(reduced)
    above = None
    if entry is not None:
        on_hull = hull.energy(hull.vector(composition)) / composition.num_atoms
        above = max(entry.formation_energy_eV_per_atom - on_hull, 0.0)
        above = 0.0 if above < 1e-11 else above
    limits = _limits(hull, composition, ion, steps, reduced, above)
    reference = library.entry_set.reference
    inputs_hash = content_hash([reference.hash, reduced, ion])
    first = limits[0]
    return StabilityWindowDoc(
        id="sw-" + content_hash([_METHOD_VERSION, inputs_hash])[:16],
        status=Status.COMPLETE,
        reasons=(*library.entry_set.remarks, *_remarks(first, reduced, ion, above)),
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=reference.described,
            inputs_hash=inputs_hash,
        ),
        entries=reference,
        asked=formula,
        formula=reduced,
        ion=ion,
        reduction_V=first.reduction_V,
        oxidation_V=first.oxidation_V,
        convention=first.convention,
        e_above_hull_eV=above,
        conventions=limits,
        edges_V=tuple(step.lower_V for step in steps if step.lower_V > _SAME_V),
        profile=tuple(_row(step, reduced, composition[ion], ion) for step in steps),
    )


def _steps(hull: PhaseHull, composition: Composition, ion: str) -> list[_Step]:
    """Equilibria by ascending voltage, from the metal to no ion at all."""
    frame, ion_vector = _line(hull, composition, ion)
    points, slopes = envelope_kinks(hull.planes @ frame, hull.planes @ ion_vector)
    charge, metal = ION_CHARGES[ion], hull.references[ion]
    volts = [abs(v) if abs(v := (metal - s) / charge) < _SAME_V else v for s in slopes]
    steps = []
    for k, (ions, lower) in enumerate(zip(points, volts, strict=True)):
        amounts = frame + ions * ion_vector
        terms = tuple(
            ReactionTerm(formula=hull.formulas[phase], amount_mol=atoms / hull.atoms[phase])
            for phase, atoms in hull.products(amounts)
        )
        upper = volts[k - 1] if k else None
        steps.append(_Step(ions, lower, upper, hull.energy(amounts), terms))
    return steps[::-1]


def _line(hull: PhaseHull, composition: Composition, ion: str) -> tuple[FloatArray, FloatArray]:
    frame, ion_vector = hull.vector(composition), hull.vector(composition) * 0.0
    column = hull.elements.index(ion)
    frame[column], ion_vector[column] = 0.0, 1.0
    return frame, ion_vector


def _limits(
    hull: PhaseHull,
    composition: Composition,
    ion: str,
    steps: list[_Step],
    formula: str,
    above: float | None,
) -> tuple[WindowLimits, ...]:
    """Find the limits in each convention; steps run from many ions to none."""
    ions = float(composition[ion])
    richer = [step for step in steps if step.ions > ions + _SAME]
    poorer = [step for step in steps if step.ions < ions - _SAME]
    here = [step for step in steps if abs(step.ions - ions) <= _SAME]
    after = richer[-1] if richer else None
    before = poorer[0] if poorer else None
    reduction = after.upper_V if after else 0.0  # stable against the metal, which plates
    oxidation = before.lower_V if before else None
    within = tuple(hull.formulas[p] for p, _ in hull.products(hull.vector(composition)))
    named = {
        "reduction_products": after.products if after else (),
        "oxidation_products": before.products if before else (),
    }
    if not here:  # inside a plateau: both neighbours coexist at one voltage
        within = tuple(sorted({*named["reduction_products"], *named["oxidation_products"]}))
    volts = {"reduction_V": reduction, "oxidation_V": oxidation}
    rows = [
        WindowLimits(convention="phase equilibria", products_within=within, **volts, **named),
        WindowLimits(
            convention="stabilised onto the hull", products_within=(formula,), **volts, **named
        ),
    ]
    if above is not None:
        own = hull.energy(hull.vector(composition)) + above * composition.num_atoms
        direct = {
            "reduction_V": _direct(hull, ion, own, ions, after) if after else 0.0,
            "oxidation_V": _direct(hull, ion, own, ions, before) if before else None,
        }
        rows.append(
            WindowLimits(
                convention="direct decomposition", products_within=(formula,), **direct, **named
            )
        )
    return tuple(rows)


def _direct(hull: PhaseHull, ion: str, own_eV: float, ions: float, step: _Step) -> float:
    """Voltage at which the compound at its own energy is in equilibrium with a step."""
    taken = step.ions - ions
    return -((step.energy_eV - own_eV) / taken - hull.references[ion]) / ION_CHARGES[ion]


def _row(step: _Step, formula: str, ions: float, ion: str) -> ProfileStep:
    uptake = step.ions - ions
    uptake = 0.0 if abs(uptake) < _SAME else uptake
    left = [ReactionTerm(formula=formula, amount_mol=1.0)]
    right = list(step.terms)
    if uptake:
        (left if uptake > 0 else right).append(ReactionTerm(formula=ion, amount_mol=abs(uptake)))
    return ProfileStep(
        voltage_V=step.lower_V,
        to_voltage_V=step.upper_V,
        products=step.products,
        uptake=uptake,
        reaction=write_reaction(left, right),
    )


def _remarks(
    limits: WindowLimits, formula: str, ion: str, above: float | None
) -> tuple[Reason, ...]:
    remarks = []
    if above is None:
        text = f"no entry of {formula}: the limits are those of its equilibrium phases"
        remarks.append(Reason(code="no_entry", message=text))
    elif above > 0:
        text = f"{formula} lies {above:.3f} eV/atom above the hull: the limits are those of its "
        text += f"equilibrium phases {', '.join(limits.products_within)}"
        remarks.append(Reason(code="metastable", message=text))
    if not limits.reduction_products:
        text = f"stable against {ion} metal: the reduction limit is the metal's own 0 V"
        remarks.append(Reason(code="stable_against_metal", message=text))
    if limits.oxidation_V is None:
        remarks.append(
            Reason(code="no_oxidation", message=f"no {ion} to give off: no oxidation limit")
        )
    elif limits.oxidation_V - limits.reduction_V < _SAME_V:
        text = f"at its composition two sets of phases exchange {ion} at one voltage: no window"
        remarks.append(Reason(code="no_window", message=text))
    return tuple(remarks)


def _impossible(ion: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-724",
        who=f"working ion {ion}",
        found=found,
        expected=f"one of {', '.join(ION_CHARGES)}, and a compound with other elements",
        next_step="correct the ion or the formula",
    )
