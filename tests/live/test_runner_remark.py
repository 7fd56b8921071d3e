"""Promise: a runner that goes on with the cluster's files of before is told, with what to type."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("jobflow_remote", reason="needs sulfox[remote]")

from sulfox.cli import main
from sulfox.clusters.cluster_queue import open_queue
from sulfox.clusters.jobflow_remote.runner import remark_on_runner


@pytest.fixture
def short_folder(cluster, monkeypatch):
    """The folder of projects: the socket of jobflow-remote's daemon takes no long path."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    with tempfile.TemporaryDirectory(prefix="sx-") as folder:
        monkeypatch.setenv("JFREMOTE_PROJECTS_FOLDER", folder)
        yield


def jf(*words):
    command = (str(Path(sys.executable).with_name("jf")), "-p", "sulfox-local-slurm", *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr


def command_says(*words):
    done = CliRunner().invoke(main.app, [*words, "--cluster", "local-slurm"])
    assert done.exit_code == 0, done.output
    return done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("short_folder")
def test_a_runner_that_has_read_another_cluster_file_is_told(cluster, tmp_path, monkeypatch):
    """Through jobflow-remote's own daemon: it reads the project once, when it starts."""
    paused = {"name": "CoO: bulk", "metadata": {"study": "tiny"}}  # no runner takes it
    one = {"uuid": "u", "index": 1, "db_id": "1", "state": "PAUSED", "parents": [], "job": paused}
    open_queue(cluster).controller.jobs.insert_one(one)
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path / "configs"))
    shipped = Path(__file__).parents[2] / "configs" / "clusters" / "local-slurm.yaml"
    own = tmp_path / "configs" / "clusters" / "local-slurm.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(shipped.read_text())
    asked = [("status", "tiny"), ("resume", "tiny")]
    assert [command_says(*words) for words in asked] == ["", ""]
    jf("runner", "start", "--single")
    try:
        assert [command_says(*words) for words in asked] == ["", ""]
        content = yaml.safe_load(own.read_text())
        own.write_text(yaml.safe_dump({**content, "max_jobs": content["max_jobs"] + 1}))
        asked.append(("submit", "gsirr", "--only", "band-centers", "--dry-run"))
        for words in asked:
            (line,) = [row for row in command_says(*words).splitlines() if "runner" in row]
            assert line.startswith(f"The runner on {socket.gethostname()}, started 20")
            stop, start = line.partition(" UTC: ")[2].split("; ")
        assert stop == "jf -p sulfox-local-slurm runner stop --wait"
        assert start == "jf -p sulfox-local-slurm runner start"
        jf(*stop.split()[3:])
        assert command_says("status", "tiny") == ""
        jf(*start.split()[3:], "--single")
        assert command_says("status", "tiny") == ""
    finally:
        jf("runner", "stop", "--wait")


def test_what_is_known_of_a_runner_decides_what_is_said_of_it(cluster, monkeypatch):
    """One on another machine may run; one of this machine without its process does not."""
    queue = open_queue(cluster)
    assert remark_on_runner(queue) == ()
    said = {"hostname": "elsewhere", "start_time": datetime.now(UTC)}
    queue.controller.auxiliary.update_one(
        {"running_runner": {"$exists": True}}, {"$set": {"running_runner": said}}
    )
    assert remark_on_runner(queue) == (), "its file is the first"
    assert remark_on_runner(open_queue(cluster)) == (), "nothing has changed"
    changed = cluster.model_copy(update={"max_jobs": cluster.max_jobs + 1})
    (line,) = remark_on_runner(open_queue(changed))
    assert line.startswith("The runner on elsewhere, started ")
    here = {**said, "hostname": socket.gethostname()}
    queue.controller.auxiliary.update_one(
        {"running_runner": {"$exists": True}}, {"$set": {"running_runner": here}}
    )
    assert remark_on_runner(open_queue(changed)) == (), "its process is gone"
