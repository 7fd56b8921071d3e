"""Why a segment failed, and when failures are too many."""

from __future__ import annotations

import shutil
from pathlib import Path

from sulfox.documents.base import Reason
from sulfox.engines.vasp.dynamics.ledger import Ending, Ledger, Program
from sulfox.errors import SulfoxError

__all__ = [
    "FAILED",
    "check_room",
    "error_words",
    "other_program",
    "seconds_of",
    "too_many_failures",
]

#: Endings that are VASP's own failure.
FAILED: tuple[Ending, ...] = ("failed", "hung")
#: Failures without a new step, one after the other, and in all, before a run is refused.
_FAILURES_IN_A_ROW = 3
_FAILURES_PER_CORRECTION = 4
_KILLS_IN_A_ROW = 10
_TAIL_BYTES = 65_536
_ROOM_BYTES = 50e6
_NO_ROOM = ("no space left on device", "disk quota exceeded")


def too_many_failures(ledger: Ledger, name: str, max_corrections: int) -> Reason | None:
    """Say whether VASP failed so often that trying again is pointless.

    Parameters
    ----------
    ledger : Ledger
        All segments so far.
    name : str
        Of the run.
    max_corrections : int
        Of the profile; a run of many segments may fail four times as often.

    Returns
    -------
    Reason or None
        SFX-351, with VASP's last words.
    """
    runs = ledger.runs
    row = len(runs)
    for index, segment in enumerate(reversed(runs)):
        if segment.n_new_steps or segment.ending == "stopped":
            row = index
            break
    failed = [segment for segment in runs if segment.ending in FAILED]
    failed_in_a_row = sum(segment.ending in FAILED for segment in runs[len(runs) - row :])
    most = _FAILURES_PER_CORRECTION * max_corrections
    if failed_in_a_row < _FAILURES_IN_A_ROW and len(failed) <= most and row < _KILLS_IN_A_ROW:
        return None
    last = (failed or runs)[-1]
    text = f"{name}: VASP failed {len(failed)} times in {len(runs)} segments"
    return Reason(code="SFX-351", message=f"{text}; at last: {last.message}")


def check_room(run_dir: Path) -> None:
    """Stop where a failure of VASP is the disk's.

    Parameters
    ----------
    run_dir : Path
        Folder of the run.

    Raises
    ------
    SulfoxError
        SFX-503 if the disk is full; the run goes on from its last whole frame when it is not.
    """
    room = shutil.disk_usage(run_dir).free
    if room < _ROOM_BYTES:
        raise SulfoxError(
            "SFX-503",
            who=str(run_dir),
            found=f"{room / 1e6:.0f} MB left",
            expected="room for the files of VASP",
            next_step="free some space and start again; all whole frames are kept",
        )


def seconds_of(folder: Path) -> float:
    """Time between the first and the last write into a folder.

    Parameters
    ----------
    folder : Path
        Of a segment that nobody watched to its end.

    Returns
    -------
    float
        [s]
    """
    times = [path.stat().st_mtime for path in folder.iterdir() if path.is_file()]
    return max(times) - min(times) if times else 0.0


def other_program(name: str, before: Program | None, now: Program) -> Reason:
    """Say that another program went on with a run.

    Parameters
    ----------
    name : str
        Of the run.
    before : Program or None
        What began it.
    now : Program
        What went on.

    Returns
    -------
    Reason
        SFX-354.
    """
    was = "nothing" if before is None else before.standin or f"VASP {before.version}"
    other = now.standin or f"VASP {now.version}"
    text = f"{name}: {was} began this run, {other} went on with it; run it with one of them"
    return Reason(code="SFX-354", message=text)


def error_words(folder: Path) -> str:
    """Say what VASP said last: known messages first.

    Parameters
    ----------
    folder : Path
        Of the segment.

    Returns
    -------
    str
        One line; empty where it said nothing.
    """
    from custodian.vasp.handlers import VaspErrorHandler

    text = "\n".join(_tail(folder / name) for name in ("vasp.out", "std_err.txt"))
    known = [
        message
        for messages in VaspErrorHandler.error_msgs.values()
        for message in messages
        if message in text
    ]
    known += [words for words in _NO_ROOM if words in text.lower()]
    last = [line.strip() for line in text.splitlines() if line.strip()][-1:]
    return "; ".join(dict.fromkeys([*known, *last]))[:300]


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - _TAIL_BYTES))
            return stream.read().decode("latin-1")
    except OSError:
        return ""
