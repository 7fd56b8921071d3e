"""How many cores and hours a job asks for, from its kind and its atoms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster, JobKind
from sulfox.documents.base import Record
from sulfox.units import Dimensionless

if TYPE_CHECKING:
    from jobflow import Job

__all__ = [
    "Resources",
    "job_atoms",
    "job_kind",
    "job_resources",
    "jobs_of_a_run",
    "slurm_options",
]

#: Part of a job's time that is kept for its end.
_KEPT = 0.05

#: Function of a job -> its kind; whatever is not here is light.
_KINDS: dict[str, JobKind] = {
    "prepare_bulk": "relaxation",
    "relax_interface": "relaxation",
    "relax_electronic": "relaxation",
    "compute_electronic_structure": "electronic",
    "compute_core_shell": "electronic",
    "run_stage": "dynamics",
}

#: Functions of jobs that compute a bulk cell; their third argument holds its material's entry.
_OF_BULK = frozenset({"prepare_bulk", "relax_electronic", "compute_electronic_structure"})


class Resources(Record):
    """What a job asks the scheduler for.

    Attributes
    ----------
    kind : str
        Kind of job.
    partition : str
        Where it runs.
    nodes : int
        Nodes in all.
    tasks, threads : int
        MPI ranks in all, and cores of each.
    gpus : int
        In all; as many as ranks, or none.
    memory_GB : float
        In all [GB].
    walltime_h : float
        Time limit [h].
    """

    kind: JobKind
    partition: str
    nodes: int
    tasks: int
    threads: int = 1
    gpus: int
    memory_GB: Dimensionless
    walltime_h: Dimensionless

    @property
    def cores(self) -> int:
        """Cores in all."""
        return self.tasks * self.threads

    @property
    def core_hours(self) -> float:
        """Core-hours if the time limit is used up."""
        return self.cores * self.walltime_h

    @property
    def gpu_hours(self) -> float:
        """GPU-hours if the time limit is used up."""
        return self.gpus * self.walltime_h

    @property
    def time_text(self) -> str:
        """``"D-HH:MM:SS"``, as SLURM takes it."""
        seconds = round(self.walltime_h * 3600)
        days, rest = divmod(seconds, 86400)
        return f"{days}-{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"


def job_kind(function_name: str) -> JobKind:
    """Kind of a job.

    Parameters
    ----------
    function_name : str
        Name of the job's function.
    """
    return _KINDS.get(function_name, "light")


def job_atoms(job: Job, max_atoms: int) -> int:
    """Count the atoms of the cell that a job computes.

    Parameters
    ----------
    job : Job
        Of a study.
    max_atoms : int
        The most atoms that an interface may have: it is not built yet.

    Returns
    -------
    int
        Of the bulk cell, or of the coherent core and shell; else `max_atoms`.
    """
    function = job.function.__name__
    if function == "compute_core_shell":
        from sulfox.flows.electronic.cells import core_shell_cell
        from sulfox.protocols.electronic import ElectronicSettings

        settings = ElectronicSettings.model_validate(job.function_args[3])
        return core_shell_cell(job.function_args[2], settings)[0].structure.n_atoms
    if function in _OF_BULK:
        from sulfox.flows.job_context import ordered_material

        ordered = ordered_material(job.function_args[2])
        n_atoms: int = (ordered.magnetic_cell or ordered.structure).n_atoms
        return n_atoms
    return max_atoms


def jobs_of_a_run(hours: float, walltime_h: float) -> int:
    """Count the jobs, one after the other, that a run takes.

    Parameters
    ----------
    hours : float
        That it computes [h].
    walltime_h : float
        Time limit of a job [h]; a part is kept for its end.
    """
    return max(1, math.ceil(hours / (walltime_h * (1 - _KEPT))))


def job_resources(cluster: Cluster, kind: JobKind, n_atoms: int, engine: str) -> Resources:
    """Size a job.

    Parameters
    ----------
    cluster : Cluster
        Where it runs.
    kind : str
        Kind of job.
    n_atoms : int
        Atoms of its structure, or the most that it may have.
    engine : str
        Only ``"vasp"`` is parallel; every other engine runs on one core.

    Returns
    -------
    Resources
        Within the limits of the partition: whole nodes above one. One MPI rank per GPU.
    """
    size = cluster.job_sizes[kind]
    partition = cluster.partition(size.partition)
    is_parallel = engine == "vasp" and kind != "light"
    threads = cluster.threads if is_parallel else 1
    nodes, tasks, gpus = 1, 1, 0
    if is_parallel and size.gpus:
        wanted = math.ceil(n_atoms / size.atoms_per_gpu) if size.atoms_per_gpu else size.gpus
        gpus = min(size.gpus, wanted)
        nodes = math.ceil(gpus / partition.gpus_per_node)
        tasks = gpus = nodes * partition.gpus_per_node if nodes > 1 else gpus
    elif is_parallel:
        per_node = size.cores_per_node(partition) // threads
        wanted = max(size.min_cores, math.ceil(n_atoms / size.atoms_per_core))
        tasks = math.ceil(wanted / threads)
        nodes = min(size.max_nodes, math.ceil(tasks / per_node))
        tasks = nodes * per_node if nodes > 1 else min(tasks, per_node)
    return Resources(
        kind=kind,
        partition=partition.name,
        nodes=nodes,
        tasks=tasks,
        threads=threads,
        gpus=gpus,
        memory_GB=tasks * threads * size.memory_GB_per_core,
        walltime_h=size.walltime_h,
    )


def slurm_options(cluster: Cluster, resources: Resources) -> dict[str, Any]:
    """Options of ``sbatch``, in the words of qtoolkit.

    Parameters
    ----------
    cluster : Cluster
        For its account and partition.
    resources : Resources
        Size of the job.
    """
    partition = cluster.partition(resources.partition)
    options: dict[str, Any] = {
        "partition": partition.name,
        "nodes": resources.nodes,
        "ntasks_per_node": resources.tasks // resources.nodes,
        "cpus_per_task": resources.threads,
        "mem": f"{math.ceil(1000 * resources.memory_GB / resources.nodes)}M",
        "time": resources.time_text,
        "account": cluster.account,
        "qos": partition.qos,
        "constraint": partition.constraint,
    }
    if resources.gpus:
        options["gres"] = f"gpu:{resources.gpus // resources.nodes}"
    return {name: value for name, value in options.items() if value is not None}
