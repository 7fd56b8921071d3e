"""Densities of states as VASP's files give them: table after table, site after site."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.errors import SulfoxError
from sulfox.trajectories.files.fixed_columns import parse_fixed_columns

__all__ = [
    "NON_COLLINEAR",
    "DosTables",
    "damaged",
    "no_projection",
    "orbital_letter",
    "parse_table",
    "require_finite",
]

#: Remark on a run whose projections have four parts.
NON_COLLINEAR = (
    "a non-collinear run: each projection has four parts, the density and its magnetisation along "
    "x, y and z; only the density counts states, and only it is summed up. pymatgen adds m_z, the "
    "last part, as a second spin where the total density has one part: its centres then differ"
)
#: Two energies of the same grid, printed with few digits, may differ by this part of a step.
_SAME_ENERGY = 0.2
#: Characters from which reading all rows at once is quicker.
_LARGE_TABLE = 5000


def damaged(who: str, found: str, expected: str) -> SulfoxError:
    """Make the error for a file that is truncated or damaged.

    Parameters
    ----------
    who, found, expected : str
        As in :class:`sulfox.errors.SulfoxError`.

    Returns
    -------
    SulfoxError
        SFX-311.
    """
    return SulfoxError(
        "SFX-311",
        who=who,
        found=found,
        expected=expected,
        next_step="copy the file again; if the run stopped early, finish it first",
    )


def no_projection(who: str, found: str) -> SulfoxError:
    """Make the error for a file without projections.

    Parameters
    ----------
    who, found : str
        As in :class:`sulfox.errors.SulfoxError`.

    Returns
    -------
    SulfoxError
        SFX-313.
    """
    return SulfoxError(
        "SFX-313",
        who=who,
        found=found,
        expected="a density of states projected on sites and orbitals",
        next_step="run VASP again with LORBIT = 11 (a static run from the CHGCAR is enough)",
    )


def orbital_letter(field: str) -> str:
    """Letter of an orbital: ``"p"`` for ``py``; ``"d"`` for ``x2-y2``, as newer versions name it.

    Parameters
    ----------
    field : str
        Name of a column.

    Returns
    -------
    str
        ``"s"``, ``"p"``, ``"d"``, ``"f"``, or the name itself if it is none of them.
    """
    name = field.strip().lower()
    return "d" if name.startswith("x2") else name[:1] if name[:1] in "spdf" else name


def parse_table(text: str, n_columns: int, who: str, what: str) -> FloatArray:
    """Read numbers parted by blanks, with or without the marks of rows (``<r>``).

    Parameters
    ----------
    text : str
        The table's text.
    n_columns : int
        Numbers in a row.
    who, what : str
        Name of the file and of the table, for messages.

    Returns
    -------
    ndarray, shape (n_rows, n_columns)
        At least one row.

    Raises
    ------
    SulfoxError
        SFX-311 for words that are not numbers or a row that is not whole, SFX-314 for
        numbers that are not finite.
    """
    if len(text) > _LARGE_TABLE:
        # rows may end in blanks; only what stands after the last line's end is indentation
        rows, _, rest = text.strip("\r\n").rpartition("\n")
        whole = f"{rows}\n{rest}\n" if rest.strip() else f"{rows}\n"
        raw = whole.encode("latin-1", errors="replace")
        if (table := parse_fixed_columns(raw, n_columns)) is not None:
            return table
    text = text.replace("<r>", " ").replace("</r>", " ")
    try:
        values = np.empty(0) if not text or text.isspace() else np.fromstring(text, sep=" ")
    except ValueError:
        raise _not_numbers(text, who, what) from None
    if values.size == 0 or values.size % n_columns:
        raise damaged(who, f"{values.size} numbers in {what}", f"whole rows of {n_columns}")
    require_finite(values, who, what)
    return values.reshape(-1, n_columns)


def require_finite(values: FloatArray, who: str, what: str) -> None:
    """Refuse numbers that are not finite.

    Parameters
    ----------
    values : ndarray
        Of any shape.
    who, what : str
        Name of the file and of the table, for messages.

    Raises
    ------
    SulfoxError
        SFX-314
    """
    if not np.isfinite(values).all():
        raise _not_finite(who, what)


def _not_numbers(text: str, who: str, what: str) -> SulfoxError:
    for word in text.split():
        try:
            float(word)
        except ValueError:
            if "*" in word:
                return _not_finite(who, what, word)
            return damaged(who, f"{word[:40]!r} in {what}", "numbers")
    return damaged(who, f"words that are not numbers in {what}", "numbers")


def _not_finite(who: str, what: str, word: str = "nan or inf") -> SulfoxError:
    return SulfoxError(
        "SFX-314",
        who=who,
        found=f"{word[:40]} in {what}",
        expected="finite numbers",
        next_step="find out what the run did there; such a density of states cannot be used",
    )


class DosTables:
    """Gathers one density of states: keeps what is wanted, sums up the rest.

    Parameters
    ----------
    who : str
        Name of the file, for messages.
    species : sequence of str
        (n_sites,) element symbols.
    fermi_eV : float
        Fermi level [eV].
    elements, orbitals : tuple of str or None
        What is kept of the projections; None for all.
    """

    def __init__(
        self,
        who: str,
        species: Sequence[str],
        fermi_eV: float,
        elements: tuple[str, ...] | None = None,
        orbitals: tuple[str, ...] | None = None,
    ) -> None:
        self.who = who
        self.species = tuple(species)
        self.fermi_eV = fermi_eV
        self.energies = np.empty(0)
        self.orbitals: tuple[str, ...] = ()
        self._remarks: tuple[str, ...] = ()
        self._wanted_orbitals = orbitals
        self._kept = tuple(
            site
            for site, element in enumerate(self.species)
            if elements is None or element in elements
        )
        self._row = {site: row for row, site in enumerate(self._kept)}
        self._columns: list[list[int]] = []
        self._total: list[FloatArray] = []
        self._projected = np.empty((0, 0))
        self._densities = np.empty((0, 0, 0, 0))
        self._electrons = np.empty((0, 0))
        self._seen = np.zeros((0, 0), dtype=bool)

    @property
    def n_spins(self) -> int:
        """Spin channels of the total density of states."""
        return len(self._total)

    def add_total(self, energies: FloatArray, density: FloatArray) -> None:
        """Take one spin channel of the total; of four parts, a magnetisation's, only the first.

        Parameters
        ----------
        energies, density : ndarray, shape (n_energies,)
            [eV], [1/eV]
        """
        if self._remarks or self.n_spins == 2:
            del self._total[1:]
            self.leave_magnetisation_out()
            return
        if self._total:
            self._check_grid(energies, "the total of spin 2")
        elif len(energies) < 2 or not (np.diff(energies) > 0).all():
            raise damaged(self.who, "energies that do not ascend", "an ascending grid")
        else:
            self.energies = energies.copy()
        self._total.append(density.copy())

    def start_projections(self, letters: Sequence[str]) -> None:
        """Take the heads of the projections.

        Parameters
        ----------
        letters : sequence of str
            Orbital letter of each column.
        """
        if not self._total:
            raise damaged(self.who, "projections without a total", "the total before them")
        unknown = sorted(set(letters) - set("spdf"))
        if unknown or not letters:
            raise damaged(self.who, f"projections named {unknown}", "s, p, d or f orbitals")
        present = [letter for letter in "spdf" if letter in letters]
        wanted = self._wanted_orbitals
        self.orbitals = tuple(o for o in present if wanted is None or o in wanted)
        self._columns = [[c for c, o in enumerate(letters) if o == kept] for kept in self.orbitals]
        shape = (self.n_spins, self.energies.size)
        self._projected = np.zeros(shape)
        self._densities = np.zeros((len(self._kept), len(self.orbitals), *shape))
        self._electrons = np.zeros((len(self.species), self.n_spins))
        self._seen = np.zeros((len(self.species), self.n_spins), dtype=bool)

    def leave_magnetisation_out(self) -> None:
        """Note that the file has a magnetisation beside each density, which is not taken."""
        self._remarks = (NON_COLLINEAR,)

    def add_projection(self, site: int, spin: int, energies: FloatArray, table: FloatArray) -> None:
        """Take the projections on one site, of one spin.

        Parameters
        ----------
        site, spin : int
            From 0.
        energies : ndarray, shape (n_energies,)
            [eV]
        table : ndarray, shape (n_energies, n_columns)
            [1/eV]
        """
        what = f"the projections of ion {site + 1}, spin {spin + 1}"
        if site >= len(self.species):
            raise damaged(self.who, what, f"only {len(self.species)} ions")
        self._check_grid(energies, what)
        every = table.sum(axis=1)
        self._projected[spin] += every
        occupied = self.energies <= self.fermi_eV
        self._electrons[site, spin] = np.trapezoid(every[occupied], self.energies[occupied])
        self._seen[site, spin] = True
        row = self._row.get(site)
        if row is not None:
            for k, columns in enumerate(self._columns):
                self._densities[row, k, spin] = table[:, columns].sum(axis=1)

    def _check_grid(self, energies: FloatArray, what: str) -> None:
        if energies.shape != self.energies.shape:
            raise damaged(
                self.who, f"{energies.size} energies in {what}", f"{self.energies.size} energies"
            )
        step = float(np.diff(self.energies).max())
        if np.abs(energies - self.energies).max() > max(_SAME_ENERGY * step, 1e-3):
            raise damaged(self.who, f"other energies in {what}", "those of the total")

    def arrays(self) -> ProjectedDos:
        """Hand on what was gathered.

        Returns
        -------
        ProjectedDos
            Without structure and eigenvalues.

        Raises
        ------
        SulfoxError
            SFX-313 without projections; SFX-311 if a site misses.
        """
        if not self._seen.size:
            raise no_projection(self.who, "a density of states without projections")
        if not self._seen.all():
            site, spin = (int(k) + 1 for k in np.argwhere(~self._seen)[0])
            raise damaged(self.who, f"no projections of ion {site}, spin {spin}", "every ion's")
        return ProjectedDos(
            energies_eV=self.energies,
            fermi_eV=self.fermi_eV,
            total=np.stack(self._total),
            projected=self._projected,
            densities=self._densities,
            sites=self._kept,
            orbitals=self.orbitals,
            species=self.species,
            site_electrons=self._electrons,
            engine="vasp",
            code="VASP",
            remarks=self._remarks,
        )
