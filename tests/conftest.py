"""What all tests share: the NEP89 potential, or the reason why it is not here."""

from __future__ import annotations

import pytest

from sulfox.engines.mlip.calculators import load_calculator
from sulfox.errors import SulfoxError

pytest_plugins = ["mongo_fixture"]


@pytest.fixture(scope="session")
def nep89():
    """The NEP89 calculator; tests that need it are skipped with the reason where it is absent."""
    try:
        return load_calculator("nep89")
    except SulfoxError as error:
        pytest.skip(error.line)
