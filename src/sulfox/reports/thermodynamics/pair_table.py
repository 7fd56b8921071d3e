"""Reaction energies and windows in the report: every entry set beside every other."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from sulfox.documents.pair_table import PairRow, PairTableDoc
from sulfox.documents.reaction_energy import ReactionEnergyDoc
from sulfox.documents.stability_window import StabilityWindowDoc
from sulfox.reports.data import ReportData
from sulfox.reports.markup import Figure, Html, Section, figure_block, note, paragraph, table
from sulfox.reports.thermodynamics.reaction_energy import draw_mixing, draw_tie_line
from sulfox.reports.thermodynamics.stability_window import draw_windows

__all__ = ["energy_findings", "reaction_energies_section", "windows_section"]

_ENERGIES = "Reaction energies"
_WINDOWS = "Electrochemical windows"


def reaction_energies_section(data: ReportData) -> Section:
    """Tell the reaction energies of every pair by every entry set.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        Entry sets with their errors, states of charge, all pairs, figures of one set.
    """
    tables = data.of_kind(PairTableDoc)
    if not tables:
        return Section(_ENERGIES, paragraph("No reaction energies are part of this run."))
    shown = _most_accurate(tables)
    documents = {d.id: d for d in data.of_kind(ReactionEnergyDoc)}
    figures = _figures(shown, documents)
    html = "".join(
        (
            paragraph(
                "Energies of phases from entry sets, not from the dynamics of this report.",
                *_level_sentences(tables),
            ),
            _sets(tables),
            "<h3>Pairs of the source</h3>",
            _headline(tables),
            *(paragraph(sentence) for sentence in _comparisons(tables)),
            "<h3>All pairs</h3>",
            _pairs(tables),
            note(
                "On the hull: what the two do to each other. At their own energy: the reactants' "
                "own decomposition counts too. eV per atom of the mixture at the lowest point."
            ),
            paragraph(
                f"Figures by {_name(shown)}: the set with the smallest error against experiment."
            ),
            '<div class="gallery">',
            *map(figure_block, figures),
            "</div>\n",
        )
    )
    return Section(_ENERGIES, Html(html), figures)


def windows_section(data: ReportData) -> Section:
    """Tell the electrochemical windows by every entry set.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        A table, and bars of one set in both conventions.
    """
    tables = data.of_kind(PairTableDoc)
    if not tables:
        return Section(_WINDOWS, paragraph("No windows are part of this run."))
    rows = []
    for window in tables[0].windows:
        cells: list[object] = [window.formula, _volts(window.published_oxidation_V)]
        for entry_table in tables:
            found = next((w for w in entry_table.windows if w.formula == window.formula), None)
            if found is None or found.reduction_V is None:
                cells.append(None if found is None else found.said)
                continue
            top = _volts(found.oxidation_V) or "no limit"
            cells.append(f"{_volts(found.reduction_V)} to {top}")
        rows.append(cells)
    columns = ["compound", "paper: oxidation", *map(_name, tables)]
    caption = "V against Li/Li+, phase equilibria: between them no lithium is taken up or given off"
    shown = _most_accurate(tables)
    known = {d.id: d for d in data.of_kind(StabilityWindowDoc)}
    found_windows = [known[w.stability_window_id] for w in _with_document(shown, known)]
    figures = (draw_windows(found_windows),) if found_windows else ()
    said = [
        note(f"{_name(t)}, {w.formula}: {w.said}.") for t in tables for w in t.windows if w.said
    ]
    html = table(columns, rows, caption, row_heads=True) + "".join(said)
    html += "".join(map(figure_block, figures))
    return Section(_WINDOWS, Html(html), figures)


def energy_findings(data: ReportData) -> tuple[str, ...]:
    """Say how the published reaction energies stand to the computed ones.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    tuple of str
        A sentence for each published number, then for each pair that is set beside one; empty
        without tables.
    """
    tables = data.of_kind(PairTableDoc)
    said = []
    for row in tables[0].pairs if tables else ():
        if row.published_eV_per_atom is None:
            continue
        told = ", ".join(
            f"{_pair(t, row.label)} ({_name(t)}: {_row(t, row.label).outcome or 'no number'})"
            for t in tables
        )
        said.append(
            f"Reaction energy of {row.label}, reactants on the hull / at their own energy: {told}; "
            f"the source has {_signed(row.published_eV_per_atom, 2)} eV/atom. {_not_dft(tables)}"
        )
    return (*said, *_comparisons(tables))


def _comparisons(tables: tuple[PairTableDoc, ...]) -> list[str]:
    """Say how reactive a pair is beside one with a published number, set by set."""
    said = []
    for row in tables[0].pairs if tables else ():
        beside = next((p for p in tables[0].pairs if p.label == row.compared_with), None)
        if beside is None or beside.published_eV_per_atom is None:
            continue
        numbers = [
            (_row(t, row.label).hull_eV_per_atom, _row(t, beside.label).hull_eV_per_atom)
            for t in tables
        ]
        both = [(mine, theirs) for mine, theirs in numbers if mine is not None and theirs]
        if not both:
            continue
        told = ", ".join(f"{_signed(mine)} beside {_signed(theirs)}" for mine, theirs in both)
        worse = sum(mine <= theirs for mine, theirs in both)
        judged = (
            "at least as negative: thermodynamics alone does not say why it protects"
            if worse == len(both)
            else f"at least as negative in {worse} of {len(both)} sets"
        )
        said.append(
            f"{row.label} beside {beside.label}: {judged} ({told} eV/atom on the hull; "
            f"{', '.join(map(_name, tables))})."
        )
    return said


def _level_sentences(tables: Iterable[PairTableDoc]) -> list[str]:
    """Say plainly what computed the energies."""
    tables = tuple(tables)
    levels = dict.fromkeys(t.entries.level_of_theory or "not stated by the set" for t in tables)
    return [f"Level of theory: {'; '.join(levels)}.", _not_dft(tables)]


def _not_dft(tables: tuple[PairTableDoc, ...]) -> str:
    if all("not DFT" in (t.entries.level_of_theory or "") for t in tables):
        return "No set here is of DFT energies, which the source used."
    return ""


def _sets(tables: tuple[PairTableDoc, ...]) -> Html:
    rows = [
        (
            t.entries.name,
            t.scheme,
            t.entries.n,
            t.entries.level_of_theory or "not stated",
            (t.entries.accuracy or "not known").partition(";")[0],
            "; ".join(r.message for r in t.reasons if r.code in ("refused_phases", "SFX-722"))
            or None,
            Html(f'<span class="hash">{escape(t.entries.hash)}</span>'),
        )
        for t in tables
    ]
    columns = (
        *("entry set", "elements", "entries", "level of theory", "error against experiment"),
        *("left out", "SHA-256 of the set"),
    )
    return table(columns, rows)


def _headline(tables: tuple[PairTableDoc, ...]) -> Html:
    """Set the published pairs, their states of charge and what is beside them in one table."""
    rows: list[list[object]] = []
    first = tables[0]
    for row in first.pairs:
        beside = next((p for p in first.pairs if p.label == row.compared_with), None)
        if row.published_eV_per_atom is None and (
            beside is None or beside.published_eV_per_atom is None
        ):
            continue
        told = [_pair(t, row.label) for t in tables]
        rows.append([row.label, _signed(row.published_eV_per_atom, 2), *told])
        for number, state in enumerate(row.charged):
            other = [_charged(_row(t, row.label), number) for t in tables]
            rows.append([f"{state.formula} instead of {row.reactants[0]}", None, *other])
        if row.published_eV_per_atom is not None:
            why = [_row(t, row.label).said for t in tables]
            rows.append([f"{row.label}: why", None, *why])
    caption = "eV/atom, reactants on the hull / at their own energy"
    return table(("pair", "paper", *map(_name, tables)), rows, caption, row_heads=True)


def _pairs(tables: tuple[PairTableDoc, ...]) -> Html:
    shown = _most_accurate(tables)
    rows = [
        [
            row.label,
            *(_pair(t, row.label) for t in tables),
            _row(shown, row.label).reaction or _row(shown, row.label).said,
        ]
        for row in tables[0].pairs
    ]
    reaction = f"reaction at the lowest energy by {_name(shown)}"
    return table(("pair", *map(_name, tables), reaction), rows, row_heads=True)


def _figures(shown: PairTableDoc, documents: dict[str, ReactionEnergyDoc]) -> tuple[Figure, ...]:
    """Draw mixing and tie line of the published pairs and of what is set beside them."""
    published = {p.label for p in shown.pairs if p.published_eV_per_atom is not None}
    wanted = [
        documents[p.reaction_energy_id]
        for p in shown.pairs
        if (p.label in published or p.compared_with in published)
        and p.reaction_energy_id in documents
    ]
    drawn = []
    for document in wanted:
        drawn.append(draw_mixing(document))
        if all(r.hull_eV_per_atom is not None for r in document.reactants):
            drawn.append(draw_tie_line(document))
    return tuple(drawn)


def _with_document(shown: PairTableDoc, known: dict[str, StabilityWindowDoc]) -> list:
    return [w for w in shown.windows if w.stability_window_id in known]


def _most_accurate(tables: tuple[PairTableDoc, ...]) -> PairTableDoc:
    """Give the set with the smallest error; one whose error is not known comes last."""

    def error(document: PairTableDoc) -> float:
        value = document.entries.mean_error_eV_per_atom
        return float("inf") if value is None else value

    return min(tables, key=error)


def _name(document: PairTableDoc) -> str:
    name = document.entries.name
    return f"{name}, {document.scheme}" if document.scheme else name


def _row(document: PairTableDoc, label: str) -> PairRow:
    return next(row for row in document.pairs if row.label == label)


def _pair(document: PairTableDoc, label: str) -> str:
    row = _row(document, label)
    if row.hull_eV_per_atom is None:
        return row.said
    return f"{_signed(row.hull_eV_per_atom)} / {_signed(row.own_energy_eV_per_atom)}"


def _charged(row: PairRow, number: int) -> str | None:
    if number >= len(row.charged):
        return None
    state = row.charged[number]
    return f"{_signed(state.hull_eV_per_atom)} / {_signed(state.own_energy_eV_per_atom)}"


def _signed(value: float | None, digits: int = 3) -> str | None:
    return None if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _volts(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
