"""What a report is made from: documents, and a way to open the frames they refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeVar

from sulfox.documents.base import Document, Status
from sulfox.documents.comparison import ComparisonDoc
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.pair_table import PairTableDoc
from sulfox.documents.sulfur_bonds import SulfurBondRateDoc, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.reports.figures import RunLines
from sulfox.trajectories.frames import Trajectory

__all__ = ["Condition", "FrameSource", "ReportData", "pair_order", "reasons_text"]

AnyDocument = TypeVar("AnyDocument", bound=Document)

#: The bond the project asks about; it is shown first.
FIRST_BOND = "S-S"


class FrameSource(Protocol):
    """Anything that gives frames by range, such as an opened trajectory archive."""

    def frames(self, start: int = 0, stop: int | None = None, stride: int = 1) -> Trajectory:
        """Return the frames of a range.

        Parameters
        ----------
        start, stop : int
            First frame and one past the last; `stop` None is the end.
        stride : int
            Every `stride`-th frame from `start`.
        """
        ...


@dataclass(frozen=True, order=True)
class Condition:
    """One run: which interface, how hot, which seed.

    Attributes
    ----------
    pair, variant : str
        Interface and variant.
    temperature_K : float
        Target temperature [K].
    seed : int
        Seed of the run.
    """

    pair: str
    variant: str
    temperature_K: float
    seed: int

    @property
    def label(self) -> str:
        """For a reader: ``"LCO|LPSCl, default, 300 K, seed 1"``."""
        return f"{self.pair}, {self.variant}, {self.temperature_K:g} K, seed {self.seed}"

    @classmethod
    def of(cls, run: TrajectoryDoc) -> Condition:
        """Return the condition of a run.

        Parameters
        ----------
        run : TrajectoryDoc
            The run.
        """
        return cls(run.pair, run.variant, run.temperature_K, run.seed)


def _no_frames(trajectory_id: str) -> FrameSource:
    raise KeyError(trajectory_id)


@dataclass(frozen=True)
class ReportData:
    """Everything a report may show; no section looks anywhere else.

    Attributes
    ----------
    study : str
        Name of the study.
    comparison : ComparisonDoc or None
        Published against computed; None where the run never came so far.
    documents : tuple of Document
        The documents of the run, in the order of ``comparison.inputs``.
    missing_ids : tuple of str
        Ids named by the comparison that the store does not hold.
    open_trajectory : callable
        Trajectory id -> object with ``frames(start, stop, stride)``; may raise
        SulfoxError or KeyError, which the report shows in place of the figure.
    """

    study: str
    comparison: ComparisonDoc | None = None
    documents: tuple[Document, ...] = ()
    missing_ids: tuple[str, ...] = ()
    open_trajectory: Callable[[str], FrameSource] = field(default=_no_frames, repr=False)

    def of_kind(self, kind: type[AnyDocument]) -> tuple[AnyDocument, ...]:
        """Return the documents of one class, in order.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.

        Returns
        -------
        tuple of Document
            Those of that class.
        """
        return tuple(d for d in self.documents if isinstance(d, kind))

    @cached_property
    def everything(self) -> tuple[Document, ...]:
        """All documents, the comparison first."""
        head: tuple[Document, ...] = (self.comparison,) if self.comparison else ()
        return (*head, *self.documents)

    @cached_property
    def not_complete(self) -> tuple[Document, ...]:
        """Documents that are partial or refused, with their reasons."""
        return tuple(d for d in self.everything if d.status is not Status.COMPLETE)

    @cached_property
    def runs(self) -> tuple[TrajectoryDoc, ...]:
        """Production runs in the order of pairs and variants, then temperature and seed."""
        found = [t for t in self.of_kind(TrajectoryDoc) if t.stage == "production"]
        pairs, variants = self.pairs, self.variants
        return tuple(
            sorted(
                found,
                key=lambda t: (
                    variants.index(t.variant),
                    pairs.index(t.pair),
                    t.temperature_K,
                    t.seed,
                    t.id,
                ),
            )
        )

    @cached_property
    def pairs(self) -> tuple[str, ...]:
        """Names of the material pairs, in order of appearance."""
        return _unique(t.pair for t in self.of_kind(TrajectoryDoc))

    @cached_property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, ``"default"`` first."""
        found = _unique(t.variant for t in self.of_kind(TrajectoryDoc))
        return tuple(sorted(found, key=lambda name: name != "default"))

    @cached_property
    def bonds(self) -> tuple[str, ...]:
        """Element pairs whose bonds were followed, S-S first."""
        return pair_order(d.criteria.pair for d in self.of_kind(SulfurBondsDoc))

    @cached_property
    def levels(self) -> tuple[tuple[str, str], ...]:
        """Engine and level of theory of everything that was computed with energies."""
        return _unique(
            (d.provenance.engine, d.provenance.level_of_theory)
            for d in self.documents
            if not isinstance(d, InterfaceDoc) and d.provenance.engine != "sulfox"
        )

    @cached_property
    def level_text(self) -> str:
        """One line that says what computed the forces; it goes on every figure."""
        if not self.levels:
            return "no calculation"
        return "; ".join(f"{theory}, engine {engine}" for engine, theory in self.levels)

    @cached_property
    def energy_levels(self) -> tuple[str, ...]:
        """Levels of theory of the entry sets behind reaction energies."""
        tables = self.of_kind(PairTableDoc)
        return _unique(t.entries.level_of_theory or f"entry set {t.entries.name}" for t in tables)

    @cached_property
    def lines(self) -> RunLines:
        """How the line of each run looks, the same in every figure."""
        runs = self.of_kind(TrajectoryDoc)
        return RunLines(
            temperatures_K=tuple(sorted({r.temperature_K for r in runs})),
            seeds=tuple(sorted({r.seed for r in runs})),
        )

    def bonds_of(self, run: TrajectoryDoc, bond: str) -> SulfurBondsDoc | None:
        """Return the bond analysis of one run, None where it was not made.

        Parameters
        ----------
        run : TrajectoryDoc
            The run.
        bond : str
            Element pair, ``"S-S"``.

        Returns
        -------
        SulfurBondsDoc or None
            The analysis.
        """
        for document in self.of_kind(SulfurBondsDoc):
            if document.trajectory_id == run.id and document.criteria.pair == bond:
                return document
        return None

    def equilibration_of(self, run: TrajectoryDoc) -> TrajectoryDoc | None:
        """Return the equilibration that went before a production run, None if there is none.

        Parameters
        ----------
        run : TrajectoryDoc
            The production run.
        """
        for other in self.of_kind(TrajectoryDoc):
            if other.stage == "equilibration" and Condition.of(other) == Condition.of(run):
                return other
        return None

    def interface_of(self, run: TrajectoryDoc) -> InterfaceDoc | None:
        """Return the interface of a run, None if it is not among the documents.

        Parameters
        ----------
        run : TrajectoryDoc
            The run.
        """
        for document in self.of_kind(InterfaceDoc):
            if document.id == run.interface_id:
                return document
        return None

    @cached_property
    def rates(self) -> tuple[SulfurBondRateDoc, ...]:
        """Pooled rates, S-S first."""
        order = pair_order(d.criteria.pair for d in self.of_kind(SulfurBondRateDoc))
        found = self.of_kind(SulfurBondRateDoc)
        return tuple(sorted(found, key=lambda d: order.index(d.criteria.pair)))


def reasons_text(document: Document) -> str:
    """Return the reasons of a document in one line.

    Parameters
    ----------
    document : Document
        Partial or refused.

    Returns
    -------
    str
        ``"polar: the slab is polar; ..."``.
    """
    return "; ".join(f"{reason.code}: {reason.message}" for reason in document.reasons)


def pair_order(pairs: Iterable[str]) -> tuple[str, ...]:
    """Element pairs without repetition: S-S first, the others as they came.

    Parameters
    ----------
    pairs : iterable of str
        Element pairs, possibly repeated.

    Returns
    -------
    tuple of str
        Each once.
    """
    return tuple(sorted(_unique(pairs), key=lambda pair: pair != FIRST_BOND))


Item = TypeVar("Item")


def _unique(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(items))
