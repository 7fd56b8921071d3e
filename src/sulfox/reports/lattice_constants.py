"""The engine's own lattice constants beside the measured ones: how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from ase.geometry import cell_to_cellpar

from sulfox.documents.relaxation import RelaxationDoc
from sulfox.reports.data import ReportData
from sulfox.reports.markup import Html, Section, paragraph, table

__all__ = ["lattice_constants_section"]


def lattice_constants_section(data: ReportData) -> Section:
    """Set the relaxed bulk cells beside the cells they started from.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        One row a bulk cell; lengths in Å, deviations in percent.
    """
    bulks = [d for d in data.of_kind(RelaxationDoc) if d.relax_cell]
    body = Html(
        paragraph(
            "The measured constants are those of the catalogue, near room temperature; the "
            "engine's are those of the ordered cell at rest, from which the slabs are cut."
        )
        + table(
            (
                "bulk",
                "measured a, b, c (Å)",
                "engine a, b, c (Å)",
                "deviation (%)",
                "level of theory",
            ),
            map(tuple, map(_row, bulks)),
        )
        if bulks
        else paragraph("No bulk relaxation is part of this run.")
    )
    return Section("Lattice constants: measured and engine", body)


def _row(document: RelaxationDoc) -> Iterator[str]:
    measured, own = (
        cell_to_cellpar(np.array(structure.lattice))[:3]
        for structure in (document.initial, document.final)
    )
    yield document.label
    yield ", ".join(f"{length:.3f}" for length in measured)
    yield ", ".join(f"{length:.3f}" for length in own)
    yield ", ".join(f"{change:+.1f}" for change in 100 * (own / measured - 1))
    yield document.provenance.level_of_theory
