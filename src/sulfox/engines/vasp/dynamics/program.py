"""What program wrote a segment, and whether it ran with the settings that were meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sulfox.documents.base import Reason
from sulfox.engines.standin.label import standin_level
from sulfox.engines.vasp.dynamics.ledger import Program
from sulfox.engines.vasp.run.settings_check import compare_incar, differences_as_reasons
from sulfox.engines.vasp.run.verdict import ECHOED_TAGS

__all__ = ["check_settings", "find_program"]

_HEAD_BYTES = 262_144
_VERSION = re.compile(r'name="version"[^>]*>\s*(\S+?)\s*<')
_ECHO = re.compile(r'<(?:i|v)\b[^>]*name="([^"]+)"[^>]*>\s*([^<]*?)\s*</(?:i|v)>')


def find_program(folder: Path) -> Program | None:
    """Name the program that wrote a segment.

    Parameters
    ----------
    folder : Path
        Of the segment.

    Returns
    -------
    Program or None
        None where it wrote nothing that tells.
    """
    standin = standin_level(folder)
    version = _VERSION.search(_head(folder / "vasprun.xml"))
    if standin is None and version is None:
        return None
    return Program(standin=standin, version=version[1] if version else "unknown")


def check_settings(
    folder: Path, meant: str, machine_tags: dict[str, int], who: str
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Compare INCAR as it was left, and as VASP repeats it, with what was meant.

    Parameters
    ----------
    folder : Path
        Of the segment.
    meant : str
        INCAR that was written.
    machine_tags : dict
        Tags of parallel execution that were added.
    who : str
        For the text.

    Returns
    -------
    tuple of two tuples of Reason
        Refusals, remarks; on the union of tags.
    """
    from pymatgen.io.vasp import Incar

    wanted: dict[str, Any] = dict(Incar.from_str(meant)) | machine_tags
    found = {}
    if (folder / "INCAR").is_file():
        left = dict(Incar.from_file(folder / "INCAR"))
        found = {d.name: d for d in compare_incar(wanted, left, "md")}
    head = _head(folder / "vasprun.xml")
    block = head[head.find("<incar>") : head.find("</incar>")] if "</incar>" in head else ""
    told = {tag.upper(): Incar.proc_val(tag.upper(), text) for tag, text in _ECHO.findall(block)}
    if told:
        by_vasp = compare_incar(_echoed(wanted), _echoed(told), "md")
        found |= {d.name: d for d in by_vasp if d.physics}
    return differences_as_reasons(tuple(found.values()), who)


def _echoed(tags: dict[str, Any]) -> dict[str, Any]:
    return {tag: value for tag, value in tags.items() if tag in ECHOED_TAGS}


def _head(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES).decode("latin-1")
    except OSError:
        return ""
