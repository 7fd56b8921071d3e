"""Reading a large vasprun.xml and its O 2p centre, against pymatgen's Vasprun.

A real file (OsO2, from SULFOX_TEST_DATA) is made large: every ion is repeated (a supercell, with
its projections), the energy grid is refined by linear interpolation, and the ionic step, with
its electronic steps, forces and eigenvalues, is repeated.
sulfox and pymatgen (``Vasprun(...).complete_dos.get_band_center``) read the same file, each in
a process of its own; both centres are printed beside the ratios of CPU time and peak memory
(``getrusage``). The time is that of the large file alone, after the modules are loaded; the
peak is that of the whole process, modules included.

    python benchmarks/vasprun_dos.py [--ions 16] [--refine 3] [--steps 10] [--rounds 1]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
SOURCE = DATA / "vasp" / "OsO2_pdos_nonmagnetic.vasprun.xml.gz"
TARGET = 5.0


def refined(rows: list[bytes], factor: int) -> bytes:
    """Rows of a table on a finer grid."""
    table = np.array([row.split()[1:-1] for row in rows], dtype=float)
    fine = np.linspace(0, len(table) - 1, (len(table) - 1) * factor + 1)
    columns = [np.interp(fine, np.arange(len(table)), column) for column in table.T]
    line = b"        <r>" + b"%11.4f" * len(columns) + b" </r>\n"
    return b"".join(line % values for values in zip(*columns, strict=True))


def repeated(block: bytes, ions: int) -> bytes:
    """Every row of a table, one after the other, `ions` times."""
    marks = (b"<v>", b"<r>", b"<rc>")
    return b"".join(
        line * ions if line.lstrip().startswith(marks) else line
        for line in block.splitlines(keepends=True)
    )


def with_more_ions(text: bytes, ions: int) -> bytes:
    """Repeat the ions in the lists of atoms, positions and forces; the cell grows along a."""

    def stretched(match: re.Match[bytes]) -> bytes:
        vector = b" ".join(b"%.8f" % (ions * float(word)) for word in match[2].split())
        return match[1] + vector

    def shifted(match: re.Match[bytes]) -> bytes:
        rows = np.array([row.split()[1:-1] for row in match[2].splitlines() if b"<v>" in row])
        images = np.repeat(rows.astype(float), ions, axis=0)
        images[:, 0] = (images[:, 0] + np.tile(np.arange(ions), len(rows))) / ions
        return match[1] + b"".join(b"<v> %.8f %.8f %.8f </v>\n" % tuple(row) for row in images)

    text = re.sub(rb'(name="basis" >\s*<v>)([^<]*)', stretched, text)
    text = re.sub(rb'(name="positions" >\n)(.*?)(?=\s*</varray>)', shifted, text, flags=re.DOTALL)
    for name in (b'<array name="atoms"', b'<varray name="forces"'):
        end = b"</array>" if b"<array" in name else b"</varray>"
        pattern = re.escape(name) + b".*?" + end
        text = re.sub(pattern, lambda match: repeated(match[0], ions), text, flags=re.DOTALL)
    return re.sub(rb"<atoms>\s*(\d+)", lambda match: b"<atoms> %d" % (ions * int(match[1])), text)


def large_dos(text: bytes, factor: int, ions: int) -> Iterator[bytes]:
    """Yield the section <dos> on a finer grid, with each ion repeated."""
    rows: list[bytes] = []
    ion: list[bytes] | None = None
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith(b"<r>"):
            rows.append(line)
            continue
        out = (refined(rows, factor) if rows else b"") + line
        rows = []
        if b'comment="ion' in line:
            ion = []
        if ion is None:
            yield out
            continue
        ion.append(out)
        if line.rstrip() == b"      </set>":
            yield b"".join(ion) * ions
            ion = None


def write_large(path: Path, options: argparse.Namespace) -> None:
    """Write the scaled file."""
    text = with_more_ions(gzip.decompress(SOURCE.read_bytes()), options.ions)
    begin, dos, after = (text.index(mark) for mark in (b"<calculation>", b"<dos>", b"</dos>"))
    bands = text.index(b"</eigenvalues>", after)  # of the projected bands: then the projections
    with path.open("wb") as out:
        out.write(text[:begin])
        for _ in range(options.steps - 1):
            out.write(text[begin:dos] + b"</calculation>\n")
        out.write(text[begin:dos])
        out.writelines(large_dos(text[dos:after], options.refine, options.ions))
        out.write(text[after:bands])
        end = text.index(b"</projected>")
        out.write(repeated(text[bands:end], options.ions))
        out.write(text[end:])


def read_with_sulfox(path: Path) -> float:
    from sulfox.analysis.electronic.band_center import analyze_band_center
    from sulfox.engines.vasp.electronic_files import read_projected_dos

    return analyze_band_center(read_projected_dos(path, ("O",), ("s", "p"))).all_re_fermi_eV


def read_with_pymatgen(path: Path) -> float:
    from pymatgen.core import Element
    from pymatgen.electronic_structure.core import OrbitalType
    from pymatgen.io.vasp import Vasprun

    dos = Vasprun(str(path), parse_potcar_file=False).complete_dos
    return dos.get_band_center(band=OrbitalType.p, elements=[Element("O")])


READERS = {"sulfox": read_with_sulfox, "pymatgen": read_with_pymatgen}


def usage() -> tuple[float, float]:
    """CPU time [s] and peak memory [MiB] of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return used.ru_utime + used.ru_stime, used.ru_maxrss / unit


def measure(reader: str, path: Path, small: Path) -> dict[str, float]:
    """Read the large file in this process, after the small one has loaded all modules."""
    READERS[reader](small)
    loaded_s, loaded_mib = usage()
    start = time.perf_counter()
    center = READERS[reader](path)
    total_s, peak_mib = usage()
    return {
        "center": center,
        "seconds": total_s - loaded_s,
        "wall": time.perf_counter() - start,
        "peak": peak_mib,
        "above": max(peak_mib - loaded_mib, 0.1),
    }


def in_own_process(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ions", type=int, default=16, help="ions per ion")
    parser.add_argument("--refine", type=int, default=3, help="grid points per grid point")
    parser.add_argument("--steps", type=int, default=10, help="ionic steps")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_large(Path(options.write), options)
        return
    if options.measure:
        reader, large, small = options.measure
        print(json.dumps(measure(reader, Path(large), Path(small))))
        return
    if not SOURCE.is_file():
        sys.exit(f"recorded data not found: {SOURCE} (set SULFOX_TEST_DATA)")
    with tempfile.TemporaryDirectory() as folder:
        large, small = Path(folder) / "vasprun.xml", Path(folder) / "small.xml"
        scales = {large: (options.ions, options.refine, options.steps), small: (1, 1, 1)}
        for path, (ions, refine, steps) in scales.items():
            scale = f"--ions={ions} --refine={refine} --steps={steps}".split()
            in_own_process("--write", str(path), *scale)
        print(f"vasprun.xml of {large.stat().st_size / 2**20:.0f} MiB")
        best: dict[str, dict[str, float]] = {}
        for _ in range(options.rounds):
            for name in READERS:
                found = json.loads(in_own_process("--measure", name, str(large), str(small)))
                if name not in best or found["seconds"] < best[name]["seconds"]:
                    best[name] = found
    report(best["sulfox"], best["pymatgen"])


def report(ours: dict[str, float], theirs: dict[str, float]) -> None:
    for name, found in (("sulfox", ours), ("pymatgen", theirs)):
        print(
            f"{name:9} centre {found['center']:.6f} eV   CPU {found['seconds']:7.2f} s   "
            f"wall {found['wall']:7.2f} s   peak {found['peak']:7.1f} MiB"
        )
    if abs(ours["center"] - theirs["center"]) > 1e-6:
        sys.exit("the two centres differ")
    ratios = {key: theirs[key] / ours[key] for key in ("seconds", "peak")}
    print(
        f"pymatgen / sulfox: CPU time {ratios['seconds']:.1f}, peak memory {ratios['peak']:.1f} "
        f"(target {TARGET:g} both); memory above a small file's {theirs['above']:.1f} against "
        f"{ours['above']:.1f} MiB"
    )
    sys.exit(0 if min(ratios.values()) >= TARGET else 1)


if __name__ == "__main__":
    main()
