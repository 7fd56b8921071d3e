"""Tables of energies (CSV), as databases, spreadsheets and pymatgen write them.

A header has to say what an energy is: per atom and in eV, meV, or kJ per mole of atoms. A name
that does not say it, or an energy per formula unit, is refused: the wrong unit would give
plausible numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sulfox.analysis.thermodynamics.entries.entry_set import (
    ENERGY_COLUMN,
    finite_number,
    inconsistent_set,
    unreadable_set,
)
from sulfox.units import KJ_PER_MOL_PER_EV

__all__ = ["EnergyColumn", "find_columns", "read_energy_table"]

_FORMULAS = (
    *("formula", "pretty_formula", "formula_pretty", "reduced_formula", "formula_reduced"),
    *("chemical_formula", "composition", "compound", "material"),
)
_IDS = ("entry_id", "material_id", "mp_id", "task_id", "jid", "auid", "id")
_FORMATION = (
    *("formation_energy", "formation_e", "e_formation", "form_energy", "energy_of_formation"),
    *("e_form", "eform", "e_f", "ef", "delta_e", "delta_ef", "delta_e_f", "deltae"),
    *("formation_enthalpy", "enthalpy_of_formation", "enthalpy_formation", "delta_h", "delta_hf"),
    *("delta_h_f", "deltah", "h_form", "hform", "dhf", "dh_f"),
)
_TOTAL = ("energy", "total_energy", "energy_total", "final_energy", "e_total", "etot", "e_tot")
#: Ending of a normalised header -> eV/atom of one unit. The first that fits counts.
_UNITS = (
    (r"_?meV_(per_)?at(om)?s?", 1e-3),
    (r"_?per_?atom_meV", 1e-3),
    (r"_?eV_(per_)?at(om)?s?", 1.0),
    (r"_?per_?atom_eV", 1.0),
    (r"_?kj_(per_)?mol_(of_)?atoms?", 1 / KJ_PER_MOL_PER_EV),
    (r"_?per_?atom_kj_(per_)?mol", 1 / KJ_PER_MOL_PER_EV),
    (r"_per_?atom|_atom|_pa", 1.0),
)
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class EnergyColumn:
    """Where a table's energies stand and what one unit is.

    Attributes
    ----------
    formula : int or None
        Column of the formula; None where columns count the atoms of each element.
    energy : int
        Column of the energy.
    eV_per_atom : float
        Value of one unit [eV/atom]; [eV] where `elements` are counted.
    is_total : bool
        Whether it is a total energy, of which the elements' are subtracted.
    elements : tuple of str
        Symbols of the columns that count atoms.
    """

    formula: int | None
    energy: int
    eV_per_atom: float
    is_total: bool = False
    elements: tuple[str, ...] = ()


def read_energy_table(path: Path, text: str) -> tuple[list[dict[str, Any]], bool]:
    """Read a table with a header; ``#`` starts a comment, empty lines do not count.

    Parameters
    ----------
    path : Path
        File, for messages.
    text : str
        Its content; separated by commas, semicolons, tabulators or bars.

    Returns
    -------
    rows : list of dict
        ``formula``, the energy and every other column.
    is_total : bool
        Whether the energies are total ones.

    Raises
    ------
    SulfoxError
        SFX-720 for another format, or energies whose header does not say eV per atom;
        SFX-721 for an energy that is no number.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    comments = [line.strip().lstrip("#") for line in lines if line.lstrip().startswith("#")]
    plain = "\n".join("" if line.lstrip().startswith("#") else line for line in lines)
    problem = None
    for mark in _DELIMITERS:
        try:
            reader = csv.reader(io.StringIO(plain), delimiter=mark, strict=True)
            cells = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
        except csv.Error as error:
            problem = problem or f"not a CSV ({error})"
            continue
        headers = [(cells[0][1], cells[1:])] if cells else []
        headers += [(next(csv.reader([text], delimiter=mark)), cells) for text in comments[-1:]]
        for header, body in headers:
            column = find_columns(header)
            if column is not None:
                rows = list(_rows(path, header, body, column, mark))
                return rows, column.is_total
    if problem is None and not any(line.strip() for line in plain.split("\n")):
        problem = "an empty file"
    raise _no_column(path, plain, problem)


def find_columns(header: Sequence[str]) -> EnergyColumn | None:
    """Find formula and energy among the columns.

    Parameters
    ----------
    header : sequence of str
        Names as the file has them.

    Returns
    -------
    EnergyColumn or None
        A formation energy before a total one, sulfox's own name before others; None where
        no column says eV per atom, or several do.
    """
    names = [_normalise(cell) for cell in header]
    counted = _counted(header, names)
    if counted is not None:
        return counted
    formula = next((names.index(name) for name in _FORMULAS if name in names), None)
    if formula is None or names.count(names[formula]) > 1:
        return None
    for bases, is_total in ((_FORMATION, False), (_TOTAL, True)):
        found = [(k, unit) for k, unit in enumerate(map(_unit, names)) if unit]
        fitting = [(k, factor) for k, (base, factor) in found if base in bases]
        own = [(k, factor) for k, factor in fitting if header[k].strip() == ENERGY_COLUMN]
        if len(own or fitting) == 1:
            ((energy, factor),) = own or fitting
            return EnergyColumn(formula, energy, factor, is_total)
        if fitting:
            return None
    return None


def _normalise(cell: str) -> str:
    text = cell.strip().strip('"').lower().replace("Δ".lower(), "delta_")
    return "_".join(filter(None, re.split(r"[^a-z0-9]+", text)))


def _unit(name: str) -> tuple[str, float] | None:
    """Split a normalised name into quantity and unit [eV/atom]."""
    for pattern, factor in _UNITS:
        match = re.fullmatch(f"(.+?)(?:{pattern.lower()})", name)
        if match:
            base = re.sub(r"_?per_?atom$|_atom$", "", match[1])
            return re.sub(r"^oqmd_|^mp_", "", base), factor
    return ("delta_e", 1.0) if name in ("oqmd_delta_e",) else None


def _counted(header: Sequence[str], names: Sequence[str]) -> EnergyColumn | None:
    """Recognise pymatgen's own table: Name, a column per element, total energy in eV."""
    from pymatgen.core import Element

    symbols = tuple(cell.strip() for cell in header[1:-1])
    named = bool(names) and names[0] in ("name", "formula", "entry_id", "")
    last = re.sub(r"_ev$", "", names[-1]) if names else ""
    known = symbols and all(map(Element.is_valid_symbol, symbols))
    if not (named and known and last in _TOTAL) or len(set(symbols)) != len(symbols):
        return None
    return EnergyColumn(None, len(header) - 1, 1.0, True, symbols)


def _rows(
    path: Path,
    header: Sequence[str],
    body: Sequence[tuple[int, list[str]]],
    column: EnergyColumn,
    mark: str,
) -> Iterator[dict[str, Any]]:
    keys = ["_".join(cell.strip().lower().split()) for cell in header]
    names = [_normalise(cell) for cell in header]
    label = next((names.index(name) for name in _IDS if name in names), None)
    used = {column.formula, column.energy, label}
    for number, cells in body:
        where = f"line {number}"
        if len(cells) != len(header):
            found = f"{len(cells)} cells in {where}, {len(header)} in the header"
            raise unreadable_set(path, found)
        values = [cell.strip() for cell in cells]
        energy = _energy(values[column.energy], mark, f"{path.name}, {where}")
        row: dict[str, Any] = {
            key: value
            for k, (key, value) in enumerate(zip(keys, values, strict=True))
            if k not in used and key
        }
        if column.elements:
            amounts = values[1:-1]
            counts = [finite_number(amount, f"{path.name}, {where}") for amount in amounts]
            formula = "".join(
                f"{e}{n}" for e, n in zip(column.elements, amounts, strict=True) if float(n)
            )
            row = {"formula": formula, "energy": energy, "n_atoms": sum(counts)}
        elif column.is_total:
            row |= {"formula": values[column.formula or 0], "n_atoms": 1}
            row["energy"] = energy * column.eV_per_atom
        else:
            row["formula"] = values[column.formula or 0]
            row[ENERGY_COLUMN] = energy * column.eV_per_atom
        row["entry_id"] = None if label is None else values[label] or None
        yield row | {"where": where}


def _energy(text: str, mark: str, who: str) -> float:
    """Read an energy; where commas do not separate columns one may stand for the point."""
    if mark != "," and re.fullmatch(r"[-+\N{MINUS SIGN}]?\d+,\d+", text):
        text = text.replace(",", ".")
    try:
        return finite_number(text, who)
    except Exception as error:
        raise inconsistent_set(who, f"the energy {text!r}", "a finite number") from error


def _no_column(path: Path, plain: str, problem: str | None) -> Exception:
    first = next((line.strip() for line in plain.split("\n") if line.strip()), "")
    if problem is None:
        marks = max(_DELIMITERS, key=first.count)
        header = next(csv.reader([first], delimiter=marks))
        names = [cell.strip() for cell in header]
        like = [n for n in names if re.search(r"energ|enthalp|form.*e|^e_|^d?h", n.lower())]
        shown = ", ".join(names)[:80]
        problem = f"columns {shown!r}"
        if any(_normalise(n) in _FORMULAS for n in names) and like:
            return unreadable_set(
                path,
                f"{problem}: none, or more than one, says that it is an energy per atom in eV",
                f"name one column {ENERGY_COLUMN} (1 eV per formula = 96.485 kJ/mol; "
                "divide by the formula's atoms)",
            )
    return unreadable_set(path, problem)
