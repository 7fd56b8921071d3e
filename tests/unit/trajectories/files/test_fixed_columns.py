"""Numbers in fixed columns: the same doubles as read one by one, or nothing."""

from __future__ import annotations

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
        " 1.0E-01 2.0E-01\n",
        "<r> 1.0 2.0 </r>\n<r> 1.0 2.0 <r>\n",
        "<s> 1.0 2.0 </r>\n",
        "   1.0   2.0\n 1 1.0   2.0\n",
    ],
)
def test_anything_else_is_left_alone(text):
    assert parse_fixed_columns(text.encode(), 2) is None
