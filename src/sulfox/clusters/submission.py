"""What a submission would add: the jobs that no store and no queue knows yet.

A job's UUID is the hash of its inputs, so the same study submitted twice adds nothing, one
temperature more adds only its jobs, and what another engine or manager has finished counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.sizes.resources import (
    Resources,
    job_atoms,
    job_kind,
    job_resources,
    jobs_of_a_run,
)
from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.units import Dimensionless

if TYPE_CHECKING:
    from jobflow import Flow, Job

__all__ = [
    "LONGEST_SUBMISSION",
    "PlannedJob",
    "SubmissionPlan",
    "describe",
    "plan_submission",
    "refuse_too_large",
    "refuse_too_young",
]

#: What MongoDB takes, less what a queue adds to a job while it runs [bytes].
_MOST_BYTES = 15_500_000

#: A submission that died while it was adding jobs keeps others off for so long.
LONGEST_SUBMISSION = timedelta(minutes=10)

#: Function of a job -> step, where the job does not say its own.
_STEPS = {
    "prepare_bulk": "bulk",
    "relax_electronic": "electronic relaxation",
    "compute_electronic_structure": "density of states",
    "align_band_centers": "alignment",
    "compute_core_shell": "core and shell",
    "store_pair_table": "pair table",
    "store_gas_reduction": "gas reduction",
    "compare_with_source": "comparison",
}

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
    n_jobs : int
        Jobs of the scheduler that it is taken to need, one after the other.
    on_manager : bool
        Whether it runs on the manager's machine, because compute nodes do not reach the
        database.
    """

    uuid: str
    name: str
    parents: tuple[str, ...]
    resources: Resources
    n_jobs: int
    on_manager: bool


class SubmissionPlan(Record):
    """What a submission would add.

    Attributes
    ----------
    study, cluster : str
        Names.
    jobs : tuple of PlannedJob
        New jobs, parents first.
    n_done, n_queued, n_elsewhere : int
        Jobs of the study that the store holds, that the queue holds, and that other queues hold
        or keep waiting.
    core_hours, gpu_hours : float
        Of the new jobs, if every one uses its whole time limit.
    basis : tuple of str
        What these stand on.
    steps : tuple of str
        Chains of steps with their numbers of jobs, the new ones of all.
    """

    study: str
    cluster: str
    jobs: tuple[PlannedJob, ...]
    n_done: int
    n_queued: int
    n_elsewhere: int
    core_hours: Dimensionless
    gpu_hours: Dimensionless
    basis: tuple[str, ...]
    steps: tuple[str, ...]


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
    elsewhere: Collection[str] = (),
    pace: Callable[[str], float | None] = lambda _pair: None,
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
    elsewhere : collection of str
        UUIDs of jobs in other queues: neither they nor what needs them is added here.
    pace : callable
        Pair -> expected seconds per step of VASP's dynamics, or None; asked for new runs only.

    Returns
    -------
    plan : SubmissionPlan
        What would be added.
    jobs : dict
        uuid -> Job, for the jobs of the plan.
    """
    graph = _graph(flow)
    held = _held_elsewhere(graph, done, elsewhere) - set(queued)
    known = {*done, *queued, *held}
    new = [uuid for uuid in graph.jobs if uuid not in known]
    basis = ["every job takes its whole time limit"]
    planned = []
    for uuid in new:
        size, n_jobs, remark = _sized(graph.jobs[uuid], cluster, max_atoms, pace)
        basis += [remark] if remark else []
        planned.append(_planned(graph, uuid, cluster, (size, n_jobs), done))
    plan = SubmissionPlan(
        study=study,
        cluster=cluster.name,
        jobs=tuple(planned),
        n_done=sum(uuid in done for uuid in graph.jobs),
        n_queued=sum(uuid in queued and uuid not in done for uuid in graph.jobs),
        n_elsewhere=len(held),
        core_hours=sum(job.resources.core_hours * job.n_jobs for job in planned),
        gpu_hours=sum(job.resources.gpu_hours * job.n_jobs for job in planned),
        basis=tuple(dict.fromkeys(basis)) if new else (),
        steps=tuple(_chains(graph, set(new))),
    )
    return plan, {uuid: graph.jobs[uuid] for uuid in new}


def _held_elsewhere(graph: _Graph, done: Collection[str], elsewhere: Collection[str]) -> set[str]:
    """Find what other queues hold, and what needs an output of it."""
    held: set[str] = set()
    for uuid in graph.jobs:  # parents come first
        if uuid not in done and (uuid in elsewhere or held.intersection(graph.parents[uuid])):
            held.add(uuid)
    return held


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


def _sized(
    job: Job, cluster: Cluster, max_atoms: int, pace: Callable[[str], float | None]
) -> tuple[Resources, int, str | None]:
    """Size a job and count the jobs that it takes; say what that stands on."""
    function, engine = job.function.__name__, _engine(job)
    n_atoms = job_atoms(job, max_atoms) if engine == "vasp" else max_atoms
    size = job_resources(cluster, job_kind(function), n_atoms, engine)
    if size.kind != "dynamics":
        return size, 1, None
    seconds = pace(job.function_args[3]["pair"]) if engine == "vasp" else None
    if seconds is None:
        text = (
            f"a run of dynamics by {engine} counts as one job; one that needs longer goes on in a "
        )
        return size, 1, text + "further job, and costs more"
    hours = seconds * job.function_args[2]["n_steps"] / 3600
    remark = (
        "a run of dynamics by VASP counts as the jobs that `sulfox estimate` expects: an order of "
        "magnitude"
    )
    return size, jobs_of_a_run(hours, size.walltime_h), remark


def _chains(graph: _Graph, new: set[str]) -> Iterator[str]:
    """Draw the steps as chains: each step once with its jobs, then by name."""
    step = {uuid: _step(job) for uuid, job in graph.jobs.items()}
    children: dict[str, dict[str, None]] = {name: {} for name in step.values()}
    depth = dict.fromkeys(children, 0)
    for uuid, parents in graph.parents.items():  # parents come first
        for parent in {step[p] for p in parents} - {step[uuid]}:
            children[parent][step[uuid]] = None
            depth[step[uuid]] = max(depth[step[uuid]], depth[parent] + 1)
    shown: set[str] = set()
    for start in sorted(children, key=depth.__getitem__):
        words, name = [], start
        while name not in shown:
            shown.add(name)
            jobs = [uuid for uuid, its in step.items() if its == name]
            n_new = len(new.intersection(jobs))
            words.append(f"{name} ({n_new if n_new == len(jobs) else f'{n_new} of {len(jobs)}'})")
            after = min(children[name], key=depth.__getitem__, default=None)
            if after is None:
                break
            name = after
        else:
            words += [name] if words else []
        if words:
            yield " -> ".join(words)


def _step(job: Job) -> str:
    function = job.function.__name__
    return str(job.metadata.get("step") or _STEPS.get(function, function.replace("_", " ")))


def _planned(
    graph: _Graph,
    uuid: str,
    cluster: Cluster,
    size: tuple[Resources, int],
    done: Collection[str],
) -> PlannedJob:
    job = graph.jobs[uuid]
    return PlannedJob(
        uuid=uuid,
        name=job.name,
        parents=tuple(parent for parent in graph.parents[uuid] if parent not in done),
        resources=size[0],
        n_jobs=size[1],
        on_manager=job.function.__name__ in _READ_FRAMES and not cluster.nodes_reach_database,
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


def refuse_too_young(what: str, since: datetime) -> None:
    """Keep off what another submission may still be adding.

    Parameters
    ----------
    what : str
        What is there in part.
    since : datetime
        When it was made, UTC.

    Raises
    ------
    SulfoxError
        SFX-804 if that is less than `LONGEST_SUBMISSION` ago.
    """
    since = since if since.tzinfo else since.replace(tzinfo=UTC)
    if datetime.now(UTC) - since < LONGEST_SUBMISSION:
        raise SulfoxError(
            "SFX-804",
            who=what,
            found="some of its jobs are missing",
            expected="one submission at a time",
            next_step="if another submission is adding them, nothing; if it died: submit again "
            f"in {LONGEST_SUBMISSION.seconds // 60} minutes, which adds what is missing",
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
        ``kind``, ``partition``, ``nodes``, ``cores``, ``gpus``, ``walltime_h``, ``n``,
        ``n_jobs`` (of the scheduler, for all of them), ``core_hours``, ``gpu_hours``.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for job in plan.jobs:
        size = job.resources
        key = (size.kind, size.partition, size.nodes, size.cores, size.gpus, size.walltime_h)
        names = ("kind", "partition", "nodes", "cores", "gpus", "walltime_h")
        zero = {"n": 0, "n_jobs": 0, "core_hours": 0.0, "gpu_hours": 0.0}
        row = rows.setdefault(key, dict(zip(names, key, strict=True)) | zero)
        row["n"] += 1
        row["n_jobs"] += job.n_jobs
        row["core_hours"] += size.core_hours * job.n_jobs
        row["gpu_hours"] += size.gpu_hours * job.n_jobs
    return list(rows.values())
