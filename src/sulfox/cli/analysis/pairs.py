"""``sulfox analyze pairs``: the table of pairs, for each entry set at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sulfox.cli.analysis.reaction import load_entries
from sulfox.cli.options import JsonOutput, Store
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.entry_set import EntrySet
    from sulfox.documents.pair_table import PairTableDoc
    from sulfox.materials.pairs import PairPlan

__all__ = ["pairs"]

EntrySets = Annotated[
    list[Path] | None,
    typer.Option(
        "--entries",
        help="File, NAME or NAME:SCHEME; may be given again. Default: every named set.",
        metavar="FILE|NAME",
    ),
]


def pairs(
    entries: EntrySets = None,
    plan: Annotated[str, typer.Option(help="Name of a file in configs/pairs.")] = "gsirr",
    temperature: Annotated[
        float, typer.Option(help="Of the mixing term of solid solutions [K]; 0 leaves it out.")
    ] = 0.0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File for all documents, one JSON list.", metavar="FILE"),
    ] = None,
    store: Store = None,
    json_output: JsonOutput = False,
) -> None:
    """Reaction energies of every pair beside the published numbers."""
    from sulfox.analysis.thermodynamics.entries.entry_sources import open_named_sets
    from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs
    from sulfox.materials.pairs import read_pair_plan

    chosen = read_pair_plan(plan)
    tables, documents = [], []
    for entry_set in map(load_entries, entries) if entries else open_named_sets()[0]:
        table, behind = tabulate_pairs(entry_set, chosen, temperature)
        tables.append(table)
        documents += [table, *behind]
        if store is not None:
            _keep(store, entry_set, chosen, temperature)
    if out is not None:
        import json

        from sulfox.trajectories.durable import write_durably

        content = [document.model_dump(mode="json") for document in documents]
        write_durably(out, json.dumps(content, indent=1, allow_nan=False).encode())
    if json_output:
        emit_json({"tables": tables, "documents": documents})
        return
    for table in tables:
        _tell(table)


def _keep(store: str, entry_set: EntrySet, plan: PairPlan, temperature_K: float) -> None:
    """Put the documents into a store, by a flow as every stored document."""
    from functools import partial

    from sulfox.errors import SulfoxError
    from sulfox.flows.local_manager import run_flow
    from sulfox.flows.thermodynamic.pair_table_flow import build_pair_table_flow
    from sulfox.stores.opening import open_results_store, work_folder

    flow = build_pair_table_flow(entry_set, plan, temperature_K)
    opener = partial(open_results_store, store)
    opener()
    outcome = run_flow(flow, opener, work_dir=work_folder(store), workers=1)
    if outcome.failures:
        raise SulfoxError(
            "SFX-603",
            who="analyze pairs",
            found="; ".join(failure.message for failure in outcome.failures),
            expected="documents in the store",
            next_step="run the same command again",
        )


def _tell(table: PairTableDoc) -> None:
    used = table.entries
    emit_text(f"entry set {used.name}, {used.n} entries, hash {used.hash[:12]}")
    emit_text(*(f"remark: {reason.message}" for reason in table.reasons))
    emit_table(
        table.title,
        ("pair", "on the hull", "own energy", "published", "eV/atom: said of it", "reaction"),
        [
            (
                row.label,
                _number(row.hull_eV_per_atom),
                _number(row.own_energy_eV_per_atom),
                _number(row.published_eV_per_atom, 2),
                row.said,
                row.reaction,
            )
            for row in table.pairs
        ],
    )
    emit_table(
        "windows (V against Li/Li+)",
        ("compound", "reduction", "oxidation", "published", "said of it"),
        [
            (
                row.formula,
                _number(row.reduction_V, 2),
                _number(row.oxidation_V, 2),
                _number(row.published_oxidation_V, 1),
                row.said,
            )
            for row in table.windows
        ],
    )


def _number(value: float | None, digits: int = 3) -> str | None:
    return None if value is None else f"{value:.{digits}f}"
