"""Promise: a cluster file is checked whole, and jobs are sized within what it allows."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sulfox.clusters.cluster import JOB_KINDS, Cluster, load_cluster
from sulfox.clusters.fireworks.files import queue_options
from sulfox.clusters.resources import Resources, job_resources, slurm_options
from sulfox.errors import SulfoxError
from sulfox.settings import find_config

NAMES = ("cpu-example", "gpu-example", "local-slurm")
SMALL = {
    "name": "small",
    "description": "one of each",
    "work_dir": "/scratch",
    "activate": "true",
    "partitions": [
        {
            "name": "a",
            "nodes": 3,
            "cores_per_node": 48,
            "memory_GB_per_node": 100,
            "gpus_per_node": 2,
            "max_walltime_h": 24,
        }
    ],
    "job_sizes": {kind: {"partition": "a", "walltime_h": 2, "max_nodes": 3} for kind in JOB_KINDS},
}


@pytest.mark.parametrize("name", NAMES)
def test_shipped_files_are_valid_and_have_no_secret(name):
    cluster = load_cluster(name)
    assert cluster.name == name
    assert set(cluster.job_sizes) == set(JOB_KINDS)


def test_an_unset_variable_is_told_by_its_name(monkeypatch):
    monkeypatch.delenv("SULFOX_ACCOUNT")
    with pytest.raises(SulfoxError, match=r"SFX-802.*SULFOX_ACCOUNT"):
        load_cluster("cpu-example")


def test_an_unknown_name_lists_the_known(monkeypatch):
    with pytest.raises(SulfoxError, match=r"SFX-801.*cpu-example, gpu-example, local-slurm"):
        load_cluster("nowhere")


@pytest.mark.parametrize(
    "line",
    ["password: hunter2", "environment: {TOKEN: hunter2}", "store: mongodb://me:hunter2@host/db"],
)
def test_a_file_with_a_secret_is_refused_without_repeating_it(tmp_path, line):
    text = find_config("clusters", "local-slurm").read_text() + line
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SulfoxError, match=r"SFX-802") as error:
        load_cluster(str(tmp_path / "x.yaml"))
    assert "hunter2" not in error.value.line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"job_sizes": {"light": {"partition": "a", "walltime_h": 1}}}, "job_sizes lacks"),
        ({"job_sizes": SMALL["job_sizes"] | {"light": {"partition": "b", "walltime_h": 1}}}, "'b'"),
        ({"job_sizes": SMALL["job_sizes"] | {"light": {"partition": "a", "walltime_h": 99}}}, "99"),
        ({"partitions": []}, "partitions"),
        ({"queue": "x"}, "queue"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, change, said):
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**SMALL, **change}))
    with pytest.raises(SulfoxError, match=f"SFX-802.*{said}"):
        load_cluster(str(tmp_path / "x.yaml"))


@given(
    kind=st.sampled_from(JOB_KINDS),
    n_atoms=st.integers(1, 5000),
    engine=st.sampled_from(["vasp", "mlip"]),
    atoms_per_core=st.floats(0.1, 100),
    memory=st.floats(0.1, 50),
)
def test_no_job_asks_for_more_than_its_partition_has(kind, n_atoms, engine, atoms_per_core, memory):
    sizes = {
        name: {**size, "atoms_per_core": atoms_per_core, "memory_GB_per_core": memory}
        for name, size in SMALL["job_sizes"].items()
    }
    cluster = Cluster.model_validate({**SMALL, "job_sizes": sizes})
    size = job_resources(cluster, kind, n_atoms, engine)
    partition = cluster.partitions[0]
    assert 1 <= size.nodes <= partition.nodes
    assert size.cores % size.nodes == 0
    assert size.cores / size.nodes <= partition.cores_per_node
    assert size.nodes == 1 or size.cores == size.nodes * partition.cores_per_node
    assert size.memory_GB / size.nodes <= partition.memory_GB_per_node
    if engine == "mlip":
        assert (size.cores, size.gpus) == (1, 0)
    for options in (slurm_options(cluster, size), queue_options(cluster, size)):
        assert None not in options.values()
        assert options["nodes"] * options["ntasks_per_node"] == size.cores
        assert int(options["mem"].rstrip("M")) >= 1


@pytest.mark.parametrize(
    ("hours", "text"),
    [(0.1, "0-00:06:00"), (1, "0-01:00:00"), (24, "1-00:00:00"), (49.5, "2-01:30:00")],
)
def test_time_limits_in_the_words_of_slurm(hours, text):
    size = Resources(
        kind="light",
        partition="a",
        nodes=1,
        cores=1,
        gpus=0,
        memory_GB=1,
        walltime_h=hours,
    )
    assert size.time_text == text


def test_a_gpu_job_asks_for_gpus_of_a_node():
    size = job_resources(load_cluster("gpu-example"), "dynamics", 200, "vasp")
    assert slurm_options(load_cluster("gpu-example"), size)["gres"] == "gpu:4"
