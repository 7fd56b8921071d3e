"""``sulfox analyze``: ask a trajectory or an electronic structure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.analysis.band_center import band_center
from sulfox.cli.analysis.formulas import arrhenius, gitt
from sulfox.cli.analysis.gas_reduction import gas_reduction
from sulfox.cli.analysis.pairs import pairs
from sulfox.cli.analysis.reaction import reaction
from sulfox.cli.analysis.voltage import voltage
from sulfox.cli.analysis.window import window
from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.sulfur_bonds import SulfurBondsDoc

__all__ = ["app"]

app = typer.Typer(
    help="Analyse a trajectory, an electronic structure or a set of energies.",
    add_completion=False,
    rich_markup_mode=None,
)
app.command("band-center")(band_center)
app.command("pairs")(pairs)
app.command("reaction")(reaction)
app.command("window")(window)
app.command("voltage")(voltage)
app.command("gas-reduction")(gas_reduction)
app.command("gitt")(gitt)
app.command("arrhenius")(arrhenius)


@app.callback()
def _root() -> None:
    """Analyse a trajectory, an electronic structure or a set of energies."""


@app.command()
def bonds(
    trajectory: Annotated[
        Path, typer.Argument(help="XDATCAR, extxyz (also .gz .xz .bz2), ASE .traj or an archive.")
    ],
    pair: Annotated[str, typer.Option(help="Two elements: S-S, P-S, P-O, S-O, Co-S ...")] = "S-S",
    form: Annotated[
        float | None, typer.Option("--form", help="Bonded when closer [Å]; S-S 2.4.")
    ] = None,
    break_: Annotated[
        float | None, typer.Option("--break", help="Broken when farther [Å]; S-S 2.7.")
    ] = None,
    min_lifetime_fs: Annotated[
        float, typer.Option(help="A change counts only if it lasts this long [fs].")
    ] = 50.0,
    time_step_fs: Annotated[
        float | None,
        typer.Option(help="Time between two frames [fs], where the file does not hold it."),
    ] = None,
    drop_incomplete: Annotated[
        bool,
        typer.Option("--drop-incomplete", help="Leave out an XDATCAR's unfinished last frame."),
    ] = False,
    json_output: JsonOutput = False,
) -> None:
    """Count the bonds of a pair that form and break."""
    from sulfox.analysis.bonds.bond_criteria import choose_criteria
    from sulfox.analysis.bonds.sulfur_bonds import analyze_bonds
    from sulfox.trajectories.readers import read_trajectory

    criteria = choose_criteria(pair, form, break_, min_lifetime_fs)
    frames = read_trajectory(trajectory, time_step_fs, drop_incomplete=drop_incomplete)
    document = analyze_bonds(frames, criteria)
    if json_output:
        emit_json(_answer(document))
    else:
        _tell(document)


def _answer(document: SulfurBondsDoc) -> dict[str, Any]:
    of_runs = {"trajectory_id", "interface_id", "pair_of_materials", "variant", "seed"}
    content = document.model_dump(mode="json", exclude=of_runs | {"temperature_K"})
    first = ("n_frames", "n_atoms")
    counts = ("n_initial", "n_formed", "n_broken", "n_final", "min_distance_A", "events")
    return {
        **{key: content[key] for key in first},
        "pair": document.criteria.pair,
        **{key: content[key] for key in counts},
        **content,
    }


def _tell(document: SulfurBondsDoc) -> None:
    rule = document.criteria
    length = "" if document.length_ps is None else f", {document.length_ps:g} ps"
    emit_text(
        f"{document.n_frames} frames of {document.n_atoms} atoms{length}",
        f"{rule.pair}: form < {rule.form_A:g} Å, break > {rule.break_A:g} Å, "
        f"for {rule.min_lifetime_fs:g} fs",
        f"bonds: {document.n_initial} at first, {document.n_formed} formed, "
        f"{document.n_broken} broken, {document.n_final} at last",
        f"closest approach: {document.min_distance_A:.3f} Å in frame {document.min_distance_frame}",
    )
    if document.sensitivity:
        spread = sorted({row.n_formed for row in document.sensitivity} | {document.n_formed})
        emit_text(
            "the same count with thresholds ± 0.1 Å and twice the lifetime"
            if document.robust
            else f"NOT robust: {spread[0]} to {spread[-1]} formed with other thresholds"
        )
    emit_text(*(f"remark: {reason.message}" for reason in document.reasons))
    if document.events:
        emit_table(
            "Events",
            ["time (fs)", "frame", "event", "atoms", "distance (Å)", "where", "groups"],
            (
                (
                    f"{event.time_fs:g}",
                    event.frame,
                    event.type,
                    "{}-{}".format(*event.atoms),
                    f"{event.distance_A:.3f}",
                    event.location,
                    " + ".join(event.groups) if event.groups else None,
                )
                for event in document.events
            ),
        )
