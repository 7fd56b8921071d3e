"""A flow of one job that puts the table of pairs and its reaction energies into a store."""

from __future__ import annotations

from typing import Any

from jobflow import Flow, job

from sulfox.documents.entry_set import EntrySet
from sulfox.flows.identity import name_by_content
from sulfox.flows.job_context import JsonDocument, stored
from sulfox.materials.pairs import PairPlan

__all__ = ["build_pair_table_flow", "store_pair_table"]


@job
def store_pair_table(
    entry_set: dict[str, Any], plan: dict[str, Any], temperature_K: float
) -> dict[str, list[JsonDocument]]:
    """Compute the table of pairs of an entry set.

    Parameters
    ----------
    entry_set, plan : dict
        An ``EntrySet`` and a ``PairPlan`` as JSON.
    temperature_K : float
        Of the ideal mixing term of solid solutions [K].
    """
    from sulfox.analysis.thermodynamics.pair_table import tabulate_pairs

    table, documents = tabulate_pairs(
        EntrySet.model_validate(entry_set), PairPlan.model_validate(plan), temperature_K
    )
    return {"documents": [stored(table), *map(stored, documents)]}


def build_pair_table_flow(entry_set: EntrySet, plan: PairPlan, temperature_K: float = 0.0) -> Flow:
    """Wire the table of pairs.

    Parameters
    ----------
    entry_set : EntrySet
        The phases.
    plan : PairPlan
        Pairs, windows, solid solutions.
    temperature_K : float
        Of the ideal mixing term of solid solutions [K].

    Returns
    -------
    Flow
        Of one job; a store that holds its output does not run it again.
    """
    made = store_pair_table(
        entry_set.model_dump(mode="json"), plan.model_dump(mode="json"), temperature_K
    )
    made.name = f"pairs of {entry_set.name}"
    made.update_config({"expose_store": True}, dict_mod=False)
    return Flow([name_by_content(made)], name=made.name)
