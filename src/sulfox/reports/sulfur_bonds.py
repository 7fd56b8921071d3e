"""Bonds told: what the runs show, counts against time, rates, events, sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sulfox.documents.sulfur_bonds import BondCriteria, SulfurBondRateDoc, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.reports.data import FIRST_BOND, Condition, ReportData
from sulfox.reports.figures import (
    draw_grid,
    file_stem,
    finish,
    style,
    time_axis,
)
from sulfox.reports.markup import Figure, Html, Section, figure_block, note, paragraph, table

__all__ = [
    "all_criteria",
    "bond_counts_section",
    "bond_details_section",
    "criteria_text",
    "findings",
    "formed_before",
]

_MOST_EVENTS = 200


def findings(data: ReportData) -> tuple[str, ...]:
    """Say in plain sentences what the runs show for S-S bonds, from the counts alone.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    tuple of str
        One sentence a pair and variant, then those on seeds and on what has no analysis.
    """
    analysed = [(r, d) for r in data.runs if (d := data.bonds_of(r, FIRST_BOND)) is not None]
    if not data.runs:
        return (f"No production run is stored, so nothing is known about {FIRST_BOND} bonds.",)
    if not analysed:
        stored = _plural(len(data.runs), "production run")
        return (
            f"{stored} stored, none analysed for {FIRST_BOND} bonds: nothing is known of them.",
        )
    groups: dict[tuple[str, str], list[tuple[TrajectoryDoc, SulfurBondsDoc]]] = {}
    for run, document in analysed:
        groups.setdefault((run.variant, run.pair), []).append((run, document))
    sentences = [_finding(pair, v, members, data) for (v, pair), members in groups.items()]
    if any(count == 1 for count in _seeds_by_condition(data).values()):
        sentences.append("Where a condition ran with one seed there is no error bar.")
    n_missing = len(data.runs) - len(analysed)
    if n_missing:
        verb = "has" if n_missing == 1 else "have"
        sentences.append(f"{_plural(n_missing, 'run')} {verb} no {FIRST_BOND} analysis.")
    return tuple(sentences)


def _finding(
    pair: str,
    variant: str,
    members: list[tuple[TrajectoryDoc, SulfurBondsDoc]],
    data: ReportData,
) -> str:
    formed = sum(document.n_formed for _, document in members)
    lengths = sorted({f"{run.length_ps:g}" for run, _ in members}, key=float)
    span = lengths[0] if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]}"
    runs = f"{_plural(len(members), 'run')} of {span} ps"
    head = f"{pair} ({variant}): "
    if formed == 0:
        said = f"no {FIRST_BOND} bond formed in {runs}"
    else:
        n_runs = sum(document.n_formed > 0 for _, document in members)
        temperatures = sorted({run.temperature_K for run, _ in members})
        per_temperature = "; ".join(
            f"{t:g} K: " + ", ".join(str(d.n_formed) for r, d in members if r.temperature_K == t)
            for t in temperatures
        )
        said = (
            f"{_plural(formed, f'{FIRST_BOND} bond')} formed in {n_runs} of {runs} "
            f"(by seed, {per_temperature})"
        )
    before = sum(formed_before(run, data) or 0 for run, _ in members)
    initial = sum(document.n_initial for _, document in members)
    final = sum(document.n_final for _, document in members)
    if before:
        said += f"; {before} more formed during the equilibration"
    said += f"; {initial} there at the start and {final} at the end, summed over the runs"
    unsure = sum(not document.robust for _, document in members)
    if unsure:
        said += f"; in {_plural(unsure, 'run')} the count depends on the thresholds chosen"
    partial = sum(run.status.value != "complete" for run, _ in members)
    if partial:
        said += f"; {_plural(partial, 'run')} did not reach the length asked for"
    return f"{head}{said}."


def _plural(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def formed_before(run: TrajectoryDoc, data: ReportData) -> int | None:
    """Count the S-S bonds that formed in a run's equilibration; None where not analysed.

    Parameters
    ----------
    run : TrajectoryDoc
        The production run.
    data : ReportData
        Documents of the study.
    """
    equilibration = data.equilibration_of(run)
    if equilibration is None:
        return None
    document = data.bonds_of(equilibration, FIRST_BOND)
    return None if document is None else document.n_formed


def _seeds_by_condition(data: ReportData) -> dict[tuple[str, str, float], int]:
    seeds: dict[tuple[str, str, float], set[int]] = {}
    for run in data.runs:
        seeds.setdefault((run.pair, run.variant, run.temperature_K), set()).add(run.seed)
    return {key: len(found) for key, found in seeds.items()}


def all_criteria(data: ReportData) -> tuple[BondCriteria, ...]:
    """Return the different criteria in use, S-S first.

    Parameters
    ----------
    data : ReportData
        Documents of the study.
    """
    found = [d.criteria for bond in data.bonds for d in _analyses(data, bond)]
    return tuple({c.model_dump_json(): c for c in found}.values())


def _analyses(data: ReportData, bond: str) -> list[SulfurBondsDoc]:
    return [d for d in data.of_kind(SulfurBondsDoc) if d.criteria.pair == bond]


def criteria_text(criteria: BondCriteria) -> str:
    """Say in words when a bond counts.

    Parameters
    ----------
    criteria : BondCriteria
        Thresholds and lifetime.
    """
    return (
        f"{criteria.pair} formed below {criteria.form_A:g} Å, broken above "
        f"{criteria.break_A:g} Å, each for at least {criteria.min_lifetime_fs:g} fs"
    )


def bond_counts_section(data: ReportData) -> Section:
    """Draw the number of bonds against time for both interfaces with all seeds.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        A figure of S-S a variant, and one of the other bonds.
    """
    title = f"{FIRST_BOND} bonds against time"
    figures = []
    for variant in data.variants:
        for bonds in ((FIRST_BOND,), tuple(b for b in data.bonds if b != FIRST_BOND)):
            figure = _counts_figure(variant, bonds, data)
            if figure is not None:
                figures.append(figure)
    if not figures:
        return Section(title, paragraph("No bond analysis is stored for this run."))
    return Section(title, Html("".join(map(figure_block, figures))), tuple(figures))


def _counts_figure(variant: str, bonds: Sequence[str], data: ReportData) -> Figure | None:
    runs = [r for r in data.runs if r.variant == variant]
    series = {
        (bond, run.id): document
        for bond in bonds
        for run in runs
        if (document := data.bonds_of(run, bond)) is not None and document.counts
    }
    bonds = [bond for bond in bonds if any(key[0] == bond for key in series)]
    if not bonds:
        return None
    pairs = [pair for pair in data.pairs if any(r.pair == pair for r in runs)]
    is_first = bonds == [FIRST_BOND]
    with style():
        canvas, axes = draw_grid(len(bonds), len(pairs), (4.6, 3.0 if is_first else 1.7))
        for row, bond in zip(axes, bonds, strict=True):
            for panel, pair in zip(row, pairs, strict=True):
                here = [(r, series.get((bond, r.id))) for r in runs if r.pair == pair]
                _draw_counts(panel, [(r, d) for r, d in here if d is not None], data, is_first)
                panel.set_ylabel(f"{bond} bonds" if is_first else f"{bond} bonds,\nchange")
            _same_limits(row, from_zero=is_first)
        for panel, pair in zip(axes[0], pairs, strict=True):
            panel.set_title(pair)
        for panel in axes[-1]:
            time_axis(panel)
        data.lines.draw_key(canvas, ((r.temperature_K, r.seed) for r in runs))
        what = FIRST_BOND if is_first else "other"
        caption = (
            f"{what[0].upper()}{what[1:]} bonds against time, variant {variant}: "
            + "; ".join(criteria_text(c) for c in all_criteria(data) if c.pair in bonds)
            + f". {_seeds_text(runs)} {data.level_text}."
        )
        return finish(canvas, file_stem("bonds", what, variant), caption, data.level_text)


def _draw_counts(
    panel: Any,
    series: list[tuple[TrajectoryDoc, SulfurBondsDoc]],
    data: ReportData,
    absolute: bool,
) -> None:
    panel.margins(x=0)
    if series and not absolute:
        starts = sorted({document.n_initial for _, document in series})
        text = f"at the start: {', '.join(map(str, starts))}"
        panel.text(0.98, 0.95, text, transform=panel.transAxes, ha="right", va="top", fontsize=8)
    for run, document in series:
        times = [t - document.times_ps[0] for t in document.times_ps]
        panel.step(
            times,
            [n if absolute else n - document.n_initial for n in document.counts],
            where="post",
            **data.lines.look(run.temperature_K, run.seed),
        )


def _same_limits(row: Any, from_zero: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    drawn = [panel.dataLim.intervaly for panel in row if panel.lines]
    low = 0.0 if from_zero else min(-2.0, *(limits[0] for limits in drawn))
    high = max(2.0, *(limits[1] for limits in drawn))
    margin = 0.08 * (high - low)
    for panel in row:
        panel.set_ylim(low - margin, high + margin)
        panel.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))


def _seeds_text(runs: Sequence[TrajectoryDoc]) -> str:
    per_condition: dict[tuple[str, float], int] = {}
    for run in runs:
        key = (run.pair, run.temperature_K)
        per_condition[key] = per_condition.get(key, 0) + 1
    one = any(n == 1 for n in per_condition.values())
    return "One seed: no error bar." if one else "One line a seed."


def bond_details_section(data: ReportData) -> Section:
    """List pooled rates, S-S events one by one, and what other thresholds give.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        Three tables.
    """
    parts = [_rates(data.rates), _events(data), _sensitivity(data)]
    return Section("Bond rates, events and sensitivity", Html("".join(parts)))


def _rates(documents: tuple[SulfurBondRateDoc, ...]) -> Html:
    if not documents:
        return paragraph("No pooled rate is stored.")
    rows = [
        (
            d.criteria.pair,
            d.pair_of_materials,
            d.variant,
            f"{d.temperature_K:g}",
            ", ".join(map(str, d.seeds)),
            ", ".join(map(str, d.n_formed_per_seed)),
            f"{d.exposure_nm2_ps:.4g}",
            f"{d.rate_per_nm2_ps:.3g}",
            f"{d.rate_low_per_nm2_ps:.3g} to {d.rate_high_per_nm2_ps:.3g}"
            if d.has_error_bar
            else "one seed: no error bar",
            d.provenance.level_of_theory,
        )
        for d in documents
    ]
    columns = (
        "bond",
        "pair",
        "variant",
        "T (K)",
        "seeds",
        "formed per seed",
        "exposure (nm² ps)",
        "rate (1/nm²/ps)",
        "95 % Poisson interval",
        "level of theory",
    )
    return table(columns, rows, "Bonds formed per interface area and time, pooled over seeds.")


def _events(data: ReportData) -> Html:
    rows = [
        (
            Condition.of(run).label,
            run.stage,
            event.type,
            f"{event.time_fs / 1000:.3f}",
            f"{event.atoms[0]}, {event.atoms[1]}",
            f"{event.distance_A:.2f}",
            event.location,
            None if event.from_interface_A is None else f"{event.from_interface_A:+.1f}",
            None if event.groups is None else " + ".join(event.groups),
        )
        for run in data.of_kind(TrajectoryDoc)
        if (document := data.bonds_of(run, FIRST_BOND)) is not None
        for event in document.events
    ]
    if not rows:
        return paragraph(f"No {FIRST_BOND} bond formed or broke in any analysed run.")
    columns = (
        "run",
        "stage",
        "event",
        "time (ps)",
        "atoms (from 0)",
        "distance (Å)",
        "where",
        "above the interface (Å)",
        "belonged to",
    )
    more = len(rows) - _MOST_EVENTS
    left_out = note(f"{more} more events are in the documents.") if more > 0 else Html("")
    return Html(table(columns, rows[:_MOST_EVENTS], f"{FIRST_BOND} events.") + left_out)


def _sensitivity(data: ReportData) -> Html:
    rows = []
    for run in data.runs:
        document = data.bonds_of(run, FIRST_BOND)
        if document is None or not document.sensitivity:
            continue
        counts = "; ".join(
            f"{s.criteria.form_A:g}/{s.criteria.break_A:g} Å, "
            f"{s.criteria.min_lifetime_fs:g} fs: {s.n_formed}"
            for s in document.sensitivity
        )
        same = "yes" if document.robust else "no"
        rows.append((Condition.of(run).label, document.n_formed, counts, same))
    if not rows:
        return paragraph("No sensitivity analysis is stored.")
    columns = ("run", "formed", "formed with other form/break thresholds, lifetime", "same count")
    return table(columns, rows, f"Sensitivity of the {FIRST_BOND} count to its definition.")
