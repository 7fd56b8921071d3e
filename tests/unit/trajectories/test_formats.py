"""What is written in a user's format reads back as it was; bad files are named, not guessed."""

from __future__ import annotations

import builtins
import errno
import subprocess
import sys

import numpy as np
import pytest

from sulfox.errors import SulfoxError
from sulfox.trajectories.export import export_trajectory
from sulfox.trajectories.frames import Trajectory
from sulfox.trajectories.readers import read_trajectory

NAMES = {"extxyz": "run.extxyz", "traj": "run.traj", "xdatcar": "XDATCAR_run"}


@pytest.mark.parametrize("format_name", ["extxyz", "traj"])
def test_ase_formats_keep_frames_times_steps_and_sides(tmp_path, trajectory, format_name):
    path = tmp_path / NAMES[format_name]
    export_trajectory(trajectory, path, format_name)
    again = read_trajectory(path)
    assert again.species == trajectory.species
    assert again.sides == trajectory.sides
    assert np.allclose(again.positions, trajectory.positions, atol=1e-7)
    assert np.allclose(again.times_fs, trajectory.times_fs)
    assert again.steps.tolist() == trajectory.steps.tolist()
    for frame in range(trajectory.n_frames):
        assert np.allclose(again.cell(frame), trajectory.cell(frame), atol=1e-7)


def test_ase_reads_the_energy_and_velocities_we_write(tmp_path, trajectory):
    from ase import units
    from ase.io import read

    for format_name in ("extxyz", "traj"):
        path = tmp_path / NAMES[format_name]
        export_trajectory(trajectory, path, format_name)
        last = read(path, index=-1)
        assert last.get_potential_energy() == pytest.approx(trajectory.potential_energy_eV[-1])
        velocities = last.get_velocities() * units.fs
        assert np.allclose(velocities, trajectory.velocities[-1], atol=1e-7)


def test_xdatcar_keeps_frames_and_is_read_alike_by_pymatgen(tmp_path, trajectory):
    from pymatgen.io.vasp import Xdatcar

    path = tmp_path / "XDATCAR"
    export_trajectory(trajectory, path, "xdatcar")
    again = read_trajectory(path, time_step_fs=20)
    inverse = np.linalg.inv(trajectory.cell(0))
    offset = np.floor(trajectory.positions[0] @ inverse) @ trajectory.cell(0)
    expected = trajectory.positions - offset
    if trajectory.lattices is not None:  # whole lattice vectors scale with the cell
        shift = np.floor(trajectory.positions[0] @ inverse)
        expected = trajectory.positions - shift @ trajectory.lattices
    assert np.allclose(again.positions, expected, atol=1e-9)
    assert again.species == trajectory.species
    theirs = Xdatcar(path).structures
    assert len(theirs) == again.n_frames
    for frame, structure in enumerate(theirs):
        difference = structure.cart_coords - again.positions[frame]
        whole = difference @ np.linalg.inv(again.cell(frame))
        assert np.allclose(whole, np.rint(whole), atol=1e-8)


def test_h5md_layout(tmp_path, trajectory):
    """H5MD 1.1: particles/<group>/position/{value, step, time}, species, box."""
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "run.h5"
    export_trajectory(trajectory, path, "h5md")
    with h5py.File(path) as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        group = file["particles/all"]
        assert np.array_equal(group["position/value"][:], trajectory.positions)
        assert np.array_equal(group["position/time"][:], trajectory.times_fs)
        assert np.array_equal(group["position/step"][:], trajectory.steps)
        assert np.array_equal(group["velocity/value"][:], trajectory.velocities)
        assert group["species"][:].tolist() == [3, 15, 16, 16, 3]
        assert list(group["box"].attrs["boundary"]) == ["periodic"] * 3
        assert group["position/value"].attrs["unit"] == "Angstrom"
        edges = group["box/edges"]
        if trajectory.lattices is None:
            assert np.array_equal(edges[:], trajectory.lattice)
        else:
            assert np.array_equal(edges["value"][:], trajectory.lattices)
        assert np.array_equal(file["observables/temperature/value"][:], trajectory.temperature_K)


def test_h5md_without_h5py_says_what_to_install(tmp_path, trajectory, monkeypatch):
    real = builtins.__import__

    def absent(name, *args, **kwargs):
        if name == "h5py":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(SulfoxError, match=r"SFX-302.*h5py"):
        export_trajectory(trajectory, tmp_path / "run.h5", "h5md")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(tmp_path, trajectory):
    with pytest.raises(SulfoxError, match="SFX-402"):
        export_trajectory(trajectory, tmp_path / "run.pdb", "pdb")
    (tmp_path / "run.pdb").write_text("ATOM")
    with pytest.raises(SulfoxError, match="SFX-402"):
        read_trajectory(tmp_path / "run.pdb")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SulfoxError, match=r"SFX-407.*XDATCAR"):
        read_trajectory(tmp_path / "XDATCAR")


FULL_DISK = """
import pathlib, resource, signal, sys
import numpy as np
from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import Segment, write_segment
from sulfox.trajectories.export import FORMATS, export_trajectory
from sulfox.trajectories.frames import Trajectory

rng = np.random.default_rng(0)
positions, lattice, n = rng.random((50, 50, 3)), np.eye(3) * 9, np.arange(50)
trajectory = Trajectory(positions, lattice, ("S",) * 50, n * 1.0)
segment = Segment(n, n * 1.0, positions, lattice, n * 1.0, n * 1.0)
folder = pathlib.Path(sys.argv[1])
for name in FORMATS:
    export_trajectory(trajectory, folder / "warm", name)
(folder / "warm").unlink()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for name in FORMATS:
    try:
        export_trajectory(trajectory, folder / name, name)
    except SulfoxError as error:
        print(name, error.code)
try:
    write_segment(folder, segment, 0)
except SulfoxError as error:
    print("segment", error.code)
print(sorted(folder.iterdir()))
"""


def test_a_write_that_the_kernel_refuses_leaves_nothing(tmp_path):
    """A real failure in the middle of each file, by a limit on the size of files."""
    pytest.importorskip("h5py")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    names = ["extxyz", "traj", "xdatcar", "h5md", "segment"]
    assert done.stdout.splitlines() == [*(f"{name} SFX-503" for name in names), "[]"]
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("format_name", ["extxyz", "traj", "xdatcar"])
def test_a_full_disk_leaves_no_export(tmp_path, trajectory, format_name, monkeypatch):
    from sulfox.trajectories import export

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(export.FORMATS, format_name, full)
    with pytest.raises(SulfoxError, match="SFX-503"):
        export_trajectory(trajectory, tmp_path / "out", format_name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format_name", "every"), [("extxyz", 7), ("traj", 97)])
def test_a_cut_file_never_gives_a_wrong_frame(tmp_path, trajectory, format_name, every):
    """The whole frames before the cut, or an error."""
    path = tmp_path / NAMES[format_name]
    export_trajectory(trajectory, path, format_name)
    data = path.read_bytes()
    full = read_trajectory(path)
    codes = []
    cuts = range(0, len(data), every)
    for cut in cuts:
        path.write_bytes(data[:cut])
        try:
            part = read_trajectory(path)
        except SulfoxError as error:
            codes.append(error.code)
        else:
            assert np.array_equal(part.positions, full.positions[: part.n_frames])
    assert set(codes) == {"SFX-401"}
    assert len(codes) > 0.9 * len(cuts)


def test_changing_atoms_and_missing_cells_are_refused(tmp_path):
    from ase import Atoms
    from ase.io import write

    box = Atoms("S2", positions=[[0, 0, 0], [2, 0, 0]], cell=[9, 9, 9], pbc=True)
    write(tmp_path / "a.extxyz", [box, box + Atoms("S", positions=[[4, 4, 4]])])
    with pytest.raises(SulfoxError, match=r"SFX-401.*frame 2.*other atoms"):
        read_trajectory(tmp_path / "a.extxyz")
    write(tmp_path / "b.extxyz", [Atoms("S2", positions=[[0, 0, 0], [2, 0, 0]])])
    with pytest.raises(SulfoxError, match=r"SFX-401.*no periodic cell"):
        read_trajectory(tmp_path / "b.extxyz")
    bad = box.copy()
    bad.positions[1, 2] = np.nan
    write(tmp_path / "c.extxyz", [box, bad])
    with pytest.raises(SulfoxError, match=r"SFX-403.*frame 2"):
        read_trajectory(tmp_path / "c.extxyz")


def test_a_time_step_may_not_contradict_the_file(tmp_path, trajectory, archive_folder):
    path = tmp_path / "run.extxyz"
    export_trajectory(trajectory, path, "extxyz")
    assert read_trajectory(path, 20.0).times_fs[1] == 60.0
    assert read_trajectory(archive_folder, 20.0).n_frames == 23
    for source in (path, archive_folder):
        with pytest.raises(SulfoxError, match="SFX-901"):
            read_trajectory(source, 2.0)
    for step in (0.0, -1.0, float("nan")):
        with pytest.raises(SulfoxError, match="SFX-901"):
            read_trajectory(path, step)


def test_shapes_and_order_are_checked():
    lattice, species = np.eye(3) * 5, ("S", "S")
    with pytest.raises(SulfoxError, match="SFX-401"):
        Trajectory(np.zeros((2, 3, 3)), lattice, species, None)
    with pytest.raises(SulfoxError, match="SFX-401"):
        Trajectory(np.zeros((2, 2, 3)), lattice, species, np.array([1.0, 1.0]))
    with pytest.raises(SulfoxError, match="SFX-401"):
        Trajectory(np.zeros((2, 2, 3)), np.zeros((3, 3)), species, None)
    with pytest.raises(SulfoxError, match=r"SFX-403.*frame 1, atom 0"):
        Trajectory(np.full((2, 2, 3), [[[0.0]], [[np.inf]]]), lattice, species, None)
