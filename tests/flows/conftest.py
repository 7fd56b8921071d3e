"""A store in a folder of the test's own, opened the way worker processes open it."""

from __future__ import annotations

from functools import partial

import pytest

from sulfox.stores.opening import open_store


@pytest.fixture
def opener(tmp_path):
    """A picklable callable that opens the test's embedded store."""
    return partial(open_store, str(tmp_path / "store"))
