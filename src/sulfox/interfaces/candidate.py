"""From two terminations and a match to a checked interface document."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.base import Document, Provenance, Reason, Status, content_hash
from sulfox.documents.interface import InterfaceDoc, SlabSide
from sulfox.documents.structure import Side, StructureRecord
from sulfox.errors import SulfoxError
from sulfox.interfaces.pairings import Pairing
from sulfox.interfaces.partner import Partner, excess_atoms, magnetic_layers, moments_of
from sulfox.interfaces.plane_lattice import share_misfit
from sulfox.interfaces.specification import InterfaceSpec, Refusal
from sulfox.interfaces.stacking import (
    OVERLAP,
    StackedCell,
    StrainedSlab,
    contact_matrix,
    cross_distances,
    repeat_slab,
    shortest_pairs,
    stack,
)
from sulfox.interfaces.terminations import check_polyanions

__all__ = [
    "build_interface",
    "write_candidate",
    "write_cell",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Positions and cell vectors are rounded to this many digits [Å]: ids do not hang on noise.
DIGITS = 8


def build_interface(pairing: Pairing, spec: InterfaceSpec, rank: int) -> InterfaceDoc | Refusal:
    """Build and check one interface.

    Parameters
    ----------
    pairing : Pairing
        What is put together.
    spec : InterfaceSpec
        Gap, vacuum, strain rule.
    rank : int
        Place among the candidates.

    Returns
    -------
    InterfaceDoc or Refusal
        A refusal says why.
    """
    common, strains, shift_cell = _common_cell(pairing, spec.electrolyte_strain_share)
    partners = (pairing.cathode, pairing.electrolyte)
    sides = [
        repeat_slab(partner.slab, supercell, common)
        for partner, supercell in zip(partners, pairing.supercells, strict=True)
    ]
    gap, vacuum = spec.gap_A, spec.vacuum_A
    cell = stack(sides[0], sides[1], common, shift_cell, gap_A=gap, vacuum_A=vacuum)
    lengths = cross_distances(cell.lattice, cell.positions, len(sides[0].species))
    distances = shortest_pairs(lengths, sides[0].species, sides[1].species)
    ratio = float((lengths / contact_matrix(*sides)).min())
    labels = {
        "cathode_termination": pairing.cathode.termination.label,
        "electrolyte_termination": pairing.electrolyte.termination.label,
    }
    if ratio < OVERLAP:
        nearest = min(distances, key=lambda pair: distances[pair])
        return Refusal(
            code="overlap",
            reason=f"{pairing.label}: a pair across the interface is at {ratio:.2f} of its "
            f"contact distance (limit {OVERLAP}; shortest pair {nearest} "
            f"{distances[nearest]:.2f} Å); give a larger gap",
            **labels,
        )
    records = tuple(
        _slab_side(partner, side, supercell, strain, common, frustrated=pairing.frustrated)
        for partner, side, supercell, strain in zip(
            partners, sides, pairing.supercells, strains, strict=True
        )
    )
    broken = [c for record in records for c in record.polyanions if c.n_intact < c.n_units]
    if broken and not spec.allow_broken_polyanions:
        check = broken[0]
        return Refusal(
            code="broken-polyanion",
            reason=f"{pairing.label}: {check.n_units - check.n_intact} of {check.n_units} "
            f"{check.central}{check.ligand}{check.coordination} units are not whole and "
            "could not be repaired",
            **labels,
        )
    return _document(pairing, spec, rank, cell, (sides[0], sides[1]), records, distances)


def _common_cell(pairing: Pairing, share: float) -> tuple[Floats, tuple[Floats, Floats], Floats]:
    """In-plane vectors (2, 2), the strain tensors of both sides, the strained surface cell."""
    cathode = pairing.cathode.slab
    strains = share_misfit(pairing.stretch, share)
    strained = cathode.in_plane @ (np.eye(2) + strains[0])
    common = pairing.supercells[0] @ strained
    direction = common[0] / np.linalg.norm(common[0])
    turn = np.array([[direction[0], -direction[1]], [direction[1], direction[0]]])
    common, strained = common @ turn, strained @ turn
    common[0, 1] = 0.0
    turned = tuple(turn.T @ strain @ turn for strain in strains)
    return np.round(common, DIGITS), (turned[0], turned[1]), strained


def _slab_side(
    partner: Partner,
    side: StrainedSlab,
    supercell: Ints,
    strain: Floats,
    common: Floats,
    *,
    frustrated: bool,
) -> SlabSide:
    from pymatgen.core import Composition

    termination, ordered = partner.termination, partner.ordered
    dipole = float(side.charges @ side.positions[:, 2] / abs(np.linalg.det(common)))
    excess = excess_atoms(side.species, termination.bulk.species)
    moments = moments_of(partner, side.crystal)
    return SlabSide(
        material=ordered.material.name,
        structure_id=ordered.id,
        formula=Composition(Counter(side.species)).reduced_formula,
        miller=termination.bulk.miller,
        termination=termination.label,
        n_layers=partner.slab.n_layers,
        n_atoms=len(side.species),
        thickness_A=round(side.thickness_A, 6),
        supercell=tuple(tuple(int(x) for x in row) for row in supercell),
        strain=tuple(tuple(round(float(x), 9) + 0.0 for x in row) for row in strain),
        strain_max=round(float(np.abs(np.linalg.eigvalsh(strain)).max()), 9),
        dipole_per_area=round(dipole, 6) + 0.0,
        is_polar=termination.is_polar,
        is_stoichiometric=not excess,
        excess=excess,
        polyanions=check_polyanions(
            side.species,
            side.positions,
            common,
            ordered.material.polyanions,
            repaired=termination.n_repaired > 0,
        ),
        magnetic_layers=() if frustrated else magnetic_layers(side.positions[:, 2], moments),
    )


def _document(
    pairing: Pairing,
    spec: InterfaceSpec,
    rank: int,
    cell: StackedCell,
    sides: tuple[StrainedSlab, StrainedSlab],
    records: tuple[SlabSide, ...],
    distances: dict[str, float],
) -> InterfaceDoc:
    partners = (pairing.cathode, pairing.electrolyte)
    names: tuple[Side, Side] = ("cathode", "electrolyte")
    moments = np.concatenate(
        [moments_of(partner, side.crystal) for partner, side in zip(partners, sides, strict=True)]
    )
    if pairing.frustrated:
        moments = np.zeros(len(moments))
    structure = StructureRecord(
        lattice=tuple(map(tuple, (np.round(cell.lattice, DIGITS) + 0.0).tolist())),
        species=sides[0].species + sides[1].species,
        positions=tuple(map(tuple, (np.round(cell.positions, DIGITS) + 0.0).tolist())),
        sides=tuple(n for n, s in zip(names, sides, strict=True) for _ in s.species),
        moments=tuple(moments.tolist()) if moments.any() else None,
    )
    pair = "|".join(partner.ordered.material.name for partner in partners)
    common = cell.lattice[:2, :2]
    lengths = np.linalg.norm(common, axis=1)
    inputs = content_hash([pair, [partner.ordered.id for partner in partners], spec])
    _must_keep_atoms(pairing, structure)
    return InterfaceDoc(
        id="if-" + content_hash([pair, structure.hash, [r.termination for r in records]])[:16],
        status=Status.COMPLETE,
        reasons=_remarks(pairing, records, moments),
        provenance=Provenance(engine="sulfox", level_of_theory="geometry only", inputs_hash=inputs),
        pair=pair,
        cathode=records[0],
        electrolyte=records[1],
        strain_rule=spec.strain_rule,
        misfit_max=round(pairing.misfit_max, 9),
        strain_max=round(max(record.strain_max for record in records), 9),
        area_A2=round(float(abs(np.linalg.det(common))), 6),
        angle_deg=round(float(np.degrees(np.arccos(common[0] @ common[1] / lengths.prod()))), 6),
        gap_A=round(cell.gap_A, 6),
        vacuum_A=spec.vacuum_A,
        registry=cell.shift,
        n_atoms=structure.n_atoms,
        composition=structure.composition,
        min_distances_A=distances,
        rank=rank,
        ranking=spec.ranking,
        structure=structure,
    )


def _must_keep_atoms(pairing: Pairing, structure: StructureRecord) -> None:
    """Refuse an interface that has not exactly the atoms of its two slabs."""
    expected: Counter[str] = Counter()
    partners = (pairing.cathode, pairing.electrolyte)
    for partner, supercell in zip(partners, pairing.supercells, strict=True):
        times = round(abs(float(np.linalg.det(supercell))))
        expected.update({e: n * times for e, n in Counter(partner.slab.species).items()})
    if expected != Counter(structure.species):
        raise SulfoxError(
            "SFX-999",
            who=pairing.label,
            found=f"atoms {dict(Counter(structure.species))}",
            expected=f"{dict(expected)}, the sum of the two slabs",
            next_step="report this as a fault of the interface builder",
        )


def _remarks(
    pairing: Pairing, records: tuple[SlabSide, ...], moments: Floats
) -> tuple[Reason, ...]:
    found = []
    partners = (pairing.cathode, pairing.electrolyte)
    if pairing.frustrated:
        text = "the in-plane supercell does not hold the magnetic order; no moments are set"
        found.append(Reason(code="magnetic-order", message=text))
    for partner, record in zip(partners, records, strict=True):
        who = f"{record.material}{record.miller} {record.termination}"
        if record.is_polar:
            text = f"{who}: dipole of {record.dipole_per_area:+.3f} e/Å (formal charges)"
            found.append(Reason(code="polar", message=text))
        if not record.is_stoichiometric:
            found.append(Reason(code="non-stoichiometric", message=f"{who}: {record.excess}"))
        if partner.termination.n_repaired:
            text = f"{who}: {partner.termination.n_repaired} polyanions per cell made whole"
            found.append(Reason(code="repaired-polyanion", message=text))
        for check in record.polyanions:
            if check.n_intact < check.n_units:
                text = f"{who}: {check.n_units - check.n_intact} of {check.n_units} cut open"
                found.append(Reason(code="broken-polyanion", message=text))
        if partner.termination.equivalent:
            text = f"{who}: the same slab as {', '.join(partner.termination.equivalent)}"
            found.append(Reason(code="equivalent-cuts", message=text))
    if abs(float(moments.sum())) > 1e-3:
        text = f"initial moments sum to {moments.sum():+.1f} µB"
        found.append(Reason(code="net-moment", message=text))
    return tuple(found)


def write_candidate(doc: InterfaceDoc, folder: Path) -> tuple[Path, Path, Path]:
    """Write one interface.

    Parameters
    ----------
    doc : InterfaceDoc
        What is written.
    folder : Path
        An existing folder.

    Returns
    -------
    poscar, atoms, document : Path
        ``<id>.vasp`` (POSCAR; atoms grouped by element), ``<id>.atoms.tsv`` (one line per
        atom in the order of the POSCAR: element, side, initial moment [µB]) and
        ``<id>.json`` (the whole document).
    """
    title = f"{doc.id} {doc.pair} {doc.cathode.termination} {doc.electrolyte.termination}"
    return write_cell(doc, doc.structure, title, folder)


def write_cell(
    doc: Document, structure: StructureRecord, title: str, folder: Path
) -> tuple[Path, Path, Path]:
    """Write a cell with its document.

    Parameters
    ----------
    doc : Document
        Gives the names of the files.
    structure : StructureRecord
        Its cell.
    title : str
        First line of the POSCAR.
    folder : Path
        An existing folder.

    Returns
    -------
    poscar, atoms, document : Path
        As :func:`write_candidate`.
    """
    order = sorted(range(structure.n_atoms), key=lambda k: structure.species[k])
    counts = {e: structure.species.count(e) for e in sorted(structure.composition)}
    lines = [title, "1.0"]
    lines += [" ".join(f"{x:16.9f}" for x in row) for row in structure.lattice]
    lines += [" ".join(counts), " ".join(str(n) for n in counts.values()), "Cartesian"]
    lines += [" ".join(f"{x:16.9f}" for x in structure.positions[k]) for k in order]
    moments = structure.moments or (0.0,) * structure.n_atoms
    table = ["element\tside\tmoment_muB"]
    table += [f"{structure.species[k]}\t{structure.sides[k]}\t{moments[k]:g}" for k in order]
    contents = {
        ".vasp": "\n".join(lines) + "\n",
        ".atoms.tsv": "\n".join(table) + "\n",
        ".json": doc.model_dump_json(indent=1) + "\n",
    }
    paths = []
    for suffix, text in contents.items():
        path = folder / f"{doc.id}{suffix}"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths[0], paths[1], paths[2]
