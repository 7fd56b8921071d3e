"""Reading an XDATCAR and a vasprun.xml of a long run, against pymatgen, ASE and MDAnalysis.

The files are written here: 174 atoms that oscillate, in the columns VASP prints; the steps of
vasprun.xml repeat one from the middle of a real run (LGPS, from SULFOX_TEST_DATA; its first has
more than twice the usual electronic steps) around new positions and forces. Each reader reads in
a process of its own and visits every frame. Time is CPU time of the reading alone, after the
modules are loaded, the best of ``--rounds``; peak memory (``getrusage``) is that of the whole
process. Ratios are of CPU time per frame. By default all read the same file; with
``--peer-frames`` the others read a shorter one, which favours them: their time per frame and their
memory grow with the frames. MDAnalysis has no reader of either format (MDAnalysis#3351).

    python benchmarks/trajectory_read.py [--frames 10000] [--peer-frames N] [--long 100000]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
SOURCE = DATA / "vasp" / "LGPS_aimd_800K_264steps.vasprun.xml.gz"
COUNTS = {"Li": 60, "Co": 20, "O": 40, "P": 8, "S": 40, "Cl": 6}
SPECIES = [element for element, n in COUNTS.items() for _ in range(n)]
TARGETS = {"pymatgen": 50.0, "ase": 8.0}
TARGET_FORMATS = ("XDATCAR", "vasprun.xml")
MEMORY_MIB = 200.0
#: Frames that are written once and repeated: their numbers differ, the file is long.
PERIOD = 200


def positions(k: int) -> np.ndarray:
    phase = np.arange(3 * len(SPECIES)).reshape(-1, 3)
    return (0.0137 * phase + 0.02 * np.sin(2 * np.pi * k / PERIOD + phase)) % 1


def rows(table: np.ndarray, form: bytes) -> bytes:
    return b"".join(form % tuple(row) for row in table.tolist())


def write_xdatcar(path: Path, n: int) -> None:
    symbols, numbers = " ".join(COUNTS), " ".join(str(count) for count in COUNTS.values())
    head = "interface\n           1\n     9.8 0 0\n     0 9.8 0\n     0 0 31.5\n"
    blocks = [rows(positions(k), b"%12.8f%12.8f%12.8f\n") for k in range(PERIOD)]
    with path.open("wb") as out:
        out.write(f"{head}{symbols}\n{numbers}\n".encode())
        for k in range(n):
            out.write(b"Direct configuration=%6d\n" % (k + 1) + blocks[k % PERIOD])


def write_vasprun(path: Path, n: int) -> None:
    text = gzip.decompress(SOURCE.read_bytes())
    head, *steps = text.split(b" <calculation>\n")
    step = b" <calculation>\n" + steps[len(steps) // 2]
    atoms = b"".join(b"    <rc><c>%-2s</c><c>   1</c></rc>\n" % s.encode() for s in SPECIES)
    count = len(SPECIES)
    head = re.sub(rb"<atoms>\s*\d+", b"<atoms> %d" % count, head)
    head = re.sub(
        rb'(<array name="atoms".*?<set>\n).*?( *</set>)', rb"\1" + atoms + rb"\2", head, flags=re.S
    )

    def filled(block: bytes, name: bytes, table: np.ndarray) -> bytes:
        line = b"   <v> %15.8f %15.8f %15.8f </v>\n"
        pattern = rb'(<varray name="' + name + rb'" >\n).*?( *</varray>)'
        body = rows(table, line)
        return re.sub(pattern, lambda m: m[1] + body + m[2], block, flags=re.S)

    head = filled(head, b"positions", positions(0))
    head = re.sub(rb'<varray name="velocities" >.*?</varray>', b"", head, flags=re.S)
    blocks = []
    for k in range(PERIOD):
        block = filled(step, b"positions", positions(k))
        blocks.append(filled(block, b"forces", 8 * (positions(k + 7) - 0.5)))
    with path.open("wb") as out:
        out.write(head)
        for k in range(n):
            out.write(blocks[k % PERIOD])
        final = filled(
            text[text.index(b' <structure name="finalpos"') :], b"positions", positions(n)
        )
        out.write(re.sub(rb'<varray name="velocities" >.*?</varray>', b"", final, flags=re.S))


def with_sulfox(path: Path) -> Iterator[float]:
    from sulfox.trajectories.files.opening import iter_frames

    for frame in iter_frames(path):
        yield float(frame.coordinates[-1, 2])


def with_pymatgen(path: Path) -> Iterator[float]:
    from pymatgen.io.vasp import Vasprun, Xdatcar

    if "XDATCAR" in path.name:
        for structure in Xdatcar(path).structures:
            yield float(structure.frac_coords[-1, 2])
    else:
        run = Vasprun(path, parse_dos=False, parse_eigen=False, parse_potcar_file=False)
        for step in run.ionic_steps:
            yield float(step["structure"].frac_coords[-1, 2])


def with_ase(path: Path) -> Iterator[float]:
    from ase.io import iread

    name = "vasp-xdatcar" if "XDATCAR" in path.name else "vasp-xml"
    for atoms in iread(path, index=":", format=name):
        yield float(atoms.get_scaled_positions()[-1, 2])


READERS: dict[str, Callable[[Path], Iterator[float]]] = {
    "sulfox": with_sulfox,
    "pymatgen": with_pymatgen,
    "ase": with_ase,
}


def measure(reader: str, path: Path, small: Path) -> dict[str, float]:
    """Read in this process, after a small file has loaded all modules."""
    list(READERS[reader](small))
    start, wall = time.process_time(), time.perf_counter()
    n, total = 0, 0.0
    for value in READERS[reader](path):
        n += 1
        total += value
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return {
        "frames": n,
        "mean": total / n,
        "seconds": time.process_time() - start,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
    }


def in_own_process(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def best_of(rounds: int, reader: str, path: Path, small: Path) -> dict[str, float]:
    found = [
        json.loads(in_own_process("--measure", reader, str(path), str(small)))
        for _ in range(rounds)
    ]
    return min(found, key=lambda one: one["seconds"])


HEADER = "file", "reader", "frames", "CPU s", "us/frame", "MiB/s", "peak MiB", "ratio", "target"
WIDTHS = 15, 9, 7, 8, 9, 7, 9, 8, 7


def show(*cells: str) -> None:
    first = (cell.ljust(width) for cell, width in zip(cells[:2], WIDTHS, strict=False))
    rest = (cell.rjust(width) for cell, width in zip(cells[2:], WIDTHS[2:], strict=False))
    print(" ".join((*first, *rest)).rstrip(), flush=True)


def per_frame(found: dict[str, float]) -> float:
    return found["seconds"] / found["frames"]


def told(found: dict[str, float], path: Path) -> list[str]:
    speed = path.stat().st_size / 2**20 / found["seconds"]
    numbers = f"{found['frames']:d} {found['seconds']:.2f} {1e6 * per_frame(found):.1f}"
    return [*numbers.split(), f"{speed:.0f}", f"{found['peak']:.0f}"]


def written(name: str, folder: Path, n: int) -> Path:
    path = folder / f"{n}-{name}"
    if path.is_file():
        return path
    if name.endswith(".gz"):
        plain = written(name.removesuffix(".gz"), folder, n)
        with plain.open("rb") as text, gzip.open(path, "wb", compresslevel=6) as out:
            shutil.copyfileobj(text, out, 1 << 20)
    else:
        {"XDATCAR": write_xdatcar, "vasprun.xml": write_vasprun}[name](path, n)
    return path


def compare(name: str, folder: Path, options: argparse.Namespace) -> bool:
    """Time all readers on one format; True if every target is met."""
    n_theirs = options.peer_frames or options.frames
    small, long, short = (written(name, folder, n) for n in (3, options.frames, n_theirs))
    ours = best_of(options.rounds, "sulfox", long, small)
    check = ours if short == long else best_of(1, "sulfox", short, small)
    results = {}
    for reader in TARGETS:
        results[reader] = best_of(options.peer_rounds, reader, short, small)
        difference = abs(results[reader]["mean"] - check["mean"])
        if results[reader]["frames"] != check["frames"] or difference > 1e-9:
            sys.exit(f"{reader} and sulfox read different frames from {name}")
    # once more: others may have used the machine meanwhile
    again = best_of(options.rounds, "sulfox", long, small)
    ours = min(ours, again, key=per_frame)
    show(name, "sulfox", *told(ours, long))
    met = True
    for reader, found in results.items():
        ratio = per_frame(found) / per_frame(ours)
        target = TARGETS[reader] if name in TARGET_FORMATS else None
        met &= target is None or ratio >= target
        show(name, reader, *told(found, short), f"{ratio:.1f}", f"{target:g}" if target else "-")
    return met


def memory(name: str, folder: Path, options: argparse.Namespace) -> bool:
    """Peak memory of short and long files; True if it stays below the limit."""
    met = True
    for n in (1000, options.frames, options.long):
        path = written(name, folder, n)
        found = best_of(1, "sulfox", path, written(name, folder, 3))
        met &= found["peak"] < MEMORY_MIB
        show(name, "sulfox", *told(found, path), "", f"<{MEMORY_MIB:g}")
        if n != options.frames:
            path.unlink()
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--peer-frames", type=int, help="frames that the others read")
    parser.add_argument("--long", type=int, default=100_000, help="frames of the memory test")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-rounds", type=int, default=1)
    parser.add_argument("--formats", nargs="+", default=[*TARGET_FORMATS, "vasprun.xml.gz"])
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        reader, path, small = options.measure
        print(json.dumps(measure(reader, Path(path), Path(small))))
        return
    if not SOURCE.is_file():
        sys.exit(f"recorded data not found: {SOURCE} (set SULFOX_TEST_DATA)")
    print(f"{len(SPECIES)} atoms; CPU time, peak memory of the process", flush=True)
    met = True
    with tempfile.TemporaryDirectory() as folder:
        show(*HEADER)
        for name in options.formats:
            met &= compare(name, Path(folder), options)
        has = "has no reader" if find_spec("MDAnalysis") else "not installed; has no reader"
        show("both", "MDAnalysis", f"{has} of XDATCAR or vasprun.xml")
        show("peak memory of sulfox")
        for name in options.formats:
            met &= name not in TARGET_FORMATS or memory(name, Path(folder), options)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
