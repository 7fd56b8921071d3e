"""What a coherent core-shell cell is asked to be."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.materials.material import Miller
from sulfox.units import Dimensionless, Length

__all__ = ["CORE_SHELL_SIZES", "CoreShellSpec"]

#: Name -> layers of core and shell. Odd numbers put a symmetry centre in both blocks.
CORE_SHELL_SIZES: dict[str, tuple[int, int]] = {"small": (3, 3), "production": (7, 7)}

#: Range of each parameter.
_RANGES: dict[str, tuple[float, float]] = {
    "core_layers": (3, 60),
    "shell_layers": (3, 60),
    "vacuum_A": (0.0, 100.0),
    "shell_strain_share": (0.0, 1.0),
    "shell_normal_strain": (-0.2, 0.2),
}


class CoreShellSpec(Record):
    """Plane, thicknesses, strain and surroundings of a coherent core-shell cell.

    Attributes
    ----------
    core_facet : tuple of int or None
        Interface plane in the core's conventional cell; None takes (100) of the common rock
        salt, which is (1, 0, 4) of a layered oxide: every layer is neutral, and it is the most
        stable cut of both sides. (0, 0, 3) is (111): polar.
    core_layers, shell_layers : int
        Cation layers of each block. Three is the fewest: one layer of each side is then bonded
        to its own side only.
    vacuum_A : float
        0 gives a periodic superlattice; otherwise the shell covers both faces of the core, and
        vacuum lies outside [Å].
    shell_strain_share : float
        Part of the misfit the shell carries; 1 for a thin shell on a large core.
    shell_normal_strain : float or None
        Strain of the shell along the normal, from a calculation of the strained bulk; None
        estimates it from elastic constants.
    repeats : tuple of int
        Repeats of the smallest cell in the plane.
    """

    core_facet: Miller | None = None
    core_layers: int = CORE_SHELL_SIZES["small"][0]
    shell_layers: int = CORE_SHELL_SIZES["small"][1]
    vacuum_A: Length = 0.0
    shell_strain_share: Dimensionless = 1.0
    shell_normal_strain: Dimensionless | None = None
    repeats: tuple[int, int] = (1, 1)

    @model_validator(mode="before")
    @classmethod
    def _in_range(cls, values: Any) -> Any:
        given = values if isinstance(values, dict) else {}
        wrong = {
            name: (given[name], f"a number from {low:g} up to {high:g}")
            for name, (low, high) in _RANGES.items()
            if isinstance(given.get(name), int | float) and not low <= given[name] <= high
        }
        repeats = given.get("repeats", (1, 1))
        if not all(isinstance(n, int) and 1 <= n <= 12 for n in repeats):
            wrong["repeats"] = (repeats, "two whole numbers from 1 up to 12")
        for name, (found, expected) in wrong.items():
            raise SulfoxError(
                "SFX-206",
                who="coherent core-shell cell",
                found=f"{name} = {found}",
                expected=expected,
                next_step=f"give another {name}",
            )
        return values
