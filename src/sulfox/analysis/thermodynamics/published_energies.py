"""Published reaction energies and oxidation limits beside those of each entry set.

One row per entry set and scheme; none is picked. *Reproduced* only where the number is within
the tolerance of :mod:`sulfox.analysis.thermodynamics.pair_table` and the set's own error against
experiment is no larger than it; a number that is met by a set with a larger error may be chance
and is *not comparable*. The state of charge is the one that the plan names: a number that another
one would reach is told, and does not count.
"""

from __future__ import annotations

from collections.abc import Sequence

from sulfox.analysis.thermodynamics.pair_table import MET_EV, MET_V
from sulfox.documents.comparison import ComparisonRow, ExpectedFinding, Verdict
from sulfox.documents.pair_table import Outcome, PairRow, PairTableDoc, WindowRow

__all__ = ["ENERGY_TESTS", "compare_energies"]

#: Tests of this module -> what exactly is compared.
ENERGY_TESTS = {
    "reaction_energy": "lowest energy on the pseudo-binary line of the pair, per atom of the "
    f"mixture (Eq. 2 of the source); met within {MET_EV:g} eV/atom",
    "oxidation_limit": "highest voltage against Li/Li+ at which the equilibrium phases of the "
    f"composition give off no lithium; met within {MET_V:g} V",
}
_VERDICTS: dict[Outcome | None, Verdict] = {
    "met": Verdict.REPRODUCED,
    "met within its error": Verdict.NOT_COMPARABLE,
    "missed": Verdict.NOT_REPRODUCED,
    None: Verdict.NOT_COMPUTED,
}


def compare_energies(
    finding: ExpectedFinding, tables: Sequence[PairTableDoc]
) -> tuple[ComparisonRow, ...]:
    """Make the rows of one finding.

    Parameters
    ----------
    finding : ExpectedFinding
        With one of :data:`ENERGY_TESTS` and the row it means.
    tables : sequence of PairTableDoc
        Of each entry set.

    Returns
    -------
    tuple of ComparisonRow
        In the order of `tables`; empty where no table has the row.
    """
    rows = []
    for table in tables:
        if finding.test == "oxidation_limit":
            window = next((w for w in table.windows if w.formula == finding.row), None)
            if window is not None:
                rows.append(_judged(finding, table, window, _limit(window)))
            continue
        pair = next((p for p in table.pairs if p.label == finding.row), None)
        if pair is not None:
            rows.append(_judged(finding, table, pair, _energies(table, pair)))
    return tuple(rows)


def _judged(
    finding: ExpectedFinding, table: PairTableDoc, row: PairRow | WindowRow, computed: str
) -> ComparisonRow:
    used = table.entries
    name = f"{used.name}, {table.scheme}" if table.scheme else used.name
    error = (used.accuracy or "error against experiment not known").partition(";")[0]
    note = f"; {finding.note}" if finding.note else ""
    behind = row.reaction_energy_id if isinstance(row, PairRow) else row.stability_window_id
    return ComparisonRow(
        quantity=f"{finding.quantity} (entry set {name})",
        published=finding.published,
        source=finding.source,
        computed=computed or "not computed",
        engine="sulfox, phase diagrams by pymatgen",
        level_of_theory=f"{used.described}; {error}",
        definition=ENERGY_TESTS[finding.test],
        verdict=_VERDICTS[row.outcome],
        reason=f"{row.said or 'no number'}{note}",
        inputs=(table.id, *([behind] if behind else [])),
    )


def _energies(table: PairTableDoc, row: PairRow) -> str:
    """Both conventions of every state of charge, then the pairs that are set beside this one."""
    if row.hull_eV_per_atom is None or row.own_energy_eV_per_atom is None:
        return ""
    told = [_both(row.reactants[0], row.hull_eV_per_atom, row.own_energy_eV_per_atom)]
    told += [
        _both(state.formula, state.hull_eV_per_atom, state.own_energy_eV_per_atom)
        for state in row.charged
    ]
    beside = [
        _both(p.label, p.hull_eV_per_atom, p.own_energy_eV_per_atom)
        for p in table.pairs
        if p.compared_with == row.label
        and p.hull_eV_per_atom is not None
        and p.own_energy_eV_per_atom is not None
    ]
    more = f"; beside it {'; '.join(beside)}" if beside else ""
    return f"reactants on the hull / at their own energy (eV/atom): {'; '.join(told)}{more}"


def _both(name: str, hull: float, own: float) -> str:
    return f"{name} {hull:.3f} / {own:.3f}"


def _limit(row: WindowRow) -> str:
    if row.reduction_V is None:
        return ""
    top = "no limit" if row.oxidation_V is None else f"{row.oxidation_V:.2f} V"
    return f"{top} (reduced below {row.reduction_V:.2f} V)"
