"""VASP's DOSCAR, with the structure and the eigenvalues from the files beside it.

Format: https://www.vasp.at/wiki/index.php/DOSCAR and https://www.vasp.at/wiki/index.php/EIGENVAL.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.engines.vasp.dos_tables import DosTables, damaged, no_projection, parse_table
from sulfox.engines.vasp.run_folder import find_beside, open_packed
from sulfox.errors import SulfoxError

__all__ = ["DoscarHead", "parse_doscar", "parse_doscar_head", "structure_beside"]

_HEAD_LINES = 5
#: Columns per spin -> letters: summed over m (LORBIT 10) or not (LORBIT 11).
_LETTERS = {3: "spd", 4: "spdf", 9: "s" + 3 * "p" + 5 * "d", 16: "s" + 3 * "p" + 5 * "d" + 7 * "f"}


#: Energies are printed with three decimals: two of a dense grid may look the same.
_ROUNDED_EV = 6e-4


class DoscarHead(NamedTuple):
    """What the head of a DOSCAR says.

    Attributes
    ----------
    n_energies : int
        Rows of each table.
    fermi_eV, low_eV, high_eV : float
        Fermi level and bounds of the grid [eV].
    """

    n_energies: int
    fermi_eV: float
    low_eV: float
    high_eV: float

    def grid(self, printed: FloatArray) -> FloatArray:
        """Give the energies with all their digits.

        Parameters
        ----------
        printed : ndarray, shape (n_energies,)
            As the rows have them [eV].

        Returns
        -------
        ndarray, shape (n_energies,)
            From the bounds, where the rows are these energies rounded; else as printed [eV].
        """
        even = np.linspace(self.low_eV, self.high_eV, len(printed))
        return even if np.abs(even - printed).max(initial=0.0) < _ROUNDED_EV else printed


def parse_doscar(
    stream: IO[bytes],
    path: Path,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read a DOSCAR.

    Parameters
    ----------
    stream : binary file
        Its text.
    path : Path
        Where it lies: beside it CONTCAR or POSCAR, which name the atoms, and EIGENVAL.
    elements, orbitals : tuple of str, optional
        What is kept of the projections; all if not given.

    Returns
    -------
    ProjectedDos
        Eigenvalues are None without an EIGENVAL that holds occupations.

    Raises
    ------
    SulfoxError
        SFX-311 if the file is truncated or damaged or belongs to other atoms, SFX-313
        without projections, SFX-314 for numbers that are not finite, SFX-407 without a
        CONTCAR or POSCAR.
    """
    who = str(path)
    lines = (line.decode("latin-1") for line in stream)
    head = parse_doscar_head(lines, who)
    n_energies = head.n_energies
    species, lattice, fractional = structure_beside(path)
    tables = DosTables(who, species, head.fermi_eV, elements, orbitals)
    total = _block(lines, n_energies, who, "the total density")
    n_spins = {3: 1, 5: 2}.get(total.shape[1], 0)
    if not n_spins:
        raise damaged(who, f"{total.shape[1]} columns of the total", "3, or 5 with spin")
    for spin in range(n_spins):
        tables.add_total(head.grid(total[:, 0]), total[:, 1 + spin])
    for site in range(len(species)):
        header = next(lines, None)
        if header is not None and ";" in header:
            raise damaged(who, f"orbitals named in {header.strip()[-40:]!r}", "VASP's DOSCAR")
        if header is None:
            if site == 0:
                raise no_projection(who, "a density of states without projections")
            raise damaged(who, f"projections of {site} ions", f"of {len(species)} ions")
        _take_ion(tables, site, _block(lines, n_energies, who, f"ion {site + 1}"))
    if any(line.strip() for line in lines):
        raise damaged(who, f"more than the {len(species)} ions of the structure", "its end")
    dos = replace(tables.arrays(), lattice_A=lattice, fractional=fractional)
    eigenval = find_beside(path, "EIGENVAL")
    return dos if eigenval is None else _with_eigenvalues(dos, eigenval)


def parse_doscar_head(lines: Iterator[str], who: str) -> DoscarHead:
    """Read the first six lines of a DOSCAR.

    Parameters
    ----------
    lines : iterator of str
        At the start of the file; the total density follows.
    who : str
        Name of the file, for messages.

    Returns
    -------
    DoscarHead
        Size and bounds of the tables, Fermi level.

    Raises
    ------
    SulfoxError
        SFX-311 if they are not whole, SFX-312 for a DOSCAR of LOBSTER.
    """
    head = list(islice(lines, _HEAD_LINES))
    if head and "LOBSTER" in head[-1]:
        raise SulfoxError(
            "SFX-312",
            who=who,
            found="a DOSCAR that LOBSTER wrote: other orbitals, energies relative to E_F",
            expected="the DOSCAR that VASP wrote",
            next_step="give the vasprun.xml or the DOSCAR of the VASP run",
        )
    grid = next(lines, "").split()
    if len(head) < _HEAD_LINES or len(grid) < 4 or not grid[2].isdigit():
        raise damaged(who, "a head that is not whole", "6 lines, the last with NEDOS and E_F")
    bounds = parse_table(f"{grid[0]} {grid[1]} {grid[3]}", 3, who, "the line with NEDOS and E_F")
    high, low, fermi = bounds[0].tolist()
    return DoscarHead(int(grid[2]), fermi, low, high)


def _block(lines: Iterator[str], n_rows: int, who: str, what: str) -> FloatArray:
    rows = list(islice(lines, n_rows))
    if len(rows) < n_rows or not rows or not rows[-1].endswith("\n"):
        raise damaged(who, f"{len(rows)} rows of {what}", f"{n_rows} whole rows")
    n_columns = len(rows[0].split())
    if n_columns < 3 or any(len(row.split()) != n_columns for row in rows):
        raise damaged(who, f"rows of other lengths in {what}", "rows of one length")
    return parse_table("".join(rows), n_columns, who, what)


def _take_ion(tables: DosTables, site: int, block: FloatArray) -> None:
    n_columns = block.shape[1] - 1
    parts = tables.n_spins
    if parts == 1 and n_columns not in _LETTERS:
        parts = 4  # non-collinear: density and three components of its magnetisation
        tables.leave_magnetisation_out()
    letters = _LETTERS.get(n_columns // parts) if n_columns % parts == 0 else None
    if letters is None:
        raise damaged(tables.who, f"{n_columns} columns of ion {site + 1}", "3, 4, 9 or 16 a spin")
    if site == 0:
        tables.start_projections(letters)
    for spin in range(tables.n_spins):
        tables.add_projection(site, spin, block[:, 0], block[:, 1 + spin :: parts])


def structure_beside(path: Path) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Read the atoms from the CONTCAR or POSCAR of the same run.

    Parameters
    ----------
    path : Path
        A file of the run that does not name its atoms.

    Returns
    -------
    species : tuple of str
        (n_sites,) element symbols.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    fractional : ndarray, shape (n_sites, 3)
        Fractional coordinates.

    Raises
    ------
    SulfoxError
        SFX-407 if there is none, SFX-311 if it is no structure.
    """
    from ase.io.vasp import read_vasp

    for name in ("CONTCAR", "POSCAR"):
        beside = find_beside(path, name)
        if beside is not None:
            try:
                with open_packed(beside) as stream:
                    atoms = read_vasp(io.StringIO(stream.read().decode("latin-1")))
            except Exception as error:  # noqa: BLE001 - ASE raises anything on a broken file
                raise damaged(str(beside), f"not a structure ({error})", "a POSCAR") from None
            symbols = tuple(atoms.get_chemical_symbols())
            return symbols, atoms.cell.array, atoms.get_scaled_positions(wrap=False)
    raise SulfoxError(
        "SFX-407",
        who=str(path),
        found="neither CONTCAR nor POSCAR beside it",
        expected="one of them: this file does not name its atoms",
        next_step="copy the run's CONTCAR there, or give its vasprun.xml",
    )


def _with_eigenvalues(dos: ProjectedDos, path: Path) -> ProjectedDos:
    who = str(path)
    with open_packed(path) as stream:
        lines = (line.decode("latin-1") for line in stream)
        head = list(islice(lines, _HEAD_LINES + 1))
        counts = head[-1].split() if len(head) == _HEAD_LINES + 1 else []
        if len(counts) != 3 or not all(count.isdigit() for count in counts):
            raise damaged(
                who, "a head that is not whole", "electrons, k-points and bands in line 6"
            )
        n_electrons, n_kpoints, n_bands = (int(count) for count in counts)
        text = " ".join(lines)
    n_spins = 2 if dos.is_spin_polarized else 1
    per_kpoint = 4 + n_bands * (1 + 2 * n_spins)
    values = parse_table(text, 1, who, "the eigenvalues")[:, 0]
    if values.size == n_kpoints * (4 + n_bands * (1 + n_spins)):
        return dos  # written by a VASP before 5.4: without occupations
    if values.size != n_kpoints * per_kpoint:
        raise damaged(who, f"{values.size} numbers", f"{n_kpoints * per_kpoint}")
    table = values.reshape(n_kpoints, per_kpoint)
    bands = table[:, 4:].reshape(n_kpoints, n_bands, 1 + 2 * n_spins).transpose(2, 0, 1)
    return replace(
        dos,
        eigenvalues_eV=bands[1 : 1 + n_spins].copy(),
        occupations=bands[1 + n_spins :].copy(),
        k_weights=table[:, 3].copy(),
        n_electrons=float(n_electrons),
    )
