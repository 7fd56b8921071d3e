"""What the private SLURM of the tests needs, and the small study that runs on it."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
from importlib.util import find_spec

STEPS = 250

STUDY = {
    "name": "tiny",
    "title": "a small interface, a short run",
    "question": "does the chain hold together?",
    "potential": "paced_nep:PacedNep",
    "pairs": [
        {
            "name": "CoO|LPSCl",
            "cathode": {"material": "CoO", "facet": [1, 0, 0]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        }
    ],
    "interface": {"max_strain": 0.12, "max_atoms": 140},
    "dynamics": {
        "protocol": "test",
        "temperatures_K": [300],
        "seeds": [1],
        "equilibration_ps": 0,
        "length_ps": 2 * STEPS / 1000,
    },
    "bonds": ["S-S"],
}
#: Both interfaces of the source, as small as their lattices allow.
BOTH = {
    "pairs": [
        {
            "name": "LCO|LPSCl",
            "cathode": {"material": "LCO", "facet": [1, 0, 4]},
            "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
        },
        *STUDY["pairs"],
    ],
    "max_atoms": 320,
}


def why_not() -> str | None:
    """Why a private SLURM cannot be started here."""
    if os.geteuid() != 0:
        return "a private SLURM needs root"
    path = os.environ["PATH"] + ":/usr/sbin"
    if find_spec("jobflow_remote") is None or find_spec("fireworks") is None:
        return "pip install 'sulfox[remote,fireworks]'"
    missing = [p for p in ("munged", "slurmctld", "slurmd") if not shutil.which(p, path=path)]
    return f"apt-get install slurm-wlm munge: {', '.join(missing)} missing" if missing else None


def free_ports(count: int) -> int:
    """The first of some consecutive free ports."""
    for _ in range(200):
        first = random.randint(20000, 60000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise OSError("no free ports")
