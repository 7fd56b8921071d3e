"""A private SLURM, a database and jobflow-remote's runner, as a user has them, in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from mongo_fixture import TestMongo
from slurm_study import STEPS, STUDY, free_ports

ROOT = Path(__file__).parents[2]
ALL = os.environ.get("SULFOX_SLURM_FAULTS") == "all"
_CLUSTER = "lab"
_STUDY = "tiny"
_GONE = "gone"
#: Of a machine that does much else; nothing waits longer than it must [s].
_PATIENCE_S = 1800
_CALL_S = 600


@dataclass
class SlurmLab:
    """A folder with everything; `start` and `stop` it."""

    folder: Path
    mongo: TestMongo
    database: str
    runners: list[subprocess.Popen[bytes]] = field(default_factory=list)
    all_faults: bool = ALL

    def start(self) -> None:
        from sulfox.engines.standin.potcars import write_placeholder_library

        server = urlsplit(self.mongo.uri)
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests' / 'support'}",
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
            "OMP_NUM_THREADS": "1",
            "SULFOX_STANDIN_POTENTIAL": STUDY["potential"],
            "SULFOX_VASP_POLL_S": "0.5",
            "PMG_VASP_PSP_DIR": str(write_placeholder_library(self.folder / "potcars")),
        }
        protocol = yaml.safe_load((ROOT / "configs" / "protocols" / "aimd.yaml").read_text())
        for part in ("equilibration", "production"):
            protocol[part]["segment_steps"] = 50
        self._write("configs/protocols/test.yaml", protocol)
        self.write_cluster()
        self.write_study()
        self._shell("start.sh")

    def stop(self) -> None:
        self.stop_runners()
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

    def write_cluster(
        self, minutes: float = 1, memory_GB: float = 1.5, step_s: float = 0.1, path: str = ""
    ) -> None:
        """The shipped cluster file, with other limits and pace of dynamics, and what jobs need."""
        cluster = yaml.safe_load((ROOT / "configs" / "clusters" / "local-slurm.yaml").read_text())
        for size in cluster["job_sizes"].values():
            size["walltime_h"] = _PATIENCE_S / 3600
        size = cluster["job_sizes"]["dynamics"]
        size |= {"walltime_h": minutes / 60, "memory_GB_per_core": memory_GB}
        for name in ("SULFOX_TEST_RAISE", "SULFOX_CONFIG_DIR", "PMG_VASP_PSP_DIR"):
            cluster["environment"][name] = self.environment[name]
        for name in ("SULFOX_STANDIN_POTENTIAL", "SULFOX_VASP_POLL_S"):
            cluster["environment"][name] = self.environment[name]
        folders = (path, self.environment["PYTHONPATH"])
        cluster["environment"] |= {
            "PYTHONPATH": ":".join(filter(None, folders)),
            "SULFOX_TEST_STEP_S": str(step_s),
            "STANDIN_FAULTS": f"sleep={step_s}",
        }
        cluster |= {"name": _CLUSTER, "poll_s": 1}
        self._write("configs/clusters/lab.yaml", cluster)

    def cluster_folder(self, name: str) -> Path:
        return self.folder / "slurm" / "work" / name

    def write_study(
        self, *temperatures_K: float, max_atoms: int = 140, finding: str = "", **changes: object
    ) -> None:
        plan = {**STUDY["dynamics"], "temperatures_K": list(temperatures_K or (300,))}
        limits = {**STUDY["interface"], "max_atoms": max_atoms}
        if finding:
            said = {"quantity": "q", "published": "p", "source": finding, "test": "not_computed"}
            changes["expected"] = [said]
        self._write("tiny/study.yaml", {**STUDY, "dynamics": plan, "interface": limits, **changes})

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
        done = self.run(sys.executable, "-m", "sulfox", *arguments, "--json", timeout=_CALL_S)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> str:
        """What sulfox says where it refuses."""
        done = self.run(sys.executable, "-m", "sulfox", *arguments, timeout=_CALL_S)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr.strip().splitlines()[-1]

    def submit(self, *more: str) -> dict:
        study = str(self.folder / "tiny")
        return self.sulfox("submit", study, "--cluster", _CLUSTER, "--yes", *more)["plan"]

    def status(self, *more: str) -> dict:
        return self.sulfox("status", _STUDY, "--cluster", _CLUSTER, *more)

    def resume(self, *more: str) -> list[dict]:
        return self.sulfox("resume", _STUDY, "--cluster", _CLUSTER, *more)["jobs"]

    def cancel(self) -> list[dict]:
        return self.sulfox("cancel", _STUDY, "--cluster", _CLUSTER)["jobs"]

    def doctor(self) -> dict:
        """What doctor finds, problems or not."""
        asked = ("doctor", "--cluster", _CLUSTER, "--json")
        done = self.run(sys.executable, "-m", "sulfox", *asked, timeout=_CALL_S)
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    def note(self, *faults: str, recovery: object, said: object = ()) -> None:
        """Keep what was said and done, for the table of hpc/local-slurm/README.md."""
        with (self.folder / "faults.jsonl").open("a") as file:
            content = {"faults": faults, "said": said, "recovery": recovery}
            file.write(json.dumps(content) + "\n")

    def ensure_runner(self, *, anew: bool = False) -> None:
        """A runner; `anew` where the cluster file has changed, which it reads once."""
        if anew:
            self.stop_runners()
            self.status()  # renders the project that the runner reads
        if all(runner.poll() is not None for runner in self.runners):
            self.start_runner()

    def stop_runners(self) -> None:
        for runner in self.runners:
            self.stop_runner(runner)

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
        command = (str(Path(sys.executable).with_name("qlaunch")), "-c", folder, "-r")
        place = self.folder / "fireworks"
        place.mkdir(exist_ok=True)
        command += ("--launch_dir", str(place), "rapidfire")
        log = (self.folder / "qlaunch.log").open("ab")
        launcher = subprocess.Popen(
            (*command, "-m", "3", "--sleep", "3"),
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
        return self.mongo.client()[self.database][f"jobs-{_CLUSTER}"]

    @property
    def own(self) -> dict:
        """The jobs of the study, without what an earlier test left undone."""
        return {"job.metadata.study": _STUDY}

    def states(self) -> Counter[str]:
        return Counter(job["state"] for job in self.jobs.find(self.own, {"state": 1}))

    def fireworks_states(self) -> Counter[str]:
        found = self.mongo.client()[self.database]["fireworks"].find({}, {"state": 1})
        return Counter(job["state"] for job in found)

    def forget_failures(self) -> None:
        """Let what a test leaves undone not disturb the next one."""
        undone = {**self.own, "state": {"$ne": "COMPLETED"}}
        if self.jobs.find_one(undone) is None:
            return
        self.run("scancel", "-u", str(os.geteuid()))
        change = {"state": "USER_STOPPED", "job.metadata.study": _GONE, "lock_id": None}
        self.jobs.update_many(undone, {"$set": change})

    def lock_a_job(self, hours: float) -> None:
        """Leave a job locked as a runner does that is killed while it works on it."""
        since = datetime.now(UTC) - timedelta(hours=hours)
        change = {"lock_id": "of-the-dead", "lock_time": since}
        (job,) = self.jobs.find({**self.own, "state": "READY"})
        self.jobs.update_one({"_id": job["_id"]}, {"$set": change})

    def without_database(self, seconds: float) -> str:
        """Kill the database for a while; what status says meanwhile."""
        self.mongo.kill()
        until = time.monotonic() + seconds
        said = self.refused("status", _STUDY, "--cluster", _CLUSTER)
        time.sleep(max(0, until - time.monotonic()))
        self.mongo.start()
        return said

    def watch_until_done(self, seconds: float) -> list[dict[str, int]]:
        """What status says until all is done: each answer that differs from the one before."""
        seen: list[dict[str, int]] = []
        before: list[Counter[str]] = [Counter()]

        def done() -> bool:
            if self.failed():
                pytest.fail(f"failed: {self.status()['jobs'][-8:]}")
            now = self.states()
            if now != before[-1]:  # only then is it worth the time to ask
                before.append(now)
                seen.append(self.status()["states"])
            return set(now) == {"COMPLETED"}

        self.wait("the end of the study", done, seconds)
        return seen

    def wait(self, what: str, happened, seconds: float = 150):
        """Wait until `happened` gives something true."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = happened()
            if found:
                return found
            time.sleep(0.5)
        states = [(j["job"]["name"], j["state"]) for j in self.jobs.find(self.own)]
        pytest.fail(f"{what} did not happen in {seconds} s: {states[-6:]}")

    def wait_until_done(self, seconds: float = _PATIENCE_S) -> None:
        def done() -> bool:
            if self.failed():
                pytest.fail(f"failed: {self.status()['jobs'][-6:]}")
            return set(self.states()) == {"COMPLETED"}

        self.wait("the end of the study", done, seconds)

    def running_jobs(self, count: int) -> list[dict]:
        """Dynamics jobs that run on a node and have archived a segment, the oldest first."""
        wanted = {**self.own, "job.name": {"$regex": "production"}, "state": "RUNNING"}

        def found() -> list[dict]:
            if self.left_locked():
                self.resume("--mended")
            running = [job for job in self.jobs.find(wanted).sort("_id") if self.segments(job)]
            on_nodes = self.slurm("squeue", "-h", "-t", "R", "-o", "%i").split()
            running = [job for job in running if job["remote"]["process_id"] in on_nodes]
            return running if len(running) >= count else []

        return self.wait(f"{count} running jobs with an archived segment", found, _PATIENCE_S)

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
        wanted = {**self.own, "state": {"$in": ["FAILED", "REMOTE_ERROR"]}}
        return self.jobs.count_documents(wanted)

    def wait_for_failure(self, seconds: float = _PATIENCE_S) -> dict:
        """What ``status`` says of the job that failed."""
        self.wait("a failure", self.failed, seconds)
        return next(job for job in self.status()["jobs"] if job["state"] == "failed")

    def resume_until_done(self, seconds: float = _PATIENCE_S) -> list[dict]:
        """Give ``resume`` whenever something failed; what it did."""
        done: list[dict] = []

        def settled() -> bool:
            if self.failed():
                done.extend(self.resume())
            elif self.left_locked():
                done.extend(self.resume("--mended"))
            return set(self.states()) == {"COMPLETED"}

        self.wait("the end of the study", settled, seconds)
        return done

    def documents(self, kind: str) -> list[dict]:
        return self.sulfox("query", kind, "--store", "mongodb")["documents"]

    def left_locked(self) -> int:
        """Jobs that a killed runner left locked: no step here takes so long."""
        old = datetime.now(UTC) - timedelta(seconds=90)
        return self.jobs.count_documents({**self.own, "lock_time": {"$lt": old}})

    def trajectories(self) -> list[dict]:
        return self.documents("trajectories")

    def check_results(self, n_runs: int) -> None:
        """Every run whole, no frame lost, nothing stored twice."""
        found = self.trajectories()
        assert len(found) == n_runs
        assert len({run["id"] for run in found}) == n_runs
        for run in found:
            assert run["status"] == "complete"
            if run["provenance"]["engine"] == "mlip":
                assert run["archive"]["n_frames"] == STEPS // 5 + 1
        self.check_nothing_twice()

    def check_nothing_twice(self) -> None:
        outputs = self.mongo.client()[self.database]["outputs"]
        identity = {"_id": {"uuid": "$uuid", "index": "$index"}, "n": {"$sum": 1}}
        assert {row["n"] for row in outputs.aggregate([{"$group": identity}])} == {1}
