"""Numbers in fixed columns: the same doubles as read one by one, or nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sulfox.trajectories.files.fixed_columns import parse_fixed_columns

ROWS = arrays(
    np.float64, st.tuples(st.integers(1, 8), st.integers(1, 5)), elements=st.floats(-999, 9999)
)


@settings(max_examples=60, deadline=None)
@given(table=ROWS, decimals=st.integers(1, 8), marked=st.booleans())
def test_bit_for_bit_what_float_reads(table, decimals, marked):
    rows = ["".join(f"{value:15.{decimals}f}" for value in row) for row in table]
    text = "".join(f"  <r>{row} </r>\n" if marked else f"{row}\n" for row in rows)
    expected = np.array([[float(f"{value:.{decimals}f}") for value in row] for row in table])
    assert np.array_equal(parse_fixed_columns(text.encode(), table.shape[1]), expected)


@settings(max_examples=60, deadline=None)
@given(
    table=arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-9, 99)),
    decimals=st.integers(5, 13),
)
def test_short_numbers_and_many_decimals(table, decimals):
    rows = ["".join(f"{value:{decimals + 4}.{decimals}f}" for value in row) for row in table]
    text = "".join(f"{row}\n" for row in rows).encode()
    expected = np.array([[float(f"{value:.{decimals}f}") for value in row] for row in table])
    assert parse_fixed_columns(text, 3).tobytes() == expected.tobytes()


#: Width and decimals as VASP prints them: XDATCAR, vasprun.xml, OUTCAR, CONTCAR.
VASP_COLUMNS = [(12, 8), (16, 8), (17, 8), (13, 5), (14, 6), (13, 9), (20, 16)]


@settings(max_examples=80, deadline=None)
@given(
    columns=st.sampled_from(VASP_COLUMNS),
    n_rows=st.integers(60, 140),
    scale=st.sampled_from([1.0, 9.99, 99.99, 999.9, 9999.0, 99999.0]),
    seed=st.integers(0, 2**32 - 1),
    signed=st.booleans(),
    special=st.sampled_from([0.0, -0.0, 1e-9, -1e-9, 1.0, -1.0, 10.0, -10.0]),
)
def test_every_layout_of_vasp_with_its_limits(columns, n_rows, scale, seed, signed, special):
    """Negative, too wide and touching numbers, minus zero; more rows than are joined at once."""
    width, decimals = columns
    chance = np.random.default_rng(seed)
    table = chance.uniform(-scale if signed else 0.0, scale, (n_rows, 3))
    table[chance.integers(n_rows), chance.integers(3)] = special
    words = [[f"{value:{width}.{decimals}f}" for value in row] for row in table]
    values = parse_fixed_columns("".join("".join(row) + "\n" for row in words).encode(), 3)
    expected = np.array([[float(word) for word in row] for row in words])
    first_touches = any(word[0].isdigit() for word in words[0][1:])
    fits = max(len(word) for row in words for word in row) <= width
    if fits and not first_touches and 10**decimals * scale < 2**52:
        assert values is not None
    assert values is None or values.tobytes() == expected.tobytes()


@settings(max_examples=400, deadline=None)
@given(
    columns=st.sampled_from(VASP_COLUMNS),
    signed=st.booleans(),
    marked=st.booleans(),
    row=st.integers(0, 69),
    place=st.integers(0, 63),
    put=st.one_of(
        st.sampled_from([b"*", b"**", b"-", b"--", b" ", b".", b"0", b"9", b"nan", b"\n", b"/:"]),
        st.binary(min_size=1, max_size=3),
    ),
)
def test_a_changed_character_gives_what_float_gives_or_nothing(
    columns, signed, marked, row, place, put
):
    """Stars, signs inside numbers, bytes that are no ASCII: never a number that is not there."""
    width, decimals = columns
    table = np.random.default_rng(7).uniform(-99 if signed else 0.0, 99, (70, 3))
    lines = ["".join(f"{value:{width}.{decimals}f}" for value in line) for line in table]
    lines = [f" <v>{line} </v>\n" if marked else f"{line}\n" for line in lines]
    text = bytearray("".join(lines).encode())
    at = row * len(lines[0]) + min(place, len(lines[0]) - len(put))
    text[at : at + len(put)] = put
    values = parse_fixed_columns(bytes(text), 3)
    if values is None:
        return
    rows = bytes(text).split(b"\n")[:-1]
    if marked:
        assert all(line.startswith(b" <v>") and line.endswith(b" </v>") for line in rows)
        rows = [line[4:-5] for line in rows]
    parted = [re.sub(rb"(\.\d{%d})" % decimals, rb"\1 ", line).split() for line in rows]
    assert all(len(line) == 3 for line in parted)
    assert values.tobytes() == np.array(parted).astype(str).astype(np.float64).tobytes()


def test_pieces_are_read_as_one_text():
    pieces = [b"  0.25 -1.50\n  3.00  9.75\n", b"-10.00 99.25\n -0.00   .50\n"]
    expected = np.array([[0.25, -1.5], [3, 9.75], [-10, 99.25], [-0.0, 0.5]])
    assert parse_fixed_columns(pieces, 2).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1.0 2.0",  # the last line is not finished
        " 1.0 2.0\n 1.0 2.0 3.0\n",
        " 1.0 2.0\n 1.0 *.*\n",
        " 1.0 2.0\n 1.0 nan\n",
        " 1.0 2.0\n 1.0 - .0\n",
        " 1.0 2.0\n 1-0 2.0\n",
        "123.12345678123.12345678\n",  # two numbers that touch, or is it so?
        " 1.0E-01 2.0E-01\n",
        "<r> 1.0 2.0 </r>\n<r> 1.0 2.0 <r>\n",
        "<s> 1.0 2.0 </r>\n",
        "   1.0   2.0\n 1 1.0   2.0\n",
    ],
)
def test_anything_else_is_left_alone(text):
    assert parse_fixed_columns(text.encode(), 2) is None
