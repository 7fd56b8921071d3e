"""A candidate as files for other programs."""

from __future__ import annotations

from pathlib import Path

from sulfox.documents.interface import InterfaceDoc

__all__ = ["write_candidate"]


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
    structure = doc.structure
    order = sorted(range(structure.n_atoms), key=lambda k: structure.species[k])
    counts = {element: structure.species.count(element) for element in sorted(doc.composition)}
    lines = [f"{doc.id} {doc.pair} {doc.cathode.termination} {doc.electrolyte.termination}", "1.0"]
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
