"""Paper, computed, verdict: one row per published number."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.units import TimePs

__all__ = ["ComparisonDoc", "ComparisonRow", "ExpectedFinding", "Verdict"]


class Verdict(StrEnum):
    """Outcome of setting a computed number beside a published one."""

    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    NOT_COMPARABLE = "not comparable"
    NOT_COMPUTED = "not computed"


class ExpectedFinding(Record):
    """A published number or finding, and how it is set beside what was computed.

    Attributes
    ----------
    quantity, published, source : str
        What, the source's value with unit, DOI and place.
    test : str
        ``"bonds_form"``, ``"no_bonds_form"``, ``"bonds_kept"``, ``"bonds_lost"``,
        ``"band_center_difference"``, ``"reaction_energy"``, ``"oxidation_limit"``, or
        ``"not_computed"`` where this study cannot say.
    pair, bond : str or None
        Interface and element pair the test looks at.
    row : str or None
        Row of the table of pairs: a pair's label, or the formula of a window.
    length_ps : float
        How long the source looked [ps]: that nothing happened in a shorter run says nothing.
    note : str
        What a reader has to know, e.g. what the source does not state.
    """

    quantity: str
    published: str
    source: str
    test: Literal[
        "bonds_form",
        "no_bonds_form",
        "bonds_kept",
        "bonds_lost",
        "band_center_difference",
        "reaction_energy",
        "oxidation_limit",
        "not_computed",
    ]
    pair: str | None = None
    bond: str | None = None
    row: str | None = None
    length_ps: TimePs = 0.0
    note: str = ""


class ComparisonRow(Record):
    """One published number or finding and what was computed.

    Attributes
    ----------
    quantity : str
        What is compared.
    published : str
        The source's value with unit, as text.
    source : str
        DOI and place.
    computed : str
        What was computed, with unit and conditions; all conditions, none picked.
    engine, level_of_theory : str
        What computed it.
    definition : str
        Exactly what was counted or averaged.
    verdict : Verdict
        By the rule stated in `reason`.
    reason : str
        Why this verdict.
    inputs : tuple of str
        Ids of the documents behind the row.
    """

    quantity: str
    published: str
    source: str
    computed: str
    engine: str
    level_of_theory: str
    definition: str
    verdict: Verdict
    reason: str
    inputs: tuple[str, ...]


class ComparisonDoc(Document):
    """All rows of a study.

    Attributes
    ----------
    study : str
        Name of the study.
    rows : tuple of ComparisonRow
        In the order of ``expected.yaml``.
    inputs : tuple of str
        Ids of every document of the study's run: what a report shows.
    """

    kind: Literal["comparison"] = "comparison"
    study: str
    rows: tuple[ComparisonRow, ...]
    inputs: tuple[str, ...]
