"""The catalogue of phases: crystals that may form, with their measured enthalpies of formation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sulfox.documents.base import Record, content_hash
from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material
from sulfox.materials.literature import Reference
from sulfox.materials.material import (
    LatticeParameters,
    Material,
    Site,
    SpaceGroup,
)
from sulfox.materials.ordering import ordered_representative
from sulfox.settings import config_dirs
from sulfox.units import KJ_PER_MOL_PER_EV, EnergyPerMole

if TYPE_CHECKING:
    from sulfox.documents.structure import StructureRecord

__all__ = ["FormationEnthalpy", "Phase", "PhaseCatalogue", "read_phases"]

Checked = Literal["text", "abstract", "no"]


class FormationEnthalpy(Record):
    """A measured standard enthalpy of formation at 298.15 K.

    Attributes
    ----------
    kJ_per_mol : float
        Per mole of the formula as written [kJ/mol].
    uncertainty_kJ_per_mol : float or None
        As the source gives it [kJ/mol].
    reference : Reference
        Where it comes from.
    remark : str or None
        What was added to the tabulated number, such as an enthalpy of sublimation.
    """

    kJ_per_mol: EnergyPerMole
    uncertainty_kJ_per_mol: EnergyPerMole | None = None
    reference: Reference
    remark: str | None = None


class Phase(Record):
    """A crystal that an entry set may hold.

    Attributes
    ----------
    name : str
        Unique; a polymorph is told in words, ``"Li3PO4 (gamma)"``.
    formula : str
        As it is commonly written.
    material : str or None
        Entry of ``configs/materials`` whose ordered representative is the structure; then
        space group, lattice and sites stand there.
    space_group, lattice, sites : SpaceGroup, LatticeParameters, tuple of Site
        Conventional cell, every site full.
    structure_type : str or None
        Name of the type where something depends on it, ``"alpha-NaFeO2"``.
    relax_cell : bool
        False for molecular crystals: dispersion, which holds them, is not in every potential.
    remark : str or None
        What a reader has to know of the structure: an ordered model, a model of a molecule.
    formation_enthalpy : FormationEnthalpy or None
        None where no measured number is at hand.
    references : tuple of Reference
        Sources of the structure.
    """

    name: str
    formula: str
    material: str | None = None
    space_group: SpaceGroup | None = None
    lattice: LatticeParameters | None = None
    sites: tuple[Site, ...] = ()
    structure_type: str | None = None
    relax_cell: bool = True
    remark: str | None = None
    formation_enthalpy: FormationEnthalpy | None = None
    references: tuple[Reference, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        own = (self.space_group is not None, self.lattice is not None, bool(self.sites))
        if self.material is None and not all(own):
            raise ValueError(f"{self.name}: space_group, lattice and sites, or a material")
        if self.material is not None and any(own):
            raise ValueError(f"{self.name}: a material brings its own structure")
        if any(site.is_disordered for site in self.sites):
            raise ValueError(f"{self.name}: every site holds one whole atom")
        return self

    @property
    def formation_energy_eV_per_atom(self) -> float | None:
        """Measured enthalpy of formation per atom [eV/atom]; elements have 0."""
        from pymatgen.core import Composition

        composition = Composition(self.formula)
        if self.formation_enthalpy is None:
            return 0.0 if composition.is_element else None
        per_formula = self.formation_enthalpy.kJ_per_mol / KJ_PER_MOL_PER_EV
        return per_formula / composition.num_atoms

    def structure(self) -> StructureRecord:
        """Build the primitive cell.

        Returns
        -------
        StructureRecord
            Positions wrapped into the cell.

        Raises
        ------
        SulfoxError
            SFX-725 if the sites do not make the formula, SFX-102 if space group, lattice
            and Wyckoff letters disagree.
        """
        from pymatgen.core import Composition, Structure

        from sulfox.documents.structure import StructureRecord

        if self.material is not None:
            found = ordered_representative(load_material(self.material)).structure.to_pymatgen()
        else:
            found = self._as_material().structure()
        bare = Structure(found.lattice, [site.specie.symbol for site in found], found.frac_coords)
        primitive = bare.get_primitive_structure(tolerance=0.01)
        made = primitive.composition.fractional_composition
        if not made.almost_equals(Composition(self.formula).fractional_composition):
            sites = primitive.composition.reduced_formula
            raise _invalid(f"phase {self.name}", f"sites of {sites}")
        return StructureRecord.from_pymatgen(primitive)

    def _as_material(self) -> Material:
        """View the phase as a catalogue entry, which checks symmetry and multiplicities."""
        return Material(
            name=self.name,
            title=self.name,
            formula=self.formula,
            role="unspecified",
            space_group=self.space_group,
            lattice=self.lattice,
            sites=self.sites,
            oxidation_states={},
            facets=((0, 0, 1),),
        )


class PhaseCatalogue(Record):
    """Every phase of the configuration.

    Attributes
    ----------
    phases : tuple of Phase
        By name.
    hash : str
        SHA-256 (hex) of everything in it.
    """

    phases: tuple[Phase, ...]
    hash: str


def read_phases() -> PhaseCatalogue:
    """Read ``configs/phases/*.yaml``; the first folder that has a file of a name wins.

    Returns
    -------
    PhaseCatalogue
        At least one phase.

    Raises
    ------
    SulfoxError
        SFX-725 if there is no catalogue, a file is not valid or a phase is there twice.
    """
    paths: dict[str, Path] = {}
    for folder in config_dirs():
        for path in sorted((folder / "phases").glob("*.yaml")):
            paths.setdefault(path.stem, path)
    phases = [phase for path in paths.values() for phase in _read(path)]
    names = [phase.name for phase in phases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not phases:
        raise _invalid("configs/phases", f"{', '.join(twice)} twice" if twice else "no phases")
    phases.sort(key=lambda phase: phase.name)
    return PhaseCatalogue(phases=tuple(phases), hash=content_hash(phases))


def _read(path: Path) -> list[Phase]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or set(content) != {"sources", "phases"}:
            raise _invalid(str(path), "not a mapping with the keys sources and phases")
        return [
            Phase.model_validate(_expanded(row, content["sources"])) for row in content["phases"]
        ]
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        found = " ".join(str(error).split())
    except (KeyError, TypeError, AttributeError) as error:
        found = f"a phase without, or with a wrong, {error}"
    raise _invalid(str(path), found)


def _expanded(row: dict[str, Any], sources: dict[str, Any]) -> dict[str, Any]:
    """Put the cited sources in place of their keys."""

    def cited(key: str, what: str, checked: str) -> dict[str, Any]:
        return {"what": what, "checked": checked, **sources[key]}

    row = dict(row)
    keys = row.pop("structure_from")
    checked = row.pop("structure_checked", "no")
    row["references"] = [cited(key, "structure", checked) for key in keys]
    measured = row.get("formation_enthalpy")
    if measured is not None:
        measured = dict(measured)
        key, read = measured.pop("from"), measured.pop("checked", "no")
        measured["reference"] = cited(key, "enthalpy of formation at 298.15 K", read)
        row["formation_enthalpy"] = measured
    return row


def _invalid(who: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-725",
        who=who,
        found=found,
        expected="phases with a structure that makes their formula, each once",
        next_step="correct the file in configs/phases",
    )
