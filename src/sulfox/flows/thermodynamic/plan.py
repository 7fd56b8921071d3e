"""The thermodynamic part of a study as data."""

from __future__ import annotations

from sulfox.documents.base import Record
from sulfox.units import Temperature

__all__ = ["ThermodynamicsPlan"]


class ThermodynamicsPlan(Record):
    """Which pairs are computed by which entry sets.

    Attributes
    ----------
    pairs : str
        Name of a file in ``configs/pairs``: pairs, windows, gas reductions.
    entries : tuple of str
        Names, or ``NAME:SCHEME``, of sets in ``configs/entries``, or files; empty for every
        named set in every scheme it can give.
    mixing_temperature_K : float
        Of the ideal mixing term of solid solutions [K]; 0 leaves it out.
    """

    pairs: str = "gsirr"
    entries: tuple[str, ...] = ()
    mixing_temperature_K: Temperature = 0.0
