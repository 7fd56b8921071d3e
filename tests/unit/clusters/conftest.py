"""A cluster of each shape, with the variables that its file names."""

from __future__ import annotations

import pytest

_VARIABLES = {
    "SULFOX_ACCOUNT": "chem",
    "SCRATCH": "/scratch/me",
    "SULFOX_VENV": "/home/me/venv",
    "SULFOX_REMOTE_SCRATCH": "/scratch/me",
    "SULFOX_REMOTE_VENV": "/home/me/venv",
    "SULFOX_LOCAL_SLURM": "/var/tmp/slurm",
}


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    for name, value in _VARIABLES.items():
        monkeypatch.setenv(name, value)
