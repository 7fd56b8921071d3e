"""Entries in JSON: pymatgen's ``as_dict`` of entries, lists or phase diagrams, and plain rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sulfox.analysis.thermodynamics.entries.energy_table import find_columns
from sulfox.analysis.thermodynamics.entries.entry_set import (
    ENERGY_COLUMN,
    finite_number,
    inconsistent_set,
    read_composition,
    unreadable_set,
)

__all__ = ["read_json_entries"]

_READABLE_CLASSES = ("ComputedEntry", "ComputedStructureEntry", "PDEntry")
#: Where a JSON object holds its list: a file of ours or of a phase diagram.
_LISTS = ("entries", "all_entries", "data")
#: This scheme puts energies of other schemes on one scale.
_MIXING = "MaterialsProjectDFTMixingScheme"
_SAME_EV = 1e-6


def read_json_entries(path: Path, text: str) -> tuple[list[dict[str, Any]], bool]:
    """Read a JSON list of entries, or an object that holds one.

    Parameters
    ----------
    path : Path
        File, for messages.
    text : str
        Its content.

    Returns
    -------
    rows : list of dict
        ``formula``, the energy and what else is plain text or a number.
    is_total : bool
        Whether the energies are total ones: true of pymatgen's entries, false of rows that
        have a formula and a formation energy.

    Raises
    ------
    SulfoxError
        SFX-720 for something else; SFX-721 for an energy that is no number, adjustments that
        are not their sum, or energies of several schemes.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable_set(path, f"not JSON ({error})") from None
    if isinstance(content, dict):
        content = _mapping(content.get("computed_data")) or content
        content = next((content[key] for key in _LISTS if key in content), None)
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise unreadable_set(path, "no list of entries")
    if content and not any(map(_is_entry, content)):
        return list(_plain_rows(path, content)), False
    _refuse_mixed_corrections(path, content)
    rows = [_entry_row(path, item, f"entry {k}") for k, item in enumerate(content, 1)]
    return rows, True


def _is_entry(item: Mapping[str, Any]) -> bool:
    return "@class" in item or ("energy" in item and bool({"composition", "structure"} & set(item)))


def _plain_rows(path: Path, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Read rows such as those of a database's summary: a formula and a formation energy."""
    for number, item in enumerate(items, 1):
        where = f"entry {number}"
        keys = list(item)
        column = find_columns(keys)
        if column is None or column.is_total or column.formula is None:
            raise unreadable_set(path, f"{where} is no entry: keys {', '.join(keys)[:80]!r}")
        energy = finite_number(item[keys[column.energy]], f"{path.name}, {where}")
        rest = {k: v for k, v in item.items() if isinstance(v, str | int | float)}
        label = next((item[k] for k in ("entry_id", "material_id") if item.get(k)), None)
        yield {
            **{k: v for k, v in rest.items() if k not in (keys[column.energy], "entry_id")},
            "formula": item[keys[column.formula]],
            ENERGY_COLUMN: energy * column.eV_per_atom,
            "entry_id": label,
            "where": where,
        }


def _entry_row(path: Path, item: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind = item.get("@class", "ComputedEntry")
    if kind not in _READABLE_CLASSES or "energy" not in item:
        raise unreadable_set(path, f"{where} is not a {', '.join(_READABLE_CLASSES)} dictionary")
    who = f"{path.name}, {where}"
    amounts = _amounts(item, who)
    if not amounts:
        raise unreadable_set(path, f"{where} has neither composition nor structure")
    words = {**_mapping(item.get("parameters")), **_mapping(item.get("data"))}
    kept = {k: v for k, v in words.items() if isinstance(v, str | int | float)}
    return {
        **{k: v for k, v in kept.items() if k not in ("energy", "n_atoms", "formula", "where")},
        "where": where,
        "formula": "".join(f"{element}{amount:.12g}" for element, amount in amounts.items()),
        "energy": finite_number(item["energy"], who) + _correction(item, who),
        "n_atoms": sum(amounts.values()),
        "entry_id": item.get("entry_id"),
    }


def _amounts(item: Mapping[str, Any], who: str) -> dict[str, float]:
    """Count atoms by composition, or by the sites of the structure where it is left out."""
    counts: dict[str, float] = {}
    composition = item.get("composition")
    if isinstance(composition, str):
        from pymatgen.core import Composition

        read_composition(composition, who)
        composition = Composition(composition).get_el_amt_dict()
    if isinstance(composition, dict) and composition:
        pairs = list(composition.items())
    else:
        sites = _mapping(item.get("structure")).get("sites")
        species = [s for site in sites or () for s in _mapping(site).get("species", ())]
        pairs = [(s.get("element"), s.get("occu", 1)) for s in species if isinstance(s, dict)]
    for name, value in pairs:
        symbol = _symbol(str(name))
        counts[symbol] = counts.get(symbol, 0.0) + finite_number(value, who)
    return counts


def _symbol(name: str) -> str:
    """Leave out an oxidation state: ``"Fe3+"`` is Fe."""
    match = re.fullmatch(r"([A-Z][a-z]?)(?:\d*\.?\d*[+-])?(?:,.*)?", name)
    return match[1] if match else name


def _correction(item: Mapping[str, Any], who: str) -> float:
    """Give the correction that belongs to the energy; adjustments have to add up to it [eV]."""
    adjustments = [a for a in item.get("energy_adjustments") or () if isinstance(a, dict)]
    parts = [_adjustment(adjustment, who) for adjustment in adjustments]
    stated = item.get("correction")
    if stated is None and None in parts:
        raise inconsistent_set(who, "adjustments without their sum", "the key correction")
    if stated is None:
        return sum(part for part in parts if part is not None)
    correction = finite_number(stated, who)
    if parts and None not in parts:
        added = sum(part for part in parts if part is not None)
        if abs(added - correction) > _SAME_EV:
            found = f"a correction of {correction:g} eV, adjustments of {added:g} eV"
            raise inconsistent_set(who, found, "their sum")
    return correction


def _adjustment(adjustment: Mapping[str, Any], who: str) -> float | None:
    """Give the value of one of pymatgen's adjustments [eV], None for an unknown form."""
    if "value" in adjustment:
        return finite_number(adjustment["value"], who)
    if "adj_per_atom" in adjustment and "n_atoms" in adjustment:
        each = finite_number(adjustment["adj_per_atom"], who)
        return each * finite_number(adjustment["n_atoms"], who)
    if {"adj_per_deg", "temp", "n_atoms"} <= adjustment.keys():
        each = finite_number(adjustment["adj_per_deg"], who)
        degrees = finite_number(adjustment["temp"], who)
        return each * degrees * finite_number(adjustment["n_atoms"], who)
    return None


def _refuse_mixed_corrections(path: Path, items: list[dict[str, Any]]) -> None:
    """Refuse two schemes of adjustments, or two functionals that nothing puts on one scale."""
    schemes, runs = set(), set()
    for item in items:
        for adjustment in item.get("energy_adjustments") or ():
            made_by = _mapping(_mapping(adjustment).get("cls")).get("@class")
            schemes |= {str(made_by)} if made_by else set()
        words = {**_mapping(item.get("data")), **_mapping(item.get("parameters"))}
        run = str(words.get("run_type") or "").upper()
        runs |= {"r2SCAN" if "SCAN" in run else "GGA"} if run else set()
    if _MIXING in schemes:
        return
    for found, what in ((schemes, "schemes of adjustments"), (runs, "functionals")):
        if len(found) > 1:
            text = f"mixed corrections, {what}: {', '.join(sorted(found))}"
            raise inconsistent_set(path.name, text, "one scheme for all energies")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
