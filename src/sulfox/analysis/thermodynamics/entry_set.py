"""Read entry sets: a CSV of formation energies, or pymatgen entries in JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.documents.base import Reason, content_hash
from sulfox.documents.entry_set import EntrySet, PhaseEntry
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.core import Composition

__all__ = ["ENERGY_COLUMN", "freeze_entries", "read_composition", "read_entry_set"]

ENERGY_COLUMN = "formation_energy_eV_per_atom"
_FORMULA_COLUMNS = ("formula", "pretty_formula", "formula_pretty", "reduced_formula", "composition")
_ENERGY_COLUMNS = (
    ENERGY_COLUMN.lower(),
    "formation_energy_per_atom",
    "formation_energy_(ev/atom)",
    "formation_energy_ev/atom",
)
_ID_COLUMNS = ("entry_id", "material_id", "id")
#: Columns whose values must be one and the same in a consistent set.
_SCHEME_COLUMNS = ("compatibility", "mixing_scheme", "thermo_type", "functional", "level_of_theory")
#: No compound is bound, and no polymorph lies, farther from its elements than this.
_LARGEST_EV_PER_ATOM = 10.0
_MAX_DENOMINATOR = 10_000
_READABLE_CLASSES = ("ComputedEntry", "ComputedStructureEntry", "PDEntry")


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


def read_entry_set(path: str | Path, name: str | None = None) -> EntrySet:
    """Read an entry set from a CSV of formation energies or from pymatgen entries in JSON.

    A CSV has the columns ``formula`` and ``formation_energy_eV_per_atom``; other columns
    are kept as metadata. Elements that are not listed have 0 eV. A JSON file is a list of
    ``ComputedEntry``, ``ComputedStructureEntry`` or ``PDEntry`` dictionaries with total
    energies; their formation energies are taken relative to the elements in the file.

    Parameters
    ----------
    path : str or Path
        ``.json``, or anything else for a CSV.
    name : str, optional
        Name of the set; the file's name if not given.

    Returns
    -------
    EntrySet
        Frozen and hashed.

    Raises
    ------
    SulfoxError
        SFX-720 if the file cannot be read as one; SFX-721 if an energy is not a number,
        energies were corrected by several schemes or one entry has two energies; SFX-722
        if a JSON file lacks an element's own entry; SFX-723 for a bad formula.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise _unreadable(path, reason) from None
    rows = list(_json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text))
    if not rows:
        raise _unreadable(path, "no entries")
    if path.suffix.lower() == ".json":
        rows = _relative_to_elements(path, rows)
    return freeze_entries(name or path.stem, rows, source=path.name)


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
        SFX-720, SFX-721 and SFX-723 as for :func:`read_entry_set`.
    """
    numbered = ((row, row.get("where", f"entry {k}")) for k, row in enumerate(rows, 1))
    entries = [_entry(row, f"{source}, {where}") for row, where in numbered]
    if not entries:
        raise _unreadable(Path(source), "no entries")
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


def _csv_rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    first = text.split("\n", 1)[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    try:
        reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise _unreadable(path, f"not a CSV ({error})") from None
    if not lines:
        raise _unreadable(path, "an empty file")
    header = [cell.strip() for cell in lines[0][1]]
    keys = ["_".join(cell.lower().split()) for cell in header]
    formula, energy = (_column(keys, names) for names in (_FORMULA_COLUMNS, _ENERGY_COLUMNS))
    if formula is None or energy is None:
        raise _unreadable(path, f"columns {', '.join(header)[:80]!r}")
    label = _column(keys, _ID_COLUMNS)
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            found = f"{len(cells)} cells in line {number}, {len(header)} in the header"
            raise _unreadable(path, found)
        values = dict(zip(keys, (cell.strip() for cell in cells), strict=True))
        yield {
            "where": f"line {number}",
            "formula": values.pop(keys[formula]),
            ENERGY_COLUMN: values.pop(keys[energy]),
            "entry_id": None if label is None else values.pop(keys[label]) or None,
            **values,
        }


def _column(keys: Sequence[str], names: Sequence[str]) -> int | None:
    return next((keys.index(name) for name in names if name in keys), None)


def _json_rows(path: Path, text: str) -> Iterator[dict[str, Any]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _unreadable(path, f"not JSON ({error})") from None
    if isinstance(content, dict):
        content = content.get("entries")
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise _unreadable(path, "no list of entries")
    for number, item in enumerate(content, 1):
        where = f"entry {number}"
        kind = item.get("@class", "ComputedEntry")
        amounts = item.get("composition")
        if kind not in _READABLE_CLASSES or not isinstance(amounts, dict) or "energy" not in item:
            raise _unreadable(path, f"{where} is not a {', '.join(_READABLE_CLASSES)} dictionary")
        adjustments = item.get("energy_adjustments") or ()
        if adjustments and "correction" not in item:
            raise _unreadable(path, f"{where} has adjustments but not their sum (correction)")
        words = {**(item.get("parameters") or {}), **(item.get("data") or {})}
        yield {
            "where": where,
            "formula": "".join(f"{element}{amount}" for element, amount in amounts.items()),
            "energy": _number(item["energy"], f"{path.name}, {where}")
            + _number(item.get("correction") or 0.0, f"{path.name}, {where}"),
            "n_atoms": sum(_number(amount, f"{path.name}, {where}") for amount in amounts.values()),
            "entry_id": item.get("entry_id"),
            **{key: value for key, value in words.items() if isinstance(value, str | int | float)},
        }


def _relative_to_elements(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take total energies relative to the lowest entry of each element."""
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
    energy = _number(row.get(ENERGY_COLUMN), who)
    if abs(energy) > _LARGEST_EV_PER_ATOM:
        raise _inconsistent(
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


def _number(value: Any, who: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise _inconsistent(who, f"the energy {value!r}", "a finite number")
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
            raise _inconsistent(
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
            raise _inconsistent(
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


def _unreadable(path: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-720",
        who=f"entry set {path.name}",
        found=found,
        expected=f"a CSV with columns formula,{ENERGY_COLUMN}, or a JSON list of pymatgen entries",
        next_step="give such a file",
    )


def _inconsistent(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-721", who=who, found=found, expected=expected, next_step="correct the entry set"
    )
