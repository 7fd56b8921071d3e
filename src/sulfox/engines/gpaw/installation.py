"""Whether GPAW is here, with its PAW data sets, found out without importing it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from sulfox import __version__
from sulfox.errors import SulfoxError

__all__ = ["check_installation", "code_versions", "installation_problem", "missing_paw_sets"]

_NEXT_STEP = "run: make gpaw (it needs libxc, a BLAS library and a C++ compiler)"


def installation_problem() -> str | None:
    """Say why GPAW cannot run, as far as its files tell; None if it can."""
    if find_spec("gpaw") is None or _version("gpaw") is None:
        return f"the package gpaw is missing; {_NEXT_STEP}"
    if find_spec("_gpaw") is None:
        return f"gpaw was installed without its compiled part; {_NEXT_STEP}"
    if not _paw_folders():
        return f"gpaw has no PAW data sets (package gpaw-data); {_NEXT_STEP}"
    return None


def check_installation() -> None:
    """Refuse where GPAW cannot run.

    Raises
    ------
    SulfoxError
        SFX-302.
    """
    problem = installation_problem()
    if problem is None:
        return
    found, _, next_step = problem.partition("; ")
    raise SulfoxError(
        "SFX-302",
        who="engine gpaw",
        found=found,
        expected="GPAW 26.7 or newer with its PAW data sets",
        next_step=next_step,
    )


def missing_paw_sets(elements: Iterable[str], functional: str = "PBE") -> list[str]:
    """List the elements without a PAW data set.

    Parameters
    ----------
    elements : iterable of str
        Symbols.
    functional : str
        The sets are made per functional.

    Returns
    -------
    list of str
        In the order given.
    """
    folders = _paw_folders()
    return [
        element
        for element in elements
        if not any(next(f.glob(f"{element}.{functional}*"), None) for f in folders)
    ]


def code_versions() -> dict[str, str]:
    """Package -> version of what computes."""
    found = {name: _version(name) for name in ("gpaw", "gpaw-data", "ase")}
    return {"sulfox": __version__} | {name: v for name, v in found.items() if v is not None}


def _paw_folders() -> list[Path]:
    """Folders of PAW data sets: the user's, then those of the package gpaw-data."""
    folders = [Path(p) for p in os.environ.get("GPAW_SETUP_PATH", "").split(os.pathsep) if p]
    spec = find_spec("gpaw_data")
    places = spec.submodule_search_locations if spec is not None else None
    folders += [Path(place) / "setups" for place in places or ()]
    return [folder for folder in folders if folder.is_dir()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
