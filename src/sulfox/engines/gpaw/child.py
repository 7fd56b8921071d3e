"""The process that imports GPAW: ``python -m sulfox.engines.gpaw.child RUN_DIR``.

It ends with the process that started it (its standard input closes), keeps its folder for
itself, and leaves either a result or a failure with its reason.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from pathlib import Path

from sulfox.documents.base import Reason
from sulfox.engines.gpaw.request import (
    FAILURE_FILE,
    RESULT_FILE,
    GpawFailure,
    GpawRequest,
    read_request,
    write_record,
)
from sulfox.engines.mlip.checkpoint import hold_run
from sulfox.errors import SulfoxError

__all__ = ["main"]

_ORPHANED = 75
_LONGEST = 400
#: Address space that is mapped but never touched: libraries, thread stacks.
_MAPPED_MB = 4096


def main(run_dir: Path) -> int:
    """Answer the request of a folder.

    Parameters
    ----------
    run_dir : Path
        With ``request.json``.

    Returns
    -------
    int
        0 with a result, 1 with a failure.
    """
    request = read_request(run_dir)
    try:
        with hold_run(run_dir):
            _limit_memory(request.max_memory_MB)
            # only here is GPAW imported, so that a broken one is a reason and not a traceback
            from sulfox.engines.gpaw.calculation import run_request

            write_record(run_dir / RESULT_FILE, run_request(request, run_dir))
    except BaseException as error:  # noqa: BLE001 - every end of this process has a reason
        write_record(run_dir / FAILURE_FILE, _failure(error, request))
        return 1
    return 0


def _failure(error: BaseException, request: GpawRequest) -> GpawFailure:
    if isinstance(error, ImportError):
        error = SulfoxError(
            "SFX-302",
            who=request.label,
            found=f"GPAW cannot be imported ({error})",
            expected="a working GPAW",
            next_step="run: make gpaw",
        )
    if not isinstance(error, SulfoxError):
        return GpawFailure(inputs_hash=request.inputs_hash, reason=_reason(error, request))
    return GpawFailure(
        inputs_hash=request.inputs_hash,
        reason=Reason(code=error.code, message=error.line),
        raised={name: getattr(error, name) for name in ("who", "found", "expected", "next_step")},
    )


def _reason(error: BaseException, request: GpawRequest) -> Reason:
    text = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
    if isinstance(error, MemoryError):
        found = f"more memory than the limit of {request.max_memory_MB:.0f} MB is needed"
        return Reason(code="SFX-332", message=f"{request.label}: {found}")
    if type(error).__name__ in ("KohnShamConvergenceError", "TooFewBandsError"):
        found = (
            "the electrons did not become self-consistent within "
            f"{request.electronic.max_scf_steps} steps; the last lines of gpaw*.txt tell how far"
        )
        return Reason(code="SFX-326", message=f"{request.label}: {found}")
    return Reason(code="SFX-331", message=f"{request.label}: GPAW stopped ({text})")


def _limit_memory(max_memory_MB: float) -> None:
    """Make an allocation beyond the limit fail here, before the machine runs out of memory."""
    wanted = int((max_memory_MB + _MAPPED_MB) * 1024**2)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the parent closes its end, or dies
    os._exit(_ORPHANED)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(main(Path(sys.argv[1])))
