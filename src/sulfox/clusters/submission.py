"""What a submission would add: the jobs that no store and no queue knows yet.

A job's UUID is the hash of its inputs, so the same study submitted twice adds nothing, one
temperature more adds only its jobs, and what another engine or manager has finished counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.resources import Resources, job_kind, job_resources
from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.units import Dimensionless

if TYPE_CHECKING:
    from jobflow import Flow, Job

__all__ = ["PlannedJob", "SubmissionPlan", "describe", "plan_submission", "refuse_too_large"]

#: What MongoDB takes, less what a queue adds to a job while it runs [bytes].
_MOST_BYTES = 15_500_000

#: Functions of jobs that read frames out of the results database.
_READ_FRAMES = frozenset({"analyze_bonds"})


class PlannedJob(Record):
    """A job that would be added.

    Attributes
    ----------
    uuid, name : str
        Identity and what it does.
    parents : tuple of str
        UUIDs of the jobs it waits for; those that are done are not among them.
    resources : Resources
        What it asks the scheduler for.
    on_manager : bool
        Whether it runs on the manager's machine, because compute nodes do not reach the
        database.
    """

    uuid: str
    name: str
    parents: tuple[str, ...]
    resources: Resources
    on_manager: bool


class SubmissionPlan(Record):
    """What a submission would add.

    Attributes
    ----------
    study, cluster : str
        Names.
    jobs : tuple of PlannedJob
        New jobs, parents first.
    n_done, n_queued : int
        Jobs of the study that the store holds, and that the queue holds.
    core_hours : float
        Of the new jobs, if every one uses its whole time limit.
    """

    study: str
    cluster: str
    jobs: tuple[PlannedJob, ...]
    n_done: int
    n_queued: int
    core_hours: Dimensionless


@dataclass(frozen=True)
class _Graph:
    jobs: dict[str, Job]
    parents: dict[str, list[str]]


def plan_submission(
    flow: Flow,
    cluster: Cluster,
    *,
    study: str,
    max_atoms: int,
    done: Collection[str],
    queued: Collection[str],
) -> tuple[SubmissionPlan, dict[str, Job]]:
    """Find what is new, and size it.

    Parameters
    ----------
    flow : Flow
        Of the study; jobs have reproducible UUIDs.
    cluster : Cluster
        Where they would run.
    study : str
        Name of the study.
    max_atoms : int
        The most atoms that an interface may have.
    done : collection of str
        UUIDs of jobs whose output is stored.
    queued : collection of str
        UUIDs of jobs that the manager knows, in any state.

    Returns
    -------
    plan : SubmissionPlan
        What would be added.
    jobs : dict
        uuid -> Job, for the jobs of the plan.
    """
    graph = _graph(flow)
    new = [uuid for uuid in graph.jobs if uuid not in done and uuid not in queued]
    planned = tuple(_planned(graph, uuid, cluster, max_atoms=max_atoms, done=done) for uuid in new)
    plan = SubmissionPlan(
        study=study,
        cluster=cluster.name,
        jobs=planned,
        n_done=sum(uuid in done for uuid in graph.jobs),
        n_queued=sum(uuid in queued and uuid not in done for uuid in graph.jobs),
        core_hours=sum(job.resources.core_hours for job in planned),
    )
    return plan, {uuid: graph.jobs[uuid] for uuid in new}


def _graph(flow: Flow) -> _Graph:
    import warnings

    jobs: dict[str, Job] = {}
    parents: dict[str, list[str]] = {}
    with warnings.catch_warnings():  # that branches are not connected is intended
        warnings.filterwarnings("ignore", message="Some jobs are not connected")
        for job, job_parents in flow.iterflow():
            jobs[job.uuid] = job
            parents[job.uuid] = job_parents
    return _Graph(jobs, parents)


def _planned(
    graph: _Graph, uuid: str, cluster: Cluster, *, max_atoms: int, done: Collection[str]
) -> PlannedJob:
    job = graph.jobs[uuid]
    function = job.function.__name__
    engine = _engine(job)
    return PlannedJob(
        uuid=uuid,
        name=job.name,
        parents=tuple(parent for parent in graph.parents[uuid] if parent not in done),
        resources=job_resources(cluster, job_kind(function), max_atoms, engine),
        on_manager=function in _READ_FRAMES and not cluster.nodes_reach_database,
    )


def _engine(job: Job) -> str:
    """Engine of a job: that of the calculator among its arguments."""
    for argument in job.function_args:
        if isinstance(argument, Mapping) and "engine" in argument and "inputs_hash" in argument:
            return str(argument["engine"])
    return "none"


def refuse_too_large(name: str, document: Mapping[str, Any]) -> None:
    """Measure a job's document before it is added.

    Parameters
    ----------
    name : str
        Of the job.
    document : dict
        As it would be inserted.

    Raises
    ------
    SulfoxError
        SFX-507 if MongoDB would not take it.
    """
    import bson

    n_bytes = len(bson.encode(document))
    if n_bytes > _MOST_BYTES:
        raise SulfoxError(
            "SFX-507",
            who=f"job {name}",
            found=f"{n_bytes / 1e6:.1f} MB",
            expected=f"less than {_MOST_BYTES / 1e6:.1f} MB (MongoDB takes 16 MiB)",
            next_step="shorten the texts of the study, or split it into several",
        )


def describe(plan: SubmissionPlan) -> list[dict[str, Any]]:
    """Count the new jobs by kind and size.

    Parameters
    ----------
    plan : SubmissionPlan
        What would be added.

    Returns
    -------
    list of dict
        ``kind``, ``n``, ``partition``, ``nodes``, ``cores``, ``gpus``, ``walltime_h``,
        ``core_hours``.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for job in plan.jobs:
        size = job.resources
        key = (size.kind, size.partition, size.nodes, size.cores, size.gpus, size.walltime_h)
        names = ("kind", "partition", "nodes", "cores", "gpus", "walltime_h")
        row = rows.setdefault(key, dict(zip(names, key, strict=True)) | {"n": 0, "core_hours": 0.0})
        row["n"] += 1
        row["core_hours"] += size.core_hours
    return list(rows.values())
