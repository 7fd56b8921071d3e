"""Read an entry set from any file that holds one: computed by sulfox, CSV, pymatgen JSON."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from sulfox.analysis.thermodynamics.element_references import DEFAULT_SCHEME, formation_entries
from sulfox.analysis.thermodynamics.entry_set import read_entry_set
from sulfox.documents.entry_set import ComputedEntrySetDoc, EntrySet
from sulfox.errors import SulfoxError

__all__ = ["open_entry_set", "read_computed_set"]


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
        :func:`sulfox.analysis.thermodynamics.element_references.formation_entries`.

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
