"""What a study shows, in plain sentences."""

from __future__ import annotations

from sulfox.documents.band_alignment import BandAlignmentDoc
from sulfox.reports import sulfur_bonds
from sulfox.reports.data import ReportData

__all__ = ["findings"]


def findings(data: ReportData) -> tuple[str, ...]:
    """Say what the documents show, from the numbers alone.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    tuple of str
        Sentences on bonds where dynamics ran, then the verdict of each alignment of band
        centres; one sentence where there is neither.
    """
    verdicts = tuple(document.verdict for document in data.of_kind(BandAlignmentDoc))
    said = sulfur_bonds.findings(data) if data.runs or not verdicts else ()
    return (*said, *verdicts)
