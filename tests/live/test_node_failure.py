"""Promise: what a dead node leaves behind is read as that, on a SLURM of its own with one node.

With requeue, which clusters have by default, SLURM starts the job again and no error is seen:
that is in test_slurm_faults.py. Here it may not, so that the job is lost.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from slurm_study import free_ports, why_not

from sulfox.clusters.failures import find_failure

SCRIPTS = Path(__file__).parents[2] / "hpc" / "local-slurm"
LOST = "FileNotFoundError: [Errno 2] No such file or directory: '/w/remote_job_data.json'"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
]


class OneNode:
    """SLURM with one node and one core."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "SULFOX_LOCAL_SLURM": str(folder),
            "SLURM_BASE_PORT": str(free_ports(2)),
            "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            check=True,
            timeout=60,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()

    def script(self, *words: str) -> None:
        with (self.folder / "scripts.log").open("a") as log:
            command = ["bash", str(SCRIPTS / words[0]), *words[1:]]
            subprocess.run(
                command, env=self.environment, check=True, timeout=90, stdout=log, stderr=log
            )

    def start_daemon(self) -> None:
        """What a node does when it comes back."""
        conf = self.environment["SLURM_CONF"]
        command = ("slurmd", "-f", conf, "-N", "node1")
        subprocess.run(command, env=self.environment, check=True, timeout=30)

    def kill_daemon(self) -> None:
        os.kill(int((self.folder / "run" / "slurmd.node1.pid").read_text()), signal.SIGKILL)

    def state(self) -> str:
        """Of the job that was sent last: ``RUNNING``, or nothing where it is over."""
        return self.run("squeue", "-h", "-t", "PD,R,CG", "-o", "%T")


@pytest.fixture
def slurm(tmp_path_factory):
    made = OneNode(tmp_path_factory.mktemp("node"))  # the path of a socket is short
    try:
        made.script("start.sh", "1", "1")
        yield made
    finally:
        made.script("stop.sh")


def wait(what, happened, seconds=120):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, what
        time.sleep(1)


def test_a_job_that_its_node_took_along_is_told_when_the_node_is_back(slurm):
    error = slurm.folder / "queue.err"
    slurm.run("sbatch", "--no-requeue", "-e", str(error), "--wrap", "sleep 600")
    wait("the job runs", lambda: slurm.state() == "RUNNING")
    slurm.kill_daemon()
    wait("SLURM gives the node up", lambda: slurm.state() == "")
    before = find_failure(LOST, error.read_text())
    assert (before.kind, before.cause) == ("unknown", LOST), "nobody is there to write a word"
    slurm.start_daemon()
    wait("the node says what it did", lambda: "NODE" in error.read_text(), 60)
    after = find_failure(LOST, error.read_text())
    assert after.kind == "node"
    assert "ON node1 CANCELLED AT" in after.cause
    assert "DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***" in after.cause
