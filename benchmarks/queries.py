"""Time of each declared query against the size of the store: flat where it is indexed.

The embedded store is filled with 10^3, 10^4 and 10^5 synthetic bond analyses (two documents a
job). Each query asks for at most 20 documents; a small store may hold fewer. Printed: milliseconds
and answers at each size, the ratio of the times per answer, the query plan, and the same question
asked of MontyDB without the index, which is what the store did before it had one.

Run: python benchmarks/queries.py [--sizes 1000 10000 100000]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from sulfox.stores.embedded.folder import EmbeddedFolder
from sulfox.stores.opening import open_documents
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.search import Condition, Search

PAIRS = ("LCO|LPSCl", "CoO|LPSCl", "NCM811|LPSCl", "Li2CO3|LPSCl", "LCO|LGPS")
ROUNDS = 7


def analysis(number: int, rng: np.random.Generator) -> dict:
    """One document, about as long as a real one."""
    return {
        "kind": "sulfur_bonds",
        "schema_version": 1,
        "id": f"sb-{number:08d}",
        "status": "complete" if rng.random() > 0.01 else "refused",
        "pair_of_materials": PAIRS[number % len(PAIRS)],
        "variant": "default",
        "temperature_K": float(rng.integers(3, 13) * 100),
        "seed": int(rng.integers(1, 6)),
        "n_formed": int(rng.poisson(0.02) * 5),
        "length_ps": 20.0,
        "criteria": {"pair": "S-S"},
        "interface_id": f"if-{number // 10:08d}",
        "trajectory_id": f"tr-{number:08d}",
        "times_ps": [0.1 * i for i in range(20)],
        "provenance": {
            "engine": "mlip",
            "level_of_theory": "NEP89 (MLIP, not DFT)",
            "study": f"study-{number // 50}",
            "created_at": f"2026-{1 + number % 12:02d}-{1 + number % 28:02d}T00:00:00Z",
        },
    }


def fill(folder: EmbeddedFolder, size: int, rng: np.random.Generator) -> None:
    """Write `size` documents, two a job, a thousand jobs a transaction."""
    folder.create()
    jobs = [
        {
            "uuid": f"job-{first:08d}",
            "index": 1,
            "completed_at": f"2026-01-01T{first:08d}",
            "output": {"documents": [analysis(first, rng), analysis(first + 1, rng)]},
        }
        for first in range(0, size, 2)
    ]
    for start in range(0, len(jobs), 1000):
        folder.write(jobs[start : start + 1000], ["uuid", "index"])


def questions(size: int) -> dict[str, Search]:
    """Make declared queries of bond analyses, each with at most 20 answers."""
    middle = size // 2

    def ask(name: str, sign: str, value: str | float, *more: Condition) -> Search:
        return Search("sulfur_bonds", (Condition(name, sign, value), *more), limit=20)

    return {
        "one document by id": ask("id", "=", f"sb-{middle:08d}"),
        "a study": ask("study", "=", f"study-{middle // 50}"),
        "a pair at a temperature": ask(
            "pair", "=", "CoO|LPSCl", Condition("temperature_K", "=", 600.0)
        ),
        "S-S formed > 5": ask("n_formed", ">", 5.0),
        "refused": ask("status", "=", "refused"),
        "an interface": ask("interface_id", "=", f"if-{middle // 10:08d}"),
        "a trajectory": ask("trajectory_id", "=", f"tr-{middle:08d}"),
        "newest 20": Search("sulfur_bonds", limit=20),
    }


def milliseconds(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median of a few rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def _read_all(reader: DocumentReader, wanted: dict) -> list[dict]:
    return list(reader.find(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    sizes = parser.parse_args().sizes
    rng = np.random.default_rng(1)
    times: dict[str, list[tuple[float, int]]] = {}
    plans: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as root:
        for size in sizes:
            folder = EmbeddedFolder(Path(root) / str(size))
            fill(folder, size, rng)
            reader = open_documents(folder.root)
            asked = questions(size)
            plans = reader.explain(asked)
            for name, search in asked.items():
                answers = len(reader.search(search))
                took = milliseconds(partial(reader.search, search))
                times.setdefault(name, []).append((took, answers))
            if size == sizes[0]:
                wanted = {"output.documents": {"$elemMatch": {"interface_id": "if-00000050"}}}
                without = milliseconds(partial(_read_all, reader, wanted), rounds=1)
                print(
                    f"MontyDB without the index, an interface, {size} documents: {without:.0f} ms"
                )
    print(f"\n{'query':26}" + "".join(f"{size:>15}" for size in sizes) + "   ratio  plan")
    for name, row in times.items():
        cells = "".join(f"{took:10.2f} ({n:2d})" for took, n in row)
        (first, n_first), (last, n_last) = row[0], row[-1]
        ratio = last / max(n_last, 1) / (first / max(n_first, 1))
        print(f"{name:26}{cells}{ratio:8.2f}  {plans[name]}")
    scans = [name for name, plan in plans.items() if "SCAN" in plan]
    print(f"\nqueries that read every row: {', '.join(scans) or 'none'} (times in ms)")


if __name__ == "__main__":
    main()
