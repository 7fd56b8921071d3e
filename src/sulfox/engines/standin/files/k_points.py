"""KPOINTS: meshes, lists and lines, with the points that symmetry leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sulfox.engines.standin.files.incar import Incar, input_error
from sulfox.engines.standin.files.poscar import FloatArray, Poscar

__all__ = ["KPoints", "read_k_points"]


@dataclass(frozen=True, eq=False)
class KPoints:
    """The k-points of a run.

    Attributes
    ----------
    style : str
        ``"Gamma"``, ``"Monkhorst-Pack"``, ``"Reciprocal"`` or ``"listgenerated"`` (lines).
    divisions : tuple of int
        Of a mesh; points of each line of a band structure.
    shift : tuple of float
        Of a mesh, in its own steps.
    points : ndarray, shape (n_points, 3)
        In reciprocal lattice vectors.
    weights : ndarray, shape (n_points,)
        Sum is one.
    ends : ndarray, shape (n_ends, 3)
        Ends of the lines.
    """

    style: str
    divisions: tuple[int, ...]
    shift: tuple[float, float, float]
    points: FloatArray
    weights: FloatArray
    ends: FloatArray


def read_k_points(path: Path, incar: Incar, poscar: Poscar, moments: FloatArray) -> KPoints:
    """Read KPOINTS, or make a mesh of KSPACING where there is none.

    Parameters
    ----------
    path : Path
        The file.
    incar : Incar
        KSPACING, KGAMMA, ISYM, SYMPREC.
    poscar : Poscar
        The crystal.
    moments : ndarray, shape (n_atoms,)
        Atoms with other moments are not mapped on each other [µB].

    Returns
    -------
    KPoints
        Reduced by symmetry where ISYM allows.

    Raises
    ------
    SulfoxError
        SFX-341 if the file cannot be read.
    """
    if not path.is_file():
        return _from_spacing(incar, poscar, moments)
    lines = path.read_text("latin-1").splitlines()
    try:
        count, style = int(lines[1].split()[0]), lines[2].strip()[:1].lower()
        if count == 0:
            return _mesh_of(lines, style, incar, poscar, moments)
        if style == "l":
            return _along_lines(count, lines, poscar)
        table = np.array([[float(w) for w in line.split()[:4]] for line in lines[3 : 3 + count]])
        points = _reciprocal(table[:, :3], style, poscar)
        weights = table[:, 3] / table[:, 3].sum()
    except (ValueError, IndexError) as error:
        raise input_error("KPOINTS", f"Error reading KPOINTS ({error})", "a KPOINTS file") from None
    return KPoints("Reciprocal", (count,), (0.0, 0.0, 0.0), points, weights, np.empty((0, 3)))


def _mesh_of(
    lines: list[str], style: str, incar: Incar, poscar: Poscar, moments: FloatArray
) -> KPoints:
    if style == "a":
        length = float(lines[3].split()[0])
        reciprocal = np.linalg.norm(np.linalg.inv(poscar.lattice), axis=0)
        divisions = tuple(max(1, int(length * r + 0.5)) for r in reciprocal)
        return _mesh("Gamma", divisions, (0.0, 0.0, 0.0), incar, poscar, moments)
    if style not in ("g", "m"):
        raise ValueError(f"a mesh named {lines[2]!r}")
    divisions = tuple(int(word) for word in lines[3].split()[:3])
    given = [float(word) for word in lines[4].split()[:3]] if len(lines) > 4 else []
    shift = tuple(given) if len(given) == 3 else (0.0, 0.0, 0.0)
    name = "Gamma" if style == "g" else "Monkhorst-Pack"
    return _mesh(name, divisions, (shift[0], shift[1], shift[2]), incar, poscar, moments)


def _from_spacing(incar: Incar, poscar: Poscar, moments: FloatArray) -> KPoints:
    spacing = incar.real("KSPACING", 0.5)
    lengths = 2 * math.pi * np.linalg.norm(np.linalg.inv(poscar.lattice), axis=0)
    divisions = tuple(max(1, math.ceil(length / spacing - 1e-9)) for length in lengths)
    name = "Gamma" if incar.logical("KGAMMA", True) else "Monkhorst-Pack"
    return _mesh(name, divisions, (0.0, 0.0, 0.0), incar, poscar, moments)


def _mesh(
    name: str,
    divisions: tuple[int, ...],
    shift: tuple[float, float, float],
    incar: Incar,
    poscar: Poscar,
    moments: FloatArray,
) -> KPoints:
    if len(divisions) != 3 or min(divisions) < 1:
        raise ValueError(f"divisions {divisions}")
    steps = np.array(divisions)
    offset = np.array(shift) + (0.0 if name == "Gamma" else 0.5 * (steps % 2 == 0))
    addresses = np.stack(np.meshgrid(*map(np.arange, divisions), indexing="ij"), axis=-1)
    addresses = addresses.reshape(-1, 3)
    points = (addresses + offset) / steps
    points -= np.rint(points - 1e-9)
    image = _images(points, incar, poscar, moments)
    kept, weights = np.unique(image, return_counts=True)
    return KPoints(name, divisions, shift, points[kept], weights / weights.sum(), np.empty((0, 3)))


def _images(
    points: FloatArray, incar: Incar, poscar: Poscar, moments: FloatArray
) -> NDArray[np.int64]:
    """For each point the first one that symmetry maps on it."""
    own = np.arange(len(points))
    isym = incar.integer("ISYM", 2)
    if isym < 0 or len(points) == 1:
        return own
    rotations = [np.eye(3)]
    if isym > 0:
        from spglib import get_symmetry

        types = np.repeat(np.arange(len(poscar.counts)), poscar.counts)
        kinds = np.unique(np.stack([types, moments], axis=1), axis=0, return_inverse=True)[1]
        cell: Any = (poscar.lattice, poscar.fractional, kinds.ravel())
        found = get_symmetry(cell, symprec=max(1e-5, incar.real("SYMPREC", 1e-5)))
        if found is not None:
            rotations = list(np.unique(found["rotations"], axis=0).astype(float))
    index = {tuple(key): number for number, key in reversed(list(enumerate(_keys(points))))}
    image = own.copy()
    for rotation in rotations:
        for sign in (1.0, -1.0):
            keys = _keys(sign * points @ rotation)
            turned = np.array([index.get(tuple(key), number) for number, key in enumerate(keys)])
            image = np.minimum(image, turned)
    while not np.array_equal(image, image[image]):
        image = image[image]
    return image


def _keys(points: FloatArray) -> list[list[int]]:
    scaled = np.rint(points * 1e6).astype(int) % 1_000_000
    keys: list[list[int]] = scaled.tolist()
    return keys


def _along_lines(count: int, lines: list[str], poscar: Poscar) -> KPoints:
    rows = [line.split()[:3] for line in lines[4:] if len(line.split()) >= 3]
    style = lines[3].strip()[:1].lower()
    ends = _reciprocal(np.array(rows, dtype=float), style, poscar)
    if len(ends) < 2 or len(ends) % 2:
        raise ValueError("lines without two ends")
    fractions = np.linspace(0.0, 1.0, count)[:, None]
    pairs = zip(ends[::2], ends[1::2], strict=True)
    points = np.concatenate([start + fractions * (end - start) for start, end in pairs])
    weights = np.full(len(points), 1.0 / len(points))
    return KPoints("listgenerated", (count,), (0.0, 0.0, 0.0), points, weights, ends)


def _reciprocal(points: FloatArray, style: str, poscar: Poscar) -> FloatArray:
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError("points of other than three numbers")
    if style in ("c", "k"):
        points = points @ poscar.lattice.T
    return points
