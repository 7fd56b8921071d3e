"""A cluster as data: what its administrators allow and how a person likes to use it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from sulfox import __version__
from sulfox.clusters.cluster_file import describe_mistakes, invalid_file, read_cluster_file
from sulfox.clusters.sizes.job_size import JOB_KINDS, JobKind, JobSize, Partition
from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.settings import config_dirs, find_config
from sulfox.units import Seconds

__all__ = [
    "JOB_KINDS",
    "Cluster",
    "Commands",
    "JobKind",
    "JobSize",
    "Login",
    "Partition",
    "load_cluster",
]

#: SLURM tells a job its end since 23.02; an older one is asked.
_END_OF_JOB = (
    'if [ -n "$SLURM_JOB_ID" ] && [ -z "$SLURM_JOB_END_TIME" ]; then '
    'ends=$(squeue -h -j "$SLURM_JOB_ID" -o %e) && '
    'export SULFOX_JOB_ENDS_AT=$(date -d "$ends" +%s); fi'
)

#: As many threads as a rank has cores; srun takes them from sbatch before SLURM 22.05 only.
_THREADS = (
    'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-1}" '
    'SRUN_CPUS_PER_TASK="${SLURM_CPUS_PER_TASK:-1}"'
)


class Commands(Record):
    """VASP's executables on this cluster.

    Attributes
    ----------
    vasp_std, vasp_gam, vasp_ncl : str
        Whole command lines, ``"srun vasp_std"``. No protocol of sulfox is non-collinear;
        ``vasp_ncl`` is told to jobs as ``ATOMATE2_VASP_NCL_CMD``, for flows of your own.
    """

    vasp_std: str = Field(default="srun vasp_std", min_length=1)
    vasp_gam: str = Field(default="srun vasp_gam", min_length=1)
    vasp_ncl: str = Field(default="srun vasp_ncl", min_length=1)


class Login(Record):
    """How the machine that runs the manager reaches the cluster.

    Attributes
    ----------
    host : str
        Host name, or a name of ``~/.ssh/config``.
    user : str or None
        None takes that of ``~/.ssh/config``. Keys come from the user's own agent or files.
    """

    host: str
    user: str | None = None


class Cluster(Record):
    """A cluster.

    Attributes
    ----------
    name, description : str
        Short name; one sentence.
    scheduler : str
        ``"slurm"``.
    login : Login or None
        None where the manager runs on a login node itself.
    account : str or None
        Whom the core-hours belong to.
    work_dir : str
        Folder of running jobs on a file system that all nodes see, as an absolute path.
    activate : str
        Shell line that makes sulfox's Python environment the current one.
    modules : tuple of str
        Loaded before every job, after ``module purge``.
    environment : dict
        Variables of every job; no secrets. ``OMP_NUM_THREADS`` is that of VASP's jobs, whose MPI
        ranks get so many cores each; every other job has one.
    commands : Commands
        VASP's executables.
    partitions : tuple of Partition
        What may be used.
    job_sizes : dict
        Kind of job -> size; all kinds must be there.
    store : str
        Store of the results: name in ``configs/stores``, or a YAML file.
    nodes_reach_database : bool
        Whether compute nodes can connect to the database; if not, jobs that need stored
        frames run on the manager's machine.
    max_jobs : int
        In the queue at the same time.
    poll_s : float
        How often the manager looks at the queue and the database [s].
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str
    scheduler: Literal["slurm"] = "slurm"
    login: Login | None = None
    account: str | None = Field(default=None, min_length=1)
    work_dir: str
    activate: str
    modules: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    commands: Commands = Commands()
    partitions: tuple[Partition, ...] = Field(min_length=1)
    job_sizes: dict[JobKind, JobSize]
    store: str = "mongodb"
    nodes_reach_database: bool = False
    max_jobs: int = Field(default=50, ge=1)
    poll_s: Seconds = Field(default=30.0, ge=1)

    @field_validator("work_dir")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not value.startswith("/") or "$" in value:
            raise ValueError(f"{value!r} is no absolute path; ${{NAME}}/... may stand for one")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        missing = set(JOB_KINDS) - set(self.job_sizes)
        if missing:
            yield f"job_sizes lacks {', '.join(sorted(missing))}"
        stated = self.environment.get("OMP_NUM_THREADS", "1")
        if not stated.isdecimal() or int(stated) < 1:
            yield f"environment.OMP_NUM_THREADS: {stated!r} is no whole number above 0"
            return
        known = [partition.name for partition in self.partitions]
        for kind, size in self.job_sizes.items():
            if size.partition not in known:
                yield f"job_sizes.{kind}: no partition {size.partition!r}, only {', '.join(known)}"
                continue
            threads = 1 if kind == "light" else self.threads
            for problem in size.problems(self.partition(size.partition), threads):
                yield f"job_sizes.{kind}: {problem}"

    @property
    def threads(self) -> int:
        """Cores of an MPI rank of VASP: ``OMP_NUM_THREADS`` of the environment, else 1."""
        return int(self.environment.get("OMP_NUM_THREADS", "1"))

    def partition(self, name: str) -> Partition:
        """Return a partition by name.

        Parameters
        ----------
        name : str
            As in the file.

        Raises
        ------
        ValueError
            If there is none.
        """
        for partition in self.partitions:
            if partition.name == name:
                return partition
        raise ValueError(f"no partition {name!r}")

    def pre_run(self) -> str:
        """Shell lines that go before every job."""
        lines = (
            ["module purge", *(f"module load {m}" for m in self.modules)] if self.modules else []
        )
        variables = {
            **{n: v for n, v in sorted(self.environment.items()) if n != "OMP_NUM_THREADS"},
            "SULFOX_WORK_DIR": self.work_dir,
            "SULFOX_STORE": self.store,
            "SULFOX_VASP_STD_COMMAND": self.commands.vasp_std,
            "SULFOX_VASP_GAM_COMMAND": self.commands.vasp_gam,
            "ATOMATE2_VASP_NCL_CMD": self.commands.vasp_ncl,
        }
        lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        lines += [
            _THREADS,
            _END_OF_JOB,
            self.activate,
        ]
        return "\n".join(lines) + "\n"

    def version_check(self) -> str:
        """Shell lines after :meth:`pre_run` that end a job where sulfox is another version."""
        error = SulfoxError(
            "SFX-640",
            who="sulfox on $(hostname)",
            found="${found:-none}",
            expected=f"{__version__}, as where the study was submitted",
            next_step="install the same on both sides, start the runner anew, resume --mended",
        )
        return (
            "found=$(python -c 'import sulfox; print(sulfox.__version__)')\n"
            f'if [ "$found" != {__version__} ]; then echo "{error.line}" >&2; exit 1; fi\n'
        )


def load_cluster(name: str) -> Cluster:
    """Read a cluster by name or from a YAML file.

    ``${NAME}`` in a value is replaced by the environment variable.

    Parameters
    ----------
    name : str
        Stem of a file in ``configs/clusters``, or a path ending in ``.yaml``.

    Returns
    -------
    Cluster
        Checked.

    Raises
    ------
    SulfoxError
        SFX-801 if there is none of this name, SFX-802 if it is not valid, a variable is
        not set, or it holds what looks like a secret.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else find_config("clusters", name)
    if path is None or not path.is_file():
        known = sorted({p.stem for d in config_dirs() for p in (d / "clusters").glob("*.yaml")})
        raise SulfoxError(
            "SFX-801",
            who=f"cluster {name}",
            found="no such cluster",
            expected="one of " + ", ".join(known),
            next_step="correct the name, or give the path of a .yaml file",
        )
    content = read_cluster_file(path)
    try:
        cluster = Cluster.model_validate(content)
    except ValidationError as error:
        mistakes = describe_mistakes(error, content, _MODELS)
        raise invalid_file(path, "; ".join(mistakes), "values that fit each other") from error
    _refuse_unknown_store(cluster, path)
    return cluster


#: First key of a cluster's file -> what stands below it.
_MODELS: dict[str, type[BaseModel]] = {
    "": Cluster,
    "login": Login,
    "commands": Commands,
    "partitions": Partition,
    "job_sizes": JobSize,
}


def _refuse_unknown_store(cluster: Cluster, path: Path) -> None:
    store = Path(cluster.store).expanduser()
    named = store.suffix not in (".yaml", ".yml") and find_config("stores", cluster.store)
    if not named and not store.is_file():
        known = sorted({p.stem for d in config_dirs() for p in (d / "stores").glob("*.yaml")})
        raise invalid_file(
            path,
            f"store: there is no {cluster.store}",
            f"one of {', '.join(known)}, or a .yaml file",
        )
