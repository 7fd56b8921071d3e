"""How much time the scheduler leaves to this job, and leaving in time.

The end of the job is read from, in this order: ``SULFOX_JOB_ENDS_AT`` (seconds since 1970),
SLURM's ``SLURM_JOB_END_TIME``, and PBS's ``PBS_WALLTIME`` or LSF's ``LSB_JOB_RUNLIMIT``
counted from the start of this process. Without any of them there is no limit.
"""

from __future__ import annotations

import os
import time

__all__ = ["OutOfTime", "seconds_left"]

#: Start of this process, as near as an import comes to it.
_STARTED = time.time()


class OutOfTime(Exception):  # noqa: N818 not an error: the work goes on in another job
    """The job ends before the work is done; what was done is kept.

    Parameters
    ----------
    what : str
        What goes on elsewhere.
    done, wanted : int
        Steps.
    """

    def __init__(self, what: str, done: int, wanted: int) -> None:
        self.what = what
        self.done = done
        self.wanted = wanted
        super().__init__(f"{what}: {done} of {wanted} steps when the time of this job was up")


def seconds_left(now: float | None = None) -> float | None:
    """Seconds until this job ends.

    Parameters
    ----------
    now : float, optional
        Seconds since 1970; the present by default.

    Returns
    -------
    float or None
        Negative if it should have ended; None without a limit.
    """
    now = time.time() if now is None else now
    for name in ("SULFOX_JOB_ENDS_AT", "SLURM_JOB_END_TIME"):
        end = _number(name)
        if end is not None:
            return end - now
    for name, unit in (("PBS_WALLTIME", 1.0), ("LSB_JOB_RUNLIMIT", 60.0)):
        length = _number(name)
        if length is not None:
            return _STARTED + length * unit - now
    return None


def _number(name: str) -> float | None:
    try:
        return float(os.environ[name])
    except (KeyError, ValueError):
        return None
