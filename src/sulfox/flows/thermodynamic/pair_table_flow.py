"""The thermodynamics of a study as jobs: a table of pairs per entry set, and gas reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobflow import Flow, job

from sulfox.documents.entry_set import EntrySet
from sulfox.flows.identity import name_by_content
from sulfox.flows.job_context import JsonDocument
from sulfox.flows.thermodynamic.plan import ThermodynamicsPlan
from sulfox.materials.pairs import PairPlan, read_pair_plan
from sulfox.stores.documents import storable

__all__ = [
    "add_thermodynamics",
    "build_pair_table_flow",
    "store_gas_reduction",
    "store_pair_table",
]


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
    return {"documents": [storable(table), *map(storable, documents)]}


@job
def store_gas_reduction(table: dict[str, Any], question: dict[str, Any]) -> JsonDocument:
    """Compute what a reducing gas makes of a cathode, by measured Gibbs energies.

    Parameters
    ----------
    table, question : dict
        A ``ThermoTable`` and a ``PlannedGasReduction`` as JSON.
    """
    from sulfox.analysis.thermodynamics.gas_solid.gas_reduction import GasQuestion, gas_reduction
    from sulfox.analysis.thermodynamics.gas_solid.gibbs_energy import GibbsTable
    from sulfox.documents.thermochemistry import ThermoTable

    data = GibbsTable(ThermoTable.model_validate(table))
    return storable(gas_reduction(data, GasQuestion(**question)))


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
    made = store_pair_table(*_arguments(entry_set, plan, temperature_K))
    made.name = _name(entry_set)
    made.update_config({"expose_store": True}, dict_mod=False)
    return Flow([name_by_content(made)], name=made.name)


def _name(entry_set: EntrySet) -> str:
    scheme = entry_set.correction_scheme
    return f"{entry_set.name}{f', {scheme}' if scheme else ''}: reaction energies and windows"


def _arguments(
    entry_set: EntrySet, plan: PairPlan, temperature_K: float
) -> tuple[JsonDocument, JsonDocument, float]:
    return entry_set.model_dump(mode="json"), plan.model_dump(mode="json"), temperature_K


def add_thermodynamics(
    add: Callable[..., Any], plan: ThermodynamicsPlan
) -> tuple[list[Any], list[str]]:
    """Add the jobs of a study's thermodynamics.

    Parameters
    ----------
    add : callable
        ``add(job_function, name, *arguments, tolerant=False) -> Job``.
    plan : ThermodynamicsPlan
        Which pairs, by which entry sets.

    Returns
    -------
    outputs : list of OutputReference
        Outputs that hold documents to compare.
    left_out : list of str
        Entry sets that cannot be used in any scheme, each with the reason.

    Raises
    ------
    SulfoxError
        SFX-743 for a plan that is not valid; SFX-731 for thermochemical data that are not.
    """
    from sulfox.analysis.thermodynamics.entries.entry_sources import open_named_sets
    from sulfox.materials.thermochemistry import read_thermochemistry

    pairs = read_pair_plan(plan.pairs)
    sets, unusable = open_named_sets(plan.entries)
    used = {entry_set.name for entry_set in sets}
    left_out = [reason for name, reason in unusable if name not in used]
    outputs = [
        add(
            store_pair_table,
            _name(entry_set),
            *_arguments(entry_set, pairs, plan.mixing_temperature_K),
        ).output
        for entry_set in sets
    ]
    table = read_thermochemistry().model_dump(mode="json") if pairs.gas_reductions else {}
    outputs += [
        add(
            store_gas_reduction,
            f"{planned.cathode} under {planned.gas} at {planned.temperature_K:g} K",
            table,
            planned.model_dump(mode="json"),
        ).output
        for planned in pairs.gas_reductions
    ]
    return outputs, left_out
