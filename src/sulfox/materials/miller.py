"""Facets as crystallographers write them."""

from __future__ import annotations

import re

from sulfox.errors import SulfoxError

__all__ = ["facet_indices"]

_BAR = re.compile("(\\d)[\u0304\u0305]")
_FORM = "three integers, not all zero: 1,0,4, (1 0 4), 104, -110 or (1 0 -1 4)"


def facet_indices(text: str, who: str) -> tuple[int, int, int]:
    """Read Miller indices in any usual writing.

    Parameters
    ----------
    text : str
        ``"1,0,4"``, ``"(1 0 4)"``, ``"104"``, ``"1-10"`` (a minus belongs to the digit after it),
        a digit with a bar, or four Miller-Bravais indices ``(h k i l)`` with i = -(h + k).
    who : str
        What the facet is for, for the message.

    Returns
    -------
    tuple of int
        (h, k, l) of the conventional cell.

    Raises
    ------
    SulfoxError
        SFX-901 if it is none; for a direction ``[1 0 4]`` and a family ``{1 0 4}``, too.
    """
    plain = _BAR.sub(r"-\1", text).replace("\u2212", "-").strip()
    listed = re.fullmatch(r"\((.*)\)|\[(.*,.*)\]", plain)
    inner = plain if listed is None else (listed[1] or listed[2] or "").strip()
    found: list[int] = []
    if re.fullmatch(r"(-?\d){3,4}", inner):
        found = [int(digit) for digit in re.findall(r"-?\d", inner)]
    elif re.fullmatch(r"-?\d+([\s,]+-?\d+){2,3}", inner):
        found = [int(part) for part in re.split(r"[\s,]+", inner)]
    if len(found) == 4 and found[0] + found[1] + found[2] == 0:
        del found[2]
    if len(found) != 3 or not any(found):
        raise SulfoxError(
            "SFX-901",
            who=who,
            found=repr(text) + _remark(plain, found),
            expected=_FORM,
            next_step="give the facet's Miller indices h,k,l of the conventional cell",
        )
    h, k, l = found  # noqa: E741 the name that crystallographers use
    return h, k, l


def _remark(plain: str, found: list[int]) -> str:
    if len(found) == 4:
        return ", four indices of which the third is not -(h + k)"
    return {"[": ", a direction", "<": ", directions", "{": ", a family of facets"}.get(
        plain[:1], ""
    )
