"""What sulfox's flows cost beside plain jobflow, and how long large studies take to wire.

1. Empty jobs through ``jobflow.run_locally``: as jobflow makes them, and as sulfox makes them
   (UUIDs by content, so that a job is never repeated). The ratio of the time per job.
2. The same jobs through sulfox's own manager, which gives every job a process of its own and
   stores its output on disk: an absolute price per job, for isolation and for resuming.
3. The flow of a study of up to 1,000 interfaces: the time must grow with their number only.

    python benchmarks/orchestration.py [--jobs 200] [--rounds 9] [--interfaces 1000]

Ends with an error if the first ratio is above 1.2, or wiring grows faster than n^1.2.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from sulfox.flows.identity import REVISIONS, name_by_content
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.local_manager import JobState, run_flow
from sulfox.flows.study import Study
from sulfox.stores.opening import open_store

MAX_RATIO = 1.2
MAX_EXPONENT = 1.2
REVISIONS["empty"] = 1


@job
def empty(number: int) -> dict[str, int]:
    return {"number": number}


def plain_flow(n_jobs: int) -> Flow:
    return Flow([empty(i) for i in range(n_jobs)])


def named_flow(n_jobs: int) -> Flow:
    return Flow([name_by_content(empty(i)) for i in range(n_jobs)])


def seconds_per_job(make, n_jobs: int) -> float:
    store = JobStore(MemoryStore())
    start = time.process_time()
    run_locally(make(n_jobs), log=False, store=store)
    return (time.process_time() - start) / n_jobs


def manager_seconds_per_job(n_jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        opener = partial(open_store, str(Path(folder) / "store"))
        start = time.perf_counter()
        run = run_flow(named_flow(n_jobs), opener, work_dir=Path(folder) / "work", workers=2)
        if run.count(JobState.DONE) != n_jobs:
            sys.exit(f"{n_jobs} jobs, {run.count(JobState.DONE)} done: {run.failures[:1]}")
        return (time.perf_counter() - start) / n_jobs


def study_of(n_interfaces: int) -> Study:
    facets = [f for f in itertools.product(range(8), repeat=3) if math.gcd(*f) == 1]
    both = itertools.islice(itertools.product(facets, facets), n_interfaces)
    pairs = [
        {
            "name": f"CoO|LPSCl {i}",
            "cathode": {"material": "CoO", "facet": list(cathode)},
            "electrolyte": {"material": "LPSCl", "facet": list(electrolyte)},
        }
        for i, (cathode, electrolyte) in enumerate(both)
    ]
    dynamics = {"temperatures_K": [300], "seeds": [1], "equilibration_ps": 1, "length_ps": 20}
    return Study.model_validate(
        {
            "name": "many",
            "title": "many",
            "question": "how long?",
            "bonds": ["S-S"],
            "potential": "ase.calculators.emt:EMT",
            "pairs": pairs,
            "dynamics": dynamics,
        }
    )


def wiring_seconds(n_interfaces: int) -> tuple[float, int]:
    study = study_of(n_interfaces)
    start = time.process_time()
    flow = build_study_flow(study).flow
    return time.process_time() - start, len(flow.jobs)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--jobs", type=int, default=200)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--interfaces", type=int, default=1000)
    asked = options.parse_args()

    times: dict[str, list[float]] = {"plain": [], "named": []}
    seconds_per_job(plain_flow, 5)
    for _ in range(asked.rounds):  # in turns: the machine may do other work as well
        times["plain"].append(seconds_per_job(plain_flow, asked.jobs))
        times["named"].append(seconds_per_job(named_flow, asked.jobs))
    plain, named = (min(times[name]) for name in ("plain", "named"))
    print(f"jobflow run_locally, empty jobs     {1e3 * plain:7.2f} ms of CPU per job")
    print(f"the same, named by content          {1e3 * named:7.2f} ms, ratio {named / plain:.2f}")
    manager = manager_seconds_per_job(20)
    print(f"sulfox's manager, a process per job {1e3 * manager:7.0f} ms of wall clock per job")

    wiring_seconds(1)  # imports
    sizes = [asked.interfaces // k for k in (8, 4, 2, 1)]
    seconds = []
    for n in sizes:
        taken, n_jobs = wiring_seconds(n)
        seconds.append(taken)
        print(
            f"flow of {n:5d} interfaces, {n_jobs:6d} jobs {taken:7.2f} s, "
            f"{1e3 * taken / n:.2f} ms each"
        )
    exponent = math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])
    print(f"time ~ n^{exponent:.2f}, {1e3 * seconds[-1] / sizes[-1]:.2f} ms per interface")
    if named / plain > MAX_RATIO or exponent > MAX_EXPONENT:
        sys.exit(f"above {MAX_RATIO} or n^{MAX_EXPONENT}")


if __name__ == "__main__":
    main()
