"""Folders of segments: ``segments/0001`` and on, each with the inputs of one process of VASP."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

from sulfox.engines.vasp.dynamics.ledger import Start
from sulfox.engines.vasp.inputs.input_set import InputDeck
from sulfox.trajectories.durable import disk_error

__all__ = ["make_segment_folder", "segment_folder", "segment_incar"]


def segment_folder(run_dir: Path, number: int) -> Path:
    """Name the folder of a segment.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.
    number : int
        From 1.
    """
    return run_dir / "segments" / f"{number:04d}"


def segment_incar(deck: InputDeck, start: Start, n_steps: int, tags: dict[str, int]) -> str:
    """Write the INCAR of a segment: that of the deck for the steps that are left.

    Parameters
    ----------
    deck : InputDeck
        Of the whole run.
    start : Start
        Of the segment.
    n_steps : int
        Of the whole run.
    tags : dict
        Of parallel execution.

    Returns
    -------
    str
        Other NSW, KBLOCK and RANDOM_SEED than in the deck; nothing else differs.
    """
    from pymatgen.io.vasp import Incar

    left = n_steps - start.step
    own = {"NSW": left, "KBLOCK": left, "RANDOM_SEED": list(start.random_seed)}
    return str(Incar(dict(Incar.from_str(deck.incar)) | own | tags))


def make_segment_folder(folder: Path, deck: InputDeck, start: Start, incar: str) -> None:
    """Write the inputs of a segment; the folder appears when they are whole.

    Parameters
    ----------
    folder : Path
        Of the segment.
    deck : InputDeck
        KPOINTS and the names of the PAW sets.
    start : Start
        POSCAR.
    incar : str
        INCAR.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full.
    """
    from pymatgen.io.vasp import Potcar

    beside = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        texts = {"INCAR": incar, "KPOINTS": deck.kpoints, "POSCAR": start.poscar}
        for name, text in texts.items():
            (beside / name).write_text(text, encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            potcar = Potcar(deck.potcar_spec.split(), functional=deck.potcar_functional)
            potcar.write_file(beside / "POTCAR")
        beside.rename(folder)
    except OSError as error:
        raise disk_error(folder, error) from error
