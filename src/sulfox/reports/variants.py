"""All runs side by side: the answer depends on variant, temperature and seed."""

from __future__ import annotations

from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.reports.data import FIRST_BOND, ReportData
from sulfox.reports.markup import Html, Section, note, paragraph, table
from sulfox.reports.sulfur_bonds import all_criteria, criteria_text, formed_before

__all__ = ["matrix_section"]


def matrix_section(data: ReportData) -> Section:
    """Set all runs side by side: pair x variant x temperature x seed.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        One row a run.
    """
    if not data.runs:
        return Section("All runs side by side", paragraph("There is no production run."))
    kept = _polyanion_pairs(data)
    others = [bond for bond in data.bonds if bond != FIRST_BOND]
    columns = [
        "pair",
        "variant",
        "T (K)",
        "seed",
        "length (ps)",
        f"{FIRST_BOND} formed (of these across the interface)",
        f"{FIRST_BOND} formed in equilibration",
        f"{FIRST_BOND} start → end",
        f"smallest {FIRST_BOND} distance (Å)",
        *(f"{bond} kept" if bond in kept else f"{bond} start → end" for bond in others),
        "level of theory",
        "status",
    ]
    rows = [_matrix_row(run, data, others, kept) for run in data.runs]
    criteria = "; ".join(map(criteria_text, all_criteria(data)))
    html = table(columns, rows, "Formed: from the start of the production run.")
    html = Html(
        html
        + note(f"Bonds counted by: {criteria or 'no analysis stored'}.")
        + note("Kept: bonds of the first frame that lived unbroken to the last, of all in it.")
        + note("A dash means that the analysis was not made.")
    )
    return Section("All runs side by side", html)


def _matrix_row(
    run: TrajectoryDoc, data: ReportData, others: list[str], kept: set[str]
) -> list[object]:
    first = data.bonds_of(run, FIRST_BOND)
    cells: list[object] = [
        run.pair,
        run.variant,
        f"{run.temperature_K:g}",
        run.seed,
        f"{run.length_ps:g}",
        None if first is None else f"{first.n_formed} ({first.n_formed_cross_interface})",
        formed_before(run, data),
        None if first is None else f"{first.n_initial} → {first.n_final}",
        None if first is None else f"{first.min_distance_A:.2f}",
    ]
    for bond in others:
        document = data.bonds_of(run, bond)
        if document is None:
            cells.append(None)
        elif bond in kept:
            cells.append(f"{_unbroken(document)} of {document.n_initial}")
        else:
            cells.append(f"{document.n_initial} → {document.n_final}")
    return [*cells, run.provenance.level_of_theory, run.status.value]


def _unbroken(document: SulfurBondsDoc) -> int:
    return sum(life.left_censored and life.right_censored for life in document.lifetimes)


def _polyanion_pairs(data: ReportData) -> set[str]:
    units = [
        {check.central, check.ligand}
        for document in data.of_kind(InterfaceDoc)
        for side in (document.cathode, document.electrolyte)
        for check in side.polyanions
    ]
    return {bond for bond in data.bonds if set(bond.split("-")) in units}
