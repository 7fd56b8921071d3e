"""``sulfox analyze gas-reduction``: which skin a reducing gas makes on a cathode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.analysis.reaction import EntriesFile, load_entries, read_formula
from sulfox.cli.options import FigureFile, JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.gas_reduction import GasReductionDoc, PhaseAmount

__all__ = ["gas_reduction"]

_SHOWN_REACTIONS = 8


def gas_reduction(
    cathode: Annotated[str, typer.Argument(help="Formula, or a material's name.")],
    gas: Annotated[str, typer.Option(help="Reducing gas: H2, CO, H2S or CH4.")] = "H2",
    temperature: Annotated[float, typer.Option(help="Temperature [K].")] = 923.0,
    pressure_bar: Annotated[float, typer.Option(help="Total pressure [bar].")] = 1.0,
    co2: Annotated[float, typer.Option(help="Mole fraction of CO2 in the feed.")] = 0.0,
    product_bar: Annotated[
        float, typer.Option(help="Partial pressure of gases that are not fed [bar].")
    ] = 0.01,
    diagram: Annotated[
        str, typer.Option(help="Second axis of the diagram: temperature or co2.")
    ] = "temperature",
    entries: EntriesFile = None,
    figure: FigureFile = None,
    json_output: JsonOutput = False,
) -> None:
    """Reactions, equilibria and predominance diagram of a cathode under a reducing gas."""
    from sulfox.analysis.thermodynamics.gas_solid.gas_reduction import GasQuestion
    from sulfox.analysis.thermodynamics.gas_solid.gas_reduction import gas_reduction as reduce_by
    from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import GibbsTable
    from sulfox.materials.thermochemistry import read_thermochemistry

    entry_set = None if entries is None else load_entries(entries)
    data = GibbsTable(read_thermochemistry(), entry_set)
    question = GasQuestion(
        cathode=read_formula(cathode),
        gas=gas,
        temperature_K=temperature,
        pressure_bar=pressure_bar,
        co2_fraction=co2,
        product_pressure_bar=product_bar,
        against=diagram,
    )
    document = reduce_by(data, question)
    if figure is not None:
        from sulfox.reports.thermodynamics.figure_file import write_figure
        from sulfox.reports.thermodynamics.gas_reduction import draw_predominance

        write_figure(draw_predominance(document), figure)
    if json_output:
        emit_json(_answer(document))
    else:
        _tell(document)


def _answer(document: GasReductionDoc) -> dict[str, Any]:
    content = document.model_dump(mode="json")
    first = ("cathode", "gas", "temperature_K", "first_skin", "excess", "data", "reactions")
    return {**{key: content[key] for key in first}, **content}


def _tell(document: GasReductionDoc) -> None:
    fed = ", ".join(f"{g.formula} {g.pressure_bar:g} bar" for g in document.feed)
    emit_text(
        f"{document.cathode} under {fed} at {document.temperature_K:g} K",
        f"Gibbs energies: {document.data.name}, {document.data.n} substances, "
        f"hash {document.data.hash[:12]}",
        f"first trace of gas: {' + '.join(document.first_skin) or 'nothing'}; "
        f"excess of gas: {' + '.join(document.excess)}",
    )
    emit_table(
        "Reactions of one formula unit",
        ["dG (kJ/mol)", "all gases at 1 bar", "log10 K", "reaction"],
        (
            (
                f"{r.gibbs_kJ_per_mol:.1f}",
                f"{r.standard_gibbs_kJ_per_mol:.1f}",
                f"{r.log10_K:.2f}",
                r.reaction,
            )
            for r in document.reactions[:_SHOWN_REACTIONS]
        ),
    )
    emit_table(
        "Equilibrium with an amount of gas",
        ["gas fed (mol)", "condensed phases (mol)", "gases (mol)"],
        ((f"{s.gas_mol:g}", _amounts(s.phases), _amounts(s.gases)) for s in document.steps),
    )
    emit_text(*(f"remark: {reason.message}" for reason in document.reasons))


def _amounts(rows: tuple[PhaseAmount, ...]) -> str | None:
    return ", ".join(f"{row.amount_mol:.3g} {row.formula}" for row in rows) or None
