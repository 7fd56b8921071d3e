"""Which pairs a table holds, what is published of them, and models of solid solutions."""

from __future__ import annotations

from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.settings import find_config
from sulfox.units import Dimensionless, EnergyPerAtom, Temperature, Voltage

__all__ = [
    "PairPlan",
    "PlannedGasReduction",
    "PlannedPair",
    "PlannedScreening",
    "PlannedWindow",
    "SolidSolution",
    "read_pair_plan",
]


class SolidSolution(Record):
    """A mixed crystal as a pseudo-phase.

    Attributes
    ----------
    name, formula : str
        ``"NCM811"``, its formula.
    end_members : dict
        Formula -> share; the shares add up to 1.
    """

    name: str
    formula: str
    end_members: dict[str, Dimensionless] = Field(min_length=2)

    @model_validator(mode="after")
    def _shares(self) -> Self:
        shares = self.end_members.values()
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"{self.name}: positive shares that add up to 1")
        return self


class PlannedPair(Record):
    """A pair of the table.

    Attributes
    ----------
    label : str
        As a person calls it.
    reactants : tuple of str
        Formulas, or names of solid solutions.
    published_eV_per_atom : float or None
        What the source says [eV/atom].
    source : str or None
        Key of the source.
    charged : tuple of str
        Formulas of reactant 1 at other states of charge.
    compare_with : str or None
        Label of the pair that this one is set beside.
    """

    label: str
    reactants: tuple[str, str]
    published_eV_per_atom: EnergyPerAtom | None = None
    source: str | None = None
    charged: tuple[str, ...] = ()
    compare_with: str | None = None


class PlannedWindow(Record):
    """A compound whose window is asked for.

    Attributes
    ----------
    formula : str
        The compound.
    published_oxidation_V : float or None
        Oxidation limit of the source [V against Li/Li+].
    source : str or None
        Key of the source.
    """

    formula: str
    published_oxidation_V: Voltage | None = None
    source: str | None = None


class PlannedScreening(Record):
    """A cathode, an electrolyte and the coatings between them.

    Attributes
    ----------
    label : str
        Number of the document.
    cathode, electrolyte : str
        Formulas, or names of solid solutions.
    coatings : tuple of str
        Formulas.
    remark : str or None
        What a formula stands for.
    """

    label: str
    cathode: str
    electrolyte: str
    coatings: tuple[str, ...]
    remark: str | None = None


class PlannedGasReduction(Record):
    """A cathode under a reducing gas.

    Attributes
    ----------
    cathode, gas : str
        Formulas.
    temperature_K : float
        Temperature [K].
    co2_fraction : float
        Mole fraction of CO2 in the feed.
    against : str
        Second axis of the diagram: ``"temperature"`` or ``"co2"``.
    """

    cathode: str
    gas: str
    temperature_K: Temperature
    co2_fraction: Dimensionless = 0.0
    against: Literal["temperature", "co2"] = "temperature"


class PairPlan(Record):
    """A file of ``configs/pairs``.

    Attributes
    ----------
    title : str
        What it is.
    sources : dict
        Key -> ``citation`` and ``doi``.
    solid_solutions : tuple of SolidSolution
        Models.
    pairs, windows, screenings, gas_reductions : tuple
        What is computed.
    """

    title: str
    sources: dict[str, dict[str, str | None]]
    solid_solutions: tuple[SolidSolution, ...] = ()
    pairs: tuple[PlannedPair, ...]
    windows: tuple[PlannedWindow, ...] = ()
    screenings: tuple[PlannedScreening, ...] = ()
    gas_reductions: tuple[PlannedGasReduction, ...] = ()

    @model_validator(mode="after")
    def _known(self) -> Self:
        labels = [pair.label for pair in self.pairs]
        if len(set(labels)) != len(labels):
            raise ValueError("two pairs share a label")
        lost = {p.compare_with for p in self.pairs if p.compare_with} - set(labels)
        cited = [*(pair.source for pair in self.pairs), *(row.source for row in self.windows)]
        named = {key for key in cited if key}
        lost |= named - self.sources.keys()
        if lost:
            raise ValueError(f"{', '.join(sorted(lost))}: no such pair or source")
        return self

    def solution(self, name: str) -> SolidSolution | None:
        """Find a solid solution by name or formula.

        Parameters
        ----------
        name : str
            Compared without regard to case.

        Returns
        -------
        SolidSolution or None
            None for anything else.
        """
        wanted = name.strip().lower()
        for solution in self.solid_solutions:
            if wanted in (solution.name.lower(), solution.formula.lower()):
                return solution
        return None


def read_pair_plan(name: str = "gsirr") -> PairPlan:
    """Read ``configs/pairs/NAME.yaml``.

    Parameters
    ----------
    name : str
        Stem of the file.

    Returns
    -------
    PairPlan
        Checked.

    Raises
    ------
    SulfoxError
        SFX-743 if there is none, or it is not valid.
    """
    path = find_config("pairs", name)
    if path is None:
        raise _invalid(f"configs/pairs/{name}.yaml", "no such file")
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return PairPlan.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
    raise _invalid(str(path), found)


def _invalid(who: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-743",
        who=who,
        found=found,
        expected="the keys " + ", ".join(PairPlan.model_fields),
        next_step="correct the file",
    )
