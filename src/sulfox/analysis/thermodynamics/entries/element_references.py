"""Formation energies of a computed set: the elements' energies, computed or fitted.

A potential that mixes levels of theory gives poor energies of the elements. Fitted elemental
reference energies (doi 10.1103/PhysRevB.85.115104) take them from compounds instead: the
energies that reproduce measured enthalpies of formation best, in the sense of least squares
per atom. Both schemes stay visible; the name of the scheme is part of the set's hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sulfox.analysis.thermodynamics.entries.entry_set import (
    ENERGY_COLUMN,
    freeze_entries,
    read_composition,
)
from sulfox.documents.base import Reason, Status
from sulfox.documents.entry_set import (
    Accuracy,
    ComparedEnthalpy,
    ComputedEntrySetDoc,
    ComputedPhase,
    EntrySet,
)
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["DEFAULT_SCHEME", "SCHEMES", "formation_entries"]

OWN, FITTED = "own-elements", "fitted-elements"
#: Scheme -> what it is.
SCHEMES = {
    OWN: "elements as computed",
    FITTED: "elemental energies fitted to measured enthalpies",
}
DEFAULT_SCHEME = FITTED
#: A compound that alone decides an element's energy cannot be left out of the fit.
_LARGEST_LEVERAGE = 1 - 1e-6


@dataclass(frozen=True)
class _Sample:
    """A phase with its atomic fractions.

    The measured enthalpy counts from the elements' phases of this set, not from the tables'
    (black phosphorus here, white there).
    """

    phase: ComputedPhase
    formula: str
    composition: Composition
    energy_eV: float
    measured_eV: float | None

    def fractions(self, elements: list[str]) -> list[float]:
        return [self.composition.get_atomic_fraction(element) for element in elements]


def formation_entries(document: ComputedEntrySetDoc, scheme: str = DEFAULT_SCHEME) -> EntrySet:
    """Turn the total energies of a computed set into formation energies.

    Parameters
    ----------
    document : ComputedEntrySetDoc
        Relaxed phases; refused ones make no entry.
    scheme : str
        ``"own-elements"``: relative to the lowest computed phase of each element.
        ``"fitted-elements"``: relative to energies fitted to the measured enthalpies in
        the set; an element without a measured compound keeps its own energy.

    Returns
    -------
    EntrySet
        With the error of the scheme against the same enthalpies; elements have 0 eV.

    Raises
    ------
    SulfoxError
        SFX-726 for an unknown scheme, SFX-729 if an element's own phase is missing where
        the scheme needs it.
    """
    if scheme not in SCHEMES:
        raise SulfoxError(
            "SFX-726",
            who=f"entry set {document.name}",
            found=f"scheme {scheme!r}",
            expected=" or ".join(SCHEMES),
            next_step=f"ask for {document.name}:{DEFAULT_SCHEME}",
        )
    shifts = _table_shifts(document)
    samples = [_sample(p, shifts) for p in document.phases if p.status is Status.COMPLETE]
    elements = sorted({e.symbol for s in samples for e in s.composition})
    own = _own_energies(samples)
    measured = [s for s in samples if s.measured_eV is not None]
    if scheme == OWN:
        references, spread = own, None
        kept: list[str] = []
    else:
        references, spread = _fit(measured, elements)
        kept = [element for element in elements if element not in references]
        references |= {element: own[element] for element in kept if element in own}
    missing = [element for element in elements if element not in references]
    if missing:
        raise SulfoxError(
            "SFX-729",
            who=f"entry set {document.name}, {scheme}",
            found=f"no computed phase of the pure {', '.join(missing)}",
            expected="an accepted phase of each element",
            next_step="use the other scheme, or compute the element",
        )
    rows = [_row(sample, references, scheme) for sample in samples]
    compared = _compare(measured, references, spread)
    accuracy = _accuracy(scheme, compared) if compared else None
    level = document.provenance.level_of_theory
    entries = freeze_entries(document.name, rows, source=f"computed by sulfox, {level}")
    remarks = [Reason(code="level_of_theory", message=f"energies of {level}")]
    if accuracy is not None:
        remarks.append(Reason(code="accuracy", message=accuracy.sentence))
    if kept:
        text = f"no measured compound of {', '.join(kept)}: energy of the element as computed"
        remarks.append(Reason(code="own_element", message=text))
    refused = [p.name for p in document.phases if p.status is Status.REFUSED]
    if refused:
        text = f"phases refused by this set: {', '.join(refused)}"
        remarks.append(Reason(code="refused_phases", message=text))
    return entries.model_copy(
        update={
            "level_of_theory": level,
            "accuracy": accuracy,
            "remarks": (*remarks, *entries.remarks),
        }
    )


def _table_shifts(document: ComputedEntrySetDoc) -> dict[str, float]:
    """Element -> energy of its phase in this set, counted from that of the tables [eV/atom]."""
    shifts = {}
    for phase in document.phases:
        _, composition = read_composition(phase.formula, f"phase {phase.name}")
        if composition.is_element and phase.measured_eV_per_atom is not None:
            shifts[composition.elements[0].symbol] = phase.measured_eV_per_atom
    return shifts


def _sample(phase: ComputedPhase, shifts: dict[str, float]) -> _Sample:
    formula, composition = read_composition(phase.formula, f"phase {phase.name}")
    if phase.energy_eV_per_atom is None:
        raise SulfoxError(
            "SFX-729",
            who=f"phase {phase.name}",
            found="accepted, but without an energy",
            expected="an energy per atom",
            next_step="compute the set again",
        )
    measured = phase.measured_eV_per_atom
    if composition.is_element or measured is None:
        return _Sample(phase, formula, composition, phase.energy_eV_per_atom, None)
    for element, shift in sorted(shifts.items()):
        measured -= shift * composition.get_atomic_fraction(element)
    return _Sample(phase, formula, composition, phase.energy_eV_per_atom, measured)


def _own_energies(samples: list[_Sample]) -> dict[str, float]:
    found: dict[str, float] = {}
    for sample in samples:
        if sample.composition.is_element:
            symbol = sample.composition.elements[0].symbol
            found[symbol] = min(sample.energy_eV, found.get(symbol, sample.energy_eV))
    return found


def _fit(
    measured: list[_Sample], elements: list[str]
) -> tuple[dict[str, float], np.ndarray[Any, np.dtype[np.float64]]]:
    """Least squares of E - sum x mu = measured; returns mu and the leverage of each compound."""
    known = [e for e in elements if any(s.composition[e] for s in measured)]
    if not measured:
        return {}, np.zeros(0)
    matrix = np.array([sample.fractions(known) for sample in measured])
    wanted = np.array([s.energy_eV - (s.measured_eV or 0.0) for s in measured])
    if np.linalg.matrix_rank(matrix) < len(known):
        raise SulfoxError(
            "SFX-729",
            who=f"fit of {len(known)} elements to {len(measured)} compounds",
            found="measured compounds that do not determine every element",
            expected=f"at least {len(known)} independent compounds",
            next_step="add measured compounds to configs/phases, or use own-elements",
        )
    inverse = np.linalg.pinv(matrix)
    leverage = np.einsum("ij,ji->i", matrix, inverse)
    return dict(zip(known, (inverse @ wanted).tolist(), strict=True)), leverage


def _row(sample: _Sample, references: dict[str, float], scheme: str) -> dict[str, Any]:
    energy = 0.0 if sample.composition.is_element else _formation(sample, references)
    if sample.composition.is_element and scheme == OWN:
        energy = _formation(sample, references)
    row = {
        "where": sample.phase.name,
        "formula": sample.formula,
        ENERGY_COLUMN: energy,
        "entry_id": sample.phase.name,
        "correction_scheme": scheme,
    }
    if sample.phase.structure_type is not None:
        row["structure_type"] = sample.phase.structure_type
    return row


def _formation(sample: _Sample, references: dict[str, float]) -> float:
    names = sorted({e.symbol for e in sample.composition})
    fractions = sample.fractions(names)
    zero = sum(x * references[e] for e, x in zip(names, fractions, strict=True))
    return sample.energy_eV - zero


def _compare(
    measured: list[_Sample],
    references: dict[str, float],
    leverage: np.ndarray[Any, np.dtype[np.float64]] | None,
) -> list[ComparedEnthalpy]:
    rows = []
    for number, sample in enumerate(measured):
        target = sample.measured_eV or 0.0
        computed = _formation(sample, references)
        left_out = None
        if leverage is not None and leverage[number] < _LARGEST_LEVERAGE:
            left_out = target + (computed - target) / (1 - float(leverage[number]))
        rows.append(
            ComparedEnthalpy(
                name=sample.phase.name,
                formula=sample.formula,
                computed_eV_per_atom=round(computed, 6),
                measured_eV_per_atom=round(target, 6),
                left_out_eV_per_atom=None if left_out is None else round(left_out, 6),
                source=sample.phase.measured_source or "",
            )
        )
    return sorted(rows, key=lambda row: row.name)


def _accuracy(scheme: str, rows: list[ComparedEnthalpy]) -> Accuracy:
    errors = [abs(row.computed_eV_per_atom - row.measured_eV_per_atom) for row in rows]
    worst = int(np.argmax(errors))
    left_out = [
        abs(row.left_out_eV_per_atom - row.measured_eV_per_atom)
        for row in rows
        if row.left_out_eV_per_atom is not None
    ]
    return Accuracy(
        scheme=f"{scheme}: {SCHEMES[scheme]}",
        n=len(rows),
        mean_abs_eV_per_atom=float(np.mean(errors)),
        largest_eV_per_atom=errors[worst],
        largest_formula=rows[worst].name,
        mean_abs_left_out_eV_per_atom=float(np.mean(left_out)) if left_out else None,
        compounds=tuple(rows),
    )
