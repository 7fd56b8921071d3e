"""The archive never gives a wrong frame: it gives the right one or says what is wrong."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import (
    FolderBackend,
    TrajectoryArchive,
    discard_segments,
    open_archive,
    write_header,
    write_segment,
)
from sulfox.trajectories.segments import decode_segment, encode_segment

same_folder = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_equal_arrays_give_equal_bytes_at_any_time(make_segment, monkeypatch):
    first = encode_segment(make_segment(5))
    clock = time.time() + 1e6
    monkeypatch.setattr(time, "time", lambda: clock)
    assert encode_segment(make_segment(5)) == first
    assert encode_segment(make_segment(5, seed=1)) != first


def test_a_segment_comes_back_bit_for_bit(make_segment):
    segment = make_segment(4)
    again = decode_segment("x", encode_segment(segment))
    assert again.positions.tobytes() == segment.positions.tobytes()
    assert again.velocities.tobytes() == segment.velocities.tobytes()
    assert again.steps.tolist() == segment.steps.tolist()


def test_a_segment_is_an_ordinary_npz(tmp_path, make_segment):
    record = write_segment(tmp_path, make_segment(4), 8)
    with np.load(tmp_path / record.name) as arrays:
        assert arrays["positions"].shape == (4, 5, 3)
    assert record.name == "segment-000008-000011.npz"
    data = (tmp_path / record.name).read_bytes()
    assert record.sha256 == hashlib.sha256(data).hexdigest()
    assert record.n_bytes == len(data)


@same_folder
@given(data=st.data())
def test_random_access_equals_a_full_read(archive_folder, data):
    archive = open_archive(archive_folder)
    full = archive.frames()
    start = data.draw(st.integers(0, 22))
    stop = data.draw(st.integers(start + 1, 23))
    stride = data.draw(st.integers(1, 25))
    part = archive.frames(start, stop, stride)
    for name in ("positions", "times_fs", "steps", "velocities", "conserved_eV"):
        assert np.array_equal(getattr(part, name), getattr(full, name)[start:stop:stride])


def test_only_the_segments_needed_are_read(archive_folder):
    asked: list[str] = []

    class Counting(FolderBackend):
        def read(self, name):
            asked.append(name)
            return super().read(name)

    archive = TrajectoryArchive(Counting(archive_folder))
    asked.clear()
    archive.frames(8, 11)
    assert asked == ["segment-000007-000011.npz"]


def test_chunks_are_the_whole(archive_folder):
    archive = open_archive(archive_folder)
    chunks = list(archive.iter_chunks())
    assert [chunk.n_frames for chunk in chunks] == [7, 5, 1, 10]
    assert np.array_equal(np.concatenate([c.positions for c in chunks]), archive.frames().positions)


@same_folder
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(archive_folder, position, bit):
    """Without any recorded checksum: the segment carries its own."""
    path = archive_folder / "segment-000007-000011.npz"
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[int(position * len(whole))] ^= 1 << bit
    path.write_bytes(damaged)
    try:
        with pytest.raises(SulfoxError, match="segment-000007-000011") as caught:
            open_archive(archive_folder).frames()
        assert caught.value.code == "SFX-404"
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_a_truncated_segment_is_refused(archive_folder, length):
    path = archive_folder / "segment-000007-000011.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SulfoxError, match="SFX-404"):
        open_archive(archive_folder).frames()


def test_an_intact_but_exchanged_segment_is_refused(archive_folder, make_segment):
    reference = open_archive(archive_folder).reference()
    write_segment(archive_folder, make_segment(5, 7, seed=9), 7)
    open_archive(archive_folder).frames()  # intact in itself
    with pytest.raises(SulfoxError, match="SFX-404"):
        open_archive(archive_folder, reference).frames()


def test_a_missing_segment_is_a_gap(archive_folder):
    reference = open_archive(archive_folder).reference()
    (archive_folder / "segment-000007-000011.npz").unlink()
    with pytest.raises(SulfoxError, match="SFX-405"):
        open_archive(archive_folder)
    with pytest.raises(SulfoxError, match=r"SFX-405.*segment-000007-000011.npz is missing"):
        open_archive(archive_folder, reference).frames()


def test_a_missing_last_segment_is_noticed_against_the_reference(archive_folder):
    reference = open_archive(archive_folder).reference()
    (archive_folder / "segment-000013-000022.npz").unlink()
    with pytest.raises(SulfoxError, match="SFX-405"):
        open_archive(archive_folder, reference).frames()


def test_overlapping_segments_are_refused(archive_folder, make_segment):
    write_segment(archive_folder, make_segment(5, 9), 9)
    with pytest.raises(SulfoxError, match="SFX-405"):
        open_archive(archive_folder)


def test_a_repeated_step_is_refused(archive_folder, make_segment):
    write_segment(archive_folder, make_segment(3, 20), 23)
    with pytest.raises(SulfoxError, match=r"SFX-405.*step"):
        open_archive(archive_folder).frames()


def test_a_renamed_segment_is_refused(archive_folder):
    (archive_folder / "segment-000013-000022.npz").rename(
        archive_folder / "segment-000013-000023.npz"
    )
    with pytest.raises(SulfoxError, match="SFX-405"):
        open_archive(archive_folder).frames()


@pytest.mark.parametrize("span", [(-1, 3), (0, 24), (5, 5), (9, 3), (23, None)])
def test_a_range_outside_is_refused(archive_folder, span):
    with pytest.raises(SulfoxError, match="SFX-406"):
        open_archive(archive_folder).frames(*span)


def test_a_folder_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(SulfoxError, match="SFX-408"):
        open_archive(tmp_path)
    with pytest.raises(SulfoxError, match="SFX-407"):
        open_archive(tmp_path / "absent")
    (tmp_path / "trajectory.json").write_text('{"species": [')
    with pytest.raises(SulfoxError, match="SFX-408"):
        open_archive(tmp_path)


def test_a_header_of_another_run_is_refused(archive_folder, header):
    write_header(archive_folder, header)
    with pytest.raises(SulfoxError, match="SFX-408"):
        write_header(archive_folder, header.model_copy(update={"metadata": {"seed": 8}}))
    assert open_archive(archive_folder).header == header


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "fdopen"])
def test_a_full_disk_leaves_no_half_file(tmp_path, make_segment, monkeypatch, number, call):
    def fails(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fails)
        with pytest.raises(SulfoxError) as caught:
            write_segment(tmp_path, make_segment(3), 0)
    assert caught.value.code == "SFX-503"
    assert list(tmp_path.iterdir()) == []
    write_segment(tmp_path, make_segment(3), 0)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_keeps_the_older_file(tmp_path, make_segment, monkeypatch):
    record = write_segment(tmp_path, make_segment(3), 0)
    whole = (tmp_path / record.name).read_bytes()

    def fails(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", fails)
        with pytest.raises(SulfoxError, match="SFX-503"):
            write_segment(tmp_path, make_segment(3, seed=5), 0)
    assert [p.name for p in tmp_path.iterdir()] == [record.name]
    assert (tmp_path / record.name).read_bytes() == whole


def test_a_resumed_run_discards_what_its_checkpoint_does_not_know(archive_folder):
    (archive_folder / ".segment-000023-000030.npz-x1y2").write_bytes(b"half")
    discard_segments(archive_folder, 12)
    assert not list(archive_folder.glob(".*"))
    assert open_archive(archive_folder).n_frames == 12
    discard_segments(archive_folder, 10)
    assert open_archive(archive_folder).n_frames == 7


def test_numbers_that_are_not_finite_are_never_stored(make_segment):
    segment = make_segment(3)
    fields = {name: getattr(segment, name) for name in segment.__dataclass_fields__}
    fields["positions"][1, 2, 0] = np.nan
    with pytest.raises(SulfoxError, match="SFX-403"):
        type(segment)(**fields)
