"""Read an entry set from any file that holds one: computed by sulfox, CSV, pymatgen JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sulfox.analysis.thermodynamics.entries.element_references import (
    DEFAULT_SCHEME,
    SCHEMES,
    formation_entries,
)
from sulfox.analysis.thermodynamics.entries.energy_table import read_energy_table
from sulfox.analysis.thermodynamics.entries.entry_set import (
    freeze_entries,
    relative_to_elements,
    unreadable_set,
)
from sulfox.analysis.thermodynamics.entries.pymatgen_entries import read_json_entries
from sulfox.documents.entry_set import ComputedEntrySetDoc, EntrySet
from sulfox.errors import SulfoxError
from sulfox.materials.entry_files import find_entry_file, list_entry_files

__all__ = ["open_entry_set", "open_named_sets", "read_computed_set", "read_entry_set"]


def open_entry_set(
    path: str | Path, name: str | None = None, scheme: str | None = None
) -> EntrySet:
    """Read an entry set; a file computed by sulfox is told by its ``kind``.

    Parameters
    ----------
    path : str or Path
        File.
    name : str, optional
        Name of the set; the file's own, or its stem, if not given.
    scheme : str, optional
        Of a computed set, see
        :func:`sulfox.analysis.thermodynamics.entries.element_references.formation_entries`.

    Returns
    -------
    EntrySet
        Frozen and hashed.

    Raises
    ------
    SulfoxError
        SFX-720 to SFX-723 as :func:`read_entry_set`; SFX-726 for a scheme that the set has
        not, SFX-729 where it lacks what the scheme needs.
    """
    path = Path(path)
    document = read_computed_set(path)
    if document is not None:
        return formation_entries(document, scheme or DEFAULT_SCHEME)
    if scheme is not None:
        raise SulfoxError(
            "SFX-726",
            who=f"entry set {path.name}",
            found=f"scheme {scheme!r} of a set that has no schemes",
            expected="a scheme only of a set computed by sulfox",
            next_step="leave out the scheme",
        )
    return read_entry_set(path, name)


def read_computed_set(path: Path) -> ComputedEntrySetDoc | None:
    """Read a set computed by sulfox.

    Parameters
    ----------
    path : Path
        File.

    Returns
    -------
    ComputedEntrySetDoc or None
        None for a file that holds something else, readable or not.

    Raises
    ------
    SulfoxError
        SFX-720 for a computed set that is damaged or of another version.
    """
    if path.suffix.lower() != ".json":
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None  # told by the reader of other files
    if not isinstance(content, dict) or content.get("kind") != "entry_set":
        return None
    try:
        return ComputedEntrySetDoc.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise SulfoxError(
            "SFX-720",
            who=f"entry set {path.name}",
            found=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            expected="a set as sulfox entries compute writes it",
            next_step="compute it again, or restore the file",
        ) from error


def read_entry_set(path: str | Path, name: str | None = None) -> EntrySet:
    """Read an entry set from a table of energies, or from entries in JSON.

    A table has the columns ``formula`` and ``formation_energy_eV_per_atom``, or names of
    databases that say the same; other columns are kept as metadata. Elements that are not
    listed have 0 eV. Total energies (pymatgen's ``ComputedEntry``, ``ComputedStructureEntry``
    and ``PDEntry``, its table with a column per element, or ``energy_per_atom``) are taken
    relative to the elements in the file.

    Parameters
    ----------
    path : str or Path
        ``.json``, or anything else for a table.
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
        if total energies lack an element's own entry; SFX-723 for a bad formula.
    """
    path = Path(path)
    text = _text(path)
    is_json = path.suffix.lower() == ".json"
    rows, is_total = (read_json_entries if is_json else read_energy_table)(path, text)
    if not rows:
        raise unreadable_set(path, "no entries")
    if is_total:
        rows = relative_to_elements(path, rows)
    return freeze_entries(name or path.stem, rows, source=path.name)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        return content.decode("utf-16" if wide else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise unreadable_set(path, reason) from None


def open_named_sets(names: Sequence[str] = ()) -> tuple[list[EntrySet], list[tuple[str, str]]]:
    """Open entry sets in every scheme that they can give.

    Parameters
    ----------
    names : sequence of str
        Names, ``NAME:SCHEME`` or files; every named set if empty.

    Returns
    -------
    sets : list of EntrySet
        In this order, then by scheme.
    left_out : list of (str, str)
        Name and reason of what cannot be used: a damaged file does not take the others along.
    """
    sets: list[EntrySet] = []
    left_out: list[tuple[str, str]] = []
    for text in names or list_entry_files():
        try:
            path, name, scheme = find_entry_file(text)
            computed = scheme is None and read_computed_set(path) is not None
        except SulfoxError as error:
            left_out.append((text, f"{error.who}: {error.found}"))
            continue
        for asked in list(SCHEMES) if computed else [scheme]:
            try:
                sets.append(open_entry_set(path, name, asked))
            except SulfoxError as error:
                left_out.append((name, f"{error.who}: {error.found}"))
    return sets, left_out
