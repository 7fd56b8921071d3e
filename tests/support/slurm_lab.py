"""A private SLURM, a database and jobflow-remote's runner, as a user has them, in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from mongo_fixture import TestMongo

ROOT = Path(__file__).parents[2]
_CLUSTER = "lab"

STUDY = {
    "name": "tiny",
    "title": "a small interface, a short run",
    "question": "does the chain hold together?",
    "potential": "paced_nep:PacedNep",
    "pairs": [
        {
            "name": "CoO|LPSCl",
            "cathode": {"material": "CoO", "facet": [1, 0, 0]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        }
    ],
    "interface": {"max_strain": 0.12, "max_atoms": 140},
    "dynamics": {
        "protocol": "test",
        "temperatures_K": [300],
        "seeds": [1],
        "equilibration_ps": 0,
        "length_ps": 0.2,
    },
    "bonds": ["S-S"],
}


def why_not() -> str | None:
    """Why a private SLURM cannot be started here."""
    if os.geteuid() != 0:
        return "a private SLURM needs root"
    path = os.environ["PATH"] + ":/usr/sbin"
    if find_spec("jobflow_remote") is None or find_spec("fireworks") is None:
        return "pip install 'sulfox[remote,fireworks]'"
    missing = [p for p in ("munged", "slurmctld", "slurmd") if not shutil.which(p, path=path)]
    return f"apt-get install slurm-wlm munge: {', '.join(missing)} missing" if missing else None


def free_ports(count: int) -> int:
    """The first of some consecutive free ports."""
    for _ in range(200):
        first = random.randint(20000, 60000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")


@dataclass
class SlurmLab:
    """A folder with everything; `start` and `stop` it."""

    folder: Path
    mongo: TestMongo
    database: str
    runners: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        server = urlsplit(self.mongo.uri)
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
            "PYTHONPATH": str(ROOT / "tests" / "support"),
            "SULFOX_LOCAL_SLURM": str(self.folder / "slurm"),
            "SLURM_CONF": str(self.folder / "slurm" / "etc" / "slurm.conf"),
            "SLURM_BASE_PORT": str(free_ports(4)),
            "SULFOX_VENV": str(Path(sys.executable).parents[1]),
            "SULFOX_MONGO_HOST": server.hostname or "127.0.0.1",
            "SULFOX_MONGO_PORT": str(server.port or 27017),
            "SULFOX_MONGO_DATABASE": self.database,
            "SULFOX_MONGO_USER": server.username or "",
            "SULFOX_MONGO_PASSWORD": server.password or "",
            "JFREMOTE_PROJECTS_FOLDER": str(self.folder / "projects"),
            "SULFOX_CONFIG_DIR": str(self.folder / "configs"),
            "SULFOX_TEST_RAISE": str(self.folder / "raise"),
            "SULFOX_TEST_STEP_S": "0.1",
            "OMP_NUM_THREADS": "1",
        }
        protocol = yaml.safe_load((ROOT / "configs" / "protocols" / "aimd.yaml").read_text())
        for part in ("equilibration", "production"):
            protocol[part]["segment_steps"] = 50
        self._write("configs/protocols/test.yaml", protocol)
        self.write_cluster()
        self.write_study()
        self._shell("start.sh")

    def stop(self) -> None:
        for runner in self.runners:
            self.stop_runner(runner)
        with contextlib.suppress(subprocess.CalledProcessError):
            self._shell("stop.sh")

    def _shell(self, script: str) -> None:
        subprocess.run(
            ["bash", str(ROOT / "hpc" / "local-slurm" / script)],
            env=self.environment,
            check=True,
            timeout=90,
            stdout=(self.folder / f"{script}.log").open("w"),
            stderr=subprocess.STDOUT,
        )

    def _write(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def write_cluster(self, minutes: float = 1, memory_GB: float = 1.5) -> None:
        """The shipped cluster file, with another time limit and memory for dynamics."""
        cluster = yaml.safe_load((ROOT / "configs" / "clusters" / "local-slurm.yaml").read_text())
        size = cluster["job_sizes"]["dynamics"]
        size |= {"walltime_h": minutes / 60, "memory_GB_per_core": memory_GB}
        support = {"PYTHONPATH": self.environment["PYTHONPATH"]}
        for name in ("SULFOX_TEST_STEP_S", "SULFOX_TEST_RAISE", "SULFOX_CONFIG_DIR"):
            support[name] = self.environment[name]
        cluster["environment"] |= support
        cluster |= {"name": _CLUSTER, "poll_s": 1}
        self._write("configs/clusters/lab.yaml", cluster)

    def write_study(self, *temperatures_K: float, **dynamics: object) -> None:
        plan = {**STUDY["dynamics"], "temperatures_K": list(temperatures_K or (300,)), **dynamics}
        self._write("tiny/study.yaml", {**STUDY, "dynamics": plan})

    def run(self, *command: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env=self.environment,
            cwd=self.folder,
        )

    def sulfox(self, *arguments: str) -> dict:
        done = self.run(sys.executable, "-m", "sulfox", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def submit(self, *more: str) -> dict:
        study = str(self.folder / "tiny")
        return self.sulfox("submit", study, "--cluster", _CLUSTER, "--yes", *more)["plan"]

    def status(self, *more: str) -> dict:
        return self.sulfox("status", "tiny", "--cluster", _CLUSTER, *more)

    def resume(self, *more: str) -> list[dict]:
        return self.sulfox("resume", "tiny", "--cluster", _CLUSTER, *more)["jobs"]

    def start_runner(self) -> subprocess.Popen[bytes]:
        command = (str(Path(sys.executable).with_name("jf")), "-p", f"sulfox-{_CLUSTER}", "runner")
        log = (self.folder / "runner.log").open("ab")
        runner = subprocess.Popen(
            (*command, "run"), env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        self.runners.append(runner)
        return runner

    def start_launcher(self) -> subprocess.Popen[bytes]:
        """FireWorks' runner."""
        folder = str(self.folder / "projects" / f"fireworks-{_CLUSTER}")
        command = (str(Path(sys.executable).with_name("qlaunch")), "-c", folder, "-r", "rapidfire")
        log = (self.folder / "qlaunch.log").open("ab")
        launcher = subprocess.Popen(
            (*command, "-m", "3", "-s", "3"),
            env=self.environment,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
        )
        self.runners.append(launcher)
        return launcher

    def stop_runner(self, runner: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
        if runner.poll() is None:
            os.killpg(runner.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                runner.wait(15)
            if runner.poll() is None:
                os.killpg(runner.pid, signal.SIGKILL)
                runner.wait()

    @property
    def jobs(self):
        return self.mongo.client()[self.database]["jobs"]

    def states(self) -> Counter[str]:
        return Counter(job["state"] for job in self.jobs.find({}, {"state": 1}))

    def wait(self, what: str, happened, seconds: float = 150):
        """Wait until `happened` gives something true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = happened()
            if found:
                return found
            time.sleep(0.5)
        states = [(j["job"]["name"], j["state"]) for j in self.jobs.find({})]
        pytest.fail(f"{what} did not happen in {seconds} s: {states[-6:]}")

    def wait_until_done(self, seconds: float = 240) -> None:
        def done() -> bool:
            if self.failed():
                pytest.fail(f"failed: {self.status()['jobs'][-6:]}")
            return set(self.states()) == {"COMPLETED"}

        self.wait("the end of the study", done, seconds)

    def running_jobs(self, count: int) -> list[dict]:
        """Dynamics jobs that run and have archived a segment, the oldest first."""
        wanted = {"job.name": {"$regex": "production"}, "state": "RUNNING"}

        def found() -> list[dict]:
            running = [job for job in self.jobs.find(wanted).sort("_id") if self.segments(job)]
            return running if len(running) >= count else []

        return self.wait(f"{count} running jobs with an archived segment", found, 300)

    def segments(self, job: dict) -> list[Path]:
        return sorted((self.folder / "slurm" / "work" / job["uuid"]).glob("segment-*"))

    def queue_id(self, job: dict) -> str:
        return self.jobs.find_one({"_id": job["_id"]})["remote"]["process_id"]

    def slurm(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kill_node(self, job: dict) -> str:
        """SIGKILL the slurmd of the node where a job runs."""
        node = self.slurm("squeue", "-h", "-j", self.queue_id(job), "-o", "%N")
        pid = (self.folder / "slurm" / "run" / f"slurmd.{node}.pid").read_text()
        os.kill(int(pid), signal.SIGKILL)
        return node

    def start_node(self, node: str) -> None:
        conf = self.environment["SLURM_CONF"]
        subprocess.run(
            ["slurmd", "-f", conf, "-N", node], env=self.environment, check=True, timeout=30
        )

    def failed(self) -> int:
        return self.jobs.count_documents({"state": {"$in": ["FAILED", "REMOTE_ERROR"]}})

    def wait_for_failure(self, seconds: float = 150) -> dict:
        """What ``status`` says of the job that failed."""
        self.wait("a failure", self.failed, seconds)
        return next(job for job in self.status()["jobs"] if job["state"] == "failed")

    def resume_until_done(self, seconds: float = 600) -> list[dict]:
        """Give ``resume`` whenever something failed; what it did."""
        done: list[dict] = []

        def settled() -> bool:
            if self.failed():
                done.extend(self.resume())
            return set(self.states()) == {"COMPLETED"}

        self.wait("the end of the study", settled, seconds)
        return done

    def trajectories(self) -> list[dict]:
        return self.sulfox("query", "trajectories", "--store", "mongodb")["documents"]

    def check_results(self, n_runs: int, n_frames: int) -> None:
        """Every run whole, no frame lost, nothing stored twice."""
        found = self.trajectories()
        assert len(found) == n_runs
        assert len({run["id"] for run in found}) == n_runs
        for run in found:
            assert run["status"] == "complete"
            assert run["archive"]["n_frames"] == n_frames
        outputs = self.mongo.client()[self.database]["outputs"]
        identity = {"_id": {"uuid": "$uuid", "index": "$index"}, "n": {"$sum": 1}}
        assert {row["n"] for row in outputs.aggregate([{"$group": identity}])} == {1}
