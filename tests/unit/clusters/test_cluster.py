"""Promise: a cluster file is checked whole, and jobs are sized within what it allows."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sulfox.clusters.cluster import JOB_KINDS, Cluster, load_cluster
from sulfox.clusters.fireworks.files import queue_options
from sulfox.clusters.sizes.resources import Resources, job_resources, slurm_options
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
    with pytest.raises(
        SulfoxError, match=r"SFX-802.*variable SULFOX_ACCOUNT is not set.*"
    ) as error:
        load_cluster("cpu-example")
    assert error.value.next_step == "export SULFOX_ACCOUNT=..."


def test_all_unset_and_empty_variables_are_told_at_once(monkeypatch):
    monkeypatch.setenv("SULFOX_ACCOUNT", "")
    monkeypatch.delenv("SCRATCH")
    with pytest.raises(SulfoxError, match=r"SFX-802.*SULFOX_ACCOUNT, SCRATCH are not set") as error:
        load_cluster("cpu-example")
    assert error.value.next_step == "export SULFOX_ACCOUNT=... SCRATCH=..."


def test_an_unknown_name_lists_the_known(monkeypatch):
    with pytest.raises(SulfoxError, match=r"SFX-801.*cpu-example, gpu-example, local-slurm"):
        load_cluster("nowhere")


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        "environment: {TOKEN: hunter2}",
        "environment: {PMG_MAPI_KEY: hunter2}",
        "environment: {'KEY': hunter2}",
        "environment: {GOOGLE_APPLICATION_CREDENTIALS: hunter2}",
        "activate: export AWS_ACCESS_KEY_ID=hunter2; true",
        "store: mongodb://me:hunter2@host/db",
    ],
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
        ({"partitions": []}, "partitions: it is empty"),
        ({"queue": "x"}, "unknown key queue"),
        *(
            ({"job_sizes": SMALL["job_sizes"] | {"light": {"partition": "a", **size}}}, said)
            for size, said in (
                ({"walltime_h": 0.00001}, "less than a minute"),
                ({"walltime_h": 1, "memory_GB_per_core": 101}, "0 cores with 101 GB"),
                ({"walltime_h": 1, "min_cores": 49}, "min_cores 49, max_nodes 1 of a give 48"),
                ({"walltime_h": 1, "min_cores": 9, "memory_GB_per_core": 12}, "give 8 with 12 GB"),
                ({"walltime_h": 1, "max_nodes": 4}, "4 nodes of 3"),
                ({"walltime_h": 1, "gpus": 3}, "3 GPUs, max_nodes 1 of a have fewer"),
                ({"walltime_h": 1, "gpus": 3, "max_nodes": 2}, "no whole nodes of 2"),
                ({"walltime_h": 1, "gpus": 2, "min_cores": 8}, "min_cores beside gpus"),
                ({"walltime_h": 1, "atoms_per_gpu": 8}, "atoms_per_gpu without gpus"),
            )
        ),
        ({"environment": {"OMP_NUM_THREADS": "49"}}, "a rank wants 49"),
        ({"environment": {"OMP_NUM_THREADS": "two"}}, "'two' is no whole number"),
        ({"environment": {"OMP_NUM_THREADS": 2}}, "2 is no text; put it in quotes"),
        ({"work_dir": "~/x"}, "'~/x' is no absolute path"),
        ({"work_dir": "$HOME/x"}, "is no absolute path"),
        ({"work_dir": "/a/$USER"}, "is no absolute path"),
        ({"work_dir": "x/y"}, "'x/y' is no absolute path"),
        ({"account": ""}, "account: it is empty"),
        ({"store": "mongo-db"}, "store: there is no mongo-db.*one of .*mongodb"),
        ({"name": "Big One"}, "small letters, digits and dashes"),
        ({"max_jobs": 1.5}, "max_jobs: 1.5 is no whole number"),
        ({"scheduler": "pbs"}, "scheduler: 'pbs' is not 'slurm'"),
        ({"commands": "srun"}, "commands: 'srun' where keys with values must stand"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, change, said):
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**SMALL, **change}))
    escaped = re.escape(said).replace(r"\.\*", ".*")
    with pytest.raises(SulfoxError, match=f"SFX-802.*{escaped}") as error:
        load_cluster(str(tmp_path / "x.yaml"))
    for word in ("Value error", "Input should", "Field required", "instance of", "[key]"):
        assert word not in error.value.line


def refusal(tmp_path, *changes, name="cpu-example"):
    """What is said of a shipped file with some words changed."""
    text = find_config("clusters", name).read_text()
    for old, new in changes:
        assert text.count(old) >= 1
        text = text.replace(old, new, 1)
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SulfoxError) as error:
        load_cluster(str(tmp_path / "x.yaml"))
    assert error.value.code == "SFX-802"
    return error.value.found


def test_hours_with_colons_are_text_and_not_a_number_to_the_base_of_60(tmp_path):
    said = refusal(
        tmp_path,
        ("max_walltime_h: 48}", "max_walltime_h: 48:00:00}"),
        (" walltime_h: 24}", " walltime_h: 24:00:00}"),
    )
    hours = "is no number of hours, such as 24"
    assert f"partitions.standard.max_walltime_h: '48:00:00' {hours}" in said
    assert f"job_sizes.relaxation.walltime_h: '24:00:00' {hours}" in said


def test_all_mistakes_are_told_and_a_typo_by_its_own_name(tmp_path):
    said = refusal(
        tmp_path,
        ("cores_per_node", "core_per_node"),
        ("  light:", "  lihgt:"),
        ("max_jobs: 100", "max_jobs: many"),
        ("nodes: 1,", "nods: 1, qeue: x,"),
    )
    keys = "name, nodes, cores_per_node, memory_GB_per_node, gpus_per_node, max_walltime_h, "
    assert said.split("; ") == [
        "partitions.standard: unknown key core_per_node: do you mean cores_per_node?",
        "partitions.serial: unknown key nods: do you mean nodes?",
        f"partitions.serial: unknown key qeue: known are {keys}constraint, qos",
        "job_sizes: unknown key lihgt: known are 'relaxation', 'electronic', 'dynamics' or 'light'",
        "max_jobs: 'many' is no whole number",
    ]


def test_a_file_of_another_shape_is_told_in_plain_words(tmp_path):
    (tmp_path / "x.yaml").write_text("[1, 2]")
    with pytest.raises(SulfoxError, match="a list where keys with values must stand"):
        load_cluster(str(tmp_path / "x.yaml"))


def test_a_command_that_no_protocol_uses_is_no_part_of_a_cluster(tmp_path):
    old = "vasp_gam: srun vasp_gam"
    said = refusal(tmp_path, (old, f"{old}, mpirun: srun"))
    assert said == "commands: unknown key mpirun: known are vasp_std, vasp_gam, vasp_ncl"


@given(
    kind=st.sampled_from(JOB_KINDS),
    n_atoms=st.integers(1, 5000),
    engine=st.sampled_from(["vasp", "mlip"]),
    atoms_per_core=st.floats(0.1, 100),
    memory=st.floats(0.1, 50),
    threads=st.integers(1, 2),
)
def test_no_job_asks_for_more_than_its_partition_has(
    kind, n_atoms, engine, atoms_per_core, memory, threads
):
    sizes = {
        name: {**size, "atoms_per_core": atoms_per_core, "memory_GB_per_core": memory}
        for name, size in SMALL["job_sizes"].items()
    }
    environment = {"OMP_NUM_THREADS": str(threads)}
    cluster = Cluster.model_validate({**SMALL, "job_sizes": sizes, "environment": environment})
    size = job_resources(cluster, kind, n_atoms, engine)
    partition = cluster.partitions[0]
    assert 1 <= size.nodes <= partition.nodes
    assert size.cores % size.nodes == 0
    assert size.cores / size.nodes <= partition.cores_per_node
    # nothing that was asked is cut: fewer cores of a node where it has not the memory
    assert size.memory_GB == pytest.approx(size.cores * memory)
    assert size.memory_GB / size.nodes <= partition.memory_GB_per_node * (1 + 1e-6)
    most = min(partition.cores_per_node, int(partition.memory_GB_per_node / memory + 1e-9))
    assert size.nodes == 1 or size.cores == size.nodes * (most // threads) * threads
    if engine == "mlip" or kind == "light":
        assert (size.cores, size.gpus) == (1, 0)
    else:
        assert size.threads == threads
    for options in (slurm_options(cluster, size), queue_options(cluster, size)):
        assert None not in options.values()
        cores = options["nodes"] * options["ntasks_per_node"] * options["cpus_per_task"]
        assert cores == size.cores
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
        tasks=1,
        gpus=0,
        memory_GB=1,
        walltime_h=hours,
    )
    assert size.time_text == text


def script(cluster, size):
    """The options of sbatch as jobflow-remote and as FireWorks write them."""
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
    from qtoolkit.io.slurm import SlurmIO

    adapter = CommonAdapter("SLURM", "sulfox", rocket_launch="true", **queue_options(cluster, size))
    ours = SlurmIO().get_submission_script("true", slurm_options(cluster, size))
    theirs = adapter.get_script_str("/tmp")
    return [
        {line for line in text.splitlines() if line.startswith("#SBATCH")}
        for text in (ours, theirs)
    ]


@pytest.mark.parametrize(
    ("kind", "n_atoms", "gpus"),
    [("dynamics", 364, 4), ("dynamics", 100, 2), ("relaxation", 4, 1), ("electronic", 52, 2)],
)
def test_a_gpu_job_has_one_rank_per_gpu_with_its_threads(kind, n_atoms, gpus):
    pytest.importorskip("qtoolkit")
    pytest.importorskip("fireworks")
    cluster = load_cluster("gpu-example")
    size = job_resources(cluster, kind, n_atoms, "vasp")
    assert (size.tasks, size.threads, size.gpus, size.cores) == (gpus, 8, gpus, 8 * gpus)
    for lines in script(cluster, size):
        assert {
            "#SBATCH --partition=gpu",
            "#SBATCH --nodes=1",
            f"#SBATCH --ntasks-per-node={gpus}",
            "#SBATCH --cpus-per-task=8",
            f"#SBATCH --gres=gpu:{gpus}",
        } <= lines


def test_a_gpu_job_above_one_node_takes_whole_nodes():
    size = {"partition": "a", "walltime_h": 2, "max_nodes": 3, "gpus": 6, "atoms_per_gpu": 100}
    sizes = SMALL["job_sizes"] | {"dynamics": size}
    cluster = Cluster.model_validate({**SMALL, "job_sizes": sizes})
    found = [job_resources(cluster, "dynamics", n, "vasp") for n in (100, 200, 201, 900)]
    assert [(s.nodes, s.gpus, s.tasks) for s in found] == [
        (1, 1, 1),
        (1, 2, 2),
        (2, 4, 4),
        (3, 6, 6),
    ]
    assert slurm_options(cluster, found[2])["gres"] == "gpu:2"  # of a node


def test_threads_share_the_cores_of_a_cpu_node():
    pytest.importorskip("qtoolkit")
    pytest.importorskip("fireworks")
    changed = {"environment": {"OMP_NUM_THREADS": "4"}}
    content = load_cluster("cpu-example").model_dump() | changed
    cluster = Cluster.model_validate(content)
    size = job_resources(cluster, "dynamics", 364, "vasp")
    assert (size.nodes, size.tasks, size.threads) == (4, 64, 4)
    for lines in script(cluster, size):
        assert {"#SBATCH --ntasks-per-node=16", "#SBATCH --cpus-per-task=4"} <= lines
    # what is not parallel gets one core, whatever VASP's ranks get
    assert job_resources(cluster, "dynamics", 364, "mlip").cores == 1
    assert job_resources(cluster, "light", 364, "vasp").cores == 1


@pytest.mark.parametrize(("stated", "told"), [("8", "8 8"), (None, "1 1")])
def test_a_job_runs_as_many_threads_as_its_ranks_have_cores(stated, told):
    """SLURM tells the cores; srun is told again, which it needs since 22.05."""
    cluster = load_cluster("gpu-example").model_copy(update={"modules": (), "activate": "true"})
    ask = 'echo "$OMP_NUM_THREADS $SRUN_CPUS_PER_TASK $OMP_STACKSIZE $SULFOX_VASP_STD_COMMAND"'
    done = subprocess.run(
        [shutil.which("bash"), "-ec", cluster.pre_run() + ask],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **({"SLURM_CPUS_PER_TASK": stated} if stated else {})},
    )
    assert done.stdout == f"{told} 512m srun --gpu-bind=none vasp_std\n", done.stderr
