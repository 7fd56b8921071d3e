"""What an interface search is asked, and what it answers."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from sulfox.documents.base import Record
from sulfox.documents.interface import InterfaceDoc
from sulfox.errors import SulfoxError
from sulfox.materials.material import Miller
from sulfox.units import Area, Dimensionless, Length

__all__ = ["InterfaceSearch", "InterfaceSpec", "ParetoRow", "Refusal"]

#: Range of each parameter: (smallest, largest, is the smallest allowed).
_RANGES: dict[str, tuple[float, float, bool]] = {
    "max_strain": (0.0, 0.2, False),
    "max_atoms": (2, 2000, True),
    "min_cathode_thickness_A": (0.0, 200.0, True),
    "min_electrolyte_thickness_A": (0.0, 200.0, True),
    "gap_A": (0.0, 20.0, False),
    "vacuum_A": (0.0, 200.0, True),
    "electrolyte_strain_share": (0.0, 1.0, True),
    "min_width_A": (0.0, 100.0, True),
    "max_candidates": (1, 1000, True),
}


class InterfaceSpec(Record):
    """What is asked of an interface.

    Attributes
    ----------
    cathode_facet, electrolyte_facet : tuple of int or None
        Miller indices in the conventional cell; None takes the material's first facet.
    max_strain : float
        Largest absolute principal strain of either side, after sharing.
    max_atoms : int
        Largest number of atoms.
    min_cathode_thickness_A, min_electrolyte_thickness_A : float
        The thinnest slab that is at least so thick is taken [Å].
    gap_A : float or None
        Distance of the facing planes [Å]; None lowers the electrolyte to the first contact
        of ionic radii.
    vacuum_A : float
        Above the electrolyte [Å]; 0 gives a periodic sandwich with two interfaces.
    electrolyte_strain_share : float
        Part of the misfit the electrolyte carries; 1 because it is the softer side.
    allow_broken_polyanions : bool
        Also offer cuts through polyanions, labelled ``-cleaved``; they are ranked first.
    min_width_A : float
        Narrowest in-plane cell: below 8 Å an atom is within the cutoff of usual potentials
        of its own image [Å].
    keep_magnetic_order : bool
        Refuse in-plane supercells that do not hold the magnetic order. False offers them
        too, without moments and with a remark: for potentials that know no spin.
    max_candidates : int
        How many are built.
    """

    cathode_facet: Miller | None = None
    electrolyte_facet: Miller | None = None
    max_strain: Dimensionless = 0.05
    max_atoms: int = 400
    min_cathode_thickness_A: Length = 8.0
    min_electrolyte_thickness_A: Length = 8.0
    gap_A: Length | None = None
    vacuum_A: Length = 15.0
    electrolyte_strain_share: Dimensionless = 1.0
    allow_broken_polyanions: bool = False
    min_width_A: Length = 8.0
    keep_magnetic_order: bool = True
    max_candidates: int = 12

    @model_validator(mode="before")
    @classmethod
    def _in_range(cls, values: Any) -> Any:
        for name, (low, high, closed) in _RANGES.items():
            value = values.get(name) if isinstance(values, dict) else None
            if not isinstance(value, int | float):
                continue
            inside = (low <= value if closed else low < value) and value <= high
            if not inside:
                raise SulfoxError(
                    "SFX-203",
                    who="interface search",
                    found=f"{name} = {value}",
                    expected=f"a number {'from' if closed else 'above'} {low:g} up to {high:g}",
                    next_step=f"give another {name}",
                )
        return values

    @property
    def ranking(self) -> str:
        """What candidates are ranked by, in words."""
        units = "cleaved" if self.allow_broken_polyanions else "whole"
        return (
            f"magnetic order held; polyanions {units}; stoichiometric; fewer polar sides; the best "
            "match of each pair of terminations before any second one; smallest strain_max/limit "
            "+ n_atoms/limit; smaller dipoles; fewer repaired polyanions; labels"
        )

    @property
    def strain_rule(self) -> str:
        """How the misfit is shared, in words and numbers."""
        share = self.electrolyte_strain_share
        return (
            f"electrolyte carries {share:.0%} of the misfit, cathode {1 - share:.0%}, along the "
            "principal axes (common cell = electrolyte cell times V^share)"
        )


class Refusal(Record):
    """Why something was not built.

    Attributes
    ----------
    code : str
        ``SFX-202`` for no match within the limits, else a short word.
    reason : str
        One sentence.
    cathode_termination, electrolyte_termination : str or None
        Which terminations; None where it concerns all.
    """

    code: str
    reason: str
    cathode_termination: str | None = None
    electrolyte_termination: str | None = None


class ParetoRow(Record):
    """A point of the trade of strain against atoms: no other has less of both.

    Attributes
    ----------
    n_atoms : int
        Atoms of the interface.
    strain_max : float
        Largest absolute principal strain of either side, after sharing.
    area_A2 : float
        Interface area [Å^2].
    cathode_supercell, electrolyte_supercell : tuple
        (2, 2) integers, rows in units of the surface vectors.
    within_limits : bool
        Whether it meets the limits of the search.
    """

    n_atoms: int
    strain_max: Dimensionless
    area_A2: Area
    cathode_supercell: tuple[tuple[int, int], tuple[int, int]]
    electrolyte_supercell: tuple[tuple[int, int], tuple[int, int]]
    within_limits: bool


class InterfaceSearch(Record):
    """What a search found.

    Attributes
    ----------
    candidates : tuple of InterfaceDoc
        Best first.
    refused : tuple of Refusal
        What was not built, and why.
    pareto : tuple of ParetoRow
        From few atoms to little strain, also a little beyond the limits.
    n_matches : int
        Pairs of terminations and matches within the limits.
    """

    candidates: tuple[InterfaceDoc, ...]
    refused: tuple[Refusal, ...]
    pareto: tuple[ParetoRow, ...]
    n_matches: int
