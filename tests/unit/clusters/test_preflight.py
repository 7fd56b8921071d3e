"""Promise: a check says what was found and what to do, and tells the two sides apart."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time

import pytest
import yaml

from sulfox import __version__
from sulfox.clusters.checks.preflight import (
    check_here,
    check_study,
    check_walltime,
    clock_check,
    installed_packages,
    judged,
)
from sulfox.clusters.checks.worker_checks import _login_node, _on_the_node, _round_trip
from sulfox.clusters.cluster import load_cluster


class Host:
    """A login node that answers from a list."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.written = ""

    def execute(self, command, workdir=None):
        self.asked.append(command)
        for part, answer in self.answers:
            if part in command:
                return answer
        return "", "", 0

    def mkdir(self, path):
        self.asked.append(f"mkdir {path}")

    def write_text_file(self, path, text):
        self.written = text


def said(version=__version__, skew=0.0, free_kB=50_000_000, packages="", written="50000000"):
    now = int(time.time() + skew)
    lines = [
        f"version sulfox {version}",
        f"clock {now}",
        f"packages {packages or ', '.join(installed_packages())}",
        f"space /dev/sda 9 9 {free_kB} 1% /scratch",
        f"written {written}",
    ]
    return ("date +%s", ("".join(f"sulfox-doctor: {line}\n" for line in lines), "", 0))


def problems(checks):
    return {check.name: check for check in checks if check.state == "problem"}


def test_a_good_login_node():
    assert problems(_login_node(Host(said()), load_cluster("local-slurm"))) == {}


@pytest.mark.parametrize(
    ("answer", "name", "found"),
    [
        (lambda: said(version="0.0.1"), "sulfox on the login node", f"0.0.1, here {__version__}"),
        (lambda: said(skew=-300), "clock of the login node", "-30"),
        (lambda: said(free_kB=1000), "space in work_dir", "0.0 GB"),
        (
            lambda: said(written="4096 head: write error: Disk quota exceeded"),
            "quota in work_dir",
            "0 of 50 MB written; head: write error: Disk quota exceeded",
        ),
        (
            lambda: said(packages=f"Python 3.9, sulfox {__version__}"),
            "packages of the login node",
            "Python 3.9, here 3.",
        ),
        (
            lambda: ("date", ("", "sulfox: command not found", 0)),
            "environment of jobs",
            "not found",
        ),
    ],
)
def test_a_login_node_with_a_problem(answer, name, found):
    # the answer holds the time, so it is made when it is given
    found_problems = problems(_login_node(Host(answer()), load_cluster("local-slurm")))
    assert list(found_problems) == [name]
    assert found in found_problems[name].found
    assert found_problems[name].next_step


def test_a_test_job_asks_as_real_ones_do_and_comes_back():
    out = (
        f"sulfox-doctor: version sulfox {__version__}\nsulfox-doctor: command srun /usr/bin/srun\n"
    )
    out += "sulfox-doctor: command vasp_std\nsulfox-doctor: end\n"
    host = Host(("sbatch", ("7;cluster\n", "", 0)), ("cat ", (out, "", 0)))
    checks = list(_round_trip(host, load_cluster("cpu-example"), 5))
    assert list(problems(checks)) == ["vasp_std on a node", "database from a node"]
    assert "#SBATCH --partition=serial" in host.written
    assert "#SBATCH --account=chem" in host.written
    assert "module load vasp/6.4.3" in host.written


def test_a_test_job_that_does_not_come_back_is_cancelled():
    host = Host(("sbatch", ("7\n", "", 0)), ("squeue", ("PENDING Priority\n", "", 0)))
    check, left = _round_trip(host, load_cluster("local-slurm"), 0)
    assert (left.name, left.state) == ("a node", "left out")
    assert (check.state, "PENDING Priority" in check.found) == ("problem", True)
    assert "scancel 7" in host.asked


def test_a_refused_test_job_is_told_in_slurms_words():
    error = "sbatch: error: Batch job submission failed: Invalid account or partition"
    check, _left = _round_trip(Host(("sbatch", ("", error, 1))), load_cluster("local-slurm"), 5)
    assert "Invalid account" in check.found


def test_another_version_on_a_node_is_a_problem():
    lines = "sulfox-doctor: version sulfox 9.9.9\nsulfox-doctor: database\n"
    (check,) = problems(_on_the_node(lines, load_cluster("local-slurm"))).values()
    assert check.found == f"9.9.9, here {__version__}"


@pytest.mark.parametrize(("skew", "state"), [(0, "good"), (20, "good"), (-40, "problem")])
def test_clocks(skew, state):
    assert clock_check("c", time.time() + skew).state == state


def test_what_a_check_found_never_shows_a_password():
    check = judged("c", True, "cannot reach mongodb://me:hunter2@host:1/lab", "mend it")
    assert "hunter2" not in check.model_dump_json()


def test_this_machine_is_described():
    names = {check.name for check in check_here()}
    assert {"packages", "space for the store", "engine mlip nep89"} <= names


def test_potcars_of_a_study_are_asked_for_one_by_one(study, monkeypatch):
    from pymatgen.core import SETTINGS

    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", "/nowhere")
    asked = study(300).model_copy(update={"engine": "vasp"})
    checks = list(check_study(asked, None))
    assert [check.name for check in checks] == [
        f"POTCAR {element}" for element in ("Cl", "Co", "Li", "O", "P", "S")
    ]
    assert {check.state for check in checks} == {"problem"}
    (away,) = check_study(asked, load_cluster("gpu-example"))
    assert away.state == "left out"


def test_the_command_ends_with_1_and_its_list(tmp_path):
    """A full disk is the one problem that can be made here: a limit above every disk."""
    code = (
        "import sulfox.clusters.checks.preflight as p; p.MIN_FREE_GB = 1e9; import sys; "
        "sys.argv = ['sulfox', 'doctor', '--json']; from sulfox.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.startswith("SFX-807")
    assert json.loads(done.stdout)["problems"] == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize("name", ["cpu-example", "gpu-example", "local-slurm"])
def test_what_goes_before_every_job_is_shell(name):
    cluster = load_cluster(name)
    subprocess.run(["bash", "-n"], input=cluster.pre_run(), text=True, check=True)
    assert yaml.safe_load(cluster.model_dump_json())["name"] == name


@pytest.mark.parametrize(
    ("found", "status", "word"),
    [
        (__version__, 0, "computes"),
        ("0.0.1", 1, f"SFX-640 [input] sulfox on h: 0.0.1; expected {__version__}"),
        ("", 1, f"SFX-640 [input] sulfox on h: none; expected {__version__}"),
    ],
)
def test_a_job_of_another_version_computes_nothing(tmp_path, found, status, word):
    for name, said in (("python", found), ("hostname", "h")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {said}\n")
        (tmp_path / name).chmod(0o755)
    script = load_cluster("cpu-example").version_check() + "echo computes\n"
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-c", script], env=path, capture_output=True, text=True, check=False
    )
    assert done.returncode == status
    assert word in done.stdout + done.stderr
    assert ("computes" in done.stdout) == (status == 0)


def test_time_limits_are_set_beside_what_vasp_is_expected_to_take(study):
    asked = study(300).model_copy(update={"engine": "vasp"})
    cluster = load_cluster("cpu-example")
    assert problems(check_walltime(asked, cluster)) == {}
    short = {
        kind: size.model_copy(update={"walltime_h": 0.02}) if kind != "light" else size
        for kind, size in cluster.job_sizes.items()
    }
    found = problems(check_walltime(asked, cluster.model_copy(update={"job_sizes": short})))
    assert found
    assert not any("production" in name for name in found)  # dynamics go on in the next job
    assert list(check_walltime(asked, load_cluster("local-slurm"))) == []  # the stand-in


def test_of_mlip_no_time_is_known(study):
    assert list(check_walltime(study(300), load_cluster("cpu-example"))) == []
