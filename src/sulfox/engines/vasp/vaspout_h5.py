"""VASP's ``vaspout.h5`` (6.4 and newer): the same states as in a vasprun.xml, read by slices.

The layout is the one that py4vasp reads (https://www.vasp.at/py4vasp/latest): densities
in ``results/electron_dos``, eigenvalues in ``results/electron_eigenvalues``, atoms in
``results/positions``, the last ionic step in ``intermediate/ion_dynamics``. Tried on files of
VASP 6.4.1 with and without spin polarisation; not yet on a non-collinear one.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.engines.vasp.dos_tables import (
    DosTables,
    damaged,
    no_projection,
    orbital_letter,
    require_finite,
)
from sulfox.engines.vasp.method_label import method_label

if TYPE_CHECKING:
    import h5py

__all__ = ["parse_vaspout"]

_DOS = "results/electron_dos"
_EIGEN = "results/electron_eigenvalues"
_POSITIONS = "results/positions"
_LAST_STEP = "intermediate/ion_dynamics"
#: Components of a density -> spin channels.
_SPINS = {1: 1, 2: 2, 4: 1}
_NON_COLLINEAR = 4
#: Tags that say yes or no: VASP stores them as 1 and 0.
_LOGICAL = ("LDAU", "LHFCALC", "LNONCOLLINEAR", "LSORBIT")


def parse_vaspout(
    stream: IO[bytes],
    path: Path,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read the density of states of a ``vaspout.h5``; one atom's projections at a time.

    Parameters
    ----------
    stream : binary file
        Its content, unpacked.
    path : Path
        Where it lies, for messages.
    elements, orbitals : tuple of str, optional
        What is kept of the projections; all if not given.

    Returns
    -------
    ProjectedDos
        With the eigenvalues and the structure of the last ionic step.

    Raises
    ------
    SulfoxError
        SFX-311 if the file is truncated, damaged or of another layout, SFX-313 without a
        density of states or its projections, SFX-314 for numbers that are not finite.
    """
    who = str(path)
    with _opened(stream, who) as file:
        try:
            return _read(file, who, elements, orbitals)
        except (KeyError, OSError, RuntimeError, ValueError, TypeError, IndexError) as error:
            text = " ".join(str(error).split())[:160]
            raise damaged(who, f"content of another layout ({text})", "a vaspout.h5") from None


@contextmanager
def _opened(stream: IO[bytes], who: str) -> Iterator[h5py.File]:
    """HDF5 needs random access: a packed file is unpacked to a temporary one first."""
    import h5py

    with tempfile.TemporaryFile() as unpacked:
        source: IO[bytes] = stream
        if type(stream).__module__ in ("gzip", "lzma", "bz2"):
            shutil.copyfileobj(stream, unpacked, 1 << 20)
            unpacked.seek(0)
            source = unpacked
        try:
            file = h5py.File(source, "r")
        except OSError as error:
            raise damaged(who, f"HDF5 that cannot be opened ({error})", "a whole file") from None
        with file:
            yield file


def _read(
    file: h5py.File,
    who: str,
    elements: tuple[str, ...] | None,
    orbitals: tuple[str, ...] | None,
) -> ProjectedDos:
    if f"{_DOS}/energies" not in file:
        raise no_projection(who, "no density of states")
    if f"{_DOS}/dospar" not in file:
        raise no_projection(who, "a density of states without projections")
    cells = [_text(name) for name in file[f"{_POSITIONS}/ion_types"][()]]
    types = [cell.split("/")[0].split("_")[0] for cell in cells]  # Li, Li_sv, Li/4a0f...
    counts = [int(count) for count in file[f"{_POSITIONS}/number_ion_types"][()]]
    species = [symbol for symbol, n in zip(types, counts, strict=True) for _ in range(n)]
    tables = DosTables(who, species, float(file[f"{_DOS}/efermi"][()]), elements, orbitals)
    energies = _finite(file[f"{_DOS}/energies"], who, "the energies")
    total = _finite(file[f"{_DOS}/dos"], who, "the total density")
    for spin in total[: _n_spins(len(total), who)]:
        tables.add_total(energies, spin)
    if len(total) == _NON_COLLINEAR:
        tables.leave_magnetisation_out()
    _add_projections(tables, file, energies)
    lattice, fractional = _structure(file)
    settings = _settings(file)
    version = ".".join(
        str(int(file[f"version/{part}"][()]))
        for part in ("major", "minor", "patch")
        if f"version/{part}" in file
    )
    smearing = settings.get("SIGMA") if int(settings.get("ISMEAR", "1")) >= -1 else None
    dos = replace(
        tables.arrays(),
        lattice_A=lattice,
        fractional=fractional,
        smearing_eV=None if smearing is None else float(smearing),
        code=f"VASP {version}".strip(),
        level_of_theory=method_label(settings, types, _potential(file), version),
    )
    return _with_eigenvalues(dos, file, settings)


def _n_spins(components: int, who: str) -> int:
    """Spin channels among the components: of four, the first is the density, the rest moments."""
    if components not in _SPINS:
        raise damaged(who, f"{components} components of the total density", "1, 2 or 4")
    return _SPINS[components]


def _add_projections(tables: DosTables, file: h5py.File, energies: FloatArray) -> None:
    """Take ``dospar``: (components, ions, orbitals, energies).

    There are as many names of orbitals as VASP knows, more than the columns of a run without f
    electrons.
    """
    projections = file[f"{_DOS}/dospar"]
    components, n_ions, n_orbitals, _ = projections.shape
    if _n_spins(components, tables.who) != tables.n_spins or n_ions != len(tables.species):
        found = f"projections of {components} components and {n_ions} ions"
        raise damaged(tables.who, found, f"{tables.n_spins} spins, {len(tables.species)} ions")
    names = [_text(name) for name in file["results/projectors/lchar"][()]]
    if len(names) < n_orbitals:
        raise damaged(tables.who, f"{len(names)} names of orbitals", f"{n_orbitals} or more")
    tables.start_projections([orbital_letter(name) for name in names[:n_orbitals]])
    for site in range(n_ions):
        what = f"the projections of ion {site + 1}"
        of_site = _finite(projections[: tables.n_spins, site], tables.who, what)
        for spin in range(tables.n_spins):
            tables.add_projection(site, spin, energies, of_site[spin].T)


def _with_eigenvalues(dos: ProjectedDos, file: h5py.File, settings: dict[str, str]) -> ProjectedDos:
    if f"{_EIGEN}/eigenvalues" not in file or f"{_EIGEN}/fermiweights" not in file:
        return dos
    eigenvalues = np.asarray(file[f"{_EIGEN}/eigenvalues"][()], dtype=float)
    occupations = np.asarray(file[f"{_EIGEN}/fermiweights"][()], dtype=float)
    if occupations.max(initial=0.0) > 1.5:
        occupations = occupations / 2
    weights = np.asarray(file[f"{_EIGEN}/kpoints_symmetry_weight"][()], dtype=float)
    weights = weights / weights.sum()
    one_each = dos.is_spin_polarized or any(
        settings.get(tag, "F").strip(" .").upper().startswith("T")
        for tag in ("LNONCOLLINEAR", "LSORBIT")
    )
    per_state = 1.0 if one_each or len(file[f"{_DOS}/dos"]) == _NON_COLLINEAR else 2.0
    return replace(
        dos,
        eigenvalues_eV=eigenvalues,
        occupations=occupations,
        k_weights=weights,
        n_electrons=per_state * float(np.einsum("skb,k->", occupations, weights)),
    )


def _structure(file: h5py.File) -> tuple[FloatArray, FloatArray]:
    group, pick = (_LAST_STEP, -1) if f"{_LAST_STEP}/position_ions" in file else (_POSITIONS, ())
    scale = float(np.ravel(file[f"{group}/scale"][()])[0]) if f"{group}/scale" in file else 1.0
    lattice = np.asarray(file[f"{group}/lattice_vectors"][pick], dtype=float)
    if scale < 0:  # a volume, as in a POSCAR
        scale = (-scale / abs(np.linalg.det(lattice))) ** (1 / 3)
    fractional = np.asarray(file[f"{group}/position_ions"][pick], dtype=float)
    return scale * lattice, fractional


def _settings(file: h5py.File) -> dict[str, str]:
    if "input/incar" not in file:
        return {}
    tags = {}
    for tag, value in file["input/incar"].items():
        content = value[()]
        cells = np.ravel(content).tolist() if isinstance(content, np.ndarray) else [content]
        text = " ".join(_text(cell) for cell in cells).strip()
        tags[tag.upper()] = {"1": "T", "0": "F"}.get(text, text) if tag in _LOGICAL else text
    return tags


def _potential(file: h5py.File) -> str:
    """Name of the first pseudopotential; the rest of that text is not looked at."""
    if "input/potcar/content" not in file:
        return ""
    return _text(file["input/potcar/content"][()]).lstrip()[:40]


def _text(value: Any) -> str:
    return value.decode("latin-1").strip() if isinstance(value, bytes) else str(value).strip()


def _finite(values: Any, who: str, what: str) -> FloatArray:
    table = np.asarray(values, dtype=float)
    require_finite(table, who, what)
    return table
