"""What a calculation will cost, said before it starts.

Both numbers follow from the sizes that decide them: irreducible k-points n_k, spins n_s,
bands n_b and plane waves n_pw = V k_max^3 / (6 pi^2). A self-consistency step applies the
Hamiltonian to every band of every k-point; all wave functions of a run stay in memory.
"""

from __future__ import annotations

import logging
import math

import numpy as np

from sulfox.documents.base import Record
from sulfox.documents.structure import StructureRecord
from sulfox.engines.gpaw.parameters import band_numbers, dos_mesh
from sulfox.protocols.electronic import ElectronicSpec, KMesh
from sulfox.units import Megabytes, Seconds

__all__ = ["ExpectedCost", "expected_cost", "irreducible_points"]

_LOG = logging.getLogger(__name__)
#: hbar^2 / (2 m_e) [eV Å^2]
_HBAR2_2M_EV_A2 = 3.80998212
#: Measured with GPAW 26.7.0 on one core of a shared machine, LCO (12 atoms) and CoO (4 atoms).
_SECONDS_PER_WORK = 4.0e-6
_SCF_STEPS = {False: 18, True: 40}
_DOS_STEPS = 8
_BASE_MB = 220.0
_WAVE_FUNCTION_COPIES = 1.3
_MAX_VALENCE = 12


class ExpectedCost(Record):
    """Expected cost of an electronic structure.

    Attributes
    ----------
    wall_time_s : float
        On one core [s]; within a factor of about 2 on the same kind of machine.
    memory_MB : float
        Peak.
    n_plane_waves, n_bands, n_k_ground, n_k_dos, n_spins : int
        What it follows from.
    """

    wall_time_s: Seconds
    memory_MB: Megabytes
    n_plane_waves: int
    n_bands: int
    n_k_ground: int
    n_k_dos: int
    n_spins: int

    @property
    def line(self) -> str:
        """One line for a reader."""
        return (
            f"about {self.wall_time_s / 60:.1f} min on one core and {self.memory_MB:.0f} MB: "
            f"{self.n_plane_waves} plane waves, {self.n_bands} bands, {self.n_spins} spin(s), "
            f"{self.n_k_ground} + {self.n_k_dos} irreducible k-points"
        )


def expected_cost(structure: StructureRecord, spec: ElectronicSpec, mesh: KMesh) -> ExpectedCost:
    """Estimate an electronic structure: self-consistency, then the states on the finer mesh.

    Parameters
    ----------
    structure : StructureRecord
        In GPAW's lattice vectors.
    spec : ElectronicSpec
        Cutoff, smearing, density of states.
    mesh : KMesh
        Self-consistent mesh.

    Returns
    -------
    ExpectedCost
        Of one process on one core.
    """
    volume = abs(float(np.linalg.det(np.array(structure.lattice))))
    k_max = math.sqrt(spec.cutoff_eV / _HBAR2_2M_EV_A2)
    n_pw = max(1, round(volume * k_max**3 / (6 * math.pi**2)))
    n_occupied = math.ceil(_valence_electrons(structure) / 2)
    _, n_bands = band_numbers(n_occupied, spec.dos.empty_bands)
    n_spins = 2 if spec.spin_polarized else 1
    finer = dos_mesh(mesh, spec.dos.mesh_factor)
    n_ground, n_dos = (irreducible_points(structure, m) for m in (mesh, finer))
    ground_work = n_ground * n_occupied * 1.3 * _SCF_STEPS[spec.spin_polarized]
    dos_work = n_dos * n_bands * _DOS_STEPS
    per_band = n_spins * n_pw * (1 + n_bands / 200) * _SECONDS_PER_WORK
    wave_functions = n_spins * n_dos * n_bands * n_pw * 16 / 1e6
    return ExpectedCost(
        wall_time_s=10 + (ground_work + dos_work) * per_band,
        memory_MB=_BASE_MB + _WAVE_FUNCTION_COPIES * wave_functions,
        n_plane_waves=n_pw,
        n_bands=n_bands,
        n_k_ground=n_ground,
        n_k_dos=n_dos,
        n_spins=n_spins,
    )


def irreducible_points(structure: StructureRecord, mesh: KMesh) -> int:
    """Count the k-points that symmetry and time reversal leave.

    Parameters
    ----------
    structure : StructureRecord
        Atoms with different starting moments count as different.
    mesh : KMesh
        Regular mesh.

    Returns
    -------
    int
        At least 1.
    """
    import spglib

    lattice = np.array(structure.lattice)
    fractional = np.array(structure.positions) @ np.linalg.inv(lattice)
    moments = structure.moments or (0.0,) * structure.n_atoms
    kinds = list(zip(structure.species, moments, strict=True))
    numbers = [list(dict.fromkeys(kinds)).index(kind) + 1 for kind in kinds]
    shift = [0 if mesh.gamma_centred or n % 2 else 1 for n in mesh.divisions]
    try:
        mapping, _ = spglib.get_ir_reciprocal_mesh(
            mesh.divisions, (lattice.tolist(), fractional.tolist(), numbers), is_shift=shift
        )
    except Exception as error:  # noqa: BLE001 - an estimate must not stop a calculation
        _LOG.warning("symmetry of the k-mesh is not known (%s): counted without it", error)
        return max(1, math.prod(mesh.divisions) // 2)
    return len(np.unique(mapping))


def _valence_electrons(structure: StructureRecord) -> float:
    """Electrons outside closed noble-gas and d shells: what usual PAW sets treat."""
    from pymatgen.core import Element

    total = 0
    for symbol, number in structure.composition.items():
        electrons = Element(symbol).Z
        for core in (86, 54, 36, 18, 10, 2):
            if electrons > core:
                electrons -= core
                break
        total += number * min(electrons, _MAX_VALENCE)
    return float(total)
