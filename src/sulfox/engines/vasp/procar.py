"""VASP's PROCAR: levels with their projections, made into a density of states.

A PROCAR holds for each k-point and band an energy, an occupation and the projections on
every ion (https://www.vasp.at/wiki/index.php/PROCAR). Each level becomes a Gaussian with the
weight of its k-point, on the energies of the DOSCAR beside it. That is not VASP's own density
of states where that one was made by tetrahedra: centres of whole bands agree, edges are
broadened. Fermi level and energies are the DOSCAR's, its densities are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.engines.vasp.dos_tables import (
    NON_COLLINEAR,
    damaged,
    no_projection,
    orbital_letter,
    parse_table,
)
from sulfox.engines.vasp.doscar import parse_doscar_head, structure_beside
from sulfox.engines.vasp.run_folder import find_beside, open_packed
from sulfox.errors import SulfoxError

__all__ = ["parse_procar"]

_COUNTS = re.compile(r"# of k-points:\s*(\d+)\s*# of bands:\s*(\d+)\s*# of ions:\s*(\d+)")
_K_POINT = re.compile(r"k-point\s*\d+\s*:.*weight\s*=\s*(\S+)")
_BAND = re.compile(r"band\s*\d+\s*# energy\s*(\S+)\s*# occ\.\s*(\S+)")
_BROADENING_EV = 0.05
_REACH = 6.0  # standard deviations


def parse_procar(
    stream: IO[bytes],
    path: Path,
    elements: tuple[str, ...] | None = None,
    orbitals: tuple[str, ...] | None = None,
) -> ProjectedDos:
    """Read a PROCAR, one level at a time.

    Parameters
    ----------
    stream : binary file
        Its text.
    path : Path
        Where it lies: beside it DOSCAR (Fermi level, energies) and CONTCAR or POSCAR.
    elements, orbitals : tuple of str, optional
        What is kept of the projections; all if not given.

    Returns
    -------
    ProjectedDos
        Its level of theory says how wide the Gaussians are.

    Raises
    ------
    SulfoxError
        SFX-311 if the file is truncated or damaged or belongs to other atoms, SFX-313
        without ions, SFX-316 without a DOSCAR, SFX-407 without a CONTCAR or POSCAR.
    """
    who = str(path)
    species, lattice, fractional = structure_beside(path)
    grid, fermi_eV = _grid(path)
    lines = (line.decode("latin-1") for line in stream)
    if "PROCAR" not in next(lines, ""):
        raise damaged(who, "a first line of another file", "the head of a PROCAR")
    levels = _Levels(who, species, grid, elements, orbitals)
    for line in lines:
        if match := _COUNTS.search(line):
            levels.start_spin(*(int(count) for count in match.groups()))
        elif match := _K_POINT.search(line):
            levels.start_k_point(match[1])
        elif match := _BAND.search(line):
            levels.start_band(match[1], match[2])
        elif line.startswith("ion "):
            levels.take_ions(line.split()[1:], lines)
        elif line.split(maxsplit=1)[:1] == ["1"]:
            levels.leave_table_out()
    return levels.density(fermi_eV, lattice, fractional)


def _grid(path: Path) -> tuple[FloatArray, float]:
    doscar = find_beside(path, "DOSCAR")
    if doscar is None:
        raise SulfoxError(
            "SFX-316",
            who=str(path),
            found="no DOSCAR beside it",
            expected="one: a PROCAR holds no Fermi level",
            next_step="copy the run's DOSCAR there, or give its vasprun.xml",
        )
    with open_packed(doscar) as stream:
        lines = (line.decode("latin-1") for line in stream)
        head = parse_doscar_head(lines, str(doscar))
        n_energies = head.n_energies
        rows = list(islice(lines, n_energies))
    n_columns = len(rows[0].split()) if rows else 0
    if len(rows) < n_energies or n_columns not in (3, 5):
        raise damaged(str(doscar), f"{len(rows)} rows of the total density", f"{n_energies} rows")
    printed = parse_table("".join(rows), n_columns, str(doscar), "the total density")[:, 0]
    energies = head.grid(printed)
    if len(energies) < 2 or not (np.diff(energies) > 0).all():
        raise damaged(str(doscar), "energies that do not ascend", "an ascending grid")
    return energies, head.fermi_eV


class _Levels:
    """Gathers the levels of a PROCAR on a grid of energies."""

    def __init__(
        self,
        who: str,
        species: tuple[str, ...],
        grid: FloatArray,
        elements: tuple[str, ...] | None,
        orbitals: tuple[str, ...] | None,
    ) -> None:
        self.who = who
        self.species = species
        self.grid = grid
        self.kept = [s for s, e in enumerate(species) if elements is None or e in elements]
        self.wanted = orbitals
        self.width = max(_BROADENING_EV, 1.5 * float(np.diff(grid).max()))
        self.orbitals: tuple[str, ...] = ()
        self.shape = (0, 0)
        self.columns: list[list[int]] = []
        self.energies: list[list[float]] = []
        self.occupations: list[list[float]] = []
        self.weights: list[float] = []
        self.weight = 0.0
        self.repeats = 0
        self.is_collinear = True
        self.n_tables = 0
        self.total: list[FloatArray] = []
        self.projected: list[FloatArray] = []
        self.densities: list[FloatArray] = []
        self.electrons: list[FloatArray] = []

    def start_spin(self, n_kpoints: int, n_bands: int, n_ions: int) -> None:
        if n_ions == 0:
            raise no_projection(self.who, "a PROCAR without ions")
        if n_ions != len(self.species):
            raise damaged(self.who, f"{n_ions} ions", f"the {len(self.species)} of the structure")
        if self.total:
            self._check_whole()
        if len(self.total) == 2 or (self.total and self.shape != (n_kpoints, n_bands)):
            raise damaged(self.who, "more than two spins, or other k-points", "one head a spin")
        self.shape = (n_kpoints, n_bands)
        self.energies.append([])
        self.occupations.append([])
        self.weights = []
        self.n_tables = 0
        self.total.append(np.zeros(self.grid.size))
        self.projected.append(np.zeros(self.grid.size))
        self.electrons.append(np.zeros(n_ions))

    def start_k_point(self, weight: str) -> None:
        self.weight = self._number(weight)
        self.weights.append(self.weight)

    def start_band(self, energy: str, occupation: str) -> None:
        if not self.total or not self.weights:
            raise damaged(self.who, "a band before its k-point", "the head of a PROCAR first")
        self.energies[-1].append(self._number(energy))
        self.occupations[-1].append(self._number(occupation))
        self.repeats = 0

    def take_ions(self, names: list[str], lines: Iterator[str]) -> None:
        """Take the table of the level opened last; phases and magnetisations are left out."""
        self.repeats += 1
        if self.repeats > 1 or not self.energies or not self.energies[-1]:
            return
        rows = list(islice(lines, len(self.species)))
        if len(rows) < len(self.species) or not rows[-1].endswith("\n"):
            raise damaged(self.who, "a table that breaks off", f"{len(self.species)} whole rows")
        table = parse_table("".join(rows), len(names) + 1, self.who, "projections")[:, 1:]
        letters = [orbital_letter(name) for name in names if name != "tot"]
        self._start_orbitals(letters)
        self._add(table[:, : len(letters)])

    def leave_table_out(self) -> None:
        """Note a table without a head, behind that of the density: its magnetisation."""
        self.is_collinear &= self.repeats != 1

    def _start_orbitals(self, letters: list[str]) -> None:
        if not self.columns:
            if set(letters) - set("spdf") or not letters:
                raise damaged(self.who, f"projections named {letters}", "s, p, d or f orbitals")
            present = [o for o in "spdf" if o in letters]
            self.orbitals = tuple(o for o in present if self.wanted is None or o in self.wanted)
            self.columns = [[c for c, o in enumerate(letters) if o == k] for k in self.orbitals]
        if len(self.densities) < len(self.total):
            shape = (len(self.kept), len(self.orbitals), self.grid.size)
            self.densities.append(np.zeros(shape))

    def _add(self, table: FloatArray) -> None:
        self.n_tables += 1
        energy, filled = self.energies[-1][-1], self.occupations[-1][-1]
        reach = _REACH * self.width
        low, high = np.searchsorted(self.grid, (energy - reach, energy + reach))
        x = (self.grid[low:high] - energy) / self.width
        peak = np.exp(-0.5 * x**2) * (self.weight / (self.width * np.sqrt(2 * np.pi)))
        every = table.sum(axis=1)
        self.total[-1][low:high] += peak
        self.projected[-1][low:high] += every.sum() * peak
        self.electrons[-1] += self.weight * filled * every
        for k, columns in enumerate(self.columns):
            amounts = table[self.kept][:, columns].sum(axis=1)
            self.densities[-1][:, k, low:high] += amounts[:, None] * peak

    def _number(self, text: str) -> float:
        return float(parse_table(text, 1, self.who, "the head of a level")[0, 0])

    def _check_whole(self) -> None:
        n_kpoints, n_bands = self.shape
        found = len(self.energies[-1]) if self.energies else 0
        whole = found == self.n_tables == n_kpoints * n_bands and len(self.weights) == n_kpoints
        if not found or not whole:
            found_text = f"{found} levels, {self.n_tables} of them with projections"
            raise damaged(self.who, found_text, f"{n_kpoints * n_bands} levels")

    def density(self, fermi_eV: float, lattice: FloatArray, fractional: FloatArray) -> ProjectedDos:
        self._check_whole()
        n_spins = len(self.total)
        occupations = np.array(self.occupations).reshape(n_spins, *self.shape)
        # without spin a filled level is printed as 2 electrons; non-collinear ones hold one
        per_state = 2.0 if occupations.max() > 1.5 else 1.0
        weights = np.array(self.weights)
        electrons = np.einsum("skb,k->", occupations, weights / weights.sum())
        return ProjectedDos(
            energies_eV=self.grid,
            fermi_eV=fermi_eV,
            total=per_state * np.stack(self.total),
            projected=per_state * np.stack(self.projected),
            densities=per_state * np.stack(self.densities, axis=2),
            sites=tuple(self.kept),
            orbitals=self.orbitals,
            species=self.species,
            lattice_A=lattice,
            fractional=fractional,
            site_electrons=np.stack(self.electrons, axis=1),
            eigenvalues_eV=np.array(self.energies).reshape(n_spins, *self.shape),
            occupations=occupations / per_state,
            k_weights=weights / weights.sum(),
            n_electrons=float(electrons),
            engine="vasp",
            code="VASP",
            level_of_theory=(
                f"not known (a PROCAR, its levels broadened by Gaussians of {self.width:.3g} eV)"
            ),
            remarks=() if self.is_collinear else (NON_COLLINEAR,),
        )
