"""Band centres told: what was tried, every definition, the verdict, the states."""

from __future__ import annotations

from collections.abc import Sequence

from sulfox.analysis.electronic.alignment_definitions import orbital_name
from sulfox.documents.band_alignment import AlignmentRow, AlignmentVariant, BandAlignmentDoc
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.layered_dos import LayeredBandCenterDoc
from sulfox.reports.band_center_figure import (
    StatesPanel,
    draw_differences,
    draw_layers,
    draw_states,
)
from sulfox.reports.data import ReportData, reasons_text
from sulfox.reports.figures import file_stem
from sulfox.reports.markup import Figure, Html, Section, figure_block, note, paragraph, table

__all__ = ["band_centers_section", "layer_finding"]

_MEANING = {"consistent": "yes", "mixed": "no: two references", "undefined": "no: no meaning"}


def band_centers_section(data: ReportData) -> Section:
    """Show where the states of two materials lie, by every definition.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        The verdict, the table, the variants, the figures; one sentence where nothing is stored.
    """
    title = "Band centres"
    alignments = data.of_kind(BandAlignmentDoc)
    layered = data.of_kind(LayeredBandCenterDoc)
    centers = data.of_kind(BandCenterDoc)
    if not (alignments or layered or centers):
        return Section(title, paragraph("No electronic structure is stored for this run."))
    parts: list[Html] = []
    figures: list[Figure] = []
    for alignment in alignments:
        html, drawn = _alignment(alignment, data)
        parts.append(html)
        figures += drawn
    if not alignments:
        parts.append(paragraph("The band centres of two materials were not aligned."))
        parts.append(_centers_table(centers))
    for document in layered:
        figure = draw_layers(document)
        figures.append(figure)
        parts.append(Html(_layers_table(document) + figure_block(figure)))
    return Section(title, Html("".join(parts)), tuple(figures))


def layer_finding(document: LayeredBandCenterDoc) -> str:
    """Say how far apart the middles of the two sides are; empty where there are not two.

    Parameters
    ----------
    document : LayeredBandCenterDoc
        Of a cell with an interface.

    Returns
    -------
    str
        With what is known of its uncertainty, and the level of theory.
    """
    apart = document.difference
    if apart is None:
        return ""
    edge = _signed(apart.valence_edge_eV)
    unsure = (
        "that either middle is like the bulk is not shown, for it has no second layer of its kind"
        if apart.uncertainty_eV is None
        else f"neighbouring layers differ by up to {apart.uncertainty_eV:.2f} eV from the middles"
    )
    return (
        f"{document.label} in one cell, on one energy axis: the "
        f"{orbital_name(document.element, document.orbital)} centre in the middle of the "
        f"{apart.upper} minus that in the middle of the {apart.lower} is "
        f"{apart.occupied_eV:+.2f} eV (occupied states), the upper edge of the filled states "
        f"{'is not known' if edge is None else f'{edge} eV'}; {unsure}. "
        f"Level of theory: {document.provenance.level_of_theory}."
    )


def _alignment(document: BandAlignmentDoc, data: ReportData) -> tuple[Html, list[Figure]]:
    figures = [
        figure
        for figure in (_states(document, data), draw_differences(document))
        if figure is not None
    ]
    source = "" if document.published is None else f"Published: {document.published.source}."
    remarks = reasons_text(document)
    html = (
        paragraph(document.verdict)
        + "".join(map(figure_block, figures))
        + _definitions_table(document)
        + note(source, f"Level of theory: {document.provenance.level_of_theory}.")
        + _variants_table(document)
        + _literature_table(document)
        + (note(f"Remarks: {remarks}.") if remarks else "")
    )
    return Html(html), figures


def _states(document: BandAlignmentDoc, data: ReportData) -> Figure | None:
    """Draw the two ground states, the lower material first."""
    panels = []
    for material in (document.lower, document.upper):
        panel = _panel(document.variants, material, data)
        if panel is None or not panel.is_drawable:
            return None
        panels.append(panel)
    levels = dict.fromkeys(panel.calculation.provenance.level_of_theory for panel in panels)
    name = file_stem("density-of-states", document.upper, document.lower)
    return draw_states(panels, name, "; ".join(levels))


def _panel(
    variants: Sequence[AlignmentVariant], material: str, data: ReportData
) -> StatesPanel | None:
    for variant in variants:
        if variant.material == material and variant.is_ground_state:
            centers = [d for d in data.of_kind(BandCenterDoc) if d.id == variant.band_center_id]
            runs = [
                d for d in data.of_kind(ElectronicStructureDoc) if d.id == variant.calculation_id
            ]
            if centers and runs:
                return StatesPanel(centers[0], runs[0])
    return None


def _definitions_table(document: BandAlignmentDoc) -> Html:
    orbital = orbital_name(document.element, document.orbital)
    columns = (
        "pair",
        "states",
        "reference",
        f"{document.upper} (eV)",
        f"{document.lower} (eV)",
        "difference (eV)",
        "has a meaning",
        "ground states",
        "agrees",
        "remark",
    )
    caption = (
        f"Centres of {orbital}, each relative to the reference named; differences are "
        f"{document.upper} minus {document.lower}. {document.n_differences} differences of "
        f"{document.n_pairs} pairs of variants by {document.n_definitions} definitions."
    )
    return table(columns, map(_definition_cells, document.rows), caption)


def _definition_cells(row: AlignmentRow) -> tuple[object, ...]:
    return (
        f"{row.upper} – {row.lower}",
        row.definition,
        row.reference,
        _signed(row.upper_eV),
        _signed(row.lower_eV),
        _signed(row.difference_eV),
        _MEANING[row.kind],
        ("yes" if row.hubbard else "yes, without U") if row.ground_states else "no",
        None if row.agrees is None else "yes" if row.agrees else "no",
        row.remark,
    )


def _variants_table(document: BandAlignmentDoc) -> Html:
    columns = (
        "calculation",
        "above the lowest tried (eV per formula unit)",
        "ground state",
        "gap (eV)",
        "largest moment (µB)",
        "band centre",
    )
    rows = [
        (
            variant.label,
            None if variant.above_lowest_eV is None else f"{variant.above_lowest_eV:.3f}",
            f"{'yes' if variant.is_ground_state else 'no'}, by {variant.ground_state_by}",
            _gap(variant.gap_eV, variant.is_metal),
            None
            if variant.moment_muB is None
            else f"{variant.moment_element} {variant.moment_muB:.2f}",
            variant.status.value,
        )
        for variant in document.variants
    ]
    caption = f"All {document.n_variants} calculations tried; energies compare at the same U."
    return table(columns, rows, caption)


def _literature_table(document: BandAlignmentDoc) -> Html:
    if not document.literature:
        return Html("")
    rows = [
        (
            row.label,
            row.what,
            _with_unit(row.computed_gap_eV, "eV") or _with_unit(row.computed_moment_muB, "µB"),
            _with_unit(row.measured_gap_eV, "eV") or _with_unit(row.measured_moment_muB, "µB"),
            row.citation if row.doi is None else f"{row.citation}, doi:{row.doi}",
            row.checked,
        )
        for row in document.literature
    ]
    columns = ("calculation", "quantity", "computed", "measured", "source", "source read")
    html = table(columns, rows, "Gap and moment beside measured ones.")
    return Html(
        html + note("A computed moment is the spin's inside a sphere, without an orbital part.")
    )


def _layers_table(document: LayeredBandCenterDoc) -> Html:
    columns = (
        "height (Å)",
        "side",
        "from the interface (Å)",
        "sites",
        "coordination",
        "occupied re E_F (eV)",
        "upper edge of the filled states re E_F (eV)",
        "middle",
    )
    rows = [
        (
            f"{layer.height_A:.2f}",
            layer.side,
            f"{layer.distance_A:.2f}",
            len(layer.sites),
            ", ".join(f"{n} × ({label})" for label, n in layer.coordination.items()),
            _signed(layer.occupied_re_fermi_eV),
            _signed(layer.valence_edge_re_fermi_eV),
            "yes" if layer.is_middle else "",
        )
        for layer in document.layers
    ]
    caption = (
        f"{document.label}: {orbital_name(document.element, document.orbital)} layer by layer, on "
        "one energy axis."
    )
    html = table(columns, rows, caption)
    told = layer_finding(document)
    if told:
        html = Html(paragraph(told) + html)
    remarks = reasons_text(document)
    return Html(html + (note(f"Remarks: {remarks}.") if remarks else ""))


def _centers_table(centers: Sequence[BandCenterDoc]) -> Html:
    columns = (
        "material",
        "states",
        "occupied re E_F (eV)",
        "occupied re VBM (eV)",
        "gap (eV)",
        "level of theory",
        "status",
    )
    rows = [
        (
            center.material,
            orbital_name(center.element, center.orbital),
            _signed(center.occupied_re_fermi_eV),
            _signed(center.occupied_re_vbm_eV),
            _gap(center.gap_eV, center.is_metal),
            center.provenance.level_of_theory,
            center.status.value,
        )
        for center in centers
    ]
    return table(columns, rows, "Band centres.")


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.2f}"


def _gap(value: float | None, is_metal: bool | None) -> str | None:
    if is_metal:
        return "metal"
    return None if value is None else f"{value:.2f}"


def _with_unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.2f} {unit}"
