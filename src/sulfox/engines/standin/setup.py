"""What a run is, from the four input files of the working folder."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sulfox.engines.standin.files.incar import Incar, input_error, read_incar
from sulfox.engines.standin.files.k_points import KPoints, read_k_points
from sulfox.engines.standin.files.poscar import FloatArray, Poscar, read_poscar

__all__ = ["AtomType", "RunSetup", "read_setup"]

_FIELD = re.compile(r"(\w+)\s*=\s*([^;\n]*)")


@dataclass(frozen=True)
class AtomType:
    """A type of atoms, from its part of the POTCAR.

    Attributes
    ----------
    symbol, title : str
        Element; TITEL.
    valence : float
        Electrons.
    mass_u, enmax_eV : float
        [u], [eV]
    """

    symbol: str
    title: str
    valence: float
    mass_u: float
    enmax_eV: float


@dataclass(frozen=True, eq=False)
class RunSetup:
    """Inputs, and what follows from them before the first step.

    Attributes
    ----------
    folder : Path
        Working folder.
    banner : str
        What every file begins with.
    incar : Incar
        Tags.
    poscar : Poscar
        Crystal, as read.
    types : tuple of AtomType
        In the order of the POSCAR.
    k_points : KPoints
        Reduced by symmetry.
    moments : ndarray, shape (n_atoms,)
        MAGMOM; zero without spin [µB].
    n_electrons : float
        NELECT.
    n_bands : int
        NBANDS.
    """

    folder: Path
    banner: str
    incar: Incar
    poscar: Poscar
    types: tuple[AtomType, ...]
    k_points: KPoints
    moments: FloatArray
    n_electrons: float
    n_bands: int

    @property
    def symbols(self) -> tuple[str, ...]:
        """Element of each atom."""
        pairs = zip(self.types, self.poscar.counts, strict=True)
        return tuple(kind.symbol for kind, count in pairs for _ in range(count))

    @property
    def type_numbers(self) -> list[int]:
        """Number of the type of each atom, from 1."""
        return [n + 1 for n, count in enumerate(self.poscar.counts) for _ in range(count)]

    def per_atom(self, values: list[float]) -> FloatArray:
        """Spread values of the types over the atoms.

        Parameters
        ----------
        values : list of float
            One a type.
        """
        return np.repeat(np.array(values, dtype=float), self.poscar.counts)

    @property
    def n_spins(self) -> int:
        """ISPIN."""
        return 2 if self.incar.integer("ISPIN", 1) == 2 else 1

    @property
    def n_steps(self) -> int:
        """NSW; 0 for a static run, which has one step."""
        return max(0, self.incar.integer("NSW", 0))

    @property
    def ibrion(self) -> int:
        """IBRION, with VASP's default."""
        return self.incar.integer("IBRION", -1 if self.n_steps in (0, 1) else 0)

    @property
    def cutoff_eV(self) -> float:
        """ENCUT [eV]."""
        largest = max(kind.enmax_eV for kind in self.types)
        return self.incar.real("ENCUT", self.incar.real("ENMAX", largest))

    @property
    def ediff_eV(self) -> float:
        """EDIFF [eV]."""
        return self.incar.real("EDIFF", 1e-4)

    @property
    def ediffg(self) -> float:
        """EDIFFG: an energy [eV], or minus a force [eV/Å]."""
        return self.incar.real("EDIFFG", 10 * self.ediff_eV)

    @property
    def is_dynamics(self) -> bool:
        """Whether atoms move by Newton's law."""
        return self.n_steps > 0 and self.ibrion == 0

    @property
    def is_relaxation(self) -> bool:
        """Whether atoms move to a minimum."""
        return self.n_steps > 0 and self.ibrion in (1, 2, 3)

    @property
    def grid(self) -> tuple[int, int, int]:
        """Points of the FFT mesh along the lattice vectors, for the look of the files."""
        lengths = np.linalg.norm(self.poscar.lattice, axis=1)
        wave = math.sqrt(self.cutoff_eV / 3.81)
        a, b, c = (2 * math.ceil(1.5 * wave * length / (2 * math.pi)) for length in lengths)
        return max(a, 2), max(b, 2), max(c, 2)


def read_setup(folder: Path, banner: str) -> RunSetup:
    """Read INCAR, POSCAR, POTCAR and KPOINTS.

    Parameters
    ----------
    folder : Path
        Working folder.
    banner : str
        What every file shall begin with.

    Returns
    -------
    RunSetup
        The run.

    Raises
    ------
    SulfoxError
        SFX-341 if one is missing or does not fit the others.
    """
    incar = read_incar(folder / "INCAR")
    poscar = read_poscar(folder / "POSCAR")
    types = _read_potcar(folder / "POTCAR")
    if len(types) != len(poscar.counts):
        found = f"{len(types)} types in POTCAR, {len(poscar.counts)} in POSCAR"
        raise input_error("POTCAR", found, "one for each type of the POSCAR, in its order")
    elements = tuple(kind.symbol for kind in types)
    if poscar.symbols and poscar.symbols != elements:
        found = f"POTCAR of {' '.join(elements)}, POSCAR of {' '.join(poscar.symbols)}"
        raise input_error("POTCAR", found, "the elements of the POSCAR in its order")
    poscar.symbols = elements
    n_atoms = poscar.n_atoms
    moments = np.zeros(n_atoms)
    if incar.integer("ISPIN", 1) == 2:
        given = incar.reals("MAGMOM") or [1.0] * n_atoms
        if len(given) != n_atoms:
            raise input_error("INCAR tag MAGMOM", f"{len(given)} numbers", f"{n_atoms}")
        moments = np.array(given)
    k_points = read_k_points(folder / "KPOINTS", incar, poscar, moments)
    electrons = sum(kind.valence * n for kind, n in zip(types, poscar.counts, strict=True))
    n_electrons = incar.real("NELECT", electrons)
    n_bands = incar.integer("NBANDS", _default_bands(n_electrons, n_atoms, moments))
    if 2 * n_bands < n_electrons:
        found = f"number of bands is not sufficient to hold all electrons: {n_bands}"
        raise input_error("INCAR tag NBANDS", found, f"more than {n_electrons / 2:g}")
    return RunSetup(folder, banner, incar, poscar, types, k_points, moments, n_electrons, n_bands)


def _default_bands(n_electrons: float, n_atoms: int, moments: FloatArray) -> int:
    """Bands as VASP chooses them (https://www.vasp.at/wiki/index.php/NBANDS)."""
    half = math.ceil((n_electrons + 2) / 2)
    excess = math.ceil((abs(moments).sum() + 1) / 2) if moments.any() else 0
    with_ions = half + max(n_atoms // 2, 3) + excess
    return max(with_ions, math.ceil(0.6 * n_electrons) + excess)


def _read_potcar(path: Path) -> tuple[AtomType, ...]:
    if not path.is_file():
        raise input_error("POTCAR", "no POTCAR found, STOPPING", "a POTCAR in the working folder")
    parts = path.read_text("latin-1").split("End of Dataset")
    types = []
    for part in parts:
        head = part.partition("END of PSCTR")[0]
        fields: dict[str, str] = {}
        for key, value in _FIELD.findall(head):
            fields.setdefault(key, value.strip())
        if "TITEL" not in fields:
            continue
        try:
            symbol = fields["TITEL"].split()[1].partition("_")[0]
            numbers = (float(fields[key].split()[0]) for key in ("ZVAL", "POMASS", "ENMAX"))
            valence, mass, enmax = numbers
        except (KeyError, IndexError, ValueError) as error:
            raise input_error("POTCAR", f"a head without {error}", "TITEL, ZVAL, ENMAX") from None
        types.append(AtomType(symbol, fields["TITEL"], valence, mass, enmax))
    return tuple(types)
