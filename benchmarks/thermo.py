"""Reaction energies against plain pymatgen: same lines, same numbers, hulls shared or not.

Run: ``python benchmarks/thermo.py [--every N]``. A line is one pair, one convention (reactants
on the hull or at their own energy) and one condition (closed, or open to Li at a voltage). The
peer is what a script does: phase diagram, then ``InterfacialReactivity`` or its grand potential
variant, for every line; with ``--every N`` it computes each N-th and its time is scaled up.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pymatgen.analysis.interface_reactions import (
    GrandPotentialInterfacialReactivity,
    InterfacialReactivity,
)
from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from sulfox.analysis.thermodynamics.entries.entry_set import ENERGY_COLUMN
from sulfox.analysis.thermodynamics.entries.entry_sources import read_entry_set
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.documents.reaction_energy import ReactionEnergyDoc

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("SULFOX_TEST_DATA") or ROOT.parent / "shared" / "data")
TABLE = DATA / "thermo" / "Li-P-S-Cl_formation_energies.csv"
PHASES = (
    *("Li6PS5Cl", "Li3PS4", "Li7P3S11", "Li7PS6", "Li5P(S2Cl)2"),
    *("Li2S", "LiCl", "Li3P", "P2S5", "PCl5"),
)
VOLTS = (None, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5)
SAME_EV = 1e-9
SAME_X = 1e-7


class Line(NamedTuple):
    """One pair, convention and condition."""

    first: str
    second: str
    use_hull: bool
    volt: float | None


Kinks = list[tuple[float, float]]


def all_lines() -> Iterator[Line]:
    pairs = itertools.combinations(PHASES, 2)
    for (first, second), volt, use_hull in itertools.product(pairs, VOLTS, (True, False)):
        yield Line(first, second, use_hull, volt)


def ours(library: HullLibrary, lines: list[Line]) -> list[Kinks]:
    """One document for each pair and condition: it holds both conventions."""
    documents: dict[tuple[str, str, float | None], ReactionEnergyDoc] = {}
    for first, second, _, volt in lines:
        if (first, second, volt) not in documents:
            opened = None if volt is None else parse_open_element(f"Li={volt}V")
            documents[first, second, volt] = reaction_energy(library, (first, second), opened)
    answers = []
    for first, second, use_hull, volt in lines:
        field = "mutual_eV_per_atom" if use_hull else "own_energy_eV_per_atom"
        kinks = documents[first, second, volt].kinks
        answers.append([(kink.x_atomic, getattr(kink, field)) for kink in kinks])
    return answers


def theirs(entries: list[PDEntry], line: Line) -> Kinks:
    one, two = Composition(line.first), Composition(line.second)
    system = {*one.elements, *two.elements} | ({Element("Li")} if line.volt is not None else set())
    rows = [entry for entry in entries if system.issuperset(entry.elements)]
    closed = PhaseDiagram(rows)
    if line.volt is None:
        line_of = InterfacialReactivity(one, two, closed, use_hull_energy=line.use_hull)
    else:
        opened = GrandPotentialPhaseDiagram(rows, {Element("Li"): -line.volt})
        line_of = GrandPotentialInterfacialReactivity(
            one,
            two,
            opened,
            pd_non_grand=closed,
            include_no_mixing_energy=not line.use_hull,
            use_hull_energy=line.use_hull,
        )
    return [(float(x), float(energy)) for _, x, energy, _, _ in line_of.get_kinks()]


def difference(mine: Kinks, peer: Kinks) -> float:
    """Largest difference [eV/atom]; infinite where the kinks are not the same ones."""
    peer = sorted(peer)
    if len(mine) != len(peer):
        return float("inf")
    pairs = list(zip(mine, peer, strict=True))
    if any(abs(a[0] - b[0]) > SAME_X for a, b in pairs):
        return float("inf")
    return max(abs(a[1] - b[1]) for a, b in pairs)


def read_peer_entries() -> list[PDEntry]:
    with TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    parts = [(Composition(row["formula"]), float(row[ENERGY_COLUMN])) for row in rows]
    return [PDEntry(composition, energy * composition.num_atoms) for composition, energy in parts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="the peer computes each N-th line")
    every = parser.parse_args().every
    warnings.filterwarnings("ignore")
    lines = list(all_lines())

    start = time.process_time()  # CPU time: a machine that others use changes little
    entry_set = read_entry_set(TABLE)
    mine = ours(HullLibrary(entry_set), lines)
    own_time = time.process_time() - start

    start = time.process_time()
    entries = read_peer_entries()
    sample = range(0, len(lines), every)
    peer = [theirs(entries, lines[k]) for k in sample]
    peer_time = (time.process_time() - start) * len(lines) / len(sample)

    gaps = [difference(mine[k], answer) for k, answer in zip(sample, peer, strict=True)]
    same = [gap for gap in gaps if gap < SAME_EV]
    said = "all lines" if every == 1 else f"each {every}th line, time scaled up"
    print(
        f"{entry_set.name}, {len(entry_set.entries)} entries, hash {entry_set.hash[:12]}\n"
        f"{len(lines)} lines, CPU time: sulfox {own_time:.2f} s, "
        f"pymatgen loop {peer_time:.1f} s ({said})\n"
        f"  pymatgen / sulfox = {peer_time / own_time:.1f} (at least 10 wanted)\n"
        f"  same kinks and energies within {SAME_EV:g} eV/atom: {len(same)} of {len(gaps)} lines, "
        f"largest difference {max(same, default=0):.1e} eV/atom"
    )
    for k, gap in zip(sample, gaps, strict=True):
        if gap >= SAME_EV:
            print(f"  other: {lines[k]}, {gap:.2e} eV/atom")


if __name__ == "__main__":
    main()
