"""How the electrons are treated, in words no engine owns.

:class:`ElectronicSettings` is what a protocol file states; :class:`ElectronicSpec` is that
resolved for one structure of known materials: a k-mesh, U per element, spin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record, content_hash
from sulfox.errors import SulfoxError
from sulfox.materials.material import HubbardU, Material
from sulfox.units import Dimensionless, Energy, EnergyPerAtom, ReciprocalLength

if TYPE_CHECKING:
    from sulfox.documents.structure import StructureRecord

__all__ = [
    "CellKind",
    "DosGrid",
    "ElectronicSettings",
    "ElectronicSpec",
    "KMesh",
    "KPointRule",
    "MaterialMesh",
    "Smearing",
    "resolve",
]

CellKind = Literal["conventional", "magnetic"]


class KMesh(Record):
    """A regular mesh of one cell.

    Attributes
    ----------
    divisions : tuple of int
        Along the three reciprocal vectors.
    gamma_centred : bool
        Whether it holds the zone centre; False is Monkhorst-Pack's even shift.
    """

    divisions: tuple[int, int, int]
    gamma_centred: bool = True

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if min(self.divisions) < 1:
            raise ValueError(f"divisions must be at least 1, found {self.divisions}")
        return self


class MaterialMesh(Record):
    """The mesh that a source states for a cell of a material.

    Attributes
    ----------
    material : str
        Catalogue name.
    cell : str
        ``"conventional"``, or ``"magnetic"`` (the smallest cell that holds the order).
    divisions : tuple of int
        Along the three reciprocal vectors.
    """

    material: str
    cell: CellKind
    divisions: tuple[int, int, int]


class KPointRule(Record):
    """How a cell gets its mesh.

    Attributes
    ----------
    meshes : tuple of MaterialMesh
        Stated meshes; they hold for exactly these cells.
    spacing_per_A : float
        Largest distance of neighbouring points elsewhere, 2 pi included [1/Å]; 0 stands for
        the zone centre alone.
    gamma_centred : bool
        Whether meshes hold the zone centre.
    """

    meshes: tuple[MaterialMesh, ...] = ()
    spacing_per_A: ReciprocalLength = Field(ge=0, le=2)
    gamma_centred: bool = True


class Smearing(Record):
    """Occupations near the Fermi level.

    Attributes
    ----------
    kind : str
        ``"gaussian"``, ``"fermi-dirac"``, or ``"tetrahedron"`` (Blöchl corrections).
    width_eV : float
        Width [eV]; not used by tetrahedra.
    """

    kind: Literal["gaussian", "fermi-dirac", "tetrahedron"]
    width_eV: Energy = Field(ge=0, le=1)


class DosGrid(Record):
    """A density of states.

    Attributes
    ----------
    step_eV : float
        Largest step of the energies [eV].
    below_eV, above_eV : float
        Range relative to the Fermi level, both positive [eV]. It must reach the O 2s states.
    broadening_eV : float
        Width of the Gaussians that stand for levels, where an engine has no tetrahedra [eV].
    mesh_factor : int
        Times the divisions of the self-consistent mesh.
    empty_bands : float
        Empty bands per occupied one.
    """

    step_eV: Energy = Field(gt=0, le=0.2)
    below_eV: Energy = Field(gt=0)
    above_eV: Energy = Field(gt=0)
    broadening_eV: Energy = Field(gt=0, le=1)
    mesh_factor: int = Field(ge=1, le=8)
    empty_bands: Dimensionless = Field(ge=0.1, le=4)


class _Common(Record):
    """What settings and the resolved specification share."""

    functional: Literal["PBE"] = "PBE"
    cutoff_eV: Energy = Field(gt=100, le=2000)
    smearing: Smearing
    dos: DosGrid
    energy_threshold_eV_per_atom: EnergyPerAtom = Field(gt=0, le=1e-2)
    max_scf_steps: int = Field(gt=0)


class ElectronicSettings(_Common):
    """Electronic part of a protocol.

    Attributes
    ----------
    functional : str
        ``"PBE"``.
    cutoff_eV : float
        Kinetic energy cutoff of the plane waves [eV].
    smearing : Smearing
        Of the self-consistent run.
    dos : DosGrid
        Of the density of states.
    energy_threshold_eV_per_atom : float
        Self-consistency: largest change of the total energy [eV/atom].
    max_scf_steps : int
        Self-consistency steps at most.
    k_points : KPointRule
        Meshes.
    hubbard : bool
        Whether the materials' U is used (Dudarev's form; U stands for U - J).
    """

    k_points: KPointRule
    hubbard: bool = True


class ElectronicSpec(_Common):
    """A calculation of one structure, complete: it decides every number but the engine's own.

    Attributes
    ----------
    functional, cutoff_eV, smearing, dos, energy_threshold_eV_per_atom, max_scf_steps
        As in :class:`ElectronicSettings`.
    k_mesh : KMesh
        Of this cell.
    spin_polarized : bool
        Collinear; starting moments are the structure's.
    hubbard : dict
        Element -> Hubbard U; empty for plain PBE.
    """

    k_mesh: KMesh
    spin_polarized: bool
    hubbard: dict[str, HubbardU]

    @property
    def hash(self) -> str:
        """Content hash."""
        return content_hash(self)

    @property
    def method(self) -> str:
        """``"PBE+U (Co d 3.9 eV), 500 eV, 4x4x4"``."""
        terms = ", ".join(
            f"{element} {u.orbital} {u.u_eV:g} eV" for element, u in sorted(self.hubbard.items())
        )
        functional = f"{self.functional}+U ({terms})" if terms else self.functional
        mesh = "x".join(map(str, self.k_mesh.divisions))
        return f"{functional}, {self.cutoff_eV:g} eV, {mesh}"


def resolve(
    settings: ElectronicSettings,
    structure: StructureRecord,
    materials: Mapping[str, Material],
    cell: CellKind | None = None,
) -> ElectronicSpec:
    """Complete the settings of a protocol for one structure.

    Parameters
    ----------
    settings : ElectronicSettings
        Of the protocol.
    structure : StructureRecord
        Its lattice gives the mesh; it is spin-polarised if it carries moments.
    materials : mapping
        Name -> entry of every material in it; they supply U.
    cell : str, optional
        Says that `structure` is this cell of its only material, so that a stated mesh holds.

    Returns
    -------
    ElectronicSpec
        Complete.

    Raises
    ------
    SulfoxError
        SFX-102 if two materials give one element different U.
    """
    hubbard: dict[str, HubbardU] = {}
    for material in materials.values() if settings.hubbard else ():
        for element, term in material.hubbard_u.items():
            if hubbard.setdefault(element, term) != term:
                raise SulfoxError(
                    "SFX-102",
                    who=f"materials {', '.join(materials)}",
                    found=f"two values of U for {element}: {hubbard[element].u_eV:g} and "
                    f"{term.u_eV:g} eV",
                    expected="one U per element in a calculation",
                    next_step="make hubbard_u agree in configs/materials",
                )
    common = settings.model_dump(include=set(_Common.model_fields))
    return ElectronicSpec(
        **common,
        k_mesh=_mesh(settings.k_points, structure, tuple(materials), cell),
        spin_polarized=structure.moments is not None,
        hubbard={e: u for e, u in sorted(hubbard.items()) if e in structure.composition},
    )


def _mesh(
    rule: KPointRule, structure: StructureRecord, names: tuple[str, ...], cell: CellKind | None
) -> KMesh:
    if cell is not None:
        for stated in rule.meshes:
            if (stated.material,) == names and stated.cell == cell:
                return KMesh(divisions=stated.divisions, gamma_centred=rule.gamma_centred)
    divisions = [_divisions(length, rule.spacing_per_A) for length in _reciprocal(structure)]
    return KMesh(
        divisions=(divisions[0], divisions[1], divisions[2]), gamma_centred=rule.gamma_centred
    )


def _divisions(reciprocal_per_A: float, spacing_per_A: float) -> int:
    if spacing_per_A == 0:
        return 1
    return max(1, math.ceil(reciprocal_per_A / spacing_per_A - 1e-6))


def _reciprocal(structure: StructureRecord) -> list[ReciprocalLength]:
    """Lengths of the reciprocal vectors, 2 pi included [1/Å]."""
    import numpy as np

    inverse = np.linalg.inv(np.asarray(structure.lattice))
    return [float(x) for x in 2 * np.pi * np.linalg.norm(inverse, axis=0)]
