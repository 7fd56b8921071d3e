"""VASP's files frame by frame: whole and right wherever they are cut, or not given."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import threading
import time

import numpy as np
import pytest

from sulfox.errors import SulfoxError
from sulfox.trajectories.files import byte_source
from sulfox.trajectories.files.byte_source import Following
from sulfox.trajectories.files.opening import format_of, iter_frames, open_frames
from sulfox.trajectories.files.oszicar import count_unconverged
from sulfox.trajectories.readers import read_trajectory

FORMATS = ["XDATCAR", "vasprun.xml", "OUTCAR", "OSZICAR"]
PACK = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


def same(frame, other):
    """Bit for bit the same frame."""
    arrays = ("lattice", "coordinates", "forces_eV_A", "stress_kB")
    return frame.energies == other.energies and all(
        (a is None and b is None) or a.tobytes() == b.tobytes()
        for a, b in ((getattr(frame, name), getattr(other, name)) for name in arrays)
    )


@pytest.mark.parametrize("changes", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_number_is_the_one_in_the_file(tmp_path, make_run, text_of, name, changes):
    run = make_run(5, changes=changes)
    path = tmp_path / name
    path.write_bytes(text_of(run, name))
    with open_frames(path) as reader:
        frames = list(reader)
        assert (reader.n_frames, reader.truncated, reader.remainder) == (5, False, None)
    for k, frame in enumerate(frames):
        free, kinetic, nose, total = run.energies(k)
        if name in ("XDATCAR", "vasprun.xml"):
            assert frame.coordinates.tobytes() == run.positions(k).tobytes()
        if name == "OUTCAR":
            assert np.allclose(frame.coordinates, run.positions(k) @ run.lattice(k), atol=6e-6)
            assert np.allclose(frame.forces_eV_A, run.forces(k), atol=6e-7)
            assert frame.energies.temperature_K == 300 + k
        if name == "vasprun.xml":
            assert frame.forces_eV_A.tobytes() == run.forces(k).tobytes()
            assert frame.energies.nose_potential_eV == nose[0]
        if name != "OSZICAR":
            assert np.abs(frame.lattice - run.lattice(k)).max() < 1e-14
        if name not in ("XDATCAR", "OUTCAR"):
            assert frame.energies.free_energy_eV == pytest.approx(free, abs=1e-7)
        if name != "XDATCAR":
            assert frame.energies.kinetic_eV == pytest.approx(kinetic, abs=1e-6)
            assert frame.energies.conserved_eV == pytest.approx(total, abs=1e-6)
            assert frame.energies.n_electronic_steps == (3 if name == "OSZICAR" else 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes"), [*((name, False) for name in FORMATS), ("XDATCAR", True)]
)
def test_a_cut_at_any_byte_of_the_last_two_frames(tmp_path, make_run, text_of, name, changes):
    """Exhaustive: what is given is bit for bit what the whole file gives; the rest is told."""
    run = make_run(4, changes=changes)
    text, start = text_of(run, name), len(text_of(make_run(2, changes=changes), name))
    early = 300 if name in ("vasprun.xml", "OUTCAR") else 60  # their end is part of `start`
    path = tmp_path / name
    path.write_bytes(text)
    whole = list(iter_frames(path))
    seen = set()
    for cut in reversed(range(start - early, len(text))):
        os.truncate(path, cut)
        with open_frames(path) as reader:
            frames = list(reader)
            at_border = reader.remainder is None
            assert reader.truncated == (not at_border)
        assert all(map(same, frames, whole))
        assert 1 <= len(frames) <= 4
        if at_border and name in ("vasprun.xml", "OUTCAR"):
            assert len(frames) == 4  # these formats have an end of their own
        seen.add(len(frames))
    assert {2, 3} <= seen


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("block", [1, 7, 64, 997])
def test_frames_do_not_depend_on_the_blocks_read(
    tmp_path, make_run, text_of, monkeypatch, name, block
):
    path = tmp_path / name
    path.write_bytes(text_of(make_run(3, changes=True), name))
    whole = list(iter_frames(path))
    monkeypatch.setattr(byte_source, "_BLOCK", block)
    frames = list(iter_frames(path))
    assert len(frames) == len(whole) == 3
    assert all(map(same, frames, whole))


@pytest.mark.parametrize(
    ("name", "suffix", "every"),
    [
        *((name, suffix, 3) for name in ("XDATCAR", "vasprun.xml") for suffix in PACK),
        *(pytest.param(name, ".gz", 1, marks=pytest.mark.slow) for name in FORMATS),
    ],
)
def test_a_compressed_file_cut_anywhere(tmp_path, make_run, text_of, name, suffix, every):
    text = text_of(make_run(3), name)
    plain = tmp_path / name
    plain.write_bytes(text)
    whole = list(iter_frames(plain))
    packed = PACK[suffix](text)
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(packed)
    assert all(map(same, iter_frames(path), whole))
    for cut in reversed(range(0, len(packed), every)):
        os.truncate(path, cut)
        frames, refused = [], None
        try:
            with open_frames(path) as reader:
                frames = list(reader)
                assert reader.truncated or name in ("vasprun.xml", "OUTCAR")
        except SulfoxError as error:
            refused = error.code
        assert refused in (None, "SFX-401")
        assert all(map(same, frames, whole))


def test_two_compressed_streams_one_after_the_other_are_one_file(tmp_path, make_run):
    text = make_run(4).xdatcar()
    for suffix, pack in PACK.items():
        path = tmp_path / f"XDATCAR{suffix}"
        path.write_bytes(pack(text[:501]) + pack(text[501:]))
        assert len(list(iter_frames(path))) == 4


@pytest.mark.parametrize("name", FORMATS)
def test_damage_inside_gives_the_frames_before_it_and_raises(tmp_path, make_run, text_of, name):
    run = make_run(4)
    text, two = text_of(run, name), text_of(make_run(2), name)
    number = {"OSZICAR": f"{run.energies(2)[0]:.8E}", "OUTCAR": f"{run.forces(2)[1, 1]:.6f}"}
    word = number.get(name, f"{run.positions(2)[1, 1]:.8f}").encode()
    at = text.index(word, len(two) // 2)
    for bad, code in ((b"*" * len(word), "SFX-403"), (b"x" * len(word), "SFX-40")):
        path = tmp_path / name
        path.write_bytes(text[:at] + bad + text[at + len(word) :])
        frames = iter_frames(path)
        assert [next(frames).number, next(frames).number] == [0, 1]
        with pytest.raises(SulfoxError, match=f"{code}.*frame 3"):
            next(frames)


def test_a_lost_mark_between_steps_is_damage(tmp_path, make_run):
    text = make_run(4).vasprun()
    path = tmp_path / "vasprun.xml"
    for mark, at in ((b"</calculation>", 1), (b"<calculation>", 2), (b"<calculation>", 3)):
        parts = text.split(mark)
        path.write_bytes(mark.join(parts[: at + 1]) + b" " * len(mark) + mark.join(parts[at + 1 :]))
        with pytest.raises(SulfoxError, match="SFX-401"):
            list(iter_frames(path))


@pytest.mark.parametrize("name", FORMATS)
def test_a_growing_file_is_followed(tmp_path, make_run, text_of, name):
    text = text_of(make_run(4), name)
    path = tmp_path / name
    path.write_bytes(text[:1200])

    def grow():
        for k in range(1200, len(text), 500):
            time.sleep(0.005)
            with path.open("ab") as stream:
                stream.write(text[k : k + 500])

    writer = threading.Thread(target=grow)
    writer.start()
    frames = list(iter_frames(path, following=Following(poll_s=0.002, idle_s=0.5)))
    writer.join()
    assert all(map(same, frames, iter_frames(path)))
    assert len(frames) == 4


def test_a_frame_is_given_as_soon_as_it_is_whole(tmp_path, make_run):
    """Nothing behind the frame is waited for."""
    path = tmp_path / "XDATCAR"
    path.write_bytes(make_run(2).xdatcar())
    stop = threading.Event()
    frames = iter_frames(path, following=Following(poll_s=0.001, stop=stop.is_set))
    assert [next(frames).number, next(frames).number] == [0, 1]
    with path.open("ab") as stream:
        stream.write(make_run(3).xdatcar()[path.stat().st_size :])
    assert next(frames).number == 2
    stop.set()
    assert next(frames, None) is None


def test_a_file_that_shrinks_while_it_is_followed_is_refused(tmp_path, make_run):
    path = tmp_path / "XDATCAR"
    path.write_bytes(make_run(2).xdatcar())
    frames = iter_frames(path, following=Following(poll_s=0.001))
    next(frames), next(frames)
    path.write_bytes(b"")
    with pytest.raises(SulfoxError, match=r"SFX-401.*cut or replaced"):
        next(frames)


def test_vaspout(tmp_path, make_run):
    run = make_run(70, nsw=70)
    path = tmp_path / "vaspout.h5"
    run.write_vaspout(path)
    with open_frames(path) as reader:
        frames = list(reader)
        assert (reader.head.time_step_fs, reader.head.n_atoms) == (2.0, 4)
        assert not reader.truncated
    assert frames[69].coordinates.tobytes() == run.positions(69).tobytes()
    assert frames[69].energies.temperature_K == 369
    assert frames[69].energies.kinetic_eV == run.energies(69)[1]


def test_a_vaspout_whose_last_step_lacks_forces_ends_before_it(tmp_path, make_run):
    path = tmp_path / "vaspout.h5"
    make_run(5).write_vaspout(path, n_forces=4)
    with open_frames(path) as reader:
        assert len(list(reader)) == 4
        assert reader.truncated


def test_a_vaspout_cut_anywhere_is_refused_or_right(tmp_path, make_run):
    run = make_run(3)
    path = tmp_path / "vaspout.h5"
    run.write_vaspout(path)
    data = path.read_bytes()
    for cut in range(0, len(data), 61):
        path.write_bytes(data[:cut])
        with pytest.raises(SulfoxError, match="SFX-401"):
            list(iter_frames(path))


@pytest.mark.parametrize("name", ["vaspout.h5", "XDATCAR.gz"])
def test_what_cannot_be_followed_is_refused(tmp_path, make_run, name):
    path = tmp_path / name
    path.write_bytes(b"x")
    with pytest.raises(SulfoxError, match="SFX-419"):
        next(iter_frames(path, follow=True))


def test_oszicar_counts_steps_that_used_up_all_iterations(tmp_path, make_run):
    text = make_run(4).oszicar().replace(b"DAV:   3", b"noise", 1)
    path = tmp_path / "OSZICAR"
    path.write_bytes(text)
    steps = [frame.energies for frame in iter_frames(path)]
    assert count_unconverged(steps, 3) == 3
    assert count_unconverged(steps, 4) == 0


def test_formats_follow_from_names():
    names = ["run1_XDATCAR.gz", "vasprun.xml.relax2.gz", "OUTCAR.bz2", "vaspout.h5", "POSCAR"]
    expected = ["XDATCAR", "vasprun.xml", "OUTCAR", "vaspout.h5", None]
    assert [format_of(name) for name in names] == expected


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_a_trajectory_with_forces_times_and_energies(tmp_path, make_run, text_of, name):
    run = make_run(6)
    path = tmp_path / name
    path.write_bytes(text_of(run, name))
    trajectory = read_trajectory(path)
    assert trajectory.times_fs.tolist() == [0, 2, 4, 6, 8, 10]
    assert np.allclose(trajectory.forces[3], run.forces(3), atol=1e-6)
    degrees = 3 * (4 - 1)
    if name == "vasprun.xml":
        expected = 2 * run.energies(2)[1] / (8.617333262e-5 * degrees)
        assert trajectory.temperature_K[2] == pytest.approx(expected)
    path.write_bytes(text_of(run, name)[:-200])
    with pytest.raises(SulfoxError, match="SFX-401"):
        read_trajectory(path)
    assert read_trajectory(path, drop_incomplete=True).n_frames >= 5


def test_pymatgen_reads_the_same(tmp_path, make_run):
    from pymatgen.io.vasp import Oszicar, Xdatcar

    run = make_run(3)
    path = tmp_path / "XDATCAR"
    path.write_bytes(run.xdatcar())
    for frame, structure in zip(iter_frames(path), Xdatcar(path).structures, strict=True):
        assert np.array_equal(frame.coordinates, structure.frac_coords)
    path = tmp_path / "OSZICAR"
    path.write_bytes(run.oszicar())
    theirs = [step for step in Oszicar(path).ionic_steps if "T" in step or "E" in step]
    ours = [frame.energies for frame in iter_frames(path)]
    assert [step.conserved_eV for step in ours] == [step["E"] for step in theirs]
