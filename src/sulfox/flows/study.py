"""A study as data: which pairs, at what temperatures, with which seeds, and what is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sulfox.documents.base import Record
from sulfox.documents.comparison import ExpectedFinding
from sulfox.errors import SulfoxError
from sulfox.flows.electronic.plan import BandCenterPlan, CoreShellPlan
from sulfox.flows.thermodynamic.plan import ThermodynamicsPlan
from sulfox.settings import workflow_dirs
from sulfox.units import Dimensionless, Length, Temperature, TimePs

__all__ = [
    "PARTS",
    "DynamicsPlan",
    "InterfacePlan",
    "MaterialSide",
    "Pair",
    "Part",
    "Study",
    "StudyOverrides",
    "Variant",
    "load_study",
]

Part = Literal["dynamics", "band-centers", "core-shell", "thermodynamics"]
#: What a study can be made of, in the order in which it is told.
PARTS: tuple[Part, ...] = ("dynamics", "band-centers", "core-shell", "thermodynamics")
#: What is run if nothing is asked for; the rest takes hours.
_DEFAULT_PARTS: tuple[Part, ...] = ("dynamics", "band-centers", "thermodynamics")
#: Parts that an engine can compute; another engine is taken to do all.
_ENGINE_PARTS: dict[str, tuple[Part, ...]] = {
    "mlip": ("dynamics",),
    "gpaw": ("band-centers", "core-shell"),
}


class MaterialSide(Record):
    """One side of a pair.

    Attributes
    ----------
    material : str
        Catalogue name, or path of a CIF or POSCAR.
    facet : tuple of int
        Miller indices in the conventional cell.
    exchange_fraction : float or None
        Cl/S exchange; None takes the ordered representative.
    disorder_seed : int
        Seed of the random sample where an exchange fraction is given.
    """

    material: str
    facet: tuple[int, int, int]
    exchange_fraction: Dimensionless | None = None
    disorder_seed: int = 0


class Pair(Record):
    """Two materials that meet.

    Attributes
    ----------
    name : str
        ``"LCO|LPSCl"``.
    cathode, electrolyte : MaterialSide
        The electrolyte lies on the cathode.
    """

    name: str
    cathode: MaterialSide
    electrolyte: MaterialSide


class InterfacePlan(Record):
    """Limits of the interface search; see :class:`sulfox.interfaces.search.InterfaceSpec`.

    Attributes
    ----------
    max_strain : float
        Largest principal strain of either side.
    max_atoms : int
        Atoms in the cell.
    vacuum_A : float
        Vacuum above the electrolyte [Å]; 0 for a periodic sandwich.
    electrolyte_strain_share : float
        Part of the misfit that the electrolyte carries, 0 to 1.
    """

    max_strain: Dimensionless = 0.05
    max_atoms: int = 400
    vacuum_A: Length = 15.0
    electrolyte_strain_share: Dimensionless = 1.0


class DynamicsPlan(Record):
    """What is run for every interface.

    Attributes
    ----------
    protocol : str
        Name of a file in ``configs/protocols``: time step, thermostat, archive stride, guards.
    temperatures_K : tuple of float
        Target temperatures [K].
    seeds : tuple of int
        Seeds of velocities and thermostat noise.
    equilibration_ps : float
        Langevin run before the production run [ps]; archived and analysed too.
    length_ps : float
        Production run [ps].
    """

    protocol: str = "aimd"
    temperatures_K: tuple[Temperature, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    equilibration_ps: TimePs = Field(ge=0)
    length_ps: TimePs = Field(gt=0)

    @model_validator(mode="after")
    def _positive_and_unique(self) -> Self:
        if min(self.temperatures_K) <= 0:
            raise ValueError(f"temperatures must be positive, found {self.temperatures_K}")
        for name, values in (("temperatures_K", self.temperatures_K), ("seeds", self.seeds)):
            if len(set(values)) != len(values):
                raise ValueError(f"{name} holds a value twice: {values}")
        return self


class Variant(Record):
    """The same pairs with one thing changed, labelled.

    Attributes
    ----------
    name, description : str
        Label and what differs.
    pairs : tuple of str
        Names of the pairs it applies to.
    allow_broken_polyanions : bool
        Take the best interface whose electrolyte surface is cleaved through a polyanion.
    delithiated_fraction : float
        Part of the cathode's Li that is removed.
    dynamics : DynamicsPlan or None
        Other conditions; None takes the study's.
    """

    name: str
    description: str
    pairs: tuple[str, ...]
    allow_broken_polyanions: bool = False
    delithiated_fraction: Dimensionless = Field(default=0.0, ge=0, lt=1)
    dynamics: DynamicsPlan | None = None


class Study(Record):
    """A study: the content of ``study.yaml`` and ``expected.yaml``.

    Attributes
    ----------
    name, title, question : str
        Identity, heading and the scientific question.
    engine : str
        ``"mlip"``.
    potential : str
        ``"nep89"``, ``"chgnet"``, or the import path of an ASE calculator.
    pairs : tuple of Pair
        Interfaces of the main job.
    interface : InterfacePlan
        Limits of the search.
    dynamics : DynamicsPlan
        Conditions of the main job.
    bonds : tuple of str
        Element pairs whose bonds are followed, ``"S-S"`` first.
    variants : tuple of Variant
        Run on request.
    band_centers : BandCenterPlan or None
        Electronic part; None where the study has none.
    core_shell : CoreShellPlan or None
        Coherent core and shell; None where the study has none.
    thermodynamics : ThermodynamicsPlan or None
        Reaction energies by entry sets; None where the study has none.
    parts : tuple of str
        What is run: ``"dynamics"``, ``"band-centers"``, ``"core-shell"``,
        ``"thermodynamics"``.
    expected : tuple of ExpectedFinding
        Published numbers.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    question: str
    engine: str = "mlip"
    potential: str = "nep89"
    pairs: tuple[Pair, ...] = Field(min_length=1)
    interface: InterfacePlan = InterfacePlan()
    dynamics: DynamicsPlan
    bonds: tuple[str, ...] = ("S-S",)
    variants: tuple[Variant, ...] = ()
    band_centers: BandCenterPlan | None = None
    core_shell: CoreShellPlan | None = None
    thermodynamics: ThermodynamicsPlan | None = None
    parts: tuple[Part, ...] = Field(default=_DEFAULT_PARTS, min_length=1)
    expected: tuple[ExpectedFinding, ...] = ()

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        known = [pair.name for pair in self.pairs]
        if len(set(known)) != len(known):
            twice = sorted({name for name in known if known.count(name) > 1})
            raise ValueError(
                f"pair names must differ, found {', '.join(twice)} more than once; "
                "a facet can be part of a name: 'CoO(100)|LPSCl(110)'"
            )
        asked = [(f"variant {v.name!r}", name) for v in self.variants for name in v.pairs]
        asked += [(f"expected {e.quantity!r}", e.pair) for e in self.expected if e.pair]
        for where, name in asked:
            if name not in known:
                raise ValueError(f"{where} names the pair {name!r}, known are {known}")
        if self.parts == ("band-centers",) and self.band_centers is None:
            raise ValueError("it has no band_centers to run")
        if self.parts == ("thermodynamics",) and self.thermodynamics is None:
            raise ValueError("it has no thermodynamics to compute")
        if "core-shell" in self.parts and self.core_shell is None:
            raise ValueError("it has no core_shell to run")
        return self

    def with_overrides(self, overrides: StudyOverrides) -> Study:
        """Return the study with what the command line changed, checked again.

        Parameters
        ----------
        overrides : StudyOverrides
            None stands for no change.

        Raises
        ------
        SulfoxError
            SFX-601 if the changed study is not valid.
        """
        changed = self.model_dump()
        if overrides.only:
            changed["parts"] = overrides.only
        computes = _ENGINE_PARTS.get(overrides.engine or "", PARTS)
        if overrides.engine is not None and "dynamics" in computes:
            changed["engine"] = overrides.engine
        _change_electronic_parts(changed, overrides, computes)
        if overrides.potential is not None:
            changed["potential"] = overrides.potential
        dynamics = changed["dynamics"]
        if overrides.n_seeds is not None:
            dynamics["seeds"] = tuple(range(1, overrides.n_seeds + 1))
        if overrides.length_ps is not None:
            dynamics["length_ps"] = overrides.length_ps
            for variant in changed["variants"]:
                if variant["dynamics"] is not None:
                    shorter = min(variant["dynamics"]["length_ps"], overrides.length_ps)
                    variant["dynamics"]["length_ps"] = shorter
        if not overrides.variants:
            changed["variants"] = ()
        return _validated(changed, f"study {self.name} with the options given")


class StudyOverrides(Record):
    """What the command line may change in a study.

    Attributes
    ----------
    engine, potential : str or None
        Another engine, another potential of the mlip engine.
    n_seeds : int or None
        Seeds 1..n.
    length_ps : float or None
        Length of the production runs [ps].
    variants : bool
        Whether the variants are run too.
    only : tuple of str
        Parts to run; empty for the study's own.
    protocol : str or None
        Another protocol of the electronic part.
    """

    engine: str | None = None
    potential: str | None = None
    n_seeds: int | None = None
    length_ps: TimePs | None = None
    variants: bool = False
    only: tuple[Part, ...] = ()
    protocol: str | None = None


def _change_electronic_parts(
    changed: dict[str, Any], overrides: StudyOverrides, computes: tuple[Part, ...]
) -> None:
    for part, key in (("band-centers", "band_centers"), ("core-shell", "core_shell")):
        if changed[key] is not None:
            asked = {"protocol": overrides.protocol}
            asked["engine"] = overrides.engine if part in computes else None
            changed[key] |= {name: value for name, value in asked.items() if value}


def load_study(name_or_folder: str) -> Study:
    """Read ``study.yaml`` and ``expected.yaml``.

    Parameters
    ----------
    name_or_folder : str
        A folder, or the name of one in ``./workflows`` or in the packaged workflows.

    Returns
    -------
    Study
        Validated; unknown keys are errors.

    Raises
    ------
    SulfoxError
        SFX-602 if there is none, SFX-601 if it is not valid.
    """
    folders = [Path(name_or_folder), *(root / name_or_folder for root in workflow_dirs())]
    for folder in folders:
        if (folder / "study.yaml").is_file():
            break
    else:
        known = sorted(
            {p.parent.name for root in workflow_dirs() for p in root.glob("*/study.yaml")}
        )
        raise SulfoxError(
            "SFX-602",
            who=name_or_folder,
            found="no study.yaml there",
            expected="a folder with a study.yaml, or one of " + ", ".join(known),
            next_step="give the folder of your study, or one of these names",
        )
    content = _read_yaml(folder / "study.yaml")
    expected = folder / "expected.yaml"
    if expected.is_file():
        content["expected"] = _read_yaml(expected).get("findings", [])
    return _validated(content, str(folder / "study.yaml"))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _invalid(str(path), " ".join(str(error).split())) from error
    if not isinstance(content, dict):
        raise _invalid(str(path), f"a {type(content).__name__} at the top")
    return content


def _validated(content: dict[str, Any], who: str) -> Study:
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(
            who, f"{'.'.join(map(str, first['loc'])) or 'study'}: {first['msg']}"
        ) from error


def _invalid(who: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-601",
        who=who,
        found=found,
        expected="the keys of workflows/gsirr/study.yaml",
        next_step="correct that key; workflows/gsirr shows a complete study",
    )
