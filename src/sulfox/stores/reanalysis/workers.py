"""Run a builder here or in several processes; every document is stored as soon as it is made."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.stores.reanalysis.builder import ReanalysisBuilder

__all__ = ["ReanalysisReport", "count_missing", "run_builder"]


class ReanalysisReport(Record):
    """What a re-analysis did, or would do.

    Attributes
    ----------
    analysis : str
        Which one.
    version : int
        Its present version.
    present : int
        Documents of this version and these settings that were there before.
    missing : int
        Documents that were not.
    new, by_others : int
        Documents made by this run, and by another run meanwhile.
    refused : tuple of str
        Why others could not be made, one line each.
    dry_run : bool
        Whether nothing was made.
    makes_store : bool
        Whether a run would make the store that new documents go into.
    refusal : str
        Why a run would be refused, as it would say it; empty where it would not.
    """

    analysis: str
    version: int
    present: int
    missing: int
    new: int = 0
    by_others: int = 0
    refused: tuple[str, ...] = ()
    dry_run: bool = False
    makes_store: bool = False
    refusal: str = ""


def count_missing(builder: ReanalysisBuilder) -> ReanalysisReport:
    """Say what a run would do; nothing is made, not even the store of new documents.

    Parameters
    ----------
    builder : ReanalysisBuilder
        Need not be connected.
    """
    missing = len(builder.get_items())
    return ReanalysisReport(
        analysis=builder.analysis,
        version=builder.table_entry.version,
        present=builder.n_present,
        missing=missing,
        dry_run=True,
        makes_store=builder.makes_store,
        refusal=builder.refusal,
    )


def run_builder(
    builder: ReanalysisBuilder,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> ReanalysisReport:
    """Make what is missing. Killed at any time, the next run goes on from there.

    Parameters
    ----------
    builder : ReanalysisBuilder
        What to run.
    workers : int
        Processes that analyse; this one stores what they make.
    on_progress : callable, optional
        Told how many are done, of how many.

    Returns
    -------
    ReanalysisReport
        What was made.

    Raises
    ------
    SulfoxError
        SFX-563 if a worker died; SFX-50x as the store says.
    """
    builder.connect()
    items = builder.get_items()
    tell = on_progress or (lambda _done, _total: None)
    tell(0, len(items))
    refused: list[str] = []
    new = by_others = 0
    results = _here(builder, items) if workers <= 1 else _in_processes(builder, items, workers)
    for done, result in enumerate(results, 1):
        builder.update_targets([result])
        if "refused" in result:
            refused.append(f"{', '.join(result['task']['inputs'])}: {result['refused']}")
        elif "job" in result:
            new += 1
        else:
            by_others += 1
        tell(done, len(items))
    builder.finalize()
    return ReanalysisReport(
        analysis=builder.analysis,
        version=builder.table_entry.version,
        present=builder.n_present,
        missing=len(items),
        new=new,
        by_others=by_others,
        refused=tuple(sorted(refused)),
    )


def _here(builder: ReanalysisBuilder, items: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return map(builder.process_item, items)


def _in_processes(
    builder: ReanalysisBuilder, items: list[dict[str, Any]], workers: int
) -> Iterator[dict[str, Any]]:
    """Fresh processes: connections to a server do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            futures = [pool.submit(builder.process_item, item) for item in items]
            for future in as_completed(futures):
                yield future.result()
    except BrokenProcessPool as error:
        raise SulfoxError(
            "SFX-563",
            who=f"a worker of {builder.analysis}",
            found="it was killed, by the system where memory ran out",
            expected="memory for the frames of one trajectory in each worker",
            next_step="give the same command with fewer --workers: what was made is stored",
        ) from error
