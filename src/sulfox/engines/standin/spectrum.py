"""A plainly synthetic electronic spectrum: an interatomic potential has no electrons.

Each orbital (s, p, d) of each atom is one band of its own, at a level chosen by element and
kind of orbital, with a cosine dispersion, a small shift by site and an exchange splitting
proportional to MAGMOM. The levels are filled with the electrons of the POTCARs. Nothing of it
is physics of the material; it is deterministic, gives every file its content, and reacts to
MAGMOM, NELECT, k-points, NBANDS, EMIN, EMAX and NEDOS as VASP's output does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sulfox.engines.standin.files.poscar import FloatArray

__all__ = ["LETTERS", "ORBITALS", "Spectrum", "SpectrumRequest", "make_spectrum"]

ORBITALS = ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "dx2")
LETTERS = "spppddddd"
_N_ORBITALS = 9
#: Levels [eV] of s, p, t2g and eg, by kind of element.
_ANION = (-13.0, -3.0, 14.0, 15.0)
_TRANSITION_METAL = (7.0, 11.0, -0.5, 2.0)
_METAL = (5.0, 8.0, 16.0, 17.0)
_D_SHELL = (5.0, 8.0, -16.0, -16.0)
_METALLOID = (3.0, 4.5, 16.0, 17.0)
_HALF_FILLED = (-9.0, 0.0, 14.0, 15.0)
_LEVELS = {
    **dict.fromkeys(("N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"), _ANION),
    **dict.fromkeys(("P", "B", "Si", "Ge", "As", "Sb", "Al"), _METALLOID),
    "C": _HALF_FILLED,
    "H": (-4.0, 12.0, 20.0, 21.0),
}
_TRANSITION = (range(21, 30), range(39, 48), range(57, 80))
_SEMICORE_EV = -42.0
_EXCHANGE_EV = 1.1
_DISPERSION_EV = 0.35
_SMALLEST_WIDTH_EV = 0.02
_PAD_EV = 25.0


@dataclass(frozen=True, eq=False)
class SpectrumRequest:
    """What decides a spectrum.

    Attributes
    ----------
    symbols : tuple of str
        (n_atoms,) elements.
    valence : ndarray, shape (n_atoms,)
        Electrons of each atom.
    moments : ndarray, shape (n_atoms,)
        MAGMOM; zero without spin [µB].
    n_spins, n_bands : int
        ISPIN, NBANDS.
    n_electrons : float
        NELECT.
    width_eV : float
        SIGMA [eV].
    points, weights : ndarray
        k-points, shape (n_points, 3), and their weights.
    """

    symbols: tuple[str, ...]
    valence: FloatArray
    moments: FloatArray
    n_spins: int
    n_bands: int
    n_electrons: float
    width_eV: float
    points: FloatArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Bands with their projections.

    Attributes
    ----------
    energies_eV : ndarray, shape (n_spins, n_points, n_bands)
        Ascending at each point [eV].
    occupations : ndarray, shape (n_spins, n_points, n_bands)
        Between 0 and 1.
    owners : ndarray of int, shape (n_spins, n_points, n_bands)
        9 * site + orbital of each band; -1 for a band without projection.
    fermi_eV : float
        [eV]
    site_electrons : ndarray, shape (n_spins, n_atoms, 9)
        Electrons by spin, site, orbital.
    request : SpectrumRequest
        What it was made for.
    """

    energies_eV: FloatArray
    occupations: FloatArray
    owners: NDArray[np.int64]
    fermi_eV: float
    site_electrons: FloatArray
    request: SpectrumRequest

    @property
    def magnetisation(self) -> float:
        """Electrons up minus down [µB]."""
        per_spin = self._electrons_by_spin()
        return float(per_spin[0] - per_spin[-1]) if len(per_spin) == 2 else 0.0

    def _electrons_by_spin(self) -> FloatArray:
        summed: FloatArray = np.einsum("skb,k->s", self.occupations, self.request.weights)
        return summed

    def density(self, grid: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Compute densities of states on a grid.

        Parameters
        ----------
        grid : ndarray, shape (n_energies,)
            Ascending, evenly spaced [eV].

        Returns
        -------
        total, integrated : ndarray, shape (n_spins, n_energies)
            Of one spin, or of both where the run has none [1/eV], [1].
        projected : ndarray, shape (n_atoms, n_spins, 9, n_energies)
            [1/eV]
        """
        n_spins, n_points = self.energies_eV.shape[:2]
        n_atoms = len(self.request.symbols)
        per_state = 2.0 if n_spins == 1 else 1.0
        step = grid[1] - grid[0]
        width = max(self.request.width_eV, 1.2 * step, 0.05)
        total = np.zeros((n_spins, grid.size))
        projected = np.zeros((n_atoms * _N_ORBITALS + 1, n_spins, grid.size))
        reach = int(np.ceil(6 * width / step))
        window = np.arange(-reach, reach + 1)
        for spin in range(n_spins):
            for k in range(n_points):
                nearest = np.rint((self.energies_eV[spin, k] - grid[0]) / step).astype(int)
                cells = nearest[:, None] + window
                inside = (cells >= 0) & (cells < grid.size)
                x = (grid[0] + cells * step - self.energies_eV[spin, k][:, None]) / width
                peaks = np.exp(-0.5 * x * x) * inside
                peaks *= per_state * self.request.weights[k] / (width * np.sqrt(2 * np.pi))
                cells = np.clip(cells, 0, grid.size - 1)
                np.add.at(total[spin], cells, peaks)
                np.add.at(projected[:, spin], (self.owners[spin, k][:, None], cells), peaks)
        integrated = np.cumsum(total, axis=1) * step
        shaped = projected[:-1].reshape(n_atoms, _N_ORBITALS, n_spins, grid.size)
        return total, integrated, shaped.transpose(0, 2, 1, 3)


def make_spectrum(request: SpectrumRequest) -> Spectrum:
    """Make the spectrum of a crystal.

    Parameters
    ----------
    request : SpectrumRequest
        What decides it.

    Returns
    -------
    Spectrum
        The same for the same request.
    """
    levels = _levels(request)
    n_points = len(request.points)
    shape = (request.n_spins, n_points, request.n_bands)
    energies, owners = np.empty(shape), np.empty(shape, dtype=np.int64)
    wave = np.cos(2 * np.pi * request.points).mean(axis=1)
    orbital = np.arange(levels.shape[1]) % _N_ORBITALS
    sign = np.where((orbital >= 1) & (orbital <= 3), 1.0, -1.0)
    for spin in range(request.n_spins):
        for k in range(n_points):
            values = levels[spin] + _DISPERSION_EV * sign * wave[k]
            owner = np.arange(values.size)
            missing = request.n_bands - values.size
            if missing > 0:
                values = np.append(values, _PAD_EV + 0.1 * np.arange(missing))
                owner = np.append(owner, np.full(missing, -1))
            order = np.argsort(values, kind="stable")[: request.n_bands]
            energies[spin, k], owners[spin, k] = values[order], owner[order]
    fermi, occupations = _fill(energies, request)
    electrons = np.zeros((request.n_spins, levels.shape[1] + 1))
    per_state = 2.0 if request.n_spins == 1 else 1.0
    weighted = per_state * occupations * request.weights[None, :, None]
    for spin in range(request.n_spins):
        np.add.at(electrons[spin], owners[spin].ravel(), weighted[spin].ravel())
    sites = electrons[:, :-1].reshape(request.n_spins, -1, _N_ORBITALS)
    return Spectrum(energies, occupations, owners, fermi, sites, request)


def _levels(request: SpectrumRequest) -> FloatArray:
    """Levels at the centre of the bands, shape (n_spins, 9 n_atoms)."""
    from ase.data import atomic_numbers

    n_atoms = len(request.symbols)
    table = np.empty((n_atoms, _N_ORBITALS))
    for site, symbol in enumerate(request.symbols):
        s, p, t2g, eg = _LEVELS.get(symbol) or _by_number(
            atomic_numbers[symbol], request.valence[site]
        )
        table[site] = (s, p, p, p, t2g, t2g, eg, t2g, eg)
        _sink_semicore(table[site], atomic_numbers[symbol], request.valence[site])
    sites = np.arange(n_atoms)[:, None]
    table += 0.12 * np.sin(1.7 * sites + 0.9 * np.arange(_N_ORBITALS))
    splitting = 0.5 * _EXCHANGE_EV * request.moments[:, None]
    if request.n_spins == 1:
        return table.reshape(1, -1)
    return np.stack([table - splitting, table + splitting]).reshape(2, -1)


def _sink_semicore(levels: FloatArray, number: int, valence: float) -> None:
    """Put the shell below the valence deep down where the POTCAR counts its electrons."""
    core = max(n for n in (0, 2, 10, 18, 36, 54) if n < number)
    extra = valence - (number - core)
    if number > 2 and extra >= 8 - 1e-6:
        levels[:4] = _SEMICORE_EV
    elif extra >= 6 - 1e-6:
        levels[1:4] = _SEMICORE_EV
    elif number == 3 and extra >= 2 - 1e-6:
        levels[0] = _SEMICORE_EV


def _by_number(number: int, valence: float) -> tuple[float, float, float, float]:
    if any(number in block for block in _TRANSITION):
        return _TRANSITION_METAL
    return _D_SHELL if valence >= 10 else _METAL


def _fill(energies: FloatArray, request: SpectrumRequest) -> tuple[float, FloatArray]:
    width = max(request.width_eV, _SMALLEST_WIDTH_EV)
    per_state = 2.0 if request.n_spins == 1 else 1.0
    weights = per_state * request.weights[None, :, None]

    def filled(fermi: float) -> FloatArray:
        occupation: FloatArray = 0.5 - 0.5 * np.tanh((energies - fermi) / width)
        return occupation

    def edge(target: float) -> float:
        low, high = float(energies.min()) - 10.0, float(energies.max()) + 10.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            enough = float((weights * filled(middle)).sum()) >= target
            low, high = (low, middle) if enough else (middle, high)
        return 0.5 * (low + high)

    tolerance = 1e-6
    fermi = 0.5 * (edge(request.n_electrons - tolerance) + edge(request.n_electrons + tolerance))
    return fermi, filled(fermi)
