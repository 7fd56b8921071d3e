"""The values that documents are searched by: which kinds have them, and where.

A path goes into the document by dots, numbers count in a list. Two paths with ``|`` between
them make one word: ``"upper|lower"`` is ``"NCM811|CoO"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ASSUMED",
    "INDEXES",
    "NUMBERS",
    "WORDS",
    "path_of",
    "plain_value",
    "value_at",
    "values_of",
]

_BONDS = ("sulfur_bonds", "sulfur_bond_rate")
_ENTRY_SET_USERS = (
    "reaction_energy",
    "stability_window",
    "voltage_curve",
    "pair_table",
    "screening",
)

#: Search value that is a word -> kind -> path in the document; "" stands for other kinds.
WORDS: dict[str, dict[str, str]] = {
    "study": {"comparison": "study", "": "provenance.study"},
    "engine": {"": "provenance.engine"},
    "level_of_theory": {"": "provenance.level_of_theory"},
    "status": {"": "status"},
    "created_at": {"": "provenance.created_at"},
    "pair": {
        "relaxation": "label",
        "layered_band_center": "label",
        **dict.fromkeys(_BONDS, "pair_of_materials"),
        **dict.fromkeys(("interface", "coherent_interface", "trajectory"), "pair"),
        "band_alignment": "upper|lower",
        "screening": "cathode|electrolyte",
        "voltage_curve": "reactants.0|reactants.1",
        "reaction_energy": "reactants.0.formula|reactants.1.formula",
    },
    "material": {
        **dict.fromkeys(("band_center", "electronic_structure"), "material"),
        **dict.fromkeys(("stability_window", "galvanostatic_titration"), "formula"),
        "gas_reduction": "cathode",
    },
    "magnetic_state": dict.fromkeys(("band_center", "electronic_structure"), "magnetic_state"),
    "variant": dict.fromkeys(("trajectory", *_BONDS), "variant"),
    "stage": {"trajectory": "stage"},
    "bond": dict.fromkeys(_BONDS, "criteria.pair"),
    "gas": {"gas_reduction": "gas"},
    "entry_set": {
        **dict.fromkeys(_ENTRY_SET_USERS, "entries.name"),
        "entry_set": "name",
        "gas_reduction": "data.name",
    },
    "interface_id": dict.fromkeys(("relaxation", "trajectory", "sulfur_bonds"), "interface_id"),
    "trajectory_id": {"sulfur_bonds": "trajectory_id"},
    "cathode_facet": {"interface": "cathode.miller", "coherent_interface": "core.miller"},
    "electrolyte_facet": {"interface": "electrolyte.miller", "coherent_interface": "shell.miller"},
}
#: The same for numbers.
NUMBERS: dict[str, dict[str, str]] = {
    "temperature_K": dict.fromkeys(("trajectory", *_BONDS, "gas_reduction"), "temperature_K"),
    "seed": dict.fromkeys(("trajectory", "sulfur_bonds"), "seed"),
    "strain_max": {"interface": "strain_max"},
    "n_atoms": dict.fromkeys(("interface", "coherent_interface"), "n_atoms"),
    "n_formed": dict.fromkeys(_BONDS, "n_formed"),
    "method_version": dict.fromkeys(_BONDS, "method_version"),
    "length_ps": dict.fromkeys(("trajectory", "sulfur_bonds"), "length_ps"),
    "band_center_eV": {"band_center": "occupied_re_vbm_eV"},
    "gap_eV": dict.fromkeys(("band_center", "electronic_structure"), "gap_eV"),
    "reaction_energy_eV": {"reaction_energy": "minimum.energy_eV_per_atom"},
    "reduction_V": {"stability_window": "reduction_V"},
    "oxidation_V": {"stability_window": "oxidation_V"},
    "activation_energy_eV": {"arrhenius": "activation_energy_eV"},
}
#: Value of documents written before there was such a field: as their class has it.
ASSUMED: dict[str, str | float] = {"method_version": 1.0}
#: Index (after the kind) -> the question it answers at once.
INDEXES: dict[tuple[str, ...], str] = {
    ("id",): "this very document",
    ("study",): "everything of a study",
    ("engine",): "everything an engine made",
    ("status",): "what was refused",
    ("created_at",): "what is new since a date",
    ("pair", "temperature_K"): "a pair of materials, at a temperature",
    ("cathode_facet",): "interfaces of a facet",
    ("strain_max",): "interfaces below a strain",
    ("n_formed",): "runs in which more than N bonds formed",
    ("band_center_eV",): "band centres below X",
    ("material",): "electronic structures and windows of a material",
    ("reaction_energy_eV",): "reactions that release more than X",
    ("entry_set",): "everything made from an entry set",
    ("interface_id",): "what belongs to an interface",
    ("trajectory_id",): "what was analysed in a trajectory",
}


def path_of(kind: str, name: str) -> str | None:
    """Give the path of a search value, None where documents of the kind have none.

    Parameters
    ----------
    kind : str
        Kind of document.
    name : str
        A key of :data:`WORDS` or :data:`NUMBERS`; any other word has no path.
    """
    paths = WORDS.get(name) or NUMBERS.get(name) or {}
    return paths.get(kind, paths.get(""))


def value_at(content: Mapping[str, Any], path: str) -> Any:
    """Give the value at a path, None where there is none.

    Parameters
    ----------
    content : mapping
        JSON document.
    path : str
        ``"archive.n_frames"``, ``"reactants.0.formula"``, ``"upper|lower"``.
    """
    if "|" in path:
        parts = [value_at(content, part) for part in path.split("|")]
        return None if None in parts else "|".join(map(str, parts))
    found: Any = content
    for part in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(part)
        elif isinstance(found, list | tuple) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def plain_value(value: Any) -> str | float | None:
    """Give a value as it is compared: words without case, numbers, lists with commas.

    Parameters
    ----------
    value : object
        Of a JSON document.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)).casefold()
    if isinstance(value, str):
        return value.casefold()
    return float(value) if isinstance(value, int | float) else None


def values_of(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Give every search value of a document.

    Parameters
    ----------
    kind : str
        Its kind.
    content : mapping
        JSON document.

    Returns
    -------
    dict
        Search value -> word, number or None.
    """
    found: dict[str, Any] = {}
    for name in (*WORDS, *NUMBERS):
        path = path_of(kind, name)
        value = None if path is None else plain_value(value_at(content, path))
        if value is None and path is not None:
            value = ASSUMED.get(name)
        found[name] = value if isinstance(value, str) == (name in WORDS) else None
    return found
