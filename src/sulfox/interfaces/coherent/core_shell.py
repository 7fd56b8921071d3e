"""The coherent core-shell cell: a rock-salt shell that continues the lattice of a layered core.

Both are decorations of one rock-salt lattice, so the oxygens go on through the interface and
every oxygen keeps six cations. Default plane: (104) of the layered core, which is (100) of the
parent, on (100) of the shell. Its layers are neutral on both sides (Tasker I), it is the
lowest-energy cut of both, and no charge has to be moved to make the cell. (003) on (111) can be
built too: the order Li+|O2-|Co3+ ends in planes of charge, so its interfaces carry formal charges
of opposite sign, and a field lies between them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.coherent_interface import CoherentInterfaceDoc, CoherentSide
from sulfox.documents.structure import Side, StructureRecord
from sulfox.errors import SulfoxError
from sulfox.interfaces.coherent.checks import (
    coherent_layers,
    interface_charge,
    interfaces_are_equivalent,
    oxygen_coordination,
)
from sulfox.interfaces.coherent.common_cell import (
    POISSON_RATIO,
    Block,
    SurfaceCell,
    fit_blocks,
    smallest_cell,
)
from sulfox.interfaces.coherent.rock_salt import read_rock_salt
from sulfox.interfaces.coherent.specification import CoreShellSpec
from sulfox.materials.material import Miller
from sulfox.materials.ordering import OrderedMaterial

__all__ = ["build_core_shell"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Above this misfit a shell of several nm holds dislocations.
LARGE_MISFIT = 0.03
#: Interface charges below this are none [e/Å^2].
NO_CHARGE = 1e-4
#: Digits kept of positions and vectors [Å].
DIGITS = 8


@dataclass(frozen=True)
class _Stack:
    """The atoms of the whole cell."""

    lattice: Floats
    positions: Floats
    species: tuple[str, ...]
    sides: tuple[Side, ...]
    layers: Ints
    moments: Floats
    charges: Floats
    height_A: float


def build_core_shell(
    core: OrderedMaterial, shell: OrderedMaterial, spec: CoreShellSpec | None = None
) -> CoherentInterfaceDoc:
    """Build the coherent cell of a core and a shell.

    Parameters
    ----------
    core : OrderedMaterial
        Layered oxide or rock salt; side ``"cathode"``.
    shell : OrderedMaterial
        Rock salt or layered oxide; side ``"coating"``.
    spec : CoreShellSpec, optional
        Plane, layers, vacuum, strain.

    Returns
    -------
    CoherentInterfaceDoc
        The smallest cell in the plane that holds the cation order and the magnetic order of
        both sides, with all checks. The same inputs give the same id.

    Raises
    ------
    SulfoxError
        SFX-204 for a crystal that is no decorated rock salt, SFX-205 for a plane or a number
        of layers that gives no neutral cell, SFX-206 for a parameter out of range.
    """
    spec = spec or CoreShellSpec()
    crystals = (read_rock_salt(core), read_rock_salt(shell))
    cell = smallest_cell(crystals, spec)
    blocks, stretch = fit_blocks(crystals, cell, spec)
    stack = _stack(blocks, cell, spec)
    pair = f"{crystals[0].name}|{crystals[1].name}"
    structure = StructureRecord(
        lattice=tuple(map(tuple, (np.round(stack.lattice, DIGITS) + 0.0).tolist())),
        species=stack.species,
        positions=tuple(map(tuple, (np.round(stack.positions, DIGITS) + 0.0).tolist())),
        sides=stack.sides,
        moments=tuple(stack.moments.tolist()) if stack.moments.any() else None,
    )
    facet = crystals[0].conventional_plane(cell.plane)
    _must_be_sound(pair, facet, stack, structure, spec)
    return _document(pair, blocks, cell, stretch, stack, structure, spec)


def _first_layer(cell: SurfaceCell) -> Ints:
    """Integers of the sites of layer 0 in one surface cell, cations first."""
    reach = int(np.abs(cell.rows).sum(axis=0).max())
    box = np.array(list(product(range(-reach, reach + 1), repeat=3)))
    inside = box @ np.linalg.inv(cell.rows.astype(float))
    kept = box[np.all((inside > -1e-9) & (inside < 1 - 1e-9), axis=1)]
    return np.asarray(kept[np.argsort(kept.sum(axis=1) % 2, kind="stable")])


def _stack(blocks: tuple[Block, Block], cell: SurfaceCell, spec: CoreShellSpec) -> _Stack:
    """Lay the blocks on each other; the step across an interface is the mean of both sides'."""
    core, shell = (blocks[0], spec.core_layers), (blocks[1], spec.shell_layers)
    order = (shell, core, shell) if spec.vacuum_A else (core, shell)
    sequence = [block for block, count in order for _ in range(count)]
    base = _first_layer(cell)
    steps = [cell.stacking @ block.to_positions for block in sequence]
    origin = np.zeros(3)
    positions, species, moments, charges = [], [], [], []
    for number, block in enumerate(sequence):
        if number:
            origin = origin + 0.5 * (steps[number - 1] + steps[number])
        sites = base + number * cell.stacking
        atoms = block.crystal.atoms_at(sites)
        moved = block.crystal.displacements[atoms] @ block.rotation
        positions.append(origin + base @ block.to_positions + moved)
        found = [block.crystal.ordered.structure.species[k] for k in atoms]
        species += found
        states = block.crystal.ordered.material.oxidation_states
        charges += [float(states[s]) for s in found]
        moments.append(block.crystal.moments_at(sites))
    height = origin + 0.5 * (steps[-1] + steps[0])
    common = (cell.surface @ blocks[0].to_positions)[:, :2]
    all_positions = np.vstack(positions)
    lattice = np.zeros((3, 3))
    lattice[:2, :2] = common
    if spec.vacuum_A:
        lattice[2, 2] = float(np.ptp(all_positions[:, 2])) + spec.vacuum_A
        all_positions[:, 2] -= all_positions[:, 2].min()
    else:
        lean = np.rint(height[:2] @ np.linalg.inv(common) - 1e-6)
        lattice[2] = height
        lattice[2, :2] -= lean @ common
    in_plane = all_positions[:, :2] @ np.linalg.inv(common)
    all_positions[:, :2] = (in_plane - np.floor(in_plane + 1e-9)) @ common
    return _Stack(
        lattice=lattice,
        positions=all_positions,
        species=tuple(species),
        sides=tuple(block.side for block in sequence for _ in base),
        layers=np.repeat(np.arange(len(sequence)), len(base)),
        moments=np.concatenate(moments),
        charges=np.array(charges),
        height_A=float(lattice[2, 2]),
    )


def _must_be_sound(
    pair: str, facet: Miller, stack: _Stack, structure: StructureRecord, spec: CoreShellSpec
) -> None:
    """Refuse a cell that is charged, or polar and cut off by vacuum."""
    total = float(stack.charges.sum())
    if abs(total) > 1e-6:
        raise _impossible(
            pair,
            f"{spec.core_layers} and {spec.shell_layers} layers on {facet} have a formal "
            f"charge of {total:+g} e",
            "a neutral cell",
            "take another number of core layers, such as whole cells of the core, or (1, 0, 4)",
        )
    charge = interface_charge(structure, stack.layers, stack.charges)
    if spec.vacuum_A and abs(charge) > NO_CHARGE:
        raise _impossible(
            pair,
            f"a polar plane {facet} with vacuum",
            "a plane without a dipole, or no vacuum",
            "take (1, 0, 4), or a superlattice (vacuum 0)",
        )


def _document(
    pair: str,
    blocks: tuple[Block, Block],
    cell: SurfaceCell,
    stretch: Floats,
    stack: _Stack,
    structure: StructureRecord,
    spec: CoreShellSpec,
) -> CoherentInterfaceDoc:
    from pymatgen.core import Element

    records = tuple(
        _side(block, cell, stack, layers)
        for block, layers in zip(blocks, (spec.core_layers, spec.shell_layers), strict=True)
    )
    charge = interface_charge(structure, stack.layers, stack.charges)
    common = stack.lattice[:2, :2]
    lengths = np.linalg.norm(common, axis=1)
    geometry: Literal["slab", "superlattice"] = "slab" if spec.vacuum_A else "superlattice"
    misfit = sorted(float(x) - 1.0 for x in np.linalg.eigvalsh(stretch))
    doc = CoherentInterfaceDoc(
        id="ci-" + content_hash([pair, structure.hash, geometry])[:16],
        status=Status.COMPLETE,
        provenance=Provenance(
            engine="sulfox",
            level_of_theory="geometry only",
            inputs_hash=content_hash([[b.crystal.ordered.id for b in blocks], spec]),
        ),
        pair=pair,
        core=records[0],
        shell=records[1],
        epitaxy="||".join(f"{r.material}({','.join(map(str, r.miller))})" for r in records),
        geometry=geometry,
        interfaces_equivalent=interfaces_are_equivalent(structure),
        misfit_principal=(round(misfit[0], 9), round(misfit[1], 9)),
        strain_rule=f"shell carries {spec.shell_strain_share:.0%} of the misfit, core "
        f"{1 - spec.shell_strain_share:.0%}; normal spacing {_spacing_rule(spec)}",
        area_A2=round(float(abs(np.linalg.det(common))), 6),
        angle_deg=round(float(np.degrees(np.arccos(common[0] @ common[1] / lengths.prod()))), 6),
        height_A=round(stack.height_A, 6),
        vacuum_A=spec.vacuum_A,
        interface_charge=round(abs(charge), 6),
        is_polar=abs(charge) > NO_CHARGE,
        formal_charge_e=round(float(stack.charges.sum()), 6) + 0.0,
        net_moment_muB=round(float(stack.moments.sum()), 6) + 0.0,
        n_atoms=structure.n_atoms,
        n_electrons=sum(Element(s).Z for s in structure.species),
        composition=structure.composition,
        oxygen=oxygen_coordination(structure),
        layers=coherent_layers(structure, stack.layers, stack.charges, periodic=not spec.vacuum_A),
        structure=structure,
    )
    return doc.model_copy(update={"reasons": _remarks(doc)})


def _side(block: Block, cell: SurfaceCell, stack: _Stack, n_layers: int) -> CoherentSide:
    spacing = float((cell.stacking @ block.to_positions)[2])
    principal = np.linalg.eigvalsh(block.strain)
    return CoherentSide(
        material=block.crystal.name,
        structure_id=block.crystal.ordered.id,
        miller=block.crystal.conventional_plane(cell.plane),
        n_layers=n_layers,
        n_atoms=Counter(stack.sides)[block.side],
        thickness_A=round(n_layers * spacing, 6),
        strain=tuple(tuple(round(float(x), 9) + 0.0 for x in row) for row in block.strain),
        strain_principal=(round(float(principal[0]), 9), round(float(principal[1]), 9)),
        normal_strain=round(block.normal_strain, 9) + 0.0,
    )


def _spacing_rule(spec: CoreShellSpec) -> str:
    if spec.shell_normal_strain is not None:
        return f"of the shell as given ({spec.shell_normal_strain:+.2%})"
    return f"by a Poisson ratio of {POISSON_RATIO}"


def _remarks(doc: CoherentInterfaceDoc) -> tuple[Reason, ...]:
    found = []
    worst = max(doc.misfit_principal, key=abs)
    if abs(worst) > LARGE_MISFIT:
        text = (
            f"misfit {worst:+.1%}: a coherent shell of several nm would relax by dislocations; "
            "this cell is the fully strained limit, as close to the core"
        )
        found.append(Reason(code="large-misfit", message=text))
    if doc.is_polar:
        text = (
            f"{doc.epitaxy}: the two interfaces carry formal charges of "
            f"±{doc.interface_charge * doc.area_A2:.2f} e a cell, a field lies between them; "
            "charge will move, or atoms must"
        )
        found.append(Reason(code="polar", message=text))
    if not doc.interfaces_equivalent:
        text = "no symmetry exchanges the two interfaces"
        found.append(Reason(code="two-interfaces", message=text))
    if abs(doc.net_moment_muB) > 1e-3:
        text = f"initial moments sum to {doc.net_moment_muB:+.1f} µB"
        found.append(Reason(code="net-moment", message=text))
    surface = doc.oxygen.n_oxygen - doc.oxygen.n_six_fold
    if surface:
        where = "at the free surfaces" if doc.geometry == "slab" else "inside the cell"
        text = f"{surface} of {doc.oxygen.n_oxygen} oxygens have not six cations, {where}"
        found.append(Reason(code="oxygen-coordination", message=text))
    return tuple(found)


def _impossible(who: str, found: str, expected: str, next_step: str) -> SulfoxError:
    return SulfoxError("SFX-205", who=who, found=found, expected=expected, next_step=next_step)
