"""Small, complete documents of every kind, and a small archive of random frames."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

from sulfox.documents.base import Document
from sulfox.documents.kinds import DOCUMENT_KINDS, parse_document
from sulfox.documents.structure import StructureRecord

_STRUCTURE = {
    "lattice": ((9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 20.0)),
    "species": ("Co", "S"),
    "positions": ((0.0, 0.0, 1.0), (0.5, 0.5, 9.0)),
    "sides": ("cathode", "electrolyte"),
}
_NOT_EMPTY = {"interface_heights_A": (5.0,)}
_WORDS = {"pair": "LCO|LPSCl", "pair_of_materials": "LCO|LPSCl", "variant": "default"}


def _example(annotation: Any, name: str = "") -> Any:
    """A value of a field's type: the tests hold for whatever fields the documents have."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType, Annotated):
        return _example(arguments[0], name)
    if origin is Literal:
        return arguments[0]
    if name in _NOT_EMPTY:
        return _NOT_EMPTY[name]
    if origin is tuple:
        return () if arguments[-1] is Ellipsis else tuple(_example(x) for x in arguments)
    if annotation is StructureRecord:
        return _STRUCTURE
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            key: _example(field.annotation, key)
            for key, field in annotation.model_fields.items()
            if field.is_required()
        }
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    plain = {str: _WORDS.get(name, "x"), int: 1, float: 0.5, bool: True, dict: {}}
    return plain[origin or annotation]


@pytest.fixture(scope="session")
def make_document() -> Callable[..., Document]:
    """Return a maker: ``make_document(kind, id, **changes)``."""

    def make(kind: str, identity: str = "", **changes: object) -> Document:
        provenance = {
            "engine": "mlip",
            "level_of_theory": "NEP89 (MLIP, not DFT)",
            "inputs_hash": "0" * 64,
            "study": changes.pop("study", "gsirr"),
        }
        base = {
            "kind": kind,
            "id": identity or f"{kind}-1",
            "status": "complete",
            "provenance": provenance,
        }
        return parse_document({**_example(DOCUMENT_KINDS[kind]), **base, **changes})

    return make


@pytest.fixture(scope="session")
def job() -> Callable[..., dict]:
    """Return a maker of jobflow's documents: ``job(uuid, output, index, completed_at)``."""

    def make(
        uuid: str, output: object, index: int = 1, completed_at: str = "2026-01-01T00:00:00"
    ) -> dict:
        plain = output.model_dump(mode="json") if isinstance(output, Document) else output
        return {
            "uuid": uuid,
            "index": index,
            "output": plain,
            "completed_at": completed_at,
            "metadata": {},
            "hosts": [],
            "name": "test",
        }

    return make


@pytest.fixture
def folder_archive(tmp_path: Path) -> Path:
    """A finished archive of 25 frames of 4 atoms in three segments."""
    return _write_archive(tmp_path / "run")


@pytest.fixture(scope="session")
def write_archive() -> Callable[[Path], Path]:
    """Return a writer of the same archive into any folder."""
    return _write_archive


def _write_archive(folder: Path) -> Path:
    from sulfox.trajectories.archive import Segment, TrajectoryHeader, write_header, write_segment

    species = ("Co", "O", "S", "S")
    header = TrajectoryHeader(
        trajectory_id="tr-0123456789abcdef",
        species=species,
        sides=("cathode", "cathode", "electrolyte", "electrolyte"),
        time_step_fs=2.0,
        frame_interval_fs=10.0,
    )
    write_header(folder, header)
    rng = np.random.default_rng(7)
    for first, last in ((0, 9), (10, 19), (20, 24)):
        n = last - first + 1
        steps = np.arange(first, last + 1) * 5
        write_segment(
            folder,
            Segment(
                steps=steps,
                times_fs=steps * 2.0,
                positions=rng.normal(size=(n, 4, 3)),
                lattice=np.diag([9.0, 9.0, 20.0]),
                potential_energy_eV=rng.normal(size=n),
                temperature_K=rng.normal(300.0, 10.0, size=n),
            ),
            first,
        )
    return folder
