"""What a study shows, in plain sentences."""

from __future__ import annotations

from sulfox.documents.band_alignment import BandAlignmentDoc
from sulfox.documents.layered_dos import LayeredBandCenterDoc
from sulfox.reports import sulfur_bonds
from sulfox.reports.band_centers import layer_finding
from sulfox.reports.data import ReportData
from sulfox.reports.thermodynamics.pair_table import energy_findings

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
        centres, bulk and layer by layer, then reaction energies; one sentence where there is
        none of these.
    """
    verdicts = tuple(document.verdict for document in data.of_kind(BandAlignmentDoc))
    verdicts += tuple(filter(None, map(layer_finding, data.of_kind(LayeredBandCenterDoc))))
    energies = energy_findings(data)
    said = () if (verdicts or energies) and not data.runs else sulfur_bonds.findings(data)
    return (*said, *verdicts, *energies)
