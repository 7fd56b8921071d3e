"""Why a run of VASP gave nothing, in one sentence with VASP's last words."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from sulfox.documents.base import Reason
from sulfox.errors import SulfoxError

__all__ = ["failure_reason"]

_LAST_LINES = 3
_LONGEST = 300


def failure_reason(error: Exception, who: str, folder: Path) -> Reason:
    """Say what went wrong.

    Parameters
    ----------
    error : Exception
        What running VASP or reading its output raised.
    who : str
        Name of the step.
    folder : Path
        Of the step.

    Returns
    -------
    Reason
        SFX-321 to SFX-326, or the code of a :class:`SulfoxError`.
    """
    from custodian.custodian import CustodianError, ReturnCodeError, ValidationError
    from custodian.vasp.validators import VasprunXMLValidator

    if isinstance(error, SulfoxError):
        return Reason(code=error.code, message=error.line)
    if not isinstance(error, CustodianError):
        text = " ".join(f"{type(error).__name__}: {error}".split())[:_LONGEST]
        return Reason(code="SFX-325", message=f"{who}: VASP's output cannot be used ({text})")
    words = _last_words(folder)
    if isinstance(error, ReturnCodeError):
        return Reason(code="SFX-324", message=f"{who}: {_status(error)}{words}")
    if _electrons_converged(folder) is False:
        text = "the electrons did not become self-consistent, with any algorithm that was tried"
        return Reason(code="SFX-326", message=f"{who}: {text}{words}")
    missing = [n for n in ("vasprun.xml", "OUTCAR", "CONTCAR", "OSZICAR") if not _has(folder, n)]
    if not isinstance(error, ValidationError):
        gave_up = " ".join(str(error).split())[:_LONGEST]
        return Reason(code="SFX-324", message=f"{who}: VASP failed ({gave_up}){words}")
    if "vasprun.xml" in missing:
        text = f"VASP ended without {', '.join(missing)}"
        return Reason(code="SFX-324", message=f"{who}: {text}{words}")
    damaged = isinstance(error.validator, VasprunXMLValidator)
    faults = ["vasprun.xml is truncated or damaged"] if damaged else []
    faults += [f"there is no {', '.join(missing)}"] if missing else []
    return Reason(code="SFX-325", message=f"{who}: {' and '.join(faults)}{words}")


def _status(error: Exception) -> str:
    digits = [word.strip(".") for word in str(error).split() if word.strip("-.").isdigit()]
    return f"VASP ended with exit status {digits[0] if digits else 'not 0'}"


def _has(folder: Path, name: str) -> bool:
    return any(path.stat().st_size for path in folder.glob(f"{name}*") if path.is_file())


def _electrons_converged(folder: Path) -> bool | None:
    """Say whether the last step converged; None where there is nothing to read."""
    from custodian.vasp.io import load_vasprun

    path = folder / "vasprun.xml"
    if not path.is_file():
        return None
    try:
        return bool(load_vasprun(str(path)).converged_electronic)
    except Exception:  # noqa: BLE001 - any parser fault of a cut file
        return None


def _last_words(folder: Path) -> str:
    lines: list[str] = []
    for name in ("std_err.txt", "vasp.out"):
        try:
            with (folder / name).open(encoding="utf-8", errors="replace") as stream:
                lines += [line.strip() for line in deque(stream, maxlen=_LAST_LINES)]
        except OSError:
            continue
    words = " | ".join(line for line in lines if line)[-_LONGEST:]
    return f"; its last words: {words}" if words else ""
