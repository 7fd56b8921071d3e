"""Where the facts of the catalogue come from, and what was measured."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record
from sulfox.units import Energy, Moment

__all__ = ["Measurement", "Reference"]


class Reference(Record):
    """Where a fact comes from.

    Attributes
    ----------
    what : str
        Which fact.
    citation : str
        Authors, journal, year.
    doi : str or None
        Digital object identifier.
    checked : str
        What of the source was read when the number was entered: ``"text"``,
        ``"abstract"`` or ``"no"`` (entered from common knowledge of the field and
        checked only by density, bond lengths and symmetry).
    """

    what: str
    citation: str
    doi: str | None = None
    checked: Literal["text", "abstract", "no"]


class Measurement(Reference):
    """One measured number that a calculation is set beside.

    Attributes
    ----------
    what, citation, doi, checked : str
        As in :class:`Reference`.
    band_gap_eV : float or None
        Fundamental gap [eV].
    moment_muB : float or None
        Ordered moment of one magnetic atom, its orbital part included [µB].
    """

    band_gap_eV: Annotated[Energy, Field(gt=0)] | None = None
    moment_muB: Annotated[Moment, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _one_number(self) -> Self:
        if (self.band_gap_eV is None) == (self.moment_muB is None):
            raise ValueError(f"{self.what}: give one number, band_gap_eV or moment_muB")
        return self
