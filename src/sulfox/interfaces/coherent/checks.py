"""What makes a coherent cell sound: oxygens with six cations, neutral layers, equal interfaces."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.coherent_interface import CoherentLayer, OxygenCoordination
from sulfox.documents.structure import StructureRecord

__all__ = [
    "coherent_layers",
    "interface_charge",
    "interfaces_are_equivalent",
    "oxygen_coordination",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Cations nearer than this are neighbours of an oxygen [Å]; the next ones are beyond 3.3 Å.
NEIGHBOUR_A = 2.75
_NEAR_OXYGEN_A = 4.0
_SAME_POSITION_A = 0.01


def oxygen_coordination(structure: StructureRecord) -> OxygenCoordination:
    """Count the cations around every oxygen.

    Parameters
    ----------
    structure : StructureRecord
        An oxide, relaxed or not.

    Returns
    -------
    OxygenCoordination
        Images count.
    """
    from vesin import NeighborList

    elements = np.array(structure.species)
    i, j, d = NeighborList(cutoff=_NEAR_OXYGEN_A, full_list=True).compute(
        points=np.array(structure.positions),
        box=np.array(structure.lattice),
        periodic=True,
        quantities="ijd",
    )
    from_oxygen = elements[i] == "O"
    to_oxygen = elements[j] == "O"
    bonds = from_oxygen & ~to_oxygen & (d < NEIGHBOUR_A)
    oxygens = np.flatnonzero(elements == "O")
    around = {int(k): Counter(elements[j[bonds & (i == k)]].tolist()) for k in oxygens}
    labels = Counter(
        " + ".join(f"{n} {symbol}" for symbol, n in sorted(near.items())) or "none"
        for near in around.values()
    )
    return OxygenCoordination(
        cutoff_A=NEIGHBOUR_A,
        n_oxygen=len(oxygens),
        n_six_fold=sum(near.total() == 6 for near in around.values()),
        environments=dict(sorted(labels.items())),
        shortest_O_O_A=round(float(d[from_oxygen & to_oxygen].min(initial=_NEAR_OXYGEN_A)), 4),
    )


def coherent_layers(
    structure: StructureRecord, layers: Ints, charges: Floats, *, periodic: bool
) -> tuple[CoherentLayer, ...]:
    """Describe every layer of the stack.

    Parameters
    ----------
    structure : StructureRecord
        The cell.
    layers : ndarray
        (n,) number of the layer each atom is in, from the bottom.
    charges : ndarray
        (n,) formal charges [e].
    periodic : bool
        Whether the top layer lies below the bottom one again.

    Returns
    -------
    tuple of CoherentLayer
        From the bottom to the top.
    """
    heights = np.array(structure.positions)[:, 2]
    moments = np.array(structure.moments or np.zeros(structure.n_atoms))
    count = int(layers.max()) + 1
    sides = [structure.sides[int(np.flatnonzero(layers == k)[0])] for k in range(count)]
    found = []
    for number in range(count):
        atoms = np.flatnonzero(layers == number)
        others = [abs(number - k) for k in range(count) if sides[k] != sides[number]]
        if periodic:
            others = [min(step, count - step) for step in others]
        found.append(
            CoherentLayer(
                number=number,
                side=sides[number],
                height_A=round(float(heights[atoms].mean()), 6),
                layers_from_interface=min(others),
                atoms=tuple(atoms.tolist()),
                composition=dict(Counter(structure.species[k] for k in atoms)),
                charge_e=round(float(charges[atoms].sum()), 6) + 0.0,
                net_moment_muB=round(float(moments[atoms].sum()), 6) + 0.0,
                absolute_moment_muB=round(float(np.abs(moments[atoms]).sum()), 6),
            )
        )
    return tuple(found)


def interface_charge(structure: StructureRecord, layers: Ints, charges: Floats) -> float:
    """Formal charge per area of the interface above the lower block, from a field's step.

    Gauss' law for charged planes: the charge below a height, per area, is the field there
    (times epsilon_0) up to a constant. Averaged over two layers in the middle of a block it is
    the macroscopic field of that block; its step between the blocks is the interface's charge.

    Parameters
    ----------
    structure : StructureRecord
        The cell; heights increase with the number of the layer.
    layers : ndarray
        (n,) number of the layer each atom is in, from the bottom.
    charges : ndarray
        (n,) [e]

    Returns
    -------
    float
        [e/Å^2]; zero where no plane is polar.
    """
    heights = np.array(structure.positions)[:, 2]
    sides = [structure.sides[int(np.flatnonzero(layers == k)[0])] for k in range(layers.max() + 1)]
    changes = [k for k in range(1, len(sides)) if sides[k] != sides[k - 1]]
    blocks = [(0, changes[0]), (changes[0], [*changes, len(sides)][1])]
    fields = []
    for first, end in blocks:
        start = first + (end - first - 2) // 2
        ends = [heights[(layers == k) & (charges > 0)].mean() for k in (start, start + 2)]
        part = (ends[1] - np.maximum(heights, ends[0])) / (ends[1] - ends[0])
        fields.append(float(charges @ np.clip(part, 0.0, 1.0)))
    area = float(np.linalg.norm(np.cross(structure.lattice[0], structure.lattice[1])))
    return (fields[1] - fields[0]) / area


def interfaces_are_equivalent(structure: StructureRecord) -> bool:
    """Whether a symmetry of the crystal, moments left out, turns the stack upside down.

    Parameters
    ----------
    structure : StructureRecord
        Two interfaces whose normal is z.

    Returns
    -------
    bool
        True if an operation maps +z on -z.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    crystal = structure.to_pymatgen()
    for name in list(crystal.site_properties):
        crystal.remove_site_property(name)
    analyzer = SpacegroupAnalyzer(crystal, symprec=_SAME_POSITION_A)
    operations = analyzer.get_symmetry_operations(cartesian=True)
    return any(op.rotation_matrix[2, 2] < -0.999 for op in operations)
