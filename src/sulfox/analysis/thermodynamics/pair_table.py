"""The table of pairs of a plan, with one line of reason beside each published number.

Nothing is fitted to the published numbers: the line says which of the computed numbers comes
nearest (reactants on the hull or at their own energy, this or another state of charge), by how
much it misses, and how far the set itself is from measured enthalpies.
"""

from __future__ import annotations

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.entries.solid_solution import add_solid_solution
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.documents.base import Document, Provenance, Reason, Status, content_hash
from sulfox.documents.entry_set import EntrySet
from sulfox.documents.pair_table import (
    Outcome,
    PairRow,
    PairTableDoc,
    StateOfCharge,
    WindowRow,
)
from sulfox.documents.reaction_energy import ReactionEnergyDoc
from sulfox.documents.stability_window import StabilityWindowDoc
from sulfox.errors import SulfoxError
from sulfox.materials.pairs import PairPlan, PlannedPair, PlannedWindow

__all__ = ["MET_EV", "MET_V", "tabulate_pairs", "with_solutions"]

_VERSION = 2
#: A published number counts as met within this [eV/atom], [V].
MET_EV = 0.03
MET_V = 0.15
_CANNOT = ("SFX-722", "SFX-724", "SFX-742")


def tabulate_pairs(
    entry_set: EntrySet, plan: PairPlan, temperature_K: float = 0.0
) -> tuple[PairTableDoc, tuple[Document, ...]]:
    """Compute every pair and window of a plan.

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
    table : PairTableDoc
        Partial where the set has no entries for some pair: its row says why.
    documents : tuple of Document
        Behind the rows: reaction energies, then windows.
    """
    library = HullLibrary(entry_set)
    found: dict[str, ReactionEnergyDoc] = {}
    problems: dict[str, str] = {}
    for pair in plan.pairs:
        try:
            used, first, second = with_solutions(library, plan, pair.reactants, temperature_K)
            found[pair.label] = reaction_energy(used, (first, second))
        except SulfoxError as error:
            if error.code not in _CANNOT:
                raise
            problems[pair.label] = error.found
    rows = tuple(_row(library, plan, pair, found, problems) for pair in plan.pairs)
    told = [_window(library, plan, planned) for planned in plan.windows]
    windows = tuple(row for row, _ in told)
    reference = entry_set.reference
    inputs_hash = content_hash([reference.hash, plan, temperature_K])
    lost = [*problems, *(row.formula for row in windows if row.reduction_V is None)]
    reasons = list(entry_set.remarks)
    if lost:
        text = f"no entries for {', '.join(lost)}"
        reasons.append(Reason(code="SFX-722", message=text))
    table = PairTableDoc(
        id="pt-" + content_hash([_VERSION, inputs_hash])[:16],
        status=Status.PARTIAL if lost else Status.COMPLETE,
        reasons=tuple(reasons),
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=reference.described,
            inputs_hash=inputs_hash,
        ),
        entries=reference,
        title=plan.title,
        pairs=rows,
        windows=windows,
        scheme=entry_set.correction_scheme,
    )
    behind = (document for _, document in told if document is not None)
    return table, (*found.values(), *behind)


def with_solutions(
    library: HullLibrary, plan: PairPlan, formulas: tuple[str, str], temperature_K: float
) -> tuple[HullLibrary, str, str]:
    """Put the solid solutions among some formulas into the set.

    Parameters
    ----------
    library : HullLibrary
        The phases.
    plan : PairPlan
        With the models.
    formulas : tuple of str
        Formulas, or names of solid solutions.
    temperature_K : float
        Of the ideal mixing term [K].

    Returns
    -------
    library : HullLibrary
        The same where no solid solution is among them.
    first, second : str
        Formulas.

    Raises
    ------
    SulfoxError
        SFX-742 where an end member has no entry.
    """
    entry_set, plain = library.entry_set, []
    for formula in formulas:
        solution = plan.solution(formula)
        plain.append(formula if solution is None else solution.formula)
        if solution is not None:
            entry_set = add_solid_solution(
                entry_set, solution.name, solution.end_members, temperature_K
            )
    first, second = plain
    return (library if entry_set is library.entry_set else HullLibrary(entry_set)), first, second


def _row(
    library: HullLibrary,
    plan: PairPlan,
    pair: PlannedPair,
    found: dict[str, ReactionEnergyDoc],
    problems: dict[str, str],
) -> PairRow:
    document = found.get(pair.label)
    charged: tuple[StateOfCharge, ...] = ()
    outcome = None
    if document is None:
        said = problems[pair.label]
    elif pair.published_eV_per_atom is not None:
        charged = tuple(_charged(library, pair, formula) for formula in pair.charged)
        outcome, said = _gap(library, pair, document, charged)
    elif pair.compare_with is not None:
        said = _compared(pair, document, found.get(pair.compare_with))
    else:
        said = ""
    return PairRow(
        label=pair.label,
        reactants=pair.reactants,
        hull_eV_per_atom=document and document.minimum_hull.mutual_eV_per_atom,
        own_energy_eV_per_atom=document and document.minimum_own_energy.own_energy_eV_per_atom,
        reaction=document and document.minimum_hull.reaction,
        reaction_energy_id=document and document.id,
        published_eV_per_atom=pair.published_eV_per_atom,
        source=None if pair.source is None else plan.sources[pair.source]["citation"],
        said=said,
        outcome=outcome,
        charged=charged,
        compared_with=pair.compare_with,
    )


def _gap(
    library: HullLibrary,
    pair: PlannedPair,
    document: ReactionEnergyDoc,
    charged: tuple[StateOfCharge, ...],
) -> tuple[Outcome, str]:
    """Say what the published number is nearest to."""
    published = pair.published_eV_per_atom or 0.0
    own = StateOfCharge(
        formula=pair.reactants[0],
        hull_eV_per_atom=document.minimum_hull.mutual_eV_per_atom,
        own_energy_eV_per_atom=document.minimum_own_energy.own_energy_eV_per_atom,
    )
    numbers = [
        (f"{state.formula}, reactants {where}", value)
        for state in (own, *charged)
        for where, value in (
            ("on the hull", state.hull_eV_per_atom),
            ("at their own energy", state.own_energy_eV_per_atom),
        )
    ]
    same = numbers[:2]
    where, value = min(same, key=lambda item: abs(item[1] - published))
    error = library.entry_set.reference.mean_error_eV_per_atom
    known = "" if error is None else f"; the set's mean error against experiment is {error:.3f}"
    if abs(value - published) <= MET_EV:
        if error is None or error <= MET_EV:
            return "met", f"met: {where}, {value:.3f}{known}"
        return "met within its error", f"met: {where}, {value:.3f}{known}: it may be chance"
    where, value = min(numbers, key=lambda item: abs(item[1] - published))
    if (where, value) in same:
        gap = abs(value - published)
        return "missed", f"missed by {gap:.3f}, nearest: {where}, {value:.3f}{known}"
    other = f"nearest is another state of charge: {where}, {value:.3f}"
    return "missed", f"not by {pair.reactants[0]}; {other}{known}"


def _charged(library: HullLibrary, pair: PlannedPair, formula: str) -> StateOfCharge:
    document = reaction_energy(library, (formula, pair.reactants[1]))
    return StateOfCharge(
        formula=formula,
        hull_eV_per_atom=document.minimum_hull.mutual_eV_per_atom,
        own_energy_eV_per_atom=document.minimum_own_energy.own_energy_eV_per_atom,
    )


def _compared(
    pair: PlannedPair, document: ReactionEnergyDoc, other: ReactionEnergyDoc | None
) -> str:
    if other is None:
        return ""
    mine = document.minimum_hull.mutual_eV_per_atom
    theirs = other.minimum_hull.mutual_eV_per_atom
    if mine <= theirs + MET_EV:
        both = f"({mine:.3f} and {theirs:.3f} on the hull)"
        return (
            f"as reactive as {pair.compare_with}, or more {both}: thermodynamics alone does not "
            "say why it protects"
        )
    return f"less reactive than {pair.compare_with} ({mine:.3f} against {theirs:.3f} on the hull)"


def _window(
    library: HullLibrary, plan: PairPlan, planned: PlannedWindow
) -> tuple[WindowRow, StabilityWindowDoc | None]:
    row = WindowRow(
        formula=planned.formula,
        reduction_V=None,
        oxidation_V=None,
        published_oxidation_V=planned.published_oxidation_V,
        source=None if planned.source is None else plan.sources[planned.source]["citation"],
        said="",
    )
    try:
        document = stability_window(library, planned.formula)
    except SulfoxError as error:
        if error.code not in _CANNOT:
            raise
        return row.model_copy(update={"said": error.found}), None
    outcome, said = _window_gap(library, planned, document)
    numbers = {
        "reduction_V": document.reduction_V,
        "oxidation_V": document.oxidation_V,
        "said": said,
        "outcome": outcome,
        "stability_window_id": document.id,
    }
    return row.model_copy(update=numbers), document


def _window_gap(
    library: HullLibrary, planned: PlannedWindow, document: StabilityWindowDoc
) -> tuple[Outcome | None, str]:
    published, value = planned.published_oxidation_V, document.oxidation_V
    if published is None or value is None:
        return None, ""
    formed = " + ".join(document.conventions[0].oxidation_products)
    error = library.entry_set.reference.mean_error_eV_per_atom
    _, composition = read_composition(planned.formula, "a window")
    volts = None if error is None else error * composition.num_atoms / composition[document.ion]
    known = "" if volts is None else f"; the set's mean error is about {volts:.2f} V here"
    if abs(value - published) > MET_V:
        return "missed", f"{value - published:+.2f} V from it: oxidised to {formed} here{known}"
    said = f"met within {MET_V:g} V, oxidised to {formed}{known}"
    if volts is None or volts <= MET_V:
        return "met", said
    return "met within its error", f"{said}: it may be chance"
