"""Promise: the tutorial of ``hpc/local-slurm`` works as it is printed, block after block.

What it types is taken out of the page. Only three things differ: the folder is one of the test,
the lines that install are left out (this environment is installed), and where the page gives two
ways, with MongoDB and without, the one is taken that this machine has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from slurm_lab import ALL, ROOT
from slurm_study import why_not

pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.skipif(not ALL, reason="make test-slurm: SULFOX_SLURM_FAULTS=all"),
]
PAGE = ROOT / "hpc" / "local-slurm" / "README.md"
FOLDER = "/var/tmp/sulfox-slurm"
_INSTALLS = re.compile(r"^(?:apt-get|make|\S*pip) .*$", re.M)
_TURN_S = 1500


class Shell:
    """One shell of a person who follows the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.exports = ""

    def type(self, block: str) -> str:
        """Type a block; everything that it printed."""
        text = _INSTALLS.sub("", block.replace(FOLDER, str(self.folder)))
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", f"{self.exports}\n{text}"],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", "COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TURN_S,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout + done.stderr


def blocks_of(page: str) -> dict[str, list[str]]:
    """Blocks of code by the number of their chapter."""
    chapters = re.split(r"^## ", page, flags=re.M)[1:]
    fenced = re.compile(r"^```\n(.*?)^```", re.M | re.S)
    return {chapter[0]: fenced.findall(chapter) for chapter in chapters}


def wait_until_done(shell: Shell, manager: str = "") -> None:
    until = time.monotonic() + _TURN_S
    while time.monotonic() < until:
        command = f"sulfox status tiny --cluster local-slurm --json {manager}"
        states = json.loads(shell.type(f"{command} 2> /dev/null"))["states"]
        assert "failed" not in states, shell.type(command)
        if set(states) == {"done"}:
            return
        time.sleep(3)
    pytest.fail(f"not done after {_TURN_S} s: {states}")


def test_the_tutorial_as_it_is_printed(tmp_path_factory):
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    if not (ROOT / ".venv" / "bin" / "sulfox").exists():
        pytest.skip("the page installs into .venv of the checkout: make install-dev")
    folder = tmp_path_factory.mktemp("t")  # short: a socket lies in it
    shell = Shell(folder)
    page = blocks_of(PAGE.read_text())
    assert [len(page[chapter]) for chapter in "123456"] == [1, 1, 2, 1, 3, 1]
    shell.exports = page["2"][0].replace(FOLDER, str(folder))
    has_mongod = shutil.which("mongod") is not None
    cluster, without_mongod = page["3"]
    cut = cluster.index("mongod --fork")
    try:
        out = shell.type(cluster if has_mongod else cluster[:cut])
        assert re.search(r"\b3\s+idle\b", out), out
        if not has_mongod:
            shell.type(without_mongod)
        checks = shell.type(page["4"][0])
        assert re.search(r"sbatch\s.*good", checks), checks
        assert "problem" not in checks
        submitted = shell.type(page["5"][0])
        assert "8 jobs added" in submitted
        wait_until_done(shell)
        asked = shell.type(page["5"][1])
        assert "1 trajectories" in asked
        assert "nothing new; 0 in the queue, 8 done" in asked
        added = shell.type(page["5"][2])
        assert "4 jobs added" in added
        wait_until_done(shell, "--manager fireworks")
    finally:
        stop = page["6"][0] if has_mongod else page["6"][0].replace("mongod", "true mongod")
        stopped = shell.type(stop)
        subprocess.run(["pkill", "-f", f"mongo_server --file {folder}"], check=False)
    assert stopped.count("stopped slurmd") == 3
