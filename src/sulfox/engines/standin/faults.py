"""Faults on demand: ``edddav@5, hang@20, sleep=0.05``.

They stand in the environment variable ``STANDIN_FAULTS`` or in a file of that name in the
working folder (one or more a line, ``#`` begins a comment). ``name@N`` happens at ionic step
N of the process, once per folder: what has happened is noted in ``STANDIN_FAULTS.done`` (or in
the file that ``STANDIN_FAULTS_DONE`` names), so that a corrected and restarted run gets on.
``name@N!`` happens in every process.

==================  =============================================================================
``nelm@N``          the electrons of step N do not converge in NELM steps; the run goes on
``edddav@N``        "Error EDDDAV: Call to ZHEGV failed" during step N, exit status 1
``zbrent@N``        "ZBRENT: fatal error in bracketing" at the end of step N, exit status 1
``hang@N``          no output any more from the first electronic step of step N on
``exitK@N``         the process ends with exit status K at the start of step N
``empty_contcar@N``  killed after step N while CONTCAR is rewritten: it is empty
``half_contcar@N``  the same, but half of it has been written
``truncate_last_frame@N``  killed when half of the frame of step N is in vasprun.xml and OUTCAR
``sigkill@N``       killed during the electronic steps of step N
``disk_full@N``     from step N on only 1500 more bytes fit on the disk
``explode@N``       velocities become thirtyfold after step N
``sleep=S``         each ionic step takes S seconds more, spread over the electronic steps
==================  =============================================================================
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from sulfox.errors import SulfoxError

__all__ = ["FAULT_NAMES", "Faults", "die", "read_faults"]

FAULT_NAMES = (
    "nelm",
    "edddav",
    "zbrent",
    "hang",
    "exit",
    "empty_contcar",
    "half_contcar",
    "truncate_last_frame",
    "sigkill",
    "disk_full",
    "explode",
)
_VARIABLE = "STANDIN_FAULTS"
_AT = re.compile(r"([a-z_]+?)(\d*)@(\d+)(!?)")
_SLEEP = re.compile(r"sleep=(\d+\.?\d*|\.\d+)")


@dataclass
class Faults:
    """What shall go wrong, and when.

    Attributes
    ----------
    planned : dict
        (step, name) -> its text.
    done_file : Path
        Where faults that have happened are noted.
    sleep_s : float
        Added to each ionic step [s].
    exit_status : dict
        Step -> exit status of ``exitK@N``.
    """

    planned: dict[tuple[int, str], str]
    done_file: Path
    sleep_s: float = 0.0
    exit_status: dict[int, int] = field(default_factory=dict)

    @property
    def texts(self) -> list[str]:
        """What is planned, for the record."""
        slow = [f"sleep={self.sleep_s:g}"] if self.sleep_s else []
        return [*self.planned.values(), *slow]

    def due(self, name: str, step: int) -> bool:
        """Whether a fault happens now; it is noted and does not happen again.

        Parameters
        ----------
        name : str
            One of :data:`FAULT_NAMES`.
        step : int
            Ionic step of this process, from 1.
        """
        text = self.planned.get((step, name))
        if text is None:
            return False
        if text.endswith("!"):
            return True
        done = self.done_file.read_text("utf-8") if self.done_file.is_file() else ""
        if text in done.split():
            return False
        with self.done_file.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
        return True


def read_faults(folder: Path) -> Faults:
    """Read the faults asked for, from the environment and the folder.

    Parameters
    ----------
    folder : Path
        Working folder.

    Returns
    -------
    Faults
        Empty where none are asked for.

    Raises
    ------
    SulfoxError
        SFX-343 for a word that is no fault.
    """
    text = os.environ.get(_VARIABLE, "")
    beside = folder / _VARIABLE
    if beside.is_file():
        lines = beside.read_text("utf-8", "replace").splitlines()
        text += "\n" + "\n".join(line.partition("#")[0] for line in lines)
    done = os.environ.get(f"{_VARIABLE}_DONE")
    faults = Faults({}, Path(done) if done else folder / f"{_VARIABLE}.done")
    for word in re.split(r"[\s,;]+", text.strip()):
        if word:
            _take(faults, word)
    return faults


def _take(faults: Faults, word: str) -> None:
    if match := _SLEEP.fullmatch(word):
        faults.sleep_s = float(match[1])
        return
    match = _AT.fullmatch(word)
    name = match[1] if match else ""
    if match is None or name not in FAULT_NAMES or (name == "exit") != bool(match[2]):
        raise SulfoxError(
            "SFX-343",
            who=_VARIABLE,
            found=word,
            expected="name@step of " + ", ".join(FAULT_NAMES) + " (exit3@10), or sleep=seconds",
            next_step="correct the variable or the file STANDIN_FAULTS",
        )
    step = int(match[3])
    faults.planned[step, name] = word
    if name == "exit":
        faults.exit_status[step] = int(match[2])


def die() -> NoReturn:
    """End this process as ``kill -9`` does: nothing that is kept back reaches the disk."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(137)
