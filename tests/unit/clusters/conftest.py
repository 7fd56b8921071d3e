"""A cluster of each shape, with the variables that its file names."""

from __future__ import annotations

import pytest

from sulfox.flows.study import Study

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


@pytest.fixture
def study():
    """A function that gives a small study at some temperatures."""

    def make(*temperatures_K, **changes):
        dynamics = {"temperatures_K": temperatures_K, "seeds": [1]}
        dynamics |= {"equilibration_ps": 0, "length_ps": 1, **changes}
        sides = {
            "cathode": {"material": "CoO", "facet": [1, 0, 0]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        }
        content = {"name": "tiny", "title": "t", "question": "q", "bonds": ["S-S"]}
        content |= {"potential": "ase.calculators.emt:EMT", "dynamics": dynamics}
        return Study.model_validate({**content, "pairs": [{"name": "CoO|LPSCl", **sides}]})

    return make
