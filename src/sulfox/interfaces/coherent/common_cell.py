"""The surface cell that two rock-salt decorations share, and the strain that makes them fit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.structure import Side
from sulfox.errors import SulfoxError
from sulfox.interfaces.coherent.rock_salt import RockSaltCrystal
from sulfox.interfaces.coherent.specification import CoreShellSpec
from sulfox.interfaces.plane_lattice import misfit_stretch, share_misfit

__all__ = ["POISSON_RATIO", "Block", "SurfaceCell", "fit_blocks", "smallest_cell"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: nu = C12 / (C11 + C12) along the cubic axes of CoO, for the starting spacing of strained
#: layers: normal strain = -nu / (1 - nu) times the trace of the in-plane strain. From the elastic
#: constants of CoO (about 256 and 144 GPa); a relaxation decides.
POISSON_RATIO = 0.36
_REACH = 6
_CUBE = (1, 0, 0)


@dataclass(frozen=True)
class SurfaceCell:
    """Plane, surface vectors and stacking vector in integers of the parent.

    Attributes
    ----------
    plane : ndarray
        (3,) Miller indices of the parent.
    surface : ndarray
        (2, 3) vectors in the plane.
    stacking : ndarray
        (3,) from one layer to the next.
    """

    plane: Ints
    surface: Ints
    stacking: Ints

    @property
    def rows(self) -> Ints:
        """(3, 3) surface vectors and stacking vector."""
        return np.vstack([self.surface, self.stacking])


@dataclass(frozen=True)
class Block:
    """A side made to fit.

    Attributes
    ----------
    crystal : RockSaltCrystal
        What it is made of.
    side : str
        ``"cathode"`` or ``"coating"``.
    to_positions : ndarray
        (3, 3) takes integers of the parent to positions, for row vectors [Å].
    rotation : ndarray
        (3, 3) from the frame of the crystal to that of the cell, for row vectors.
    strain : ndarray
        (2, 2) small-strain tensor in the plane.
    normal_strain : float
        Strain along the normal.
    """

    crystal: RockSaltCrystal
    side: Side
    to_positions: Floats
    rotation: Floats
    strain: Floats
    normal_strain: float


def smallest_cell(
    crystals: tuple[RockSaltCrystal, RockSaltCrystal], spec: CoreShellSpec
) -> SurfaceCell:
    """Shortest surface vectors that repeat both sides, and the step to the next layer.

    Parameters
    ----------
    crystals : tuple of RockSaltCrystal
        Core and shell, cubic axes parallel: the closest-packed sheets of oxygen go on.
    spec : CoreShellSpec
        Plane and repeats.

    Returns
    -------
    SurfaceCell
        It holds the cation order and the magnetic order of both.

    Raises
    ------
    SulfoxError
        SFX-205 if there is none within a few atoms.
    """
    core = crystals[0]
    plane = np.array(_CUBE) if spec.core_facet is None else core.parent_plane(spec.core_facet)
    steps = np.array(list(product(range(-_REACH, _REACH + 1), repeat=3)))
    steps = steps[steps.sum(axis=1) % 2 == 0]
    heights = steps @ plane
    rise = int(heights[heights > 0].min())
    lengths = np.linalg.norm(0.5 * steps @ core.cubic, axis=1)
    order = np.lexsort((*(-steps.T), np.round(lengths, 6)))
    in_plane = [steps[k] for k in order if heights[k] == 0 and steps[k].any()]
    shared = (s for s in in_plane if all(crystal.repeats(s) for crystal in crystals))
    first = next(shared, None)
    second = None
    if first is not None:
        second = next((s for s in shared if np.cross(first, s).any()), None)
    if first is None or second is None:
        raise SulfoxError(
            "SFX-205",
            who="|".join(c.name for c in crystals),
            found=f"no common surface cell on {core.conventional_plane(plane)}",
            expected="a plane whose cation and magnetic order repeat within a few atoms",
            next_step="take (1, 0, 4)",
        )
    if np.cross(first, second) @ plane < 0:
        second = -second
    surface = np.array([first, second]) * np.array(spec.repeats)[:, None]
    frame = _frame(core, np.array([first, second]))
    up = [steps[k] for k in order if heights[k] == rise]
    stacking = min(up, key=lambda s: _sideways(core, s, frame))
    return SurfaceCell(plane, surface, stacking)


def _sideways(crystal: RockSaltCrystal, step: Ints, frame: Floats) -> float:
    """How far a step leads along the plane [Å], rounded so that equals tie."""
    moved = 0.5 * step @ crystal.cubic @ frame
    return round(float(np.hypot(moved[0], moved[1])), 4)


def _frame(crystal: RockSaltCrystal, surface: Ints) -> Floats:
    """Rotation for row vectors: first surface vector along x, normal along z."""
    a, b = 0.5 * surface @ crystal.cubic
    normal = np.cross(a, b)
    x, z = a / np.linalg.norm(a), normal / np.linalg.norm(normal)
    return np.column_stack([x, np.cross(z, x), z])


def fit_blocks(
    crystals: tuple[RockSaltCrystal, RockSaltCrystal], cell: SurfaceCell, spec: CoreShellSpec
) -> tuple[tuple[Block, Block], Floats]:
    """Strain both sides into one surface cell.

    Parameters
    ----------
    crystals : tuple of RockSaltCrystal
        Core and shell.
    cell : SurfaceCell
        What they share.
    spec : CoreShellSpec
        Who carries the misfit.

    Returns
    -------
    blocks : tuple of Block
        Core and shell.
    stretch : ndarray
        (2, 2) stretch of the unstrained shell onto the unstrained core.
    """
    frames = [_frame(crystal, cell.surface) for crystal in crystals]
    turned = [
        0.5 * cell.rows @ crystal.cubic @ frame
        for crystal, frame in zip(crystals, frames, strict=True)
    ]
    planes = [rows[:2, :2] for rows in turned]
    stretch = misfit_stretch((np.linalg.inv(planes[1]) @ planes[0])[None])[0]
    strains = share_misfit(stretch, spec.shell_strain_share)
    common = planes[0] @ (np.eye(2) + strains[0])
    direction = common[0] / np.linalg.norm(common[0])
    turn = np.array([[direction[0], -direction[1]], [direction[1], direction[0]]])
    common = common @ turn
    names: tuple[Side, Side] = ("cathode", "coating")
    blocks = []
    for k in range(2):
        normal = -POISSON_RATIO / (1.0 - POISSON_RATIO) * float(np.trace(strains[k]))
        if k == 1 and spec.shell_normal_strain is not None:
            normal = spec.shell_normal_strain
        map_plane = np.linalg.inv(planes[k]) @ common
        goal = np.zeros((3, 3))
        goal[:2, :2] = common
        goal[2, :2] = turned[k][2, :2] @ map_plane
        goal[2, 2] = turned[k][2, 2] * (1.0 + normal)
        blocks.append(
            Block(
                crystal=crystals[k],
                side=names[k],
                to_positions=np.linalg.inv(cell.rows.astype(float)) @ goal,
                rotation=frames[k],
                strain=turn.T @ strains[k] @ turn,
                normal_strain=normal,
            )
        )
    return (blocks[0], blocks[1]), stretch
