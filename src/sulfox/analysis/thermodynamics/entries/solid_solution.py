"""Solid solutions as pseudo-phases of an entry set.

The energy of a mixed crystal is taken as that of its end members by composition, as a random
alloy without an enthalpy of mixing; at a temperature the ideal entropy of one mixing site per
formula can be added, ``k T sum x ln x``. Where end members have layered polymorphs (structure
type alpha-NaFeO2) those are meant, not the most stable ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sulfox.analysis.thermodynamics.entries.entry_set import (
    ENERGY_COLUMN,
    freeze_entries,
    read_composition,
)
from sulfox.documents.base import Reason
from sulfox.documents.entry_set import EntrySet, PhaseEntry
from sulfox.errors import SulfoxError

__all__ = ["BOLTZMANN_EV_PER_K", "add_solid_solution"]

#: Boltzmann's constant [eV/K] (exact since the SI of 2019).
BOLTZMANN_EV_PER_K = 8.617333262e-5
_LAYERED = "alpha-NaFeO2"


def add_solid_solution(
    entry_set: EntrySet,
    name: str,
    end_members: Mapping[str, float],
    temperature_K: float = 0.0,
) -> EntrySet:
    """Add a solid solution to an entry set as one more phase.

    Parameters
    ----------
    entry_set : EntrySet
        With an entry of each end member.
    name : str
        Of the new entry.
    end_members : mapping
        Formula -> share, adding up to 1.
    temperature_K : float
        Of the ideal mixing term [K]; 0 leaves it out.

    Returns
    -------
    EntrySet
        With another hash, and a remark that says what the model is.

    Raises
    ------
    SulfoxError
        SFX-742 for shares that do not add up to 1, a temperature below 0, or an end member
        without an entry; SFX-723 for a bad formula.
    """
    shares = list(end_members.values())
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise _no_model(name, f"shares {shares}", "positive shares that add up to 1")
    if not (math.isfinite(temperature_K) and temperature_K >= 0):
        raise _no_model(name, f"temperature {temperature_K:g} K", "0 K or more")
    amounts: dict[str, float] = {}
    energy = 0.0
    for formula, share in end_members.items():
        entry, composition = _entry(entry_set, name, formula)
        energy += share * entry.formation_energy_eV_per_atom * composition.num_atoms
        for element, amount in composition.items():
            amounts[element.symbol] = amounts.get(element.symbol, 0.0) + share * amount
    mixing = BOLTZMANN_EV_PER_K * temperature_K * sum(x * math.log(x) for x in shares)
    per_atom = (energy + mixing) / sum(amounts.values())
    mixed = "".join(f"{element}{amount:.6g}" for element, amount in amounts.items())
    row = {"formula": mixed, ENERGY_COLUMN: per_atom, "entry_id": f"solid solution {name}"}
    rows = [*(_row(entry) for entry in entry_set.entries), _common(entry_set) | row]
    made = freeze_entries(f"{entry_set.name}+{name}", rows, source=entry_set.source)
    said = " + ".join(f"{share:g} {formula}" for formula, share in end_members.items())
    entropy = f", ideal mixing at {temperature_K:g} K" if temperature_K else ""
    text = f"{name} is a model, not a computed phase: {said}, no enthalpy of mixing{entropy}"
    remark = Reason(code="solid_solution", message=text)
    return entry_set.model_copy(
        update={
            "name": made.name,
            "hash": made.hash,
            "entries": made.entries,
            "remarks": (*entry_set.remarks, remark),
        }
    )


def _entry(entry_set: EntrySet, name: str, formula: str) -> tuple[PhaseEntry, Any]:
    smallest, composition = read_composition(formula, f"end member of {name}")
    found = [entry for entry in entry_set.entries if entry.formula == smallest]
    layered = [entry for entry in found if entry.metadata.get("structure_type") == _LAYERED]
    if not found:
        raise _no_model(name, f"no entry of {formula}", "an entry of each of its end members")
    return (layered or found)[0], composition


def _row(entry: PhaseEntry) -> dict[str, Any]:
    return {
        **entry.metadata,
        "formula": entry.formula,
        ENERGY_COLUMN: entry.formation_energy_eV_per_atom,
        "entry_id": entry.entry_id,
    }


def _common(entry_set: EntrySet) -> dict[str, str]:
    """Give what every compound of the set says of itself, such as its correction scheme."""
    compounds = [e for e in entry_set.entries if sum(c.isupper() for c in e.formula) > 1]
    shared = set.intersection(*(set(e.metadata.items()) for e in compounds))
    return dict(sorted(shared))


def _no_model(name: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-742",
        who=f"solid solution {name}",
        found=found,
        expected=expected,
        next_step="choose another entry set (sulfox entries), or give a plain formula",
    )
