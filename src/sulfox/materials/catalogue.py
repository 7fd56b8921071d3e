"""The catalogue: names, aliases and files become a :class:`Material`."""

from __future__ import annotations

import difflib
from pathlib import Path

import yaml
from pydantic import ValidationError

from sulfox.errors import SulfoxError
from sulfox.materials.material import Material
from sulfox.settings import config_dirs, find_config

__all__ = ["Material", "list_materials", "load_material", "read_entry"]

#: What a path to a structure looks like when no such file exists.
_STRUCTURE_SUFFIXES = {".cif", ".vasp", ".poscar", ".contcar"}
_YAML_SUFFIXES = {".yaml", ".yml"}


def read_entry(path: Path) -> Material:
    """Read one YAML entry.

    Parameters
    ----------
    path : Path
        ``<name>.yaml``; the entry's name is the file's stem.

    Returns
    -------
    Material
        The validated entry.

    Raises
    ------
    SulfoxError
        SFX-102 with file and key if the file is not valid.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict):
            raise _invalid(path, f"{type(data).__name__} at the top", "a mapping of keys")
        material = Material.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the entry"
        known = ", ".join(name for name in Material.model_fields if name != "source")
        keys = f"only the keys {known}" if len(first["loc"]) <= 1 else "a value of the schema"
        raise _invalid(path, f"{key}: {first['msg']}", keys) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _invalid(path, f"it is not YAML ({error})", "a YAML mapping") from error
    except OSError as error:
        raise _invalid(path, f"it cannot be read ({error.strerror})", "a readable file") from error
    if material.name.lower() != path.stem.lower():
        found = f"name: {material.name!r} in a file called {path.name}"
        raise _invalid(path, found, "a file named after its entry")
    return material


def list_materials() -> list[Material]:
    """Read all catalogue entries, sorted by name.

    Returns
    -------
    list of Material
        One per name; the first configuration folder that has the name wins.

    Raises
    ------
    SulfoxError
        SFX-102 if a file is not valid.
    """
    paths: dict[str, Path] = {}
    for folder in config_dirs():
        for path in sorted((folder / "materials").glob("*.yaml")):
            paths.setdefault(path.stem.lower(), path)
    return sorted(map(read_entry, paths.values()), key=lambda entry: entry.name.lower())


def load_material(name_or_path: str | Path) -> Material:
    """Find a material by name, alias or file.

    Parameters
    ----------
    name_or_path : str or Path
        A catalogue name or alias, compared without regard to case; or the path of a
        CIF, a POSCAR or an entry in YAML.

    Returns
    -------
    Material
        Names win over files of the same name.

    Raises
    ------
    SulfoxError
        SFX-101 unknown name, SFX-102 broken YAML, SFX-103 a file that cannot be used.
    """
    text = str(name_or_path).strip()
    path = Path(text).expanduser()
    if isinstance(name_or_path, str):
        entry = _by_name(text)
        if entry is not None:
            return entry
    if path.suffix.lower() in _YAML_SUFFIXES and path.is_file():
        return read_entry(path)
    if text and (path.is_file() or _names_a_file(name_or_path, path)):
        from sulfox.materials.structure_file import read_structure_file

        return read_structure_file(path)
    raise _unknown(text)


def _by_name(text: str) -> Material | None:
    entry = find_config("materials", text)
    if entry is not None:
        return read_entry(entry)
    wanted = text.lower()
    for material in list_materials():
        if wanted in (alias.lower() for alias in material.aliases):
            return material
    return None


def _names_a_file(name_or_path: str | Path, path: Path) -> bool:
    """Whether a file was meant, so that its absence is the thing to tell."""
    stem = path.name.upper()
    return (
        isinstance(name_or_path, Path)
        or path.suffix.lower() in _STRUCTURE_SUFFIXES | _YAML_SUFFIXES
        or stem.startswith(("POSCAR", "CONTCAR"))
        or len(path.parts) > 1
    )


def _unknown(text: str) -> SulfoxError:
    entries = list_materials()
    known = {alias.lower(): m.name for m in entries for alias in (m.name, *m.aliases)}
    close = difflib.get_close_matches(text.lower(), known, n=3)
    names = ", ".join(dict.fromkeys(known[word] for word in close))
    hint = f"did you mean {names}? or give" if names else "give"
    return SulfoxError(
        "SFX-101",
        who=f"material {text!r}",
        found="no entry with this name",
        expected="one of " + ", ".join(material.name for material in entries),
        next_step=f"{hint} the path of a CIF or POSCAR file",
    )


def _invalid(path: Path, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-102",
        who=str(path),
        found=found,
        expected=expected,
        next_step="correct this key in the file, or remove the file",
    )
