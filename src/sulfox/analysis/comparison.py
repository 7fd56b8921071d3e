"""Set what was computed beside what was published, by rules that are fixed beforehand.

One row per finding, variant and temperature: no condition is picked after the fact. A
finding is *reproduced* only if every seed shows it, *not reproduced* if a seed does not.
Where seeds disagree the row says so. That nothing happened in a run shorter than the
source's is *not comparable*; that something happened is, however short the run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from pydantic import Field

from sulfox.analysis.thermodynamics.published_energies import ENERGY_TESTS, compare_energies
from sulfox.documents.band_alignment import BandAlignmentDoc
from sulfox.documents.base import Document, Record, Status
from sulfox.documents.comparison import ComparisonRow, ExpectedFinding, Verdict
from sulfox.documents.pair_table import PairTableDoc
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc

__all__ = ["KEPT_FRACTION", "compare_findings"]

#: Bonds count as kept if at most this part of them is lost.
KEPT_FRACTION = 0.02

DEFINITIONS = {
    **ENERGY_TESTS,
    "band_center_difference": "first moment of the projected density of states over the range, "
    "relative to the reference; every row of the band-centre table",
    "bonds_form": "new bonds confirmed during the dynamics (equilibration and production)",
    "no_bonds_form": "new bonds confirmed during the dynamics (equilibration and production)",
    "bonds_kept": "bonds in the first and last frame of the production run",
    "bonds_lost": "bonds in the first and last frame of the production run",
}


class _SeedResult(Record):
    seed: int
    length_ps: float
    in_relaxed: int
    formed_equilibration: int
    production: SulfurBondsDoc
    inputs: tuple[str, ...] = Field(default=())

    @property
    def formed(self) -> int:
        return self.formed_equilibration + self.production.n_formed


def compare_findings(
    findings: Sequence[ExpectedFinding], documents: Sequence[Document]
) -> tuple[ComparisonRow, ...]:
    """Make the table published | computed | verdict.

    Parameters
    ----------
    findings : sequence of ExpectedFinding
        Published findings.
    documents : sequence of Document
        Of the study: runs of dynamics, their bond analyses, band alignments, tables of
        pairs; others are not looked at.

    Returns
    -------
    tuple of ComparisonRow
        In the order of `findings`, then variant, then temperature.
    """
    rows: list[ComparisonRow] = []
    trajectories = [d for d in documents if isinstance(d, TrajectoryDoc)]
    bonds = [d for d in documents if isinstance(d, SulfurBondsDoc)]
    for finding in findings:
        if finding.test == "band_center_difference":
            rows.append(_aligned(finding, documents))
            continue
        if finding.test in ENERGY_TESTS:
            rows += _energies(finding, documents)
            continue
        if finding.test == "not_computed":
            rows.append(_row(finding, "", "not computed", Verdict.NOT_COMPUTED, finding.note))
            continue
        groups = _groups(finding, trajectories, bonds)
        if not groups:
            reason = "no trajectory of this pair was analysed; see the failed branches of the run"
            rows.append(_row(finding, "", "not computed", Verdict.NOT_COMPUTED, reason))
        rows += [_judged(finding, runs, bonds) for runs in groups]
    return tuple(rows)


def _energies(finding: ExpectedFinding, documents: Sequence[Document]) -> tuple[ComparisonRow, ...]:
    """Judge a reaction energy or a window by each entry set."""
    rows = compare_energies(finding, [d for d in documents if isinstance(d, PairTableDoc)])
    reason = "no entry set gave this number; see what was left out, or the failed branches"
    return rows or (_row(finding, "", "not computed", Verdict.NOT_COMPUTED, reason),)


def _aligned(finding: ExpectedFinding, documents: Sequence[Document]) -> ComparisonRow:
    """Judge a band-centre difference as its alignment does: over every variant tried."""
    alignments = [d for d in documents if isinstance(d, BandAlignmentDoc)]
    if not alignments:
        reason = "no band centres were computed; see what was left out, or the failed branches"
        return _row(finding, "", "not computed", Verdict.NOT_COMPUTED, reason)
    alignment = alignments[-1]
    told = [
        f"{row.definition} re {row.reference}: {row.difference_eV:+.2f} eV"
        for row in alignment.rows
        if row.ground_states
        and row.hubbard
        and row.kind == "consistent"
        and row.difference_eV is not None
    ]
    verdict = {
        True: Verdict.REPRODUCED,
        False: Verdict.NOT_REPRODUCED,
        None: Verdict.NOT_COMPARABLE,
    }[alignment.reproduced]
    return ComparisonRow(
        quantity=f"{finding.quantity} (ground states)",
        published=finding.published,
        source=finding.source,
        computed="; ".join(told) or "no definition with one reference gives a number",
        engine=alignment.provenance.engine,
        level_of_theory=alignment.provenance.level_of_theory,
        definition=DEFINITIONS[finding.test],
        verdict=verdict,
        reason=alignment.verdict + (f"; {finding.note}" if finding.note else ""),
        inputs=(alignment.id,),
    )


def _groups(
    finding: ExpectedFinding,
    trajectories: Sequence[TrajectoryDoc],
    bonds: Sequence[SulfurBondsDoc],
) -> list[list[TrajectoryDoc]]:
    analysed = {b.trajectory_id for b in bonds if b.criteria.pair == finding.bond}
    groups: dict[tuple[bool, str, float], list[TrajectoryDoc]] = defaultdict(list)
    for run in trajectories:
        if run.pair == finding.pair and run.id in analysed:
            groups[run.variant != "default", run.variant, run.temperature_K].append(run)
    return [groups[key] for key in sorted(groups)]


def _judged(
    finding: ExpectedFinding, runs: list[TrajectoryDoc], bonds: Sequence[SulfurBondsDoc]
) -> ComparisonRow:
    first = runs[0]
    condition = f"{first.variant}, {first.temperature_K:g} K"
    refused = [run for run in runs if run.status is Status.REFUSED]
    if refused:
        said = "; ".join(reason.message for reason in refused[0].reasons)
        return _row(
            finding, condition, f"{len(refused)} run(s) refused", Verdict.NOT_COMPARABLE, said, runs
        )
    by_run = {b.trajectory_id: b for b in bonds if b.criteria.pair == finding.bond}
    results = _per_seed(runs, by_run)
    if not results:
        reason = "only the equilibration ran"
        return _row(finding, condition, "not computed", Verdict.NOT_COMPUTED, reason, runs)
    text, shows = _TESTS[finding.test](results)
    holds = [shows(result) for result in results]
    verdict = Verdict.REPRODUCED if all(holds) else Verdict.NOT_REPRODUCED
    reason = f"holds in {sum(holds)} of {len(holds)} seeds"
    # An event decides however short the run; its absence only after the source's time.
    event_expected = finding.test in ("bonds_form", "bonds_lost")
    quiet = [held is not event_expected for held in holds]
    longest = max(result.length_ps for result in results)
    if longest < finding.length_ps - 1e-9 and all(quiet):
        verdict = Verdict.NOT_COMPARABLE
        reason = (
            f"nothing happened in {longest:g} ps; the source looked for {finding.length_ps:g} ps"
        )
    elif any(holds) and not all(holds):
        reason += ": the seeds disagree, more are needed"
    if not all(result.production.robust for result in results):
        reason += "; the count changes with the thresholds, see sensitivity"
    if finding.note:
        reason += f"; {finding.note}"
    return _row(finding, condition, text, verdict, reason, runs)


def _per_seed(runs: list[TrajectoryDoc], by_run: dict[str, SulfurBondsDoc]) -> list[_SeedResult]:
    equilibration = {run.seed: by_run[run.id] for run in runs if run.stage == "equilibration"}
    results = []
    for run in runs:
        if run.stage != "production":
            continue
        before = equilibration.get(run.seed)
        results.append(
            _SeedResult(
                seed=run.seed,
                length_ps=run.length_ps,
                in_relaxed=before.n_initial if before else by_run[run.id].n_initial,
                formed_equilibration=before.n_formed if before else 0,
                production=by_run[run.id],
            )
        )
    return sorted(results, key=lambda result: result.seed)


def _formed_text(results: list[_SeedResult]) -> str:
    parts = [
        f"seed {r.seed}: {r.formed} formed in {r.length_ps:g} ps "
        f"({r.formed_equilibration} of them in the equilibration before), "
        f"{r.in_relaxed} after relaxation, {r.production.n_final} at the end, "
        f"closest {r.production.min_distance_A:.2f} Å{_where(r.production)}"
        for r in results
    ]
    return "; ".join(parts)


def _where(bonds: SulfurBondsDoc) -> str:
    """How far from the interface plane the bonds formed: at the interface, or elsewhere."""
    heights = [
        event.from_interface_A
        for event in bonds.events
        if event.type == "formed" and event.from_interface_A is not None
    ]
    if not heights:
        return ""
    return f", formed {min(heights):.1f} to {max(heights):.1f} Å above the interface plane"


def _kept_text(results: list[_SeedResult]) -> str:
    return "; ".join(
        f"seed {r.seed}: {r.production.n_initial} -> {r.production.n_final} in {r.length_ps:g} ps"
        for r in results
    )


def _lost_fraction(result: _SeedResult) -> float:
    initial = result.production.n_initial
    return (initial - result.production.n_final) / initial if initial else 0.0


_Test = Callable[[list[_SeedResult]], tuple[str, Callable[[_SeedResult], bool]]]
_TESTS: dict[str, _Test] = {
    "bonds_form": lambda results: (_formed_text(results), lambda r: r.formed > 0),
    "no_bonds_form": lambda results: (_formed_text(results), lambda r: r.formed == 0),
    "bonds_kept": lambda results: (
        _kept_text(results),
        lambda r: _lost_fraction(r) <= KEPT_FRACTION,
    ),
    "bonds_lost": lambda results: (
        _kept_text(results),
        lambda r: _lost_fraction(r) > KEPT_FRACTION,
    ),
}


def _row(
    finding: ExpectedFinding,
    condition: str,
    computed: str,
    verdict: Verdict,
    reason: str,
    runs: Sequence[TrajectoryDoc] = (),
) -> ComparisonRow:
    provenance = runs[0].provenance if runs else None
    return ComparisonRow(
        quantity=finding.quantity + (f" ({condition})" if condition else ""),
        published=finding.published,
        source=finding.source,
        computed=computed,
        engine=provenance.engine if provenance else "none",
        level_of_theory=provenance.level_of_theory if provenance else "none",
        definition=_definition(finding),
        verdict=verdict,
        reason=reason,
        inputs=tuple(run.id for run in runs),
    )


def _definition(finding: ExpectedFinding) -> str:
    text = DEFINITIONS.get(finding.test, "no definition: not computed")
    if finding.bond:
        text = f"{finding.bond}: {text}"
    if finding.test in ("bonds_kept", "bonds_lost"):
        text += f"; kept means at most {KEPT_FRACTION:.0%} lost"
    return text
