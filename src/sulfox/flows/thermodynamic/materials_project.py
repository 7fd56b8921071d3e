"""Entries of the Materials Project, asked once with the user's key and kept as a file.

``mp-api`` is optional; the client is handed in, so that everything but the network can be
tested. The file is a JSON list of pymatgen entries with the database version, which
``--entries`` reads offline afterwards.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sulfox.errors import SulfoxError
from sulfox.trajectories.durable import write_durably

__all__ = ["KEY_VARIABLE", "fetch_entries", "make_client"]

KEY_VARIABLE = "MP_API_KEY"
#: The client's own variable for another server.
_ENDPOINT_VARIABLE, _ENDPOINT = "MP_API_ENDPOINT", "https://api.materialsproject.org/"
#: The client asks its server while it is made, without a limit of time: this one asks before.
_ANSWER_WITHIN_S = 15.0
#: The client refuses more: its question would not fit into one address.
_MOST_ELEMENTS = 9
_SCHEMES = {
    "GGA_GGA+U": "MP2020 (GGA, GGA+U)",
    "R2SCAN": "r2SCAN, uncorrected",
    "GGA_GGA+U_R2SCAN": "MP mixing of GGA, GGA+U and r2SCAN",
}


def make_client() -> Any:
    """Make an ``MPRester`` with the user's key.

    Returns
    -------
    mp_api.client.MPRester
        Not yet used.

    Raises
    ------
    SulfoxError
        SFX-727 without a key, without the package mp-api, or where the server does not answer
        in 15 s.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        raise _unreachable(
            f"no {KEY_VARIABLE} in the environment",
            f"set {KEY_VARIABLE} to your key (next-gen.materialsproject.org/api)",
        )
    try:
        from mp_api.client import MPRester
    except ImportError:
        raise _unreachable(
            "the package mp-api is missing", "run: pip install 'sulfox[mp]'"
        ) from None
    _reach(os.environ.get(_ENDPOINT_VARIABLE) or _ENDPOINT)
    try:
        return MPRester(key)
    except Exception as error:  # its clients raise their own, requests' and pydantic's errors
        raise _unreachable(_short(error), "check the key and the network") from error


def fetch_entries(
    elements: Sequence[str],
    out: Path,
    *,
    thermo_type: str = "GGA_GGA+U",
    client: Callable[[], Any] = make_client,
) -> dict[str, Any]:
    """Ask for every entry of a chemical system and write them to a file.

    Parameters
    ----------
    elements : sequence of str
        Symbols; every subsystem is asked for too.
    out : Path
        JSON file. One that is there and holds the same question is kept: the database is
        not asked again.
    thermo_type : str
        ``"GGA_GGA+U"``, ``"R2SCAN"`` or ``"GGA_GGA+U_R2SCAN"``.
    client : callable
        Makes the client; a test hands in its own.

    Returns
    -------
    dict
        ``source``, ``database_version``, ``chemsys``, ``thermo_type``, ``n`` and whether
        the answer was ``cached``.

    Raises
    ------
    SulfoxError
        SFX-727 without key, package or network; SFX-722 where an element has no entry;
        SFX-723 for what is no element, or more than nine; SFX-726 for an unknown thermo type.
    """
    chemsys = "-".join(sorted(set(_checked(elements))))
    if thermo_type not in _SCHEMES:
        raise SulfoxError(
            "SFX-726",
            who=f"--thermo-type {thermo_type}",
            found="no such scheme",
            expected=", ".join(_SCHEMES),
            next_step="choose one of these",
        )
    if chemsys.count("-") >= _MOST_ELEMENTS:
        raise SulfoxError(
            "SFX-723",
            who="--chemsys",
            found=f"{chemsys.count('-') + 1} elements",
            expected=f"at most {_MOST_ELEMENTS} for one question",
            next_step="ask for the elements of one pair, such as Li-Co-O-P-S-Cl-C",
        )
    question = {"source": "Materials Project", "chemsys": chemsys, "thermo_type": thermo_type}
    kept = _kept(out, question)
    if kept is not None:
        return kept
    rows, version = _ask(client(), chemsys, thermo_type)
    found = {symbol for row in rows for symbol in row["composition"]}
    missing = sorted(set(chemsys.split("-")) - found)
    if missing:
        raise SulfoxError(
            "SFX-722",
            who=f"Materials Project, {chemsys}",
            found=f"no entry with {', '.join(missing)}",
            expected="an entry of each element",
            next_step="correct --chemsys or --thermo-type",
        )
    header = question | {"database_version": version, "n": len(rows)}
    text = json.dumps(header | {"entries": rows}, indent=1, allow_nan=False)
    write_durably(out, text.encode())
    return header | {"cached": False}


def _reach(endpoint: str) -> None:
    """Ask whether the server is there; any answer will do."""
    from urllib.error import HTTPError
    from urllib.request import urlopen

    if not endpoint.startswith(("https://", "http://")):
        raise _unreachable(f"the address {endpoint!r}", f"correct {_ENDPOINT_VARIABLE}")
    try:
        with urlopen(endpoint.rstrip("/") + "/heartbeat", timeout=_ANSWER_WITHIN_S):  # noqa: S310
            return
    except HTTPError:
        return
    except (OSError, ValueError) as error:
        found = f"no answer from {endpoint} ({_short(error)})"
        raise _unreachable(found, "check the network") from error


def _ask(client: Any, chemsys: str, thermo_type: str) -> tuple[list[dict[str, Any]], str]:
    try:
        entries = client.get_entries_in_chemsys(
            chemsys.split("-"), additional_criteria={"thermo_types": [thermo_type]}
        )
        version = getattr(client, "db_version", None) or client.get_database_version()
        version = str(version or "not stated")
    except Exception as error:  # requests, mp-api and pydantic errors: the message tells
        raise _unreachable(_short(error), "check key and network, and run it again") from error
    rows = []
    for entry in entries:
        content = entry.as_dict()
        scheme = {"correction_scheme": _SCHEMES[thermo_type], "database_version": version}
        rows.append(
            {
                "@class": "ComputedEntry",
                "composition": {e.symbol: n for e, n in entry.composition.items()},
                "energy": content["energy"],
                "correction": entry.correction,
                "entry_id": str(entry.entry_id),
                "data": scheme,
            }
        )
    return sorted(rows, key=lambda row: str(row["entry_id"])), version


def _kept(out: Path, question: dict[str, str]) -> dict[str, Any] | None:
    """Give the header of a file that answers the same question."""
    try:
        content = json.loads(out.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or any(content.get(k) != v for k, v in question.items()):
        return None
    return {k: v for k, v in content.items() if k != "entries"} | {"cached": True}


def _checked(elements: Sequence[str]) -> list[str]:
    from pymatgen.core import Element

    names = [name.strip() for name in elements if name.strip()]
    wrong = [name for name in names if not Element.is_valid_symbol(name)]
    if wrong or not names:
        raise SulfoxError(
            "SFX-723",
            who="--chemsys",
            found=", ".join(wrong) or "nothing",
            expected="element symbols, such as Li-Co-O-P-S-Cl",
            next_step="correct --chemsys",
        )
    return names


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _unreachable(found: str, next_step: str) -> SulfoxError:
    return SulfoxError(
        "SFX-727",
        who="Materials Project",
        found=found,
        expected="a key, the package mp-api and a network, or a set computed here",
        next_step=f"{next_step}; offline use: --entries chgnet or --entries nep89",
    )
