"""Decks for the stand-in: a small copper cell, forces by ASE's EMT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from sulfox.engines.standin.potcars import write_placeholder_potcar
from sulfox.engines.standin.run import run_in_folder

EMT = "ase.calculators.emt:EMT"
Deck = Callable[..., Path]


@pytest.fixture
def deck(tmp_path: Path) -> Deck:
    """Write a deck; tags are added to those of a plain run."""

    def make(name: str, incar: str, kpoints: str = "mesh\n0\nGamma\n1 1 1\n") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        atoms = bulk("Cu", cubic=True) * (2, 2, 1)
        atoms.rattle(0.05, seed=1)
        write(folder / "POSCAR", atoms, format="vasp", direct=True)
        write_placeholder_potcar(["Cu"], folder / "POTCAR")
        plain = "LWAVE = F; LCHARG = F; ISYM = 0\nISMEAR = 0; SIGMA = 0.1\n"
        (folder / "INCAR").write_text(incar + "\n" + plain)
        (folder / "KPOINTS").write_text(kpoints)
        return folder

    return make


@pytest.fixture
def run() -> Callable[[Path], Path]:
    """Run a deck in this process."""

    def go(folder: Path) -> Path:
        run_in_folder(folder, EMT)
        return folder

    return go
