"""A cluster as data: what its administrators allow and how a person likes to use it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from sulfox import __version__
from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.settings import config_dirs, find_config
from sulfox.units import Dimensionless, Seconds

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

JobKind = Literal["relaxation", "electronic", "dynamics", "light"]
JOB_KINDS: tuple[JobKind, ...] = ("relaxation", "electronic", "dynamics", "light")

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"passw|secret|token|passphrase|mongodb(\+srv)?://[^@\s]*@", re.IGNORECASE)

#: SLURM tells a job its end since 23.02; an older one is asked.
_END_OF_JOB = (
    'if [ -n "$SLURM_JOB_ID" ] && [ -z "$SLURM_JOB_END_TIME" ]; then '
    'ends=$(squeue -h -j "$SLURM_JOB_ID" -o %e) && '
    'export SULFOX_JOB_ENDS_AT=$(date -d "$ends" +%s); fi'
)


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

    name: str
    nodes: int = Field(ge=1)
    cores_per_node: int = Field(ge=1)
    memory_GB_per_node: Dimensionless = Field(gt=0)
    gpus_per_node: int = Field(default=0, ge=0)
    max_walltime_h: Dimensionless = Field(gt=0)
    constraint: str | None = None
    qos: str | None = None


class JobSize(Record):
    """How large jobs of one kind are.

    Attributes
    ----------
    partition : str
        Where they run.
    atoms_per_core : float
        Cores are atoms over this, up to whole nodes above one node.
    min_cores, max_nodes : int
        Limits.
    gpus : int
        GPUs of the whole job; 0 for CPU.
    memory_GB_per_core : float
        [GB]
    walltime_h : float
        Time limit [h].
    """

    partition: str
    atoms_per_core: Dimensionless = Field(default=4.0, gt=0)
    min_cores: int = Field(default=1, ge=1)
    max_nodes: int = Field(default=1, ge=1)
    gpus: int = Field(default=0, ge=0)
    memory_GB_per_core: Dimensionless = Field(default=2.0, gt=0)
    walltime_h: Dimensionless = Field(gt=0)


class Commands(Record):
    """VASP's executables on this cluster.

    Attributes
    ----------
    vasp_std, vasp_gam, vasp_ncl : str
        Whole command lines, ``"srun vasp_std"``.
    """

    vasp_std: str = "srun vasp_std"
    vasp_gam: str = "srun vasp_gam"
    vasp_ncl: str = "srun vasp_ncl"


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
        Folder of running jobs on a file system that all nodes see.
    activate : str
        Shell line that makes sulfox's Python environment the current one.
    modules : tuple of str
        Loaded before every job, after ``module purge``.
    environment : dict
        Variables of every job; no secrets.
    commands : Commands
        VASP's executables.
    partitions : tuple of Partition
        What may be used.
    job_sizes : dict
        Kind of job -> size; all kinds must be there.
    store : str
        Store of the results: name in ``configs/stores``, folder, or YAML file.
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
    account: str | None = None
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        missing = set(JOB_KINDS) - set(self.job_sizes)
        if missing:
            raise ValueError(f"job_sizes lacks {', '.join(sorted(missing))}")
        for kind, size in self.job_sizes.items():
            partition = self.partition(size.partition)
            if size.walltime_h > partition.max_walltime_h:
                raise ValueError(
                    f"{kind}: walltime {size.walltime_h:g} h, {partition.name} allows "
                    f"{partition.max_walltime_h:g} h"
                )
            if size.max_nodes > partition.nodes:
                raise ValueError(f"{kind}: {size.max_nodes} nodes of {partition.nodes}")
            if size.gpus > size.max_nodes * partition.gpus_per_node:
                raise ValueError(f"{kind}: {size.gpus} GPUs, there are fewer in {partition.name}")
        return self

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
        lines += [f"export {name}={value!r}" for name, value in sorted(self.environment.items())]
        lines += [
            f"export SULFOX_WORK_DIR={self.work_dir!r}",
            f"export SULFOX_STORE={self.store!r}",
            f"export SULFOX_VASP_STD_COMMAND={self.commands.vasp_std!r}",
            f"export SULFOX_VASP_GAM_COMMAND={self.commands.vasp_gam!r}",
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
    try:
        text = path.read_text(encoding="utf-8")
        if _SECRET.search(text):
            raise _invalid(path, "what looks like a secret", "names of variables, never secrets")
        return Cluster.model_validate(_substitute(yaml.safe_load(text), path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "cluster"
        raise _invalid(path, f"{where}: {first['msg']}", ", ".join(Cluster.model_fields)) from error
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise _invalid(path, " ".join(str(error).split()), "a YAML file") from error


def _substitute(value: Any, path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, path) for item in value]
    if not isinstance(value, str):
        return value

    def from_environment(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise _invalid(
                path,
                f"environment variable {match.group(1)} is not set",
                "a value for every ${NAME}",
            )
        return found

    return _VARIABLE.sub(from_environment, value)


def _invalid(path: Path, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-802",
        who=f"cluster file {path}",
        found=found,
        expected=expected,
        next_step="correct the file; configs/clusters holds examples",
    )
