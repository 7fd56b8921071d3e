"""How many cores and hours a job asks for, from its kind and its atoms."""

from __future__ import annotations

import math
from typing import Any

from sulfox.clusters.cluster import Cluster, JobKind
from sulfox.documents.base import Record
from sulfox.units import Dimensionless

__all__ = ["Resources", "job_kind", "job_resources", "slurm_options"]

#: Function of a job -> its kind; whatever is not here is light.
_KINDS: dict[str, JobKind] = {
    "prepare_bulk": "relaxation",
    "relax_interface": "relaxation",
    "relax_electronic": "relaxation",
    "compute_electronic_structure": "electronic",
    "run_stage": "dynamics",
}


class Resources(Record):
    """What a job asks the scheduler for.

    Attributes
    ----------
    kind : str
        Kind of job.
    partition : str
        Where it runs.
    nodes, cores : int
        Nodes and cores in all.
    gpus : int
        In all.
    memory_GB : float
        In all [GB].
    walltime_h : float
        Time limit [h].
    """

    kind: JobKind
    partition: str
    nodes: int
    cores: int
    gpus: int
    memory_GB: Dimensionless
    walltime_h: Dimensionless

    @property
    def core_hours(self) -> float:
        """Core-hours if the time limit is used up."""
        return self.cores * self.walltime_h

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
        Within the limits of the partition: whole nodes above one.
    """
    size = cluster.job_sizes[kind]
    partition = cluster.partition(size.partition)
    per_node = partition.cores_per_node
    wanted = math.ceil(n_atoms / size.atoms_per_core) if engine == "vasp" else 1
    cores = max(size.min_cores if engine == "vasp" else 1, wanted)
    nodes = min(size.max_nodes, math.ceil(cores / per_node))
    cores = nodes * per_node if nodes > 1 else min(cores, per_node)
    memory = min(cores * size.memory_GB_per_core, nodes * partition.memory_GB_per_node)
    return Resources(
        kind=kind,
        partition=partition.name,
        nodes=nodes,
        cores=cores,
        gpus=size.gpus if engine == "vasp" else 0,
        memory_GB=memory,
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
        "ntasks_per_node": resources.cores // resources.nodes,
        "mem": f"{math.ceil(1000 * resources.memory_GB / resources.nodes)}M",
        "time": resources.time_text,
        "account": cluster.account,
        "qos": partition.qos,
        "constraint": partition.constraint,
    }
    if resources.gpus:
        options["gres"] = f"gpu:{resources.gpus // resources.nodes}"
    return {name: value for name, value in options.items() if value is not None}
