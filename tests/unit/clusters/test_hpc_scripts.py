"""Promise: what a person runs on a machine does what it says, here with ssh, srun and pip stood in.

Each stand-in is a small script on PATH; ``ssh HOST COMMAND`` runs the command on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HPC = ROOT / "hpc"
#: ``ssh HOST COMMAND`` on this machine.
SSH = 'shift; bash -c "$*"'


@pytest.fixture
def run(tmp_path):
    """Run a script with stand-ins for commands; give status and everything said."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def call(script, *arguments, stand_ins, **variables):
        for name, body in stand_ins.items():
            path = folder / name
            path.write_text(f"#!/bin/bash\n{body}\n")
            path.chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin", **variables}
        environment |= {"HOME": str(tmp_path), "BIN": str(folder)}
        done = subprocess.run(
            [str(script), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return call


@pytest.mark.parametrize(
    "script", sorted(HPC.glob("*/*.sh")), ids=lambda p: f"{p.parent.name}/{p.name}"
)
def test_every_script_is_shell_and_says_how_it_is_used(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert any(f"hpc/{script.parent.name}/{script.name}" in line for line in lines) or (
        script.parent.name == "local-slurm"
    )
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("name", ["cpu-example", "gpu-example"])
def test_every_example_has_its_three_scripts(name):
    found = {path.name for path in (HPC / name).glob("*.sh")}
    assert found == {"install.sh", "smoke-test.sh", "database-tunnel.sh"}


def test_the_tunnel_ends_where_the_database_is(run):
    ssh = {"ssh": 'echo "$@"'}
    status, said = run(HPC / "cpu-example" / "database-tunnel.sh", "gate", "db", stand_ins=ssh)
    assert (status, said.split()[-3:]) == (0, ["-L", "127.0.0.1:27117:db:27017", "gate"])
    status, said = run(HPC / "gpu-example" / "database-tunnel.sh", "db", "5000", stand_ins=ssh)
    assert (status, said.split()[-2:]) == (0, ["127.0.0.1:5000:db:27017", "gpu-example"])


def test_installing_on_a_gpu_cluster_ships_what_is_committed(run, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    checkout = tmp_path / "checkout"
    shutil.copytree(HPC, checkout / "hpc")
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(checkout))
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x")):
        subprocess.run((*git, *command), check=True)
    for venv in (here, there):
        (venv / "bin").mkdir(parents=True)
        for name, body in (("python", 'echo "$0 $*"'), ("sulfox", "echo sulfox 1.2.3")):
            (venv / "bin" / name).write_text(f"#!/usr/bin/env bash\n{body}\n")
            (venv / "bin" / name).chmod(0o755)
    status, said = run(
        checkout / "hpc" / "gpu-example" / "install.sh",
        stand_ins={"ssh": SSH},
        SULFOX_VENV=str(here),
        SULFOX_REMOTE_VENV=str(there),
    )
    assert status == 0, said
    assert said.count("sulfox 1.2.3") == 2
    assert f"{there}.source[mlip,vasp,remote,fireworks]" in said
    assert f"{checkout}[mlip,vasp,remote,fireworks]" in said


GPU = {
    "ssh": SSH,
    "srun": '[[ $NO_GPU ]] && exit 1; echo "GPU 0: NVIDIA"',
    "module": "true",
    "vasp_std": "true",
    "ldd": 'echo "${LINKED:-libcudart.so.12}"',
    "bash": '[[ $1 = -lc ]] && exec /bin/bash -c "$2"; exec /bin/bash "$@"',  # no /etc/profile
}


@pytest.mark.parametrize(
    ("variables", "status", "word"),
    [
        ({}, 0, "gpu-example runs a study"),
        ({"NO_GPU": "1"}, 1, "sees no GPU"),
        ({"LINKED": "libmpi.so"}, 1, "is no GPU build"),
    ],
)
def test_the_smoke_test_of_a_gpu_cluster(run, variables, status, word):
    sulfox = {"sulfox": 'case $1 in status) echo \'{"states": {"done": 8}}\' ;; *) true ;; esac'}
    found = run(HPC / "gpu-example" / "smoke-test.sh", stand_ins={**GPU, **sulfox}, **variables)
    assert found[0] == status, found[1]
    assert word in found[1]


@pytest.mark.parametrize(
    ("states", "status", "word"),
    [
        ('"done": 8', 0, "runs a study"),
        ("", 0, "runs a study"),
        ('"done": 3, "failed": 1', 1, "failed"),
        ('"ready": 8', 1, "is the runner running"),
    ],
)
def test_the_smoke_test_ends_whatever_happens(run, states, status, word):
    said = 'echo \'{"states": {' + states + "}}'"
    sulfox = f"case $1 in status) {said} ;; *) true ;; esac"
    found = run(
        HPC / "cpu-example" / "smoke-test.sh",
        stand_ins={"sulfox": sulfox},
        SMOKE_TIMEOUT_S="2",
        SMOKE_POLL_S="1",
    )
    assert found[0] == status, found[1]
    assert word in found[1]
