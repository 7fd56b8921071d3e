"""Where named entry sets lie: ``configs/entries/NAME.json`` of the configuration folders."""

from __future__ import annotations

from pathlib import Path

from sulfox.errors import SulfoxError
from sulfox.settings import config_dirs

__all__ = ["DEFAULT_ENTRY_SET", "find_entry_file", "list_entry_files"]

#: The set that is used where a command is given none.
DEFAULT_ENTRY_SET = "chgnet"


def list_entry_files() -> dict[str, Path]:
    """Find every named entry set.

    Returns
    -------
    dict
        Name -> file; the first configuration folder that has the name wins.
    """
    found: dict[str, Path] = {}
    for folder in config_dirs():
        for path in sorted((folder / "entries").glob("*.json")):
            found.setdefault(path.stem, path)
    return found


def find_entry_file(text: str) -> tuple[Path, str, str | None]:
    """Resolve what ``--entries`` was given.

    Parameters
    ----------
    text : str
        A file, a name, or ``NAME:SCHEME``.

    Returns
    -------
    path : Path
        The file.
    name : str
        Name of the set.
    scheme : str or None
        Scheme that was asked for.

    Raises
    ------
    SulfoxError
        SFX-720 for a path that does not exist, SFX-726 for an unknown name.
    """
    path = Path(text).expanduser()
    if path.exists():
        return path, path.stem, None
    name, _, scheme = text.partition(":")
    known = list_entry_files()
    if name in known:
        return known[name], name, scheme or None
    file, colon, file_scheme = text.rpartition(":")
    if colon and Path(file).expanduser().is_file():
        return Path(file).expanduser(), Path(file).stem, file_scheme
    is_path = len(path.parts) > 1 or bool(path.suffix)
    raise SulfoxError(
        "SFX-720" if is_path else "SFX-726",
        who=f"--entries {text}",
        found="no such file" if is_path else "no entry set of this name",
        expected="a CSV or JSON file, or one of " + (", ".join(known) or "none"),
        next_step="see: sulfox entries",
    )
