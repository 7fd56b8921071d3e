"""XDATCAR: a frame is whole and right, or the file is refused with the frame's number."""

from __future__ import annotations

import bz2
import gzip
import lzma

import numpy as np
import pytest

from sulfox.errors import SulfoxError
from sulfox.trajectories.readers import read_trajectory

HEAD = "made up\n1.0\n5 0 0\n0 6 0\n0.5 0 7\nS P\n2 1\n"
COORDINATES = [
    ["0.10000000 0.2 0.3", "0.95000000 0.5 0.5", "0.4 0.4 0.4"],
    ["0.15000000 0.2 0.3", "0.05000000 0.5 0.5", "0.4 0.4 0.4"],
    ["0.20000000 0.2 0.3", "0.15000000 0.5 0.5", "0.4 0.4 0.41234567"],
]


def frame_text(number):
    lines = [f"Direct configuration= {number + 1:5d}", *COORDINATES[number]]
    return "".join(line + "\n" for line in lines)


TEXT = HEAD + "".join(frame_text(k) for k in range(3))
LATTICE = np.array([[5, 0, 0], [0, 6, 0], [0.5, 0, 7]])


@pytest.fixture
def read(tmp_path):
    """Read a text as an XDATCAR."""

    def _read(text, **options):
        path = tmp_path / "XDATCAR"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_trajectory(path, **options)

    return _read


def test_frames_are_unwrapped(read):
    trajectory = read(TEXT, time_step_fs=100.0)
    assert trajectory.species == ("S", "S", "P")
    assert trajectory.times_fs.tolist() == [0, 100, 200]
    fractional = trajectory.positions @ np.linalg.inv(LATTICE)
    assert np.allclose(fractional[:, 1, 0], [0.95, 1.05, 1.15])
    assert np.allclose(fractional[:, 0, 0], [0.10, 0.15, 0.20])


def test_times_are_unknown_without_a_time_step(read):
    assert read(TEXT).times_fs is None


def test_scale_multiplies_the_cell_or_sets_its_volume(read):
    assert np.allclose(read(TEXT.replace("\n1.0\n", "\n2.0\n", 1)).lattice, 2 * LATTICE)
    lattice = read(TEXT.replace("\n1.0\n", "\n-420.0\n", 1)).lattice
    assert np.linalg.det(lattice) == pytest.approx(420)


def test_a_changing_cell_has_a_head_before_every_frame(read):
    second = HEAD.replace("5 0 0", "5.5 0 0")
    trajectory = read(HEAD + frame_text(0) + second + frame_text(1))
    assert np.allclose(trajectory.lattices[:, 0, 0], [5, 5.5])
    assert trajectory.positions[0, 2] == pytest.approx([0.4, 0.4, 0.4] @ LATTICE)
    assert trajectory.positions[1, 2, 0] == pytest.approx(0.4 * 5.5 + 0.4 * 0.5)


def test_potential_names_are_cut_to_elements(read):
    assert read(TEXT.replace("S P", "S_h P/1a2b")).species == ("S", "S", "P")


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
)
def test_compressed_files_and_their_truncation(tmp_path, suffix, pack):
    path = tmp_path / f"run.XDATCAR{suffix}"
    packed = pack(TEXT.encode())
    path.write_bytes(packed)
    full = read_trajectory(path)
    assert full.n_frames == 3
    codes = []
    for cut in range(len(packed)):
        path.write_bytes(packed[:cut])
        try:
            part = read_trajectory(path)
        except SulfoxError as error:
            codes.append(error.code)
        else:  # only the checksum trailer is missing
            assert np.array_equal(part.positions, full.positions)
    assert set(codes) == {"SFX-401"}
    assert len(codes) > len(packed) / 2
    path.write_bytes(packed[:20] + b"garbage" + packed[27:])
    with pytest.raises(SulfoxError, match=r"SFX-40[13]"):
        read_trajectory(path)


def test_a_cut_at_any_byte_never_gives_a_wrong_frame(read):
    full = read(TEXT)
    borders = {len(HEAD + "".join(frame_text(k) for k in range(n))): n for n in (1, 2, 3)}
    for cut in range(len(TEXT)):
        if cut in borders:
            part = read(TEXT[:cut])
            assert part.n_frames == borders[cut]
            assert np.array_equal(part.positions, full.positions[: part.n_frames])
            continue
        with pytest.raises(SulfoxError, match="frame") as caught:
            read(TEXT[:cut])
        assert caught.value.code == "SFX-401"
        whole = sum(border <= cut for border in borders)
        assert f"frame {whole + 1}" in caught.value.who


def test_an_unfinished_last_frame_can_be_left_out(read):
    full = read(TEXT)
    for cut in range(len(HEAD + frame_text(0)) + 1, len(TEXT)):
        part = read(TEXT[:cut], drop_incomplete=True)
        assert part.n_frames == (1 if cut < len(HEAD + frame_text(0) + frame_text(1)) else 2)
        assert np.array_equal(part.positions, full.positions[: part.n_frames])


def test_damage_inside_the_file_is_not_left_out(read):
    inside = TEXT.replace("0.05000000 0.5 0.5", "0.05000000 0.5")
    with pytest.raises(SulfoxError, match=r"SFX-401.*frame 2.*position 2"):
        read(inside, drop_incomplete=True)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ("2 2", "frame 1.*3 positions.*4"),
        ("1 1", "frame 1.*more coordinates than the 2 atoms"),
        ("2", "numbers of atoms"),
        ("2 1 3", "numbers of atoms"),
        ("2 0", "numbers of atoms"),
        ("2 x", "numbers of atoms"),
    ],
)
def test_wrong_element_counts_are_refused(read, counts, message):
    with pytest.raises(SulfoxError, match=f"SFX-401.*{message}"):
        read(TEXT.replace("\n2 1\n", f"\n{counts}\n"))


@pytest.mark.parametrize("word", ["NaN", "inf", "-Infinity", "********"])
def test_numbers_that_are_not_finite_are_refused_with_the_frame(read, word):
    with pytest.raises(SulfoxError, match=r"SFX-403.*frame 2.*position 2"):
        read(TEXT.replace("0.05000000", word))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        HEAD,
        "only a title\n",
        TEXT.replace("S P", "Xx9 P"),
        TEXT.replace("S P", "Xx P"),
        TEXT.replace("5 0 0", "0 6 0"),
        TEXT.replace("5 0 0", "nan 0 0"),
        TEXT.replace("0.05000000", "zero"),
        TEXT + "something else\n",
        HEAD + frame_text(0) + HEAD.replace("S P", "P S") + frame_text(1),
        b"\x00\xff\xfe" * 50,
    ],
)
def test_other_damage_is_refused(read, text):
    with pytest.raises(SulfoxError, match="SFX-401"):
        read(text)


def test_trailing_blank_lines_are_no_damage(read):
    assert read(TEXT + "\n\n").n_frames == 3


FIXED = HEAD + "".join(
    f"Direct configuration= {frame:5d}\n"
    + "".join(f"  {x:.8f}  {-x / 3:.8f}  {x / 7:.8f}\n" for x in (0.1, 0.2, 0.3 * frame))
    for frame in (1, 2)
)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("symbols", [False, True])
def test_a_last_row_is_whole_if_no_digit_is_missing(read, ends, symbols):
    """Without the end of its last line a file is whole; with a digit less it is cut."""
    text = FIXED
    if symbols:
        rows = FIXED.splitlines()
        text = "".join(
            f"{row} {'SSP'[(k - 8) % 4]}\n" if k > 7 and (k - 7) % 4 else f"{row}\n"
            for k, row in enumerate(rows)
        )
    text = text.replace("\n", ends)
    full = read(text)
    assert full.n_frames == 2
    for missing in range(1, len(ends) + 1):
        part = read(text[:-missing])
        assert np.array_equal(part.positions, full.positions)
    for missing in range(len(ends) + 1, len(ends) + 12):
        with pytest.raises(SulfoxError, match=r"SFX-401.*frame 2"):
            read(text[:-missing])


def test_a_last_row_of_one_atom_is_compared_with_the_frame_before(read):
    head = HEAD.replace("S P\n2 1", "S\n1")
    row = "  0.25000000  0.50000000 -0.75000000"
    first = f"{head}Direct configuration= 1\n{row}"
    assert read(f"{first}\nDirect configuration= 2\n{row}").n_frames == 2
    with pytest.raises(SulfoxError, match="SFX-401"):
        read(f"{first}\nDirect configuration= 2\n{row[:-1]}")
    with pytest.raises(SulfoxError, match="SFX-401"):
        read(first)  # nothing says how many digits a number has


def test_rows_that_touch_are_whole_or_cut_like_others(read):
    text = FIXED.replace("  -", "-").replace("  0.1", " -0.1")
    assert np.array_equal(read(text[:-1]).positions, read(text).positions)
    with pytest.raises(SulfoxError, match="SFX-401"):
        read(text[:-2])
