"""Entries checked, ordered and hashed: what a frozen set is made of."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.entry_set import EntrySet, PhaseEntry
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = [
    "ENERGY_COLUMN",
    "finite_number",
    "freeze_entries",
    "inconsistent_set",
    "read_composition",
    "relative_to_elements",
    "unreadable_set",
]

ENERGY_COLUMN = "formation_energy_eV_per_atom"
#: Columns whose values must be one and the same in a consistent set.
_SCHEME_COLUMNS = ("compatibility", "mixing_scheme", "thermo_type", "functional", "level_of_theory")
#: No compound is bound, and no polymorph lies, farther from its elements than this.
_LARGEST_EV_PER_ATOM = 10.0
_MAX_DENOMINATOR = 10_000


@lru_cache(maxsize=4096)
def read_composition(formula: str, who: str) -> tuple[str, Composition]:
    """Read a formula; multiples of it and fractional amounts come out the same.

    Parameters
    ----------
    formula : str
        ``"Li6PS5Cl"``, ``"Li0.5CoO2"``, ``"Li5P(S2Cl)2"``.
    who : str
        What it is the formula of, for the message.

    Returns
    -------
    formula : str
        Smallest integer formula, ``"Li(CoO2)2"``.
    composition : pymatgen Composition
        Of that formula.

    Raises
    ------
    SulfoxError
        SFX-723 if it is not the formula of a compound.
    """
    from pymatgen.core import Composition

    try:
        composition = Composition(formula.strip(), strict=True)
        if not math.isfinite(composition.num_atoms) or composition.num_atoms <= 0:
            raise ValueError("no atoms")  # noqa: TRY301
        smallest = composition.get_integer_formula_and_factor(max_denominator=_MAX_DENOMINATOR)[0]
        return smallest, Composition(smallest)
    except (ValueError, KeyError, ArithmeticError, TypeError) as error:
        raise SulfoxError(
            "SFX-723",
            who=who,
            found=f"formula {formula!r} ({error})",
            expected="element symbols with amounts, such as Li6PS5Cl or Li0.5CoO2",
            next_step="correct the formula",
        ) from None


def freeze_entries(
    name: str, rows: Iterable[Mapping[str, Any]], source: str = "given by the caller"
) -> EntrySet:
    """Check, order and hash entries.

    Parameters
    ----------
    name : str
        Name of the set.
    rows : iterable of mapping
        ``formula``, ``formation_energy_eV_per_atom`` and any other key; a ``where`` key
        names the row in messages.
    source : str
        Where they come from.

    Returns
    -------
    EntrySet
        Its hash does not depend on the order of the rows.

    Raises
    ------
    SulfoxError
        SFX-720 without entries; SFX-721 if an energy is not a number, energies were corrected
        by several schemes or one entry has two energies; SFX-723 for a bad formula.
    """
    numbered = ((row, row.get("where", f"entry {k}")) for k, row in enumerate(rows, 1))
    entries = [_entry(row, f"{source}, {where}") for row, where in numbered]
    if not entries:
        raise unreadable_set(Path(source), "no entries")
    scheme = _one_scheme(source, entries)
    _refuse_contradictions(source, entries)
    entries.sort(key=lambda e: (e.formula, e.formation_energy_eV_per_atom, e.entry_id or ""))
    numbers = [(e.formula, round(e.formation_energy_eV_per_atom, 10) + 0.0) for e in entries]
    return EntrySet(
        name=name,
        source=source,
        hash=content_hash({"entries": numbers, "correction_scheme": scheme}),
        correction_scheme=scheme,
        entries=tuple(entries),
        remarks=_remarks(entries),
    )


def relative_to_elements(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take total energies relative to the lowest entry of each element.

    Parameters
    ----------
    path : Path
        File, for messages.
    rows : list of dict
        ``formula``, ``energy`` [eV] of ``n_atoms`` atoms of that composition, ``where``.

    Returns
    -------
    list of dict
        With formation energies instead, as :func:`freeze_entries` takes them.

    Raises
    ------
    SulfoxError
        SFX-722 if an element has no entry of its own; SFX-723 for a bad formula.
    """
    parts = [read_composition(row["formula"], f"{path.name}, {row['where']}")[1] for row in rows]
    per_atom = [row["energy"] / row["n_atoms"] for row in rows]
    references: dict[str, float] = {}
    for composition, energy in zip(parts, per_atom, strict=True):
        if composition.is_element:
            symbol = composition.elements[0].symbol
            references[symbol] = min(energy, references.get(symbol, math.inf))
    missing = sorted({e.symbol for c in parts for e in c.elements} - references.keys())
    if missing:
        raise SulfoxError(
            "SFX-722",
            who=path.name,
            found=f"total energies, but no entry of the pure {', '.join(missing)}",
            expected="an entry of every element, as the zero of formation energies",
            next_step="add the elements' entries, or give formation energies as a CSV",
        )
    result = []
    for row, composition, energy in zip(rows, parts, per_atom, strict=True):
        zero = sum(
            references[e.symbol] * composition.get_atomic_fraction(e)
            for e in sorted(composition.elements)
        )
        kept = {key: value for key, value in row.items() if key not in ("energy", "n_atoms")}
        result.append({**kept, ENERGY_COLUMN: energy - zero})
    return result


def _entry(row: Mapping[str, Any], who: str) -> PhaseEntry:
    formula, _ = read_composition(str(row.get("formula") or ""), who)
    energy = finite_number(row.get(ENERGY_COLUMN), who)
    if abs(energy) > _LARGEST_EV_PER_ATOM:
        raise inconsistent_set(
            who, f"a formation energy of {energy:g} eV/atom", "a number within ± 10 eV/atom"
        )
    label = row.get("entry_id")
    known = {"where", "formula", "entry_id", ENERGY_COLUMN}
    return PhaseEntry(
        formula=formula,
        formation_energy_eV_per_atom=energy,
        entry_id=None if label is None else str(label),
        metadata={str(k): str(v) for k, v in row.items() if k not in known},
    )


def finite_number(value: Any, who: str) -> float:
    """Read an energy or an amount.

    Parameters
    ----------
    value : object
        Number, or its text.
    who : str
        Where it stands, for the message.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    SulfoxError
        SFX-721 for anything else.
    """
    text = value.replace("\N{MINUS SIGN}", "-") if isinstance(value, str) else value
    try:
        number = float(text)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    grouped = isinstance(text, str) and "_" in text
    if isinstance(value, bool) or grouped or not math.isfinite(number):
        raise inconsistent_set(who, f"the number {value!r}", "a finite number")
    return number


def _one_scheme(source: str, entries: Sequence[PhaseEntry]) -> str | None:
    """Refuse energies of several schemes; an element needs no correction and may say nothing."""
    columns: dict[str, Counter[str]] = defaultdict(Counter)
    names = {key for e in entries for key in e.metadata if _names_a_scheme(key)}
    for entry in entries:
        for key in names:
            value = entry.metadata.get(key, "")
            if value or not _is_element(entry.formula):
                columns[key][value or "none"] += 1
    schemes = []
    for key, found in sorted(columns.items()):
        if "scheme" not in key and all(map(_is_number, found)):
            continue  # a correction in eV, not the name of a scheme
        if len(found) > 1:
            text = ", ".join(f"{value} ({n})" for value, n in sorted(found.items()))
            raise inconsistent_set(
                source, f"mixed corrections in column {key}: {text}", "one scheme for all energies"
            )
        schemes += [value for value in found if value != "none"]
    return "; ".join(schemes) or None


def _names_a_scheme(key: str) -> bool:
    name = "_".join(key.lower().split())
    return "correction" in name or "scheme" in name or name in _SCHEME_COLUMNS


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text == "none"
    return True


def _is_element(formula: str) -> bool:
    return sum(letter.isupper() for letter in formula) == 1


def _refuse_contradictions(source: str, entries: Sequence[PhaseEntry]) -> None:
    seen: dict[tuple[str, str], float] = {}
    for entry in entries:
        if entry.entry_id is None:
            continue
        energy = entry.formation_energy_eV_per_atom
        before = seen.setdefault((entry.formula, entry.entry_id), energy)
        if abs(before - energy) > 1e-9:
            raise inconsistent_set(
                source,
                f"{entry.entry_id} ({entry.formula}) twice, with {before:g} and {energy:g} eV/atom",
                "one energy for an entry",
            )


def _remarks(entries: Sequence[PhaseEntry]) -> tuple[Reason, ...]:
    """Say what was decided about polymorphs and elements; the entries are ordered."""
    counts = Counter(entry.formula for entry in entries)
    several = [formula for formula, n in counts.items() if n > 1]
    remarks = []
    if several:
        text = ", ".join(several[:8]) + (", ..." if len(several) > 8 else "")
        remarks.append(
            Reason(
                code="polymorphs",
                message=f"{len(several)} formulas have several entries; the lowest counts: {text}",
            )
        )
    lowest = {e.formula: e for e in reversed(entries) if _is_element(e.formula)}
    listed = {"".join(filter(str.isalpha, formula)) for formula in lowest}
    bare = sorted(_symbols(entries) - listed)
    if bare:
        text = ", ".join(bare)
        remarks.append(
            Reason(code="elements", message=f"not listed, taken as 0 eV: elements {text}")
        )
    shifted = sorted(f for f, e in lowest.items() if abs(e.formation_energy_eV_per_atom) > 1e-9)
    if shifted:
        text = ", ".join(shifted)
        remarks.append(
            Reason(
                code="references",
                message=f"the lowest entry of {text} is not at 0 eV; potentials refer to it",
            )
        )
    return tuple(remarks)


def _symbols(entries: Sequence[PhaseEntry]) -> set[str]:
    from pymatgen.core import Composition

    return {element.symbol for e in entries for element in Composition(e.formula)}


def unreadable_set(
    path: Path, found: str, next_step: str = "give such a file, see docs/thermodynamics.md"
) -> SulfoxError:
    """Make the error of a file that is no entry set.

    Parameters
    ----------
    path : Path
        File.
    found, next_step : str
        What is wrong, and what helps.

    Returns
    -------
    SulfoxError
        SFX-720.
    """
    return SulfoxError(
        "SFX-720",
        who=f"entry set {path.name}",
        found=found,
        expected=f"a CSV with columns formula,{ENERGY_COLUMN}, or a JSON list of pymatgen entries",
        next_step=next_step,
    )


def inconsistent_set(who: str, found: str, expected: str) -> SulfoxError:
    """Make the error of an entry set that contradicts itself.

    Parameters
    ----------
    who, found, expected : str
        Place, what is there, what should be.

    Returns
    -------
    SulfoxError
        SFX-721.
    """
    return SulfoxError(
        "SFX-721", who=who, found=found, expected=expected, next_step="correct the entry set"
    )
