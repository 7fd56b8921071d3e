"""Every INCAR tag of a calculation, stated here: nothing comes from a packaged input set."""

from __future__ import annotations

import math
from typing import Any

from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.inputs.calculation import VaspCalculation, vacuum_along_c
from sulfox.engines.vasp.inputs.profile import VaspProfile
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import DosGrid, ElectronicSpec
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["incar_tags", "k_divisions", "uses_tetrahedra"]

_ORBITAL_NUMBER = {"s": 0, "p": 1, "d": 2, "f": 3}
#: ISIF of a relaxation. 8 (volume and positions) is in VASP 6.4.1 and newer.
_ISIF = {"fixed": 2, "full": 3, "hydrostatic": 8}
_SMEARING = {"gaussian": 0, "fermi-dirac": -1, "tetrahedron": -5}
_TETRAHEDRA_NEED = 4


def incar_tags(
    calculation: VaspCalculation, structure: StructureRecord, profile: VaspProfile
) -> dict[str, Any]:
    """State the INCAR of a calculation.

    Parameters
    ----------
    calculation : VaspCalculation
        What is computed.
    structure : StructureRecord
        In the order of the POSCAR (:class:`PoscarOrder`): species together.
    profile : VaspProfile
        Limits at which tags change, valence electrons.

    Returns
    -------
    dict
        Tag -> value, in the order in which they are written.

    Raises
    ------
    SulfoxError
        SFX-323 if the specification and the structure do not fit, or an element has no PAW set.
    """
    spec = calculation.electronic
    dynamics = calculation.dynamics
    tags: dict[str, Any] = {
        "GGA": "PE",
        "PREC": "Normal" if dynamics else "Accurate",
        "ENCUT": spec.cutoff_eV,
        "EDIFF": float(f"{spec.energy_threshold_eV_per_atom * structure.n_atoms:.6g}"),
        "NELM": spec.max_scf_steps,
        "NELMIN": 4,
        "ALGO": "Fast" if dynamics else "Normal",
        "ISTART": 0,
        "ICHARG": 11 if calculation.kind == "dos" else 2,
        "LASPH": True,
        "LREAL": "Auto" if structure.n_atoms > profile.rules.real_space_above_atoms else False,
        "LMAXMIX": _lmaxmix(structure),
        "ISYM": 0 if dynamics else 2,
        "SYMPREC": 1e-5,
        **_spin(spec, structure),
        **_hubbard(spec, structure),
    }
    if calculation.kind == "dos":
        tags |= _density_of_states(calculation, structure, profile)
    else:
        tags |= {"ISMEAR": _SMEARING[spec.smearing.kind], "SIGMA": spec.smearing.width_eV}
    tags |= _ions(calculation, structure)
    tags |= {
        "LORBIT": 11,
        "LWAVE": False,
        "LCHARG": calculation.kind == "static",
    }
    return tags | _dipole(structure, profile)


def k_divisions(
    calculation: VaspCalculation, structure: StructureRecord, profile: VaspProfile
) -> tuple[int, int, int]:
    """Divisions of the mesh; that of a density of states is denser, but not across vacuum.

    Parameters
    ----------
    calculation : VaspCalculation
        What is computed.
    structure : StructureRecord
        Atoms in any order.
    profile : VaspProfile
        What counts as vacuum.

    Returns
    -------
    tuple of int
        Along the three reciprocal vectors.
    """
    a, b, c = calculation.electronic.k_mesh.divisions
    factor = calculation.electronic.dos.mesh_factor if calculation.kind == "dos" else 1
    across = 1 if c == 1 and _is_slab(structure, profile) else factor
    return a * factor, b * factor, c * across


def uses_tetrahedra(
    divisions: tuple[int, int, int], gamma_centred: bool, structure: StructureRecord
) -> bool:
    """Whether a mesh holds enough points for tetrahedra.

    VASP stops below 4 points. They are counted after the symmetry of the lattice sites, which
    is at least that of the moments too: never fewer are left than counted here.

    Parameters
    ----------
    divisions : tuple of int
        Along the three reciprocal vectors.
    gamma_centred : bool
        Whether it holds the zone centre; tetrahedra need it.
    structure : StructureRecord
        What is computed.

    Returns
    -------
    bool
        True for ISMEAR -5, False for Gaussians.
    """
    from spglib import get_ir_reciprocal_mesh

    if math.prod(divisions) < _TETRAHEDRA_NEED or not gamma_centred:
        return False
    atoms = structure.to_ase()
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = get_ir_reciprocal_mesh(divisions, cell, is_shift=(0, 0, 0))
    return found is not None and len(set(found[0])) >= _TETRAHEDRA_NEED


def _is_slab(structure: StructureRecord, profile: VaspProfile) -> bool:
    return vacuum_along_c(structure).thickness_A > profile.rules.vacuum_gap_A


def _dipole(structure: StructureRecord, profile: VaspProfile) -> dict[str, Any]:
    if not _is_slab(structure, profile):
        return {}
    centre = vacuum_along_c(structure).matter_centre
    return {"LDIPOL": True, "IDIPOL": 3, "DIPOL": [0.5, 0.5, centre]}


def _lmaxmix(structure: StructureRecord) -> int:
    from pymatgen.core import Element

    numbers = [Element(symbol).Z for symbol in structure.composition]
    if max(numbers) > 56:
        return 6
    return 4 if max(numbers) > 20 else 2


def _spin(spec: ElectronicSpec, structure: StructureRecord) -> dict[str, Any]:
    if not spec.spin_polarized:
        return {"ISPIN": 1}
    if structure.moments is None:
        raise SulfoxError(
            "SFX-323",
            who="VASP inputs",
            found="a spin-polarised calculation of a structure without moments",
            expected="a starting moment for each atom",
            next_step="give the structure moments, or switch spin off",
        )
    return {"ISPIN": 2, "MAGMOM": [float(moment) for moment in structure.moments]}


def _hubbard(spec: ElectronicSpec, structure: StructureRecord) -> dict[str, Any]:
    elements = list(structure.composition)
    if not any(element in spec.hubbard for element in elements):
        return {}
    terms = [spec.hubbard.get(element) for element in elements]
    return {
        "LDAU": True,
        "LDAUTYPE": 2,
        "LDAUL": [-1 if term is None else _ORBITAL_NUMBER[term.orbital] for term in terms],
        "LDAUU": [0.0 if term is None else term.u_eV for term in terms],
        "LDAUJ": [0.0 for _ in terms],
        "LDAUPRINT": 1,
    }


def _density_of_states(
    calculation: VaspCalculation, structure: StructureRecord, profile: VaspProfile
) -> dict[str, Any]:
    spec = calculation.electronic
    grid = spec.dos
    lowest, highest = profile.rules.fermi_range_eV
    mesh = k_divisions(calculation, structure, profile)
    tetrahedra = uses_tetrahedra(mesh, spec.k_mesh.gamma_centred, structure)
    return {
        "ISMEAR": _SMEARING["tetrahedron" if tetrahedra else "gaussian"],
        "SIGMA": spec.smearing.width_eV if tetrahedra else grid.broadening_eV,
        "EMIN": lowest - grid.below_eV,
        "EMAX": highest + grid.above_eV,
        "NEDOS": _n_energies(grid, highest - lowest),
        "NBANDS": _n_bands(spec, structure, profile),
    }


def _n_energies(grid: DosGrid, margin_eV: float) -> int:
    return math.ceil((grid.below_eV + grid.above_eV + margin_eV) / grid.step_eV - 1e-9) + 1


def _n_bands(spec: ElectronicSpec, structure: StructureRecord, profile: VaspProfile) -> int:
    """Occupied bands of the spin with more electrons, and the empty ones asked for."""
    electrons = sum(
        count * profile.potcar.choose(element, spec.cutoff_eV).valence_electrons
        for element, count in structure.composition.items()
    )
    excess = abs(sum(structure.moments or ())) if spec.spin_polarized else 0.0
    occupied = math.ceil((electrons + excess) / 2 - 1e-9)
    return math.ceil(occupied * (1 + spec.dos.empty_bands) - 1e-9)


def _ions(calculation: VaspCalculation, structure: StructureRecord) -> dict[str, Any]:
    if calculation.relaxation is not None and calculation.relaxation.max_steps > 0:
        return _relaxation(calculation.relaxation)
    if calculation.dynamics is not None:
        return _dynamics(calculation.dynamics, structure)
    return {"IBRION": -1, "NSW": 0, "ISIF": 2}


def _relaxation(spec: RelaxationSpec) -> dict[str, Any]:
    return {
        "IBRION": 2,
        "NSW": spec.max_steps,
        "ISIF": _ISIF[spec.cell],
        "EDIFFG": -spec.force_threshold_eV_A,
        "POTIM": 0.5,
    }


def _dynamics(spec: DynamicsSpec, structure: StructureRecord) -> dict[str, Any]:
    tags = {
        "IBRION": 0,
        "NSW": spec.n_steps,
        "ISIF": 2,
        "POTIM": spec.time_step_fs,
        "TEBEG": spec.temperature_K,
        "TEEND": spec.temperature_K,
        "RANDOM_SEED": [spec.seed, 0, 0],
        "NBLOCK": 1,
        "KBLOCK": spec.n_steps,
        "NWRITE": 1,
        "MAXMIX": 40,
    }
    if spec.thermostat == "langevin":
        n_species = len(structure.composition)
        return tags | {"MDALGO": 3, "LANGEVIN_GAMMA": [spec.friction_per_ps] * n_species}
    return tags | {
        "MDALGO": 4,
        "NHC_NCHAINS": spec.chain_length,
        "NHC_PERIOD": spec.thermostat_time_fs / spec.time_step_fs,
    }
