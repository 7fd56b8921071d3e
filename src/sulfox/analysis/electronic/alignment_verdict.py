"""What a table of differences says about a published one, counted, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sulfox.documents.band_alignment import AlignmentRow, AlignmentVariant, PublishedDifference

__all__ = ["Verdict", "make_verdict"]

_KINDS = {
    "consistent": "one reference",
    "mixed": "two different references",
    "undefined": "a reference without meaning",
}


@dataclass(frozen=True)
class Verdict:
    """What came out.

    Attributes
    ----------
    reproduced : bool or None
        Whether a difference that agrees is of both ground states with one reference.
    text : str
        For a reader.
    """

    reproduced: bool | None
    text: str


def make_verdict(
    rows: Sequence[AlignmentRow],
    variants: Sequence[AlignmentVariant],
    n_pairs: int,
    published: PublishedDifference | None,
    tolerance_eV: float,
) -> Verdict:
    """Count what agrees, of how many, and what that is.

    Parameters
    ----------
    rows : sequence of AlignmentRow
        The whole table.
    variants : sequence of AlignmentVariant
        All that were tried.
    n_pairs : int
        Pairs of variants in the table.
    published : PublishedDifference or None
        What is looked for.
    tolerance_eV : float
        What counts as agreement [eV].

    Returns
    -------
    Verdict
        Made from the rows alone.
    """
    numbers = [row for row in rows if row.difference_eV is not None]
    names = ", ".join(variant.label for variant in variants)
    pairs, differences = _count(n_pairs, "pair"), _count(len(numbers), "difference")
    tried = f"{_count(len(variants), 'calculation')} tried: {names}."
    sentences = [tried, f"{pairs} of them with the same U give {differences}."]
    with_u = any(row.hubbard for row in numbers)  # without any, the level itself has none
    sound = [
        row
        for row in numbers
        if row.ground_states and row.kind == "consistent" and row.hubbard == with_u
    ]
    if published is None:
        return Verdict(None, " ".join([*sentences, *_ground_states(sound), *_order(variants)]))
    agreeing = [row for row in numbers if row.agrees]
    near = f"within {tolerance_eV:g} eV of the published {published.difference_eV:+.2f} eV"
    if not agreeing:
        sentences.append(f"None comes {near}.")
    else:
        named = "; ".join(_name(row, variants) for row in agreeing)
        verb = "comes" if len(agreeing) == 1 else "come"
        sentences.append(f"{len(agreeing)} of {len(numbers)} {verb} {near}: {named}.")
    reproduced = any(row in sound for row in agreeing)
    if agreeing and not reproduced:
        sentences.append(
            "None of these is of both ground states with one and the same reference, so none is "
            "a reproduction."
        )
    return Verdict(
        reproduced,
        " ".join([*sentences, *_ground_states(sound, published), *_order(variants)]),
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _name(row: AlignmentRow, variants: Sequence[AlignmentVariant]) -> str:
    """``"CoO (non-magnetic) minus LCO, occupied, re E_F and VBM: -2.78 eV (mixed ...)"``."""
    state = "ground states" if row.ground_states else _why_not(row, variants)
    state += "" if row.hubbard else ", without U"
    return (
        f"{row.upper} minus {row.lower}, {row.definition}, re {row.reference}: "
        f"{row.difference_eV:+.2f} eV ({_KINDS[row.kind]}; {state})"
    )


def _why_not(row: AlignmentRow, variants: Sequence[AlignmentVariant]) -> str:
    """Say how far above the ground state a variant of a row is."""
    words = []
    for variant in variants:
        if variant.label in (row.upper, row.lower) and not variant.is_ground_state:
            above = variant.above_lowest_eV
            height = "" if above is None else f", {above:.2f} eV per formula unit above"
            words.append(f"{variant.label} is not the ground state{height}")
    return ", ".join(words)


def _ground_states(
    sound: Sequence[AlignmentRow], published: PublishedDifference | None = None
) -> list[str]:
    if not sound:
        return ["No definition with one reference exists for both ground states."]
    values = [row.difference_eV for row in sound if row.difference_eV is not None]
    span = f"{min(values):+.2f} to {max(values):+.2f} eV"
    text = f"Both ground states with one reference give {span} in {_count(len(values), 'number')}"
    if published is None:
        return [f"{text}."]
    same = sum(value * published.difference_eV > 0 for value in values)
    return [f"{text}, {same} of them with the published sign."]


def _order(variants: Sequence[AlignmentVariant]) -> list[str]:
    """Say where the catalogue's order is not the lowest of those tried."""
    return [
        f"{variant.label}: the catalogue's magnetic order is {variant.above_lowest_eV or 0.0:.3f} "
        "eV per formula unit above another one tried."
        for variant in variants
        if variant.magnetic_state == "ground" and not variant.is_ground_state
    ]
