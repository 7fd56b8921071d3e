"""What must hold on the cluster's side: login node, scratch, scheduler, a node."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from typing import Any

from sulfox import __version__
from sulfox.clusters.checks.preflight import (
    MIN_FREE_GB,
    Check,
    check_packages,
    clock_check,
    judged,
)
from sulfox.clusters.cluster import Cluster
from sulfox.clusters.jobflow_remote.project import QUEUE_WORKER
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.clusters.sizes.resources import job_resources, slurm_options

__all__ = ["check_worker"]

_MARK = "sulfox-doctor:"
_ROUND_TRIP_S = 180.0
#: A file of this size tells whether the quota lets this user write [MB].
_PROBE_MB = 50
_ASK_PACKAGES = (
    f"echo {_MARK} packages $(python -c 'from sulfox.clusters.checks.preflight import "
    'installed_packages as p; print(", ".join(p()))\')'
)


def check_worker(
    queue: JobflowRemoteQueue, cluster: Cluster, *, seconds: float = _ROUND_TRIP_S
) -> Iterator[Check]:
    """Check a cluster from its login node, then with a job of its own.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        The cluster's queue.
    cluster : Cluster
        The cluster.
    seconds : float
        How long the test job may wait and run [s].

    Yields
    ------
    Check
        One per thing.
    """
    from jobflow_remote.config.helper import check_worker as own_check

    worker = queue.project.workers[QUEUE_WORKER]
    said, warned = own_check(worker)
    last = (said or warned or "").strip().splitlines()
    found = last[-1] if last else "no complaint"
    yield judged(
        "jf project check: worker",
        bool(said),
        found,
        f"jf -p {queue.project.name} project check -e",
    )
    if said:
        yield _left_out("login node, scheduler and nodes", "they need the check before")
        return
    host = worker.get_host()
    try:
        host.connect()
        yield from _login_node(host, cluster)
        yield from _round_trip(host, cluster, seconds)
    except OSError as error:
        yield judged("login node", True, str(error), "see that ssh reaches it")
    finally:
        host.close()


def _login_node(host: Any, cluster: Cluster) -> Iterator[Check]:
    folder = shlex.quote(cluster.work_dir)
    probe = shlex.quote(f"{cluster.work_dir}/sulfox-doctor.tmp")
    script = (
        f"{cluster.pre_run()}echo {_MARK} version $(sulfox --version)\n"
        f"echo {_MARK} clock $(date +%s)\n{_ASK_PACKAGES}\n"
        f"mkdir -p {folder} && echo {_MARK} space $(df -Pk {folder} | tail -1)\n"
        f"said=$(head -c {round(1e6 * _PROBE_MB)} /dev/zero 2>&1 >{probe} && sync {probe} 2>&1)\n"
        f"echo {_MARK} written $(stat -c %s {probe}) $said; rm -f {probe}"
    )
    output, error, _ = host.execute(f"bash -c {shlex.quote(script)}")
    said = _said(output)
    if not said.get("version") or not said.get("space"):
        yield judged(
            "environment of jobs",
            True,
            f"sulfox does not answer after `{cluster.activate}`: {error[-300:]}",
            "correct activate and modules in the cluster file",
        )
        return
    yield _same_version("sulfox on the login node", said["version"][-1])
    yield check_packages("the login node", " ".join(said.get("packages", ())).split(", "))
    yield clock_check("clock of the login node", float(said["clock"][0]))
    free = int(said["space"][3]) / 1e6
    yield judged(
        "space in work_dir",
        free < MIN_FREE_GB,
        f"{free:.1f} GB free in {cluster.work_dir}",
        "free some, or name another work_dir",
    )
    n_bytes, *complaint = said.get("written") or ["0"]
    written = float(n_bytes) / 1e6 if n_bytes.isdigit() else 0.0
    yield judged(
        "quota in work_dir",
        written < _PROBE_MB,
        f"{written:.0f} of {_PROBE_MB} MB written; {' '.join(complaint)}".rstrip("; "),
        "free some of your quota, or name another work_dir",
    )


def _same_version(name: str, found: str) -> Check:
    return judged(
        name,
        found != __version__,
        f"{found}, here {__version__}",
        "install the same version on both sides: a job runs the code of its own side",
    )


def _round_trip(host: Any, cluster: Cluster, seconds: float) -> Iterator[Check]:
    """One job of the smallest kind, with everything that is only known on a node."""
    folder = f"{cluster.work_dir}/doctor"
    executables = [c.split()[-1] for c in (cluster.commands.vasp_std, cluster.commands.vasp_gam)]
    asked = dict.fromkeys([cluster.commands.vasp_std.split()[0], *executables])
    ask = "sulfox query interfaces --json --limit 1 >/dev/null"
    lines = [
        *("#!/bin/bash", *_sbatch_lines(cluster), f"cd {shlex.quote(folder)}"),
        f"{cluster.pre_run()}echo {_MARK} version $(sulfox --version)",
        _ASK_PACKAGES,
        *(f"echo {_MARK} command {c} $(command -v {shlex.quote(c)})" for c in asked),
        f"{ask} && echo {_MARK} database" if cluster.nodes_reach_database else "",
        f"echo {_MARK} clock $(date +%s)",
        f"echo {_MARK} end",
    ]
    host.mkdir(folder)
    host.execute(f"rm -f {shlex.quote(folder)}/out")
    host.write_text_file(f"{folder}/job.sh", "\n".join(lines) + "\n")
    started = time.monotonic()
    number, error, status = host.execute(f"sbatch --parsable {shlex.quote(folder)}/job.sh")
    number = number.strip().partition(";")[0]
    if status != 0:
        yield judged("sbatch", True, error[-300:], "correct account, partition or job_sizes")
        yield _left_out("a node", "the test job was not taken")
        return
    output = ""
    while time.monotonic() - started < seconds and f"{_MARK} end" not in output:
        time.sleep(2)
        output = host.execute(f"cat {shlex.quote(folder)}/out 2>/dev/null")[0]
    taken = time.monotonic() - started
    if f"{_MARK} end" not in output:
        state = host.execute(f"squeue -h -j {number} -o '%T %r'")[0].strip() or "gone"
        host.execute(f"scancel {number}")
        next_step = f"see {folder}/out on the cluster; a busy queue may only need longer"
        yield judged("sbatch", True, f"job {number} {state} after {taken:.0f} s", next_step)
        yield _left_out("a node", "the test job did not come back")
        return
    yield judged("sbatch", False, f"job {number} was back after {taken:.0f} s", "")
    yield from _on_the_node(output, cluster)


def _said(output: str) -> dict[str, list[str]]:
    """Read ``MARK key words``: key -> words."""
    lines = (line.split()[1:] for line in output.splitlines() if line.startswith(_MARK))
    return {key: words for key, *words in lines}


def _left_out(name: str, why: str) -> Check:
    return Check(name=name, state="left out", found=why)


def _sbatch_lines(cluster: Cluster) -> list[str]:
    options = slurm_options(cluster, job_resources(cluster, "light", 1, "none"))
    options |= {"time": "0-00:05:00", "job_name": "sulfox-doctor", "output": "out", "error": "out"}
    options["chdir"] = f"{cluster.work_dir}/doctor"
    return [f"#SBATCH --{name.replace('_', '-')}={value}" for name, value in options.items()]


def _on_the_node(output: str, cluster: Cluster) -> Iterator[Check]:
    said = [line.split()[1:] for line in output.splitlines() if line.startswith(_MARK)]
    for kind, *rest in said:
        if kind == "packages":
            yield check_packages("a node", " ".join(rest).split(", "))
        if kind == "clock":
            yield clock_check("clock of a node", float(rest[0]))
        if kind == "version":
            yield _same_version("sulfox on a node", rest[-1] if rest else "none")
        if kind == "command":
            found = rest[1] if len(rest) > 1 else "not found"
            name = f"{rest[0]} on a node"
            yield judged(
                name, len(rest) < 2, found, "correct modules or commands of the cluster file"
            )
    reached = ["database"] in said
    if cluster.nodes_reach_database:
        yield judged(
            "database from a node",
            not reached,
            "answers" if reached else output.strip()[-300:],
            "set its variables for jobs too, or nodes_reach_database: false",
        )
