"""Why a job of a cluster failed, in one line, and whether it may be sent back."""

from __future__ import annotations

import re
from enum import StrEnum

from sulfox.documents.base import Record

__all__ = ["RESEND_LIMITS", "Failure", "FailureKind", "find_failure"]


class FailureKind(StrEnum):
    """What went wrong, as far as it decides what to do."""

    WALLTIME = "walltime"
    NODE = "node"
    MEMORY = "memory"
    CANCELLED = "cancelled"
    TRANSIENT = "transient"
    DAMAGED = "damaged"
    CALCULATION = "calculation"
    INPUT = "input"
    BUG = "bug"
    UNKNOWN = "unknown"


#: How often a job may be sent back after a failure of a kind; the others wait for a person.
RESEND_LIMITS: dict[FailureKind, int] = {
    FailureKind.WALLTIME: 50,
    FailureKind.NODE: 10,
    FailureKind.MEMORY: 2,
    FailureKind.CANCELLED: 3,
    FailureKind.TRANSIENT: 5,
    FailureKind.DAMAGED: 1,
    FailureKind.UNKNOWN: 1,
}

#: What schedulers and kernels write -> kind; the first that is found counts.
_SIGNS: tuple[tuple[FailureKind, re.Pattern[str]], ...] = (
    (FailureKind.MEMORY, re.compile(r"oom.?kill|out of memory|exceeded .*memory limit", re.I)),
    (FailureKind.WALLTIME, re.compile(r"due to time limit|walltime .*exceeded", re.I)),
    (FailureKind.NODE, re.compile(r"node failure|node_fail|due to node|boot_fail", re.I)),
    (FailureKind.CANCELLED, re.compile(r"\*\*\* .*cancelled at|due to preemption", re.I)),
)
_SULFOX = re.compile(r"(SFX-\d{3}) \[(\w+)\][^\n]*")
#: Files of a run that are missing or are not what was written: no checkpoint is left to go on from.
_DAMAGED = ("SFX-404", "SFX-405", "SFX-408")
_KINDS = {
    "input": FailureKind.INPUT,
    "data": FailureKind.INPUT,
    "resource": FailureKind.TRANSIENT,
    "transient": FailureKind.TRANSIENT,
    "convergence": FailureKind.CALCULATION,
}
#: The database was away or took no writes; what a run has done lies in its own files.
_DATABASE = re.compile(
    r"^(?:pymongo\.errors\.)?(?:ServerSelectionTimeoutError|AutoReconnect|NetworkTimeout"
    r"|ConnectionFailure|NotPrimaryError|OperationFailure|WriteError|BulkWriteError)\b.*$",
    re.M,
)
_AWAY = re.compile(r"SFX-501 .*(?:Timeout|AutoReconnect|Connection|Refused)", re.I)
_LONGEST_CAUSE = 300
#: A warning of Python: its text, and the indented line of source that it is about.
_WARNING = re.compile(r"^\S+:\d+: \w*Warning:.*\n(?:\S.*\n)?  .*$", re.M)
_LAST_LINE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt)|[\w.]+Warning)\b.*$", re.M)


class Failure(Record):
    """Why a job failed.

    Attributes
    ----------
    kind : FailureKind
        What to do about it.
    cause : str
        One line, from the job's own files where they say it.
    """

    kind: FailureKind
    cause: str


def find_failure(error: str, queue_error: str) -> Failure:
    """Find the cause of a failure.

    What the scheduler wrote comes first: that a result file is missing is only what followed
    (jobflow-remote#157).

    Parameters
    ----------
    error : str
        Error that the manager recorded: a traceback, or what it missed.
    queue_error : str
        End of the job's standard error.

    Returns
    -------
    Failure
        Of kind ``bug`` for a traceback that is not sulfox's own error.
    """
    error, queue_error = (_WARNING.sub("", text) for text in (error, queue_error))
    for kind, sign in _SIGNS:
        for text in (queue_error, error):
            match = sign.search(text)
            if match:
                return Failure(kind=kind, cause=_line_around(text, match.start()))
    for text in (error, queue_error):
        own = _SULFOX.search(text)
        if own:
            return Failure(kind=_kind_of(own), cause=own.group(0).strip())
        database = _DATABASE.search(text)
        if database:
            return Failure(kind=FailureKind.TRANSIENT, cause=database.group(0)[:_LONGEST_CAUSE])
    for text in (queue_error, error):
        raised = _LAST_LINE.findall(text)
        if raised:
            last = raised[-1].strip()
            lost = "FileNotFoundError" in last and "remote_job_data" in last
            return Failure(kind=FailureKind.UNKNOWN if lost else FailureKind.BUG, cause=last)
    last_words = [line for line in f"{error}\n{queue_error}".splitlines() if line.strip()]
    return Failure(
        kind=FailureKind.UNKNOWN,
        cause=last_words[-1].strip() if last_words else "it ended without a word",
    )


def _kind_of(own: re.Match[str]) -> FailureKind:
    if own.group(1) in _DAMAGED:
        return FailureKind.DAMAGED
    return FailureKind.TRANSIENT if _AWAY.search(own.group(0)) else _KINDS[own.group(2)]


def _line_around(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return " ".join(text[start : end if end >= 0 else None].split())
