"""How fast VASP's dynamics ran: read from the checkpoints of runs that are going on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from sulfox.documents.base import Record
from sulfox.engines.vasp.dynamics.ledger import read_checkpoint
from sulfox.errors import SulfoxError
from sulfox.trajectories.segments import HEADER_NAME
from sulfox.units import Seconds

__all__ = ["MeasuredPace", "running_paces"]


class MeasuredPace(Record):
    """Seconds per step that were measured.

    Attributes
    ----------
    source : str
        Id of the run, and how many steps.
    species : tuple of str
        (n_atoms,) element symbols, sorted.
    n_steps : int
        Measured over so many.
    seconds_per_step : float
        [s]
    """

    source: str
    species: tuple[str, ...]
    n_steps: int
    seconds_per_step: Seconds


def running_paces(work_dir: Path) -> Iterator[MeasuredPace]:
    """Give the pace of every unfinished run of VASP; the stand-in's is none.

    Parameters
    ----------
    work_dir : Path
        Folder with the folders of running jobs.

    Yields
    ------
    MeasuredPace
        From segments that ended.
    """
    for header in sorted(work_dir.glob(f"*/{HEADER_NAME}")):
        try:
            content = json.loads(header.read_text(encoding="utf-8"))
            run_hash = content["metadata"]["run_hash"]
            checkpoint = read_checkpoint(header.parent, run_hash)
        except (OSError, ValueError, KeyError, TypeError, SulfoxError):
            continue
        if checkpoint is None or checkpoint.ledger.program is None:
            continue
        ledger = checkpoint.ledger
        pace = ledger.seconds_per_step
        if checkpoint.ledger.program.standin is None and pace is not None:
            yield MeasuredPace(
                source=f"{content['trajectory_id']}, {ledger.n_steps_done} steps",
                species=tuple(sorted(content["species"])),
                n_steps=ledger.n_steps_done,
                seconds_per_step=pace,
            )
