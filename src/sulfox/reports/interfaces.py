"""Interfaces told: how they were built, relaxed, and what they look like at start and end."""

from __future__ import annotations

from collections.abc import Iterator

from sulfox.documents.interface import InterfaceDoc, SlabSide
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.reports.data import FIRST_BOND, Condition, ReportData, reasons_text
from sulfox.reports.figures import draw_panels, file_stem, finish, style
from sulfox.reports.markup import (
    Figure,
    Html,
    Section,
    cell_html,
    figure_block,
    note,
    paragraph,
    table,
)
from sulfox.reports.side_view import (
    HIGHLIGHT,
    Projection,
    Sticks,
    View,
    draw_elements,
    draw_view,
)
from sulfox.trajectories.frames import Trajectory
from sulfox.trajectories.geometry import neighbour_pairs
from sulfox.units import FS_PER_PS

__all__ = ["geometry_section", "side_view_section"]

_PANEL_INCH_PER_A = 0.135


def geometry_section(data: ReportData) -> Section:
    """Tell how each interface was built and relaxed.

    Parameters
    ----------
    data : ReportData
        Documents of the study.

    Returns
    -------
    Section
        One table an interface with both sides, and one of the relaxations.
    """
    interfaces = data.of_kind(InterfaceDoc)
    relaxations = data.of_kind(RelaxationDoc)
    parts = [_geometry(document, _variants_of(document, data)) for document in interfaces]
    if not interfaces:
        parts.append(paragraph("No interface document is part of this run."))
    if relaxations:
        parts.append(_relaxations(relaxations))
    return Section("Interfaces", Html("".join(parts)))


def _variants_of(document: InterfaceDoc, data: ReportData) -> str:
    runs = [r for r in data.of_kind(TrajectoryDoc) if r.interface_id == document.id]
    return ", ".join(dict.fromkeys(r.variant for r in runs)) or "no run"


def _geometry(document: InterfaceDoc, variants: str) -> Html:
    composition = " ".join(f"{e}{n}" for e, n in document.composition.items())
    vacuum = f"vacuum {document.vacuum_A:.1f} Å" if document.vacuum_A else "periodic sandwich"
    distances = ", ".join(f"{p} {d:.2f} Å" for p, d in document.min_distances_A.items())
    rows = [
        (label, value(document.cathode), value(document.electrolyte)) for label, value in _SIDE_ROWS
    ]
    return Html(
        f"<h3>{cell_html(f'{document.pair} ({variants})')}</h3>"
        + paragraph(
            f"{document.n_atoms} atoms ({composition}), area {document.area_A2:.1f} Å²,",
            f"in-plane angle {document.angle_deg:.1f}°, gap {document.gap_A:.2f} Å, {vacuum},",
            f"registry ({document.registry[0]:.2f}, {document.registry[1]:.2f}).",
            f"Misfit {document.misfit_max:.2%}; strain at most {document.strain_max:.2%}",
            f"({document.strain_rule}). Status {document.status.value}.",
        )
        + table(("", "cathode side", "electrolyte side"), rows, row_heads=True)
        + note(f"Smallest distances between the sides: {distances or 'not given'}.")
        + note(f"Rank {document.rank} by {document.ranking}. Id {document.id}.")
        + (note(f"Remarks: {reasons_text(document)}") if document.reasons else "")
    )


def _excess(side: SlabSide) -> str:
    if side.is_stoichiometric:
        return "yes"
    excess = ", ".join(f"{element} {n:+d}" for element, n in side.excess.items())
    return f"no ({excess})" if excess else "no"


def _polyanions(side: SlabSide) -> str:
    return (
        "; ".join(
            f"{p.central}{p.ligand}{p.coordination}: {p.n_intact} of {p.n_units} whole"
            + (" (repaired)" if p.repaired else "")
            for p in side.polyanions
        )
        or "none in this material"
    )


def _strain(side: SlabSide) -> str:
    (xx, xy), (_, yy) = side.strain
    return (
        f"largest principal {side.strain_max:.2%}; "
        f"xx {xx:+.2%}, yy {yy:+.2%}, xy {xy:+.2%}".replace("-", "−")
    )


def _magnetism(side: SlabSide) -> str:
    if not side.magnetic_layers:
        return "no order set"
    net = sum(layer.net_moment_muB for layer in side.magnetic_layers)
    signs = "".join(
        "0" if abs(m.net_moment_muB) < 1e-3 else "+" if m.net_moment_muB > 0 else "−"
        for m in side.magnetic_layers
    )
    return f"{len(side.magnetic_layers)} layers, net by layer {signs}, in all {net:.2f} µB"


_SIDE_ROWS = (
    ("material", lambda s: s.material),
    ("slab formula", lambda s: s.formula),
    ("facet (hkl)", lambda s: "(" + " ".join(map(str, s.miller)) + ")"),
    ("termination", lambda s: s.termination),
    ("atoms, layers", lambda s: f"{s.n_atoms} atoms, {s.n_layers} layer(s)"),
    ("thickness (Å)", lambda s: f"{s.thickness_A:.2f}"),
    ("supercell rows", lambda s: "; ".join(" ".join(map(str, row)) for row in s.supercell)),
    ("strain", _strain),
    (
        "polar repeat unit; dipole (e/Å)",
        lambda s: f"{'yes' if s.is_polar else 'no'}; {s.dipole_per_area:.4f}",
    ),
    ("stoichiometric", _excess),
    ("polyanions", _polyanions),
    ("magnetic order", _magnetism),
)


def _relaxations(documents: tuple[RelaxationDoc, ...]) -> Html:
    rows = table(
        (
            "what",
            "cell relaxed",
            "steps",
            "largest force (eV/Å)",
            "threshold (eV/Å)",
            "energy (eV)",
            "largest move (Å)",
            "level of theory",
            "status",
        ),
        (
            (
                d.label,
                "yes" if d.relax_cell else "no",
                d.n_steps,
                f"{d.max_force_eV_A:.4f}",
                f"{d.force_threshold_eV_A:g}",
                f"{d.energy_eV:.4f}",
                f"{d.max_displacement_A:.2f}",
                d.provenance.level_of_theory,
                d.status.value + (f": {reasons_text(d)}" if d.reasons else ""),
            )
            for d in documents
        ),
    )
    return Html("<h3>Relaxations</h3>" + rows)


def side_view_section(data: ReportData) -> Section:
    """Show every interface from the side at the start and the end of its run.

    Parameters
    ----------
    data : ReportData
        Documents and frames.

    Returns
    -------
    Section
        One figure a run; a run whose frames cannot be read is named with the reason.
    """
    if not data.runs:
        return Section("Side views", paragraph("There is no production run to look at."))
    figures: list[Figure] = []
    problems: list[Html] = []
    for run in data.runs:
        try:
            figures.append(_side_view(run, data))
        except (SulfoxError, KeyError) as error:
            problems.append(note(f"{Condition.of(run).label}: no side view, {error}"))
    shown = "".join(figure_block(figure) for figure in figures)
    return Section(
        "Side views",
        Html(f'<div class="gallery">{shown}</div>\n' + "".join(problems)),
        tuple(figures),
    )


def _side_view(run: TrajectoryDoc, data: ReportData) -> Figure:
    source = data.open_trajectory(run.archive.trajectory_id)
    n = run.archive.n_frames
    frames = (source.frames(0, 1), source.frames(n - 1, n))
    projection = Projection.of(frames)
    asked = data.bonds_of(run, FIRST_BOND)
    condition = Condition.of(run)
    start_fs = 0.0 if frames[0].times_fs is None else float(frames[0].times_fs[0])
    views = []
    for frame, is_last in zip(frames, (False, True), strict=True):
        sticks = _sticks(frame, is_last, run, data, asked)
        n_highlighted = len(sticks[-1].atoms) if asked else None
        at = 0.0 if frame.times_fs is None else (float(frame.times_fs[0]) - start_fs) / FS_PER_PS
        views.append(
            View(
                frame=frame,
                title=f"{at:.3g} ps"
                + ("" if n_highlighted is None else f"\n{_counted(n_highlighted)}"),
                sticks=sticks,
                side_names=dict(zip(("cathode", "electrolyte"), run.pair.split("|"), strict=False)),
                plane_A=None if is_last else run.interface_height_A,
            )
        )
    caption = (
        f"{condition.label}: side view at the start and the end of the production run, seen "
        f"along {projection.seen_along}; farther atoms are paler; dashed lines are the cell"
        + ("; vacuum left out" if projection.has_vacuum else "")
        + "; the dotted line is the middle of the gap at the start. "
        + (f"Thick lines and rings mark {FIRST_BOND} bonds. " if asked else "")
        + f"{run.provenance.level_of_theory}."
    )
    return _drawn(views, projection, condition, caption, asked is not None)


def _counted(n: int) -> str:
    return f"{n} {FIRST_BOND} bond" + ("" if n == 1 else "s")


def _drawn(
    views: list[View], projection: Projection, condition: Condition, caption: str, keyed: bool
) -> Figure:
    width, height = projection.panel_A
    size = (width * _PANEL_INCH_PER_A, height * _PANEL_INCH_PER_A)
    with style():
        canvas, axes, key = draw_panels(len(views), size, key_inch=1.3)
        canvas.suptitle(condition.label, fontsize=11, y=0.985)
        for number, (panel, view) in enumerate(zip(axes, views, strict=True)):
            draw_view(panel, view, projection, scale_bar=number == 0)
            if number:
                panel.set_ylabel("")
        draw_elements(key, views[0].frame.species, FIRST_BOND if keyed else None)
        name = file_stem("side", condition.pair, condition.variant)
        name += f"-{condition.temperature_K:g}K-seed{condition.seed}"
        level = caption.rsplit(". ", 1)[-1]
        return finish(canvas, name, caption, level.rstrip("."), embed_png=True)


def _sticks(
    frame: Trajectory,
    is_last: bool,
    run: TrajectoryDoc,
    data: ReportData,
    asked: SulfurBondsDoc | None,
) -> tuple[Sticks, ...]:
    """Bonds inside polyanions, then those asked for: the same the analysis counted."""
    sticks = [Sticks(bonds, None, 0.42) for bonds in _polyanion_bonds(frame, run, data)]
    if asked is not None:
        alive = tuple(
            life.atoms
            for life in asked.lifetimes
            if (life.right_censored if is_last else life.left_censored)
        )
        sticks.append(Sticks(alive, HIGHLIGHT, 0.9))
    return tuple(sticks)


def _polyanion_bonds(
    frame: Trajectory, run: TrajectoryDoc, data: ReportData
) -> Iterator[tuple[tuple[int, int], ...]]:
    interface = data.interface_of(run)
    if interface is None:
        return
    species = frame.species
    for check in (*interface.cathode.polyanions, *interface.electrolyte.polyanions):
        ends = {check.central, check.ligand}
        for bond in data.bonds:
            document = data.bonds_of(run, bond)
            if document is None or set(bond.split("-")) != ends:
                continue
            pairs, _ = neighbour_pairs(frame.positions[0], frame.lattice, document.criteria.break_A)
            yield tuple((int(i), int(j)) for i, j in pairs if {species[i], species[j]} == ends)
