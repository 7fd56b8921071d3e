"""What VASP ran with, against what was meant: on the union of keys.

A tag that is not known to be numerical counts as physics: a new correction of custodian is
refused until somebody has judged it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sulfox.documents.base import Reason, Record
from sulfox.engines.vasp.inputs.calculation import CalculationKind

__all__ = ["NUMERICAL_TAGS", "SettingDifference", "compare_incar", "differences_as_reasons"]

#: Tags that change how numbers are found, not which.
NUMERICAL_TAGS = frozenset(
    {
        "ALGO",
        "AMIN",
        "AMIX",
        "AMIX_MAG",
        "BMIX",
        "BMIX_MAG",
        "IALGO",
        "IMIX",
        "ISEARCH",
        "ISTART",
        "ISYM",
        "KPAR",
        "LCHARG",
        "LDAUPRINT",
        "LPLANE",
        "LSCALAPACK",
        "LWAVE",
        "MAXMIX",
        "NCORE",
        "NELM",
        "NELMDL",
        "NELMIN",
        "NPAR",
        "NSIM",
        "NWRITE",
        "SYMPREC",
        "SYSTEM",
        "TIME",
    }
)
_MINIMISERS = (1, 2, 3)
_ABSENT = "-"
#: Tags that may only change to the better: (meant, ran) -> whether it did.
_HARMLESS: dict[str, Callable[[Any, Any], bool]] = {
    "EDIFF": lambda meant, ran: float(ran) < float(meant),
    "NBANDS": lambda meant, ran: int(ran) > int(meant),
    "LREAL": lambda _, ran: ran is False,
    "PREC": lambda _, ran: str(ran).lower().startswith("a"),
}


class SettingDifference(Record):
    """A setting that VASP ran with and that was not meant.

    Attributes
    ----------
    name : str
        INCAR tag, or ``"KPOINTS"``, ``"POSCAR"``, ``"POTCAR"``.
    meant, ran : str
        As text; ``"-"`` where it is absent.
    physics : bool
        Whether it decides which numbers are found.
    """

    name: str
    meant: str
    ran: str
    physics: bool

    @property
    def text(self) -> str:
        """``"ENCUT 500.0 -> 400.0"``."""
        return f"{self.name} {self.meant} -> {self.ran}"


def compare_incar(
    meant: Mapping[str, Any], ran: Mapping[str, Any], kind: CalculationKind
) -> tuple[SettingDifference, ...]:
    """Compare two INCARs tag by tag, on the union of their tags.

    Parameters
    ----------
    meant, ran : mapping
        Tag -> value; numbers, booleans, strings or lists.
    kind : str
        Of the calculation: a relaxation may change its minimiser.

    Returns
    -------
    tuple of SettingDifference
        By tag; empty where both say the same.
    """
    first = {str(key).upper(): value for key, value in meant.items()}
    second = {str(key).upper(): value for key, value in ran.items()}
    return tuple(
        SettingDifference(
            name=tag,
            meant=str(first.get(tag, _ABSENT)),
            ran=str(second.get(tag, _ABSENT)),
            physics=_is_physics(tag, first.get(tag), second.get(tag), kind),
        )
        for tag in sorted({*first, *second})
        if tag not in first or tag not in second or not _same(first[tag], second[tag])
    )


def differences_as_reasons(
    differences: tuple[SettingDifference, ...], who: str
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """Sort differences into what refuses a result and what is only told.

    Parameters
    ----------
    differences : tuple of SettingDifference
        Of one run.
    who : str
        What ran, for the text.

    Returns
    -------
    tuple of two tuples of Reason
        Refusals (at most one, with all changes of physics), remarks.
    """
    physics = [d.text for d in differences if d.physics]
    numerics = [d.text for d in differences if not d.physics]
    refusals: tuple[Reason, ...] = ()
    remarks: tuple[Reason, ...] = ()
    if physics:
        text = f"{who}: VASP ran with other physics than meant: {'; '.join(physics)}"
        refusals = (Reason(code="SFX-327", message=text),)
    if numerics:
        text = f"{who}: numerical settings were changed on the way: {'; '.join(numerics)}"
        remarks = (Reason(code="changed-numerics", message=text),)
    return refusals, remarks


def _is_physics(tag: str, meant: Any, ran: Any, kind: CalculationKind) -> bool:
    if tag in NUMERICAL_TAGS or (tag == "POTIM" and kind != "md"):
        return False
    if meant is None or ran is None:
        return True
    if tag in _HARMLESS:
        try:
            return not _HARMLESS[tag](meant, ran)
        except (TypeError, ValueError):
            return True
    if kind == "relax" and tag == "IBRION":
        return not (meant in _MINIMISERS and ran in _MINIMISERS)
    return True


def _same(meant: Any, ran: Any) -> bool:
    if isinstance(meant, str) and isinstance(ran, str):
        return _words(meant) == _words(ran)
    first, second = _flat(meant), _flat(ran)
    return len(first) == len(second) and all(map(_same_scalar, first, second))


def _same_scalar(meant: Any, ran: Any) -> bool:
    if isinstance(meant, bool) or isinstance(ran, bool):
        return meant is ran
    try:
        return math.isclose(float(meant), float(ran), rel_tol=1e-6, abs_tol=1e-8)
    except (TypeError, ValueError):
        return _words(str(meant)) == _words(str(ran))


def _words(text: str) -> list[str]:
    return text.lower().split()


def _flat(value: Any) -> list[Any]:
    if isinstance(value, str) and len(value.split()) > 1:
        return list(value.split())
    return list(value) if isinstance(value, list | tuple) else [value]
