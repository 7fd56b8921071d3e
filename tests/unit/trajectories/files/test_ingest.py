"""Segments become one archive: no gap, no repeat, nothing lost."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from sulfox.errors import SulfoxError
from sulfox.trajectories.archive import open_archive
from sulfox.trajectories.runs.ingest import IngestOptions, ingest_folder
from sulfox.trajectories.runs.run_folder import find_segments
from sulfox.trajectories.runs.summary import summarize_files


def write(folder, run, name="vasprun.xml", text=None):
    folder.mkdir(parents=True, exist_ok=True)
    text = getattr(run, name.split(".")[0].lower())() if text is None else text
    (folder / name).write_bytes(text)
    return folder / name


def unwrapped(run):
    """The motion without walls: its steps added up."""
    fractional = np.stack([run.positions(k) for k in range(run.n)])
    steps = np.diff(fractional, axis=0)
    return np.concatenate([fractional[:1], fractional[:1] + np.cumsum(steps - np.rint(steps), 0)])


def check_archive(folder, whole):
    frames = open_archive(folder).frames()
    assert frames.n_frames == whole.n
    assert np.abs(frames.positions - unwrapped(whole) @ frames.lattice).max() < 1e-9
    assert frames.steps.tolist() == list(range(whole.n))
    assert frames.times_fs.tolist() == [2.0 * k for k in range(whole.n)]
    energies = [whole.energies(k) for k in range(whole.n)]
    assert frames.potential_energy_eV.tolist() == [e[0] for e in energies]
    assert frames.conserved_eV.tolist() == [e[3] for e in energies]
    assert np.array_equal(frames.forces, [whole.forces(k) for k in range(whole.n)])


@pytest.mark.parametrize(
    ("cuts", "kinds"),
    [
        ([(0, 10), (10, 10), (20, 10)], ["continuous", "continuous"]),
        ([(0, 10), (9, 11), (19, 11)], ["duplicate", "duplicate"]),
        ([(0, 14), (8, 12), (20, 10)], ["overlap", "continuous"]),
        ([(0, 10), (9, 1), (9, 21)], ["duplicate", "duplicate"]),
        ([(0, 10), (0, 30)], ["overlap"]),
    ],
)
def test_segments_give_the_uninterrupted_run(tmp_path, make_run, cuts, kinds):
    for k, (first, n) in enumerate(cuts):
        write(tmp_path / f"run{k + 8}", make_run(n, first))  # run10 comes after run9
    report = ingest_folder(tmp_path, tmp_path / "archive")
    assert [seam.kind for seam in report.run.seams] == kinds
    check_archive(tmp_path / "archive", make_run(30))
    assert report.run.complete_frames == sum(n for _, n in cuts)


def test_killed_segments_lose_only_what_was_not_whole(tmp_path, make_run):
    """A file cut inside a step, an empty one, one without a step; then a restart."""
    cut = make_run(12).vasprun(closed=False)[:-500]
    write(tmp_path / "run1", None, text=cut)
    write(tmp_path / "run2", None, text=b"")
    write(tmp_path / "run3", None, text=make_run(0).vasprun(closed=False))
    write(tmp_path / "run4", make_run(19, 11))
    report = ingest_folder(tmp_path, tmp_path / "archive")
    check_archive(tmp_path / "archive", make_run(30))
    assert [f.truncated for f in report.run.files] == [True, False]
    assert len(report.skipped) == 2


def test_files_as_custodian_leaves_them(tmp_path, make_run):
    for name, run in (
        ("vasprun.xml.run10.gz", make_run(10, 10)),
        ("vasprun.xml.run9.gz", make_run(10)),
        ("vasprun.xml", make_run(10, 20)),
    ):
        text = run.vasprun()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    names = [path.name for path in find_segments(tmp_path).segments]
    assert names == ["vasprun.xml.run9.gz", "vasprun.xml.run10.gz", "vasprun.xml"]
    ingest_folder(tmp_path, tmp_path / "archive")
    check_archive(tmp_path / "archive", make_run(30))


def test_another_file_of_the_segment_where_the_first_choice_is_empty(tmp_path, make_run):
    write(tmp_path, None, text=b"")
    write(tmp_path, make_run(5), "OUTCAR")
    found = find_segments(tmp_path)
    assert [path.name for path in found.segments] == ["OUTCAR"]
    assert [path.name for path, _ in found.skipped] == ["vasprun.xml"]


@pytest.mark.parametrize(
    ("second", "word"),
    [
        ({"first": 11}, "an atom moves|displacements change"),  # one step is missing
        ({"first": 16}, "an atom moves|displacements change"),
        ({"first": 10, "shift": 0.05}, "an atom moves"),
    ],
)
def test_a_gap_is_refused_and_named(tmp_path, make_run, second, word):
    write(tmp_path / "run1", make_run(10))
    write(tmp_path / "run2", make_run(10, **second))
    with pytest.raises(SulfoxError, match=f"SFX-409.*run1.*run2.*({word})"):
        ingest_folder(tmp_path, tmp_path / "archive")
    assert not (tmp_path / "archive").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run1", "run2"}


def test_the_wrong_order_is_refused(tmp_path, make_run):
    write(tmp_path / "run1", make_run(10, 10))
    write(tmp_path / "run2", make_run(10))
    with pytest.raises(SulfoxError, match="SFX-409"):
        ingest_folder(tmp_path, tmp_path / "archive")


def test_other_atoms_are_refused(tmp_path, make_run):
    write(tmp_path / "run1", make_run(4))
    text = make_run(4, 4).vasprun().replace(b"<c>S </c>", b"<c>Cl</c>")
    write(tmp_path / "run2", None, text=text)
    with pytest.raises(SulfoxError, match=r"SFX-413.*run2"):
        ingest_folder(tmp_path, tmp_path / "archive")


def test_a_relaxation_is_no_dynamics(tmp_path, make_run):
    ibrion = b'name="IBRION">     '
    text = make_run(4).vasprun().replace(ibrion + b"0", ibrion + b"2")
    write(tmp_path, None, text=text)
    with pytest.raises(SulfoxError, match="SFX-414"):
        ingest_folder(tmp_path, tmp_path / "archive")


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(SulfoxError, match="SFX-411"):
        ingest_folder(tmp_path, tmp_path / "archive")
    with pytest.raises(SulfoxError, match="SFX-407"):
        ingest_folder(tmp_path / "nowhere", tmp_path / "archive")


def test_positions_alone_need_a_time_step(tmp_path, make_run):
    run = make_run(8, changes=True)
    write(tmp_path, run, "XDATCAR")
    with pytest.raises(SulfoxError, match="SFX-703"):
        ingest_folder(tmp_path, tmp_path / "archive")
    ingest_folder(tmp_path, tmp_path / "archive", IngestOptions(time_step_fs=2.0))
    frames = open_archive(tmp_path / "archive").frames()
    assert frames.potential_energy_eV is None
    assert np.allclose(frames.lattices, [run.lattice(k) for k in range(8)], atol=1e-12)
    assert np.allclose(frames.positions, unwrapped(run) @ frames.lattices, atol=1e-9)


def test_doing_it_again_changes_nothing_and_other_frames_are_not_overwritten(tmp_path, make_run):
    source, archive = tmp_path / "run", tmp_path / "archive"
    write(source, make_run(10))
    first = ingest_folder(source, archive).reference
    before = {path.name: path.stat().st_mtime_ns for path in archive.iterdir()}
    assert ingest_folder(source, archive).reference == first
    assert before == {path.name: path.stat().st_mtime_ns for path in archive.iterdir()}
    write(source, make_run(12))
    with pytest.raises(SulfoxError, match="SFX-412"):
        ingest_folder(source, archive)
    ingest_folder(source, archive, IngestOptions(replace=True))
    check_archive(archive, make_run(12))
    assert {path.name for path in tmp_path.iterdir()} == {"run", "archive"}


def test_raw_files_are_kept_compressed_or_dropped(tmp_path, make_run):
    for policy, left in (("keep", "vasprun.xml"), ("compress", "vasprun.xml.gz"), ("drop", None)):
        source = tmp_path / policy
        text = make_run(10).vasprun()
        write(source, make_run(10))
        report = ingest_folder(source, tmp_path / f"{policy}-archive", IngestOptions(raw=policy))
        names = [path.name for path in source.iterdir()]
        assert names == ([left] if left else [])
        if policy == "compress":
            assert gzip.decompress((source / left).read_bytes()) == text
            again = ingest_folder(source, tmp_path / "again").reference
            assert again.n_frames == report.reference.n_frames
    with pytest.raises(SulfoxError, match="SFX-901"):
        ingest_folder(source, tmp_path / "x", IngestOptions(raw="burn"))


def test_summary_of_stitched_files(tmp_path, make_run):
    paths = [
        write(tmp_path / "a", make_run(10)),
        write(tmp_path / "b", None, text=make_run(12, 9).vasprun(closed=False)[:-400]),
    ]
    summary = summarize_files(paths)
    assert (summary.n_frames, summary.complete_frames, summary.truncated) == (20, 21, True)
    assert [seam.kind for seam in summary.seams] == ["duplicate"]
    kelvin = [2 * make_run(1, t).energies(0)[1] / (8.617333262e-5 * 9) for t in range(20)]
    assert summary.temperature_mean_K == pytest.approx(np.mean(kelvin))
    total = [sum(make_run(1, t).energies(0)[:2]) / 4 for t in range(20)]
    drift = np.polyfit(np.arange(20) * 0.002, total, 1)[0]
    assert summary.energy_drift_eV_per_atom_ps == pytest.approx(drift)
    gap = summarize_files([paths[0], write(tmp_path / "c", make_run(10, 16))])
    assert gap.seams[0].kind in ("gap", "jump")


def test_the_command_answers_in_json(tmp_path, make_run):
    from typer.testing import CliRunner

    from sulfox.cli.main import app

    path = write(tmp_path / "run", make_run(6))
    answer = CliRunner().invoke(app, ["trajectory", "info", str(path), "--json"])
    document = json.loads(answer.stdout)
    keys = {"format", "n_frames", "n_atoms", "species", "time_step_fs", "truncated"}
    keys |= {"complete_frames", "temperature_mean_K", "energy_drift_eV_per_atom_ps"}
    assert keys <= set(document)
    assert (document["n_frames"], document["species"]) == (6, {"Li": 2, "P": 1, "S": 1})
    arguments = ["trajectory", "ingest", str(tmp_path / "run"), "--archive", str(tmp_path / "a")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert open_archive(tmp_path / "a").n_frames == 6
