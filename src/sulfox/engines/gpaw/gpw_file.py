"""A user's ``.gpw`` file as a projected density of states."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.structure import StructureRecord
from sulfox.engines.gpaw.broadening import broaden
from sulfox.engines.gpaw.installation import check_installation
from sulfox.engines.gpaw.levels import LevelTable, levels_of_calculator
from sulfox.errors import SulfoxError
from sulfox.protocols.electronic import DosGrid

__all__ = ["read_gpw"]

_GRID = {"step_eV": 0.02, "broadening_eV": 0.1, "mesh_factor": 1, "empty_bands": 1.0}
_MARGIN_EV = 2.0
_FINITE = ("eigenvalues_eV", "occupations", "projections", "site_potentials_eV", "fermi_eV")


def read_gpw(
    path: Path | str,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
    grid: DosGrid | None = None,
) -> ProjectedDos:
    """Read the levels of a ``.gpw`` file and broaden them.

    GPAW itself reads the file, so that it has to be installed.

    Parameters
    ----------
    path : Path or str
        Written with projections (GPAW's default), with or without wave functions.
    elements : tuple of str, optional
        Keep the projections on these elements only; all if not given.
    orbitals : tuple of str, optional
        Keep the projections on these orbitals only; all if not given.
    grid : DosGrid, optional
        Range, step and width; by default all levels, steps of 0.02 eV, Gaussians of 0.1 eV.

    Returns
    -------
    ProjectedDos
        Sums over all sites and orbitals are there whatever is kept.

    Raises
    ------
    SulfoxError
        SFX-302 without GPAW; SFX-407 for a missing file; SFX-311 for a truncated or damaged
        one; SFX-312 for a file that is not GPAW's or not of plain Kohn-Sham states; SFX-313
        for one without projections and wave functions; SFX-314 for numbers not finite.
    """
    path = Path(path)
    parameters = _check_content(path)
    check_installation()
    atoms, levels, version = _load(path)
    for name in _FINITE:
        if not np.isfinite(getattr(levels, name)).all():
            raise _error("SFX-314", path, f"{name} that are not finite", "finite numbers")
    smearing = dict(parameters.get("occupations") or {}).get("width")
    dos = broaden(
        levels,
        StructureRecord.from_ase(atoms),
        grid or _whole_range(levels),
        smearing_eV=smearing,
        code=f"GPAW {version}".strip(),
        level_of_theory=_method(parameters, version),
    )
    return _kept(dos, elements, orbitals)


def _check_content(path: Path) -> Mapping[str, Any]:
    """Look into the file without GPAW; return its input parameters."""
    from ase.io import ulm

    if not path.is_file():
        raise _error("SFX-407", path, "no such file", "a .gpw file", "check the path")
    with path.open("rb") as stream:
        if stream.read(8) != b"- of Ulm":
            found = "an empty file" if path.stat().st_size == 0 else "not a file of GPAW"
            raise _error("SFX-312", path, found, "a .gpw file that GPAW wrote")
    try:
        with ulm.open(path) as reader:
            tag = reader.get_tag().lower()
            states = reader.wave_functions if "wave_functions" in reader else None
            parameters = reader.parameters.asdict() if "parameters" in reader else {}
            has_projections = states is not None and "projections" in states
            dimensions = 0 if states is None else len(states.eigenvalues.shape)
    except (OSError, ValueError, KeyError, AttributeError, IndexError, struct.error) as error:
        found = f"damaged or truncated content ({type(error).__name__}: {error})"
        raise _error("SFX-311", path, found, "a whole file", "copy the file again") from error
    if tag != "gpaw" or states is None:
        raise _error("SFX-312", path, f"a file of type {tag!r}", "a .gpw file that GPAW wrote")
    if dimensions != 3:
        raise _error("SFX-312", path, "non-collinear spinors", "collinear states")
    if not has_projections:
        raise _error(
            "SFX-313",
            path,
            "no PAW projections (written with include_projections=False)",
            "projections of the states",
            "write it with calc.write('states.gpw')",
        )
    return dict(parameters)


def _load(path: Path) -> tuple[Any, LevelTable, str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import gpaw
            from gpaw.dft import GPAW

            calculator = GPAW(str(path), txt=None)
            atoms = calculator.get_atoms()
            return atoms, levels_of_calculator(calculator), str(gpaw.__version__)
    except ImportError as error:
        raise SulfoxError(
            "SFX-302",
            who=str(path),
            found=f"GPAW cannot be imported ({error})",
            expected="a working GPAW, which reads its own files",
            next_step="run: make gpaw",
        ) from error
    except Exception as error:  # GPAW raises whatever its layers raise
        found = f"content that GPAW cannot read ({type(error).__name__}: {error})"
        raise _error("SFX-311", path, found, "a whole file of GPAW 20 or newer") from error


def _whole_range(levels: LevelTable) -> DosGrid:
    relative = levels.eigenvalues_eV - levels.fermi_eV
    below = max(math.ceil(-float(relative.min()) + _MARGIN_EV), 1)
    above = max(math.ceil(float(relative.max()) + _MARGIN_EV), 1)
    return DosGrid(below_eV=below, above_eV=above, **_GRID)


def _method(parameters: Mapping[str, Any], version: str) -> str:
    functional = parameters.get("xc", "LDA")
    name = functional if isinstance(functional, str) else str(dict(functional).get("name"))
    setups = parameters.get("setups") or {}
    terms = ", ".join(
        f"{element} {text}" for element, text in sorted(dict(setups).items()) if ":" in str(text)
    )
    mode = parameters.get("mode") or {}
    cutoff = dict(mode).get("ecut") if not isinstance(mode, str) else None
    at_cutoff = f", {cutoff:g} eV" if cutoff else ""
    plus_u = f"+U ({terms})" if terms else ""
    return f"{name}{plus_u}{at_cutoff} (GPAW file, read with GPAW {version})"


def _kept(
    dos: ProjectedDos, elements: tuple[str, ...] | None, orbitals: tuple[str, ...] | None
) -> ProjectedDos:
    sites = tuple(s for s in dos.sites if elements is None or dos.species[s] in elements)
    columns = [i for i, o in enumerate(dos.orbitals) if orbitals is None or o in orbitals]
    return replace(
        dos,
        densities=dos.densities[list(sites)][:, columns],
        sites=sites,
        orbitals=tuple(dos.orbitals[i] for i in columns),
    )


def _error(
    code: str, path: Path, found: str, expected: str, next_step: str = "give another file"
) -> SulfoxError:
    return SulfoxError(code, who=str(path), found=found, expected=expected, next_step=next_step)
