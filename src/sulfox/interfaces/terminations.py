"""Every place where a facet can be cut, and what the two faces look like.

A termination is a cut height, not a symmetry label: two cuts that look alike to a
space-group finder are both kept (pymatgen#3854 loses one of them). Only cuts that give
the same slab atom by atom, up to an in-plane rotation or mirror that keeps the normal, are
the same.
Polyanions are cut by the height of their central atom, so they stay whole: their ligands
move across the cut by one lattice translation, and the composition stays that of the bulk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.interface import PolyanionCheck
from sulfox.interfaces.layer_symmetry import plane_mappings
from sulfox.interfaces.oriented_bulk import OrientedBulk
from sulfox.materials.material import Polyanion

__all__ = ["PLANE_TOLERANCE_A", "Slab", "Termination", "check_polyanions", "find_terminations"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Atoms nearer than this in height belong to one atomic plane [Å].
PLANE_TOLERANCE_A = 0.2
#: How deep below the outermost atom a plane still names the termination [Å].
FACE_DEPTH_A = 0.6
#: Dipole of a repeat unit above which a stack counts as polar, Tasker III [e/Å].
#: 0.005 e/Å of formal charges is a step of 0.9 V per repeat.
POLAR_THRESHOLD = 0.005
Facing = Literal["up", "down"]


@dataclass(frozen=True)
class Slab:
    """Repeats of one cut, free of strain, the facet in the x-y plane.

    Attributes
    ----------
    in_plane : ndarray
        (2, 2) rows are the surface vectors [Å]; left-handed for a slab turned over.
    species : tuple of str
        (n,) element symbols.
    positions : ndarray
        (n, 3) [Å], lowest atom at z = 0.
    crystal : ndarray
        (n, 3) the same sites in the frame of the oriented bulk [Å], for moments.
    crystal_vectors : ndarray
        (2, 3) the surface vectors in that frame [Å].
    charges : ndarray
        (n,) formal charges [e].
    n_layers : int
        Repeats of the oriented unit cell.
    """

    in_plane: Floats
    species: tuple[str, ...]
    positions: Floats
    crystal: Floats
    crystal_vectors: Floats
    charges: Floats
    n_layers: int

    @property
    def thickness_A(self) -> float:
        """From the lowest to the highest atom [Å]."""
        return float(np.ptp(self.positions[:, 2]))

    @property
    def area_A2(self) -> float:
        """Area of the surface cell [Å^2]."""
        return float(abs(np.linalg.det(self.in_plane)))

    @property
    def dipole_per_area(self) -> float:
        """Dipole of the formal charges along +z per area [e/Å]; of neutral slabs only."""
        return float(self.charges @ self.positions[:, 2] / self.area_A2)


@dataclass(frozen=True)
class Termination:
    """One way to cut a facet, seen from the face that will meet the other side.

    Attributes
    ----------
    label : str
        Elements of the facing plane and a number, unique for the facet:
        ``"Li-Co-O_1"``; ``"-r"`` marks the slab turned over, ``"-cleaved"`` broken polyanions.
    facing : str
        Which face of the slab meets the other side.
    cut_height_A : float
        Height of the cut in the oriented unit cell [Å].
    turned : bool
        Whether the slab is turned over about the first surface vector.
    n_repaired : int
        Polyanions per unit cell that this cut would break, and that were made whole.
    n_broken : int
        Polyanions per unit cell left broken.
    equivalent : tuple of str
        Labels of cuts that give the same slab atom by atom.
    bulk : OrientedBulk
        What is cut.
    """

    label: str
    facing: Facing
    cut_height_A: float
    turned: bool
    n_repaired: int
    n_broken: int
    bulk: OrientedBulk
    equivalent: tuple[str, ...] = ()
    _layer: Floats = field(default_factory=lambda: np.zeros((0, 3)), repr=False)

    def slab(self, n_layers: int) -> Slab:
        """Stack the repeat unit.

        Parameters
        ----------
        n_layers : int
            Repeats, at least 1.

        Returns
        -------
        Slab
            Atoms of repeat k at ``[k n, (k + 1) n)``.
        """
        steps = np.arange(n_layers)[:, None, None] * self.bulk.vectors[2]
        crystal = (self._layer[None] + steps).reshape(-1, 3)
        turn = np.array([1.0, -1.0, -1.0]) if self.turned else np.ones(3)
        positions = crystal * turn
        positions[:, 2] -= positions[:, 2].min()
        return Slab(
            in_plane=self.bulk.vectors[:2, :2] * turn[:2],
            species=self.bulk.species * n_layers,
            positions=positions,
            crystal=crystal,
            crystal_vectors=self.bulk.vectors[:2],
            charges=np.tile(self.bulk.charges, n_layers),
            n_layers=n_layers,
        )

    def slab_of_thickness(self, min_thickness_A: float) -> Slab:
        """Thinnest slab of whole repeat units that is at least so thick.

        Parameters
        ----------
        min_thickness_A : float
            Smallest distance of the lowest from the highest atom [Å].
        """
        single = self.slab(1)
        missing = max(0.0, min_thickness_A - single.thickness_A - 1e-6)
        return self.slab(1 + int(np.ceil(missing / self.bulk.period_A)))

    @property
    def repeat_dipole_per_area(self) -> float:
        """Dipole of one repeat unit along the slab's +z per area [e/Å]."""
        return self.slab(1).dipole_per_area

    @property
    def is_polar(self) -> bool:
        """Tasker type III: the repeat unit carries a dipole along the normal."""
        return abs(self.repeat_dipole_per_area) > POLAR_THRESHOLD


def check_polyanions(
    species: Sequence[str],
    positions: Floats,
    in_plane: Floats,
    kinds: Sequence[Polyanion],
    *,
    repaired: bool,
) -> tuple[PolyanionCheck, ...]:
    """Count the polyanions of a layer and those with full coordination.

    Parameters
    ----------
    species : sequence of str
        (n,) element symbols.
    positions : ndarray
        (n, 3) [Å].
    in_plane : ndarray
        (2, 2) rows are the periodic vectors in the x-y plane [Å]; z is not periodic.
    kinds : sequence of Polyanion
        What to look for.
    repaired : bool
        Handed on to the record.

    Returns
    -------
    tuple of PolyanionCheck
        One per kind that occurs.
    """
    from vesin import NeighborList

    elements = np.array(species)
    box = np.diag([1.0, 1.0, float(np.ptp(positions[:, 2])) + 50.0])
    box[:2, :2] = in_plane
    checks = []
    for kind in kinds:
        centres = np.flatnonzero(elements == kind.central)
        if not len(centres):
            continue
        i, j = NeighborList(cutoff=kind.cutoff_A, full_list=True).compute(
            points=positions, box=box, periodic=True, quantities="ij"
        )
        bonded = (elements[i] == kind.central) & (elements[j] == kind.ligand)
        coordination = np.bincount(i[bonded], minlength=len(elements))[centres]
        checks.append(
            PolyanionCheck(
                central=kind.central,
                ligand=kind.ligand,
                coordination=kind.coordination,
                n_units=len(centres),
                n_intact=int((coordination == kind.coordination).sum()),
                repaired=repaired,
            )
        )
    return tuple(checks)


def _gaps(heights: Floats, period: float, tolerance: float) -> list[float]:
    """Middles of the gaps between atomic planes in [0, period); at least one."""
    ordered = np.sort(np.mod(heights, period))
    following = np.append(ordered[1:], ordered[0] + period)
    widths = following - ordered
    wide = np.flatnonzero(widths > tolerance)
    if not len(wide):
        wide = np.array([int(np.argmax(widths))])
    return [float(np.mod((ordered[k] + following[k]) / 2.0, period)) for k in wide]


def _layer(bulk: OrientedBulk, height: float, *, whole: bool) -> Floats:
    """(n, 3) one repeat unit cut at a height; with `whole`, polyanions stay together."""
    if whole:
        reference = bulk.positions[bulk.centre, 2]
        return bulk.unit_positions + (reference < height)[:, None] * bulk.vectors[2]
    return bulk.positions + (bulk.positions[:, 2] < height)[:, None] * bulk.vectors[2]


def _split_units(bulk: OrientedBulk, height: float) -> int:
    """Polyanions that a cut through all atoms at a height would break."""
    # Heights of every copy a unit can have relative to the cut, modulo the period.
    turns_of_atom = np.floor((bulk.unit_positions[:, 2] - height) / bulk.period_A)
    turns_of_centre = np.floor((bulk.positions[bulk.centre, 2] - height) / bulk.period_A)
    return len(set(bulk.centre[turns_of_atom != turns_of_centre].tolist()))


def find_terminations(
    bulk: OrientedBulk,
    facing: Facing,
    *,
    allow_broken_polyanions: bool = False,
    plane_tolerance_A: float = PLANE_TOLERANCE_A,
) -> tuple[Termination, ...]:
    """All distinct terminations of a facet, for the face that meets the other side.

    Parameters
    ----------
    bulk : OrientedBulk
        The crystal, facet in the plane.
    facing : str
        ``"up"`` for the side below the interface, ``"down"`` for the side above it.
    allow_broken_polyanions : bool
        Also cut through polyanions; such terminations are labelled ``-cleaved``.
    plane_tolerance_A : float
        Cuts lie in gaps between atoms that are wider than this [Å].

    Returns
    -------
    tuple of Termination
        In order of cut height; each as it stands and turned over. A cut that gives the
        same slab, atom by atom, as an earlier one is named in `equivalent` of that one.
    """
    heights = _gaps(bulk.positions[:, 2], bulk.period_A, plane_tolerance_A)
    heights += _gaps(bulk.positions[bulk.centre, 2], bulk.period_A, plane_tolerance_A)
    cuts: dict[tuple[int, ...], tuple[float, int, int, Floats]] = {}
    for height in sorted(heights):
        split = _split_units(bulk, height)
        whole = _layer(bulk, height, whole=True)
        cuts.setdefault(_identity(bulk, whole), (height, split, 0, whole))
        if split and allow_broken_polyanions:
            cleaved = _layer(bulk, height, whole=False)
            cuts.setdefault(_identity(bulk, cleaved), (height, 0, split, cleaved))
    kept: list[Termination] = []
    for number, (height, repaired, broken, layer) in enumerate(cuts.values(), start=1):
        for turned in (False, True):
            cut = Termination("", facing, height, turned, repaired, broken, bulk, (), layer)
            named = replace(cut, label=_label(cut, number))
            same = next((k for k, other in enumerate(kept) if _same_slab(other, named)), None)
            if same is None:
                kept.append(named)
            else:
                labels = (*kept[same].equivalent, named.label)
                kept[same] = replace(kept[same], equivalent=labels)
    return tuple(kept)


def _identity(bulk: OrientedBulk, layer: Floats) -> tuple[int, ...]:
    """Which repeat of the stack every atom was taken from, up to a common shift."""
    turns = np.rint((layer - bulk.positions)[:, 2] / bulk.period_A).astype(int)
    return tuple((turns - turns.min()).tolist())


def _label(cut: Termination, number: int) -> str:
    from pymatgen.core import Element

    slab = cut.slab(1)
    z = slab.positions[:, 2]
    depth = z.max() - z if cut.facing == "up" else z - z.min()
    face = {slab.species[k] for k in np.flatnonzero(depth <= FACE_DEPTH_A)}
    elements = "-".join(sorted(face, key=lambda symbol: (Element(symbol).X, symbol)))
    return f"{elements}_{number}{'-r' if cut.turned else ''}{'-cleaved' if cut.n_broken else ''}"


def _same_slab(one: Termination, other: Termination) -> bool:
    if bool(one.n_broken) != bool(other.n_broken):
        return False
    a, b = one.slab(2), other.slab(2)
    first = (a.in_plane, a.species, a.positions)
    return bool(len(plane_mappings(first, (b.in_plane, b.species, b.positions), only_first=True)))
