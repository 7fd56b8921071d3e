"""What a partition has, and how large jobs of one kind are in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record
from sulfox.units import Dimensionless

__all__ = ["JOB_KINDS", "JobKind", "JobSize", "Partition"]

JobKind = Literal["relaxation", "electronic", "dynamics", "light"]
JOB_KINDS: tuple[JobKind, ...] = ("relaxation", "electronic", "dynamics", "light")

#: A minute: SLURM takes a time of 0 as no limit [h].
_SHORTEST_H = 0.0166


class Partition(Record):
    """A partition (queue) of the scheduler.

    Attributes
    ----------
    name : str
        As ``sinfo`` shows it.
    nodes : int
        Nodes that a job may get.
    cores_per_node : int
        Cores of a node.
    memory_GB_per_node : float
        Memory that jobs of a node may use together [GB].
    gpus_per_node : int
        0 for a CPU partition.
    max_walltime_h : float
        Longest time limit [h].
    constraint, qos : str or None
        Passed on to the scheduler.
    """

    name: str = Field(min_length=1)
    nodes: int = Field(ge=1)
    cores_per_node: int = Field(ge=1)
    memory_GB_per_node: Dimensionless = Field(gt=0)
    gpus_per_node: int = Field(default=0, ge=0)
    max_walltime_h: Dimensionless = Field(gt=0)
    constraint: str | None = None
    qos: str | None = None


class JobSize(Record):
    """How large jobs of one kind are: by cores, or by GPUs with one MPI rank each.

    Attributes
    ----------
    partition : str
        Where they run.
    atoms_per_core : float
        Cores are atoms over this, up to whole nodes above one node.
    min_cores, max_nodes : int
        Limits.
    gpus : int
        The most GPUs of a job; 0 for CPU.
    atoms_per_gpu : float or None
        GPUs are atoms over this, up to whole nodes above one node; None takes all `gpus`.
    memory_GB_per_core : float
        Fewer cores of a node are used where it has not this for all of them [GB].
    walltime_h : float
        Time limit, a minute or more [h].
    """

    partition: str
    atoms_per_core: Dimensionless = Field(default=4.0, gt=0)
    min_cores: int = Field(default=1, ge=1)
    max_nodes: int = Field(default=1, ge=1)
    gpus: int = Field(default=0, ge=0)
    atoms_per_gpu: Dimensionless | None = Field(default=None, gt=0)
    memory_GB_per_core: Dimensionless = Field(default=2.0, gt=0)
    walltime_h: Dimensionless = Field(gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.walltime_h < _SHORTEST_H:
            raise ValueError(f"walltime_h {self.walltime_h:g} is less than a minute (0.017)")
        by_cores = {"atoms_per_core", "min_cores"} & self.model_fields_set
        if self.gpus and by_cores:
            names = " and ".join(sorted(by_cores))
            raise ValueError(f"{names} beside gpus: a GPU job has one MPI rank per GPU")
        if self.atoms_per_gpu is not None and not self.gpus:
            raise ValueError("atoms_per_gpu without gpus")
        return self

    def cores_per_node(self, partition: Partition) -> int:
        """Cores of a node for which it has memory.

        Parameters
        ----------
        partition : Partition
            With such nodes.
        """
        by_memory = math.floor(partition.memory_GB_per_node / self.memory_GB_per_core + 1e-9)
        return min(partition.cores_per_node, by_memory)

    def problems(self, partition: Partition, threads: int) -> Iterator[str]:
        """Say where a partition cannot give what is asked.

        Parameters
        ----------
        partition : Partition
            That of this size.
        threads : int
            Cores of an MPI rank.

        Yields
        ------
        str
            One sentence each.
        """
        if self.walltime_h > partition.max_walltime_h:
            yield (
                f"walltime {self.walltime_h:g} h, {partition.name} allows "
                f"{partition.max_walltime_h:g} h"
            )
        if self.max_nodes > partition.nodes:
            yield f"{self.max_nodes} nodes of {partition.nodes}"
        cores, memory = self.cores_per_node(partition), self.memory_GB_per_core
        if self.gpus:
            yield from self._gpu_problems(partition, threads, cores)
            return
        most = self.max_nodes * (cores // threads) * threads
        if most == 0:
            yield (
                f"a node of {partition.name} has {cores} cores with {memory:g} GB, a rank "
                f"wants {threads}"
            )
        elif self.min_cores > most:
            yield (
                f"min_cores {self.min_cores}, max_nodes {self.max_nodes} of {partition.name} give "
                f"{most} with {memory:g} GB each"
            )

    def _gpu_problems(self, partition: Partition, threads: int, cores: int) -> Iterator[str]:
        there = partition.gpus_per_node
        if self.gpus > self.max_nodes * there:
            yield f"{self.gpus} GPUs, max_nodes {self.max_nodes} of {partition.name} have fewer"
        elif self.gpus > there and self.gpus % there:
            yield f"{self.gpus} GPUs are no whole nodes of {there}"
        wanted = min(self.gpus, there) * threads
        if wanted > cores:
            yield (
                f"{min(self.gpus, there)} GPUs of a node take {wanted} cores, {cores} have "
                f"{self.memory_GB_per_core:g} GB"
            )
