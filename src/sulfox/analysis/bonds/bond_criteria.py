"""When two atoms of a pair of elements count as bonded: one row per pair."""

from __future__ import annotations

import math
import re

from sulfox.documents.sulfur_bonds import BondCriteria
from sulfox.errors import SulfoxError

__all__ = ["DEFAULT_CRITERIA", "choose_criteria", "split_pair", "varied_criteria"]

_MIN_LIFETIME_FS = 50.0
_SHIFT_A = 0.1

#: Pair -> (form, break) [Å]. A form threshold lies between the bond length and the closest
#: non-bonded contact; the break threshold is wide enough for hot vibrations. S-S and P-S
#: were checked on 2,100 frames of Li6PS5Cl ab initio dynamics at 500 K
#: (doi 10.1021/acs.chemmater.0c03738): no S-S contact below 2.7 Å, every P-S bond below
#: 2.41 Å and the next P...S above 3.5 Å. The Co-O row holds for CoO (2.13 Å) and LiCoO2
#: (1.92 Å) alike.
DEFAULT_CRITERIA: dict[str, tuple[float, float]] = {
    "S-S": (2.4, 2.7),
    "P-S": (2.5, 3.0),
    "P-P": (2.5, 2.8),
    "P-O": (1.8, 2.1),
    "S-O": (1.8, 2.1),
    "Co-S": (2.6, 3.0),
    "Co-O": (2.5, 2.8),
}

_PAIR = re.compile(r"([A-Z][a-z]?)-([A-Z][a-z]?)")


def split_pair(pair: str) -> tuple[str, str]:
    """Split ``"P-S"`` into its elements, in the order of the table.

    Parameters
    ----------
    pair : str
        Two element symbols with a hyphen, in either order.

    Returns
    -------
    tuple of str
        The elements.

    Raises
    ------
    SulfoxError
        SFX-701 if it is not two element symbols.
    """
    match = _PAIR.fullmatch(pair.strip())
    if match is None:
        raise SulfoxError(
            "SFX-701",
            who="the pair of elements",
            found=repr(pair),
            expected="two element symbols with a hyphen, such as S-S or P-S",
            next_step="name the pair like this",
        )
    first, second = match.groups()
    return (second, first) if f"{second}-{first}" in DEFAULT_CRITERIA else (first, second)


def choose_criteria(
    pair: str = "S-S",
    form: float | None = None,
    break_: float | None = None,
    min_lifetime_fs: float | None = None,
) -> BondCriteria:
    """Take a pair's row of the table, with the caller's numbers where given.

    Parameters
    ----------
    pair : str
        ``"S-S"``; the order of the elements does not matter.
    form, break_ : float, optional
        Thresholds [Å].
    min_lifetime_fs : float, optional
        A change counts only if it lasts this long [fs]; 50 fs if not given.

    Returns
    -------
    BondCriteria
        Complete criteria.

    Raises
    ------
    SulfoxError
        SFX-701 for a pair that cannot be read; SFX-702 for thresholds that are missing,
        not positive, or in the wrong order.
    """
    name = "-".join(split_pair(pair))
    default_form, default_break = DEFAULT_CRITERIA.get(name, (None, None))
    form = default_form if form is None else form
    break_ = default_break if break_ is None else break_
    lifetime = _MIN_LIFETIME_FS if min_lifetime_fs is None else min_lifetime_fs
    if form is None or break_ is None:
        raise _out_of_range(
            name, "no thresholds in the table", "both --form and --break for this pair"
        )
    if not all(map(math.isfinite, (form, break_, lifetime))) or lifetime < 0:
        raise _out_of_range(
            name, f"form {form} Å, break {break_} Å, {lifetime} fs", "finite positive numbers"
        )
    if not 0 < form <= break_:
        raise _out_of_range(name, f"form {form} Å, break {break_} Å", "0 < form <= break")
    return BondCriteria(pair=name, form_A=form, break_A=break_, min_lifetime_fs=lifetime)


def varied_criteria(criteria: BondCriteria) -> tuple[BondCriteria, ...]:
    """Shift each threshold by -0.1 and +0.1 Å and double the minimum lifetime.

    Parameters
    ----------
    criteria : BondCriteria
        The criteria in use.

    Returns
    -------
    tuple of BondCriteria
        Up to five rows; a shift that would put form above break is left out.
    """
    rows = [
        criteria.model_copy(update={field: round(getattr(criteria, field) + shift, 6)})
        for field in ("form_A", "break_A")
        for shift in (-_SHIFT_A, _SHIFT_A)
    ]
    rows.append(criteria.model_copy(update={"min_lifetime_fs": 2 * criteria.min_lifetime_fs}))
    return tuple(row for row in rows if 0 < row.form_A <= row.break_A)


def _out_of_range(pair: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-702",
        who=f"bond criteria of {pair}",
        found=found,
        expected=expected,
        next_step="correct the thresholds",
    )
