"""Two materials made of Gaussians: every centre, edge and potential is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from sulfox.analysis.electronic.band_center import analyze_band_center
from sulfox.documents.base import Provenance, Status
from sulfox.documents.electronic_structure import DosCurve, ElectronicStructureDoc
from sulfox.documents.projected_dos import ProjectedDos
from sulfox.documents.structure import StructureRecord

GRID = np.arange(-30.0, 12.0, 0.01) + 0.003
CELL = np.diag([4.26, 4.26, 4.26])
LEVEL = "PBE+U (Co d 3.9 eV), 500 eV (toy of Gaussians)"


def gaussian(center, width, states=1.0):
    x = (GRID - center) / width
    return states * np.exp(-(x**2) / 2) / (width * np.sqrt(2 * np.pi))


def toy_dos(o2p, o2s=-18.0, *, edges=(-0.7, 1.3), potentials=None, fermi=0.0):
    """CoO, two atoms, one spin channel; energies relative to E_F, which stands at `fermi`."""
    density = np.stack(
        [
            [[gaussian(o2s, 0.4, 2.0)], [gaussian(o2p, 0.5, 5.0) + gaussian(3.0, 0.2)]],
            [[gaussian(-40.0, 1.0)], [gaussian(-2.0, 0.8, 7.0)]],
        ]
    )
    if edges is None:
        bands, filled = [[-1.0, 0.2], [-1.2, -0.1]], [[1.0, 0.0], [1.0, 1.0]]
    else:
        bands, filled = [[edges[0] - 1, edges[0], edges[1]]] * 2, [[1.0, 1.0, 0.0]] * 2
    summed = density.sum(axis=(0, 1))
    return ProjectedDos(
        energies_eV=GRID + fermi,
        fermi_eV=fermi,
        total=summed,
        projected=summed,
        densities=density,
        sites=(0, 1),
        orbitals=("s", "p"),
        species=("O", "Co"),
        lattice_A=CELL,
        fractional=np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]),
        eigenvalues_eV=np.array([bands]) + fermi,
        occupations=np.array([filled]),
        k_weights=np.array([0.5, 0.5]),
        site_potentials_eV=None if potentials is None else np.array(potentials) + fermi,
        engine="gpaw",
        level_of_theory=LEVEL,
    )


@pytest.fixture(scope="session")
def make_dos():
    return toy_dos


@pytest.fixture(scope="session")
def make_variant():
    """Return the centre and the calculation of one variant."""

    def make(material, o2p, *, state="ground", hubbard=True, energy=-10.0, moment=2.6, **options):
        dos = toy_dos(o2p, **options)
        content = analyze_band_center(dos)
        run_id = f"es-{material}-{state}-{hubbard}"
        center = content.model_copy(
            update={
                "material": material,
                "magnetic_state": state,
                "hubbard": hubbard,
                "calculation_id": run_id,
            }
        )
        half = 0.5 * CELL[0, 0]
        return center, ElectronicStructureDoc(
            id=run_id,
            status=Status.COMPLETE,
            provenance=Provenance(engine="gpaw", level_of_theory=LEVEL, inputs_hash="0"),
            label=f"{material} {state}",
            material=material,
            magnetic_state=state,
            hubbard=hubbard,
            structure=StructureRecord(
                lattice=tuple(map(tuple, CELL.tolist())),
                species=("O", "Co") * 2,
                positions=((0, 0, 0), (half, half, half), (half, 0, 0), (0, half, 0)),
                sides=("bulk",) * 4,
            ),
            settings={
                "functional": "PBE",
                "cutoff_eV": 500.0,
                "hubbard": {"Co": {"u_eV": 3.9}} if hubbard else {},
            },
            energy_eV=2 * energy,
            fermi_eV=center.fermi_eV,
            vbm_eV=center.vbm_eV,
            cbm_eV=center.cbm_eV,
            gap_eV=center.gap_eV,
            direct_gap_eV=center.direct_gap_eV,
            is_metal=center.is_metal,
            moments_muB=(0.0, moment, 0.0, -moment),
            total_moment_muB=0.0,
            n_electrons=20.0,
            scf_steps=10,
            energies_eV=tuple(GRID[::20].tolist()),
            curves=tuple(
                DosCurve(
                    element=element, orbital=orbital, spin="both", density=tuple(d[::20].tolist())
                )
                for element, orbital, d in (
                    ("", "", dos.total[0]),
                    ("O", "p", dos.densities[0, 1, 0]),
                    ("Co", "d", dos.densities[1, 1, 0]),
                )
            ),
            wall_time_s=1.0,
            peak_memory_MB=100.0,
        )

    return make
