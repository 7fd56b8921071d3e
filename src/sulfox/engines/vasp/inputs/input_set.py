"""Input sets for atomate2's makers whose every file follows from sulfox's specification."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.core import Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from sulfox.documents.base import Record, content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.inputs.calculation import CalculationKind, PoscarOrder, VaspCalculation
from sulfox.engines.vasp.inputs.incar_tags import incar_tags, k_divisions
from sulfox.engines.vasp.inputs.profile import VaspProfile
from sulfox.errors import SulfoxError

__all__ = ["InputDeck", "SpecifiedInputGenerator", "make_deck", "poscar_structure"]


def _nothing_inherited() -> dict[str, Any]:
    return {"INCAR": {}, "KPOINTS": {}, "POTCAR": {}, "POTCAR_FUNCTIONAL": "PBE_54"}


@dataclass
class SpecifiedInputGenerator(VaspInputGenerator):
    """An input set that writes one specified calculation and inherits nothing.

    The packaged input sets, a previous run's INCAR, its gap and its moments are not looked
    at: INCAR comes from :func:`incar_tags`, KPOINTS and POTCAR from the specification.

    Attributes
    ----------
    calculation : VaspCalculation or None
        What is computed; needed before anything is written.
    profile : VaspProfile or None
        PAW sets and limits; needed too.
    machine_tags : dict
        Tags of parallel execution (NCORE, KPAR), which change no number.
    """

    config_dict: dict = field(default_factory=_nothing_inherited)
    sort_structure: bool = False
    validate_magmom: bool = False
    inherit_incar: bool | list[str] = False
    auto_ismear: bool = False
    auto_metal_kpoints: bool = False
    calculation: VaspCalculation | None = None
    profile: VaspProfile | None = None
    machine_tags: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the release of the PAW sets from the profile."""
        if self.profile is not None:
            functional = self.profile.potcar.functional
            self.config_dict = _nothing_inherited() | {"POTCAR_FUNCTIONAL": functional}
        super().__post_init__()

    def _set_previous(self, prev_dir: str | Path | None = None) -> None:
        """Look at no previous run: nothing of it decides an input."""

    @property
    def incar(self) -> Incar:
        """INCAR."""
        calculation, profile = self._stated()
        tags = incar_tags(calculation, _record(self._grouped()), profile)
        return Incar(tags | self.machine_tags)

    @property
    def kpoints(self) -> Kpoints:
        """KPOINTS: a regular mesh."""
        calculation, profile = self._stated()
        divisions = k_divisions(calculation, _record(self._grouped()), profile)
        centred = calculation.electronic.k_mesh.gamma_centred
        mesh = (Kpoints.gamma_automatic if centred else Kpoints.monkhorst_automatic)(divisions)
        mesh.comment = "x".join(map(str, divisions)) + (" with the zone centre" if centred else "")
        return mesh

    @property
    def poscar(self) -> Poscar:
        """POSCAR, species together."""
        structure = self._grouped()
        velocities = structure.site_properties.get("velocities")
        return Poscar(structure, velocities=velocities)

    @property
    def potcar_symbols(self) -> list[str]:
        """Names of the PAW sets, in the POSCAR's order."""
        calculation, profile = self._stated()
        cutoff = calculation.electronic.cutoff_eV
        elements = self.poscar.site_symbols
        return [profile.potcar.choose(element, cutoff).symbol for element in elements]

    def _stated(self) -> tuple[VaspCalculation, VaspProfile]:
        if self.calculation is None or self.profile is None:
            raise _unusable("an input set without a calculation", "a calculation and a profile")
        return self.calculation, self.profile

    def _grouped(self) -> Structure:
        structure = self.structure
        if structure is None:
            raise _unusable("an input set without a structure", "a structure")
        if len(Poscar(structure).site_symbols) != len(structure.symbol_set):
            raise _unusable(
                "a species in two places of the list of atoms", "each species in one block"
            )
        return structure


class InputDeck(Record):
    """The input files of one run, as text.

    Attributes
    ----------
    kind : str
        ``"relax"``, ``"static"``, ``"dos"`` or ``"md"``.
    incar, kpoints, poscar, potcar_spec : str
        The four files; the last names the PAW sets, one a line.
    potcar_functional : str
        Release of the PAW sets.
    k_divisions : tuple of int
        The mesh, as numbers.
    executable : str
        ``"vasp_gam"`` where the zone centre is the only point, else ``"vasp_std"``.
    hash : str
        Content hash of the four files.
    """

    kind: CalculationKind
    incar: str
    kpoints: str
    poscar: str
    potcar_spec: str
    potcar_functional: str
    k_divisions: tuple[int, int, int]
    executable: str
    hash: str

    @property
    def files(self) -> dict[str, str]:
        """File name -> text."""
        return {
            "INCAR": self.incar,
            "KPOINTS": self.kpoints,
            "POSCAR": self.poscar,
            "POTCAR.spec": self.potcar_spec,
        }


def poscar_structure(structure: StructureRecord) -> Structure:
    """Give a structure as VASP is given it: species together, moments on the sites.

    Parameters
    ----------
    structure : StructureRecord
        Atoms in any order.

    Returns
    -------
    pymatgen.core.Structure
        In the order of :class:`PoscarOrder`, with site property ``magmom`` where it has moments.
    """
    arranged = PoscarOrder.of(structure.species).arranged(structure)
    properties = {} if arranged.moments is None else {"magmom": list(arranged.moments)}
    return Structure(
        arranged.lattice,
        arranged.species,
        arranged.positions,
        coords_are_cartesian=True,
        site_properties=properties,
    )


def make_deck(
    calculation: VaspCalculation, structure: StructureRecord, profile: VaspProfile
) -> InputDeck:
    """Write the inputs of a calculation as text; no POTCAR is needed.

    Parameters
    ----------
    calculation : VaspCalculation
        What is computed.
    structure : StructureRecord
        Atoms in any order.
    profile : VaspProfile
        PAW sets and limits.

    Returns
    -------
    InputDeck
        Exactly what the engine gives VASP, but for POTCAR and the tags of parallel execution.

    Raises
    ------
    SulfoxError
        SFX-323 if the specification and the structure do not fit, or an element has no PAW set.
    """
    generator = SpecifiedInputGenerator(calculation=calculation, profile=profile)
    found = generator.get_input_set(poscar_structure(structure), potcar_spec=True)
    files = {
        "incar": str(found["INCAR"]),
        "kpoints": str(found["KPOINTS"]),
        "poscar": str(found["POSCAR"]),
        "potcar_spec": "\n".join(generator.potcar_symbols) + "\n",
    }
    divisions = k_divisions(calculation, structure, profile)
    return InputDeck(
        kind=calculation.kind,
        **files,
        potcar_functional=profile.potcar.functional,
        k_divisions=divisions,
        executable="vasp_gam" if divisions == (1, 1, 1) else "vasp_std",
        hash=content_hash([files, profile.potcar.functional]),
    )


def _record(structure: Structure) -> StructureRecord:
    return StructureRecord.from_pymatgen(structure)


def _unusable(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-323",
        who="VASP inputs",
        found=found,
        expected=expected,
        next_step="make inputs with make_deck or with the engine",
    )
