"""Small real documents: two S atoms of a toy interface are driven together, then analysed."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.analysis.bonds.sulfur_bonds import analyze_bonds, pool_rates
from sulfox.documents.base import Provenance, Reason, Status
from sulfox.documents.comparison import ComparisonDoc, ComparisonRow, Verdict
from sulfox.documents.interface import InterfaceDoc, LayerMoment, PolyanionCheck, SlabSide
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.reports.data import ReportData
from sulfox.trajectories.archive import (
    Segment,
    TrajectoryHeader,
    open_archive,
    write_header,
    write_segment,
)

LEVEL = "NEP89 (MLIP, not DFT)"
MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CELL = np.diag([10.0, 8.0, 34.0])
#: Cathode: a CoO layer. Electrolyte: PS4, Li, Cl and two pairs of free S, 3.6 Å apart.
ATOMS = [
    *(
        ("Co" if (i + j) % 2 else "O", (0.5 + 2 * i, 1 + 2 * j, 4.0))
        for i in range(5)
        for j in (0, 1, 2)
    ),
    ("P", (3.0, 4.0, 10.0)),
    ("S", (4.2, 5.2, 11.2)),
    ("S", (1.8, 2.8, 11.2)),
    ("S", (4.2, 2.8, 8.8)),
    ("S", (1.8, 5.2, 8.8)),
    ("S", (8.5, 1.0, 14.5)),
    ("S", (8.5, 4.6, 14.5)),
    ("S", (3.0, 1.0, 16.0)),
    ("S", (3.0, 4.6, 16.0)),
    ("Li", (8.0, 6.5, 9.0)),
    ("Cl", (6.5, 6.5, 14.5)),
]
SPECIES = tuple(symbol for symbol, _ in ATOMS)
SIDES = tuple("cathode" if z < 6 else "electrolyte" for _, (_, _, z) in ATOMS)
START = np.array([xyz for _, xyz in ATOMS])
#: The atom of each pair that moves, towards -y.
MOVERS = (SPECIES.index("P") + 6, SPECIES.index("P") + 8)


def provenance(**changes):
    fields = {
        "engine": "mlip",
        "level_of_theory": LEVEL,
        "inputs_hash": "ab" * 32,
        "code_versions": {"sulfox": "0.1.0"},
        "study": "toy",
        "created_at": MADE,
    }
    return Provenance(**(fields | changes))


def slab(material, polyanions=(), **changes):
    fields = {
        "material": material,
        "structure_id": "st-1",
        "formula": material,
        "miller": (1, 0, 4),
        "termination": f"{material}-top",
        "n_layers": 1,
        "n_atoms": 12,
        "thickness_A": 8.0,
        "supercell": ((1, 0), (0, 1)),
        "strain": ((0.011, 0.002), (0.002, -0.024)),
        "strain_max": 0.0242,
        "dipole_per_area": 0.0,
        "is_polar": False,
        "is_stoichiometric": False,
        "excess": {"Li": -2},
        "polyanions": polyanions,
        "magnetic_layers": (),
    }
    return SlabSide(**(fields | changes))


def interface(pair):
    structure = StructureRecord(
        lattice=CELL.tolist(), species=SPECIES, positions=START.tolist(), sides=SIDES
    )
    whole = PolyanionCheck(
        central="P", ligand="S", coordination=4, n_units=1, n_intact=1, repaired=False
    )
    layer = LayerMoment(height_A=0.0, net_moment_muB=0.0, absolute_moment_muB=6.0)
    cathode, electrolyte = pair.split("|")
    return InterfaceDoc(
        id=f"if-{cathode}",
        status=Status.COMPLETE,
        provenance=provenance(engine="sulfox", level_of_theory="geometry"),
        pair=pair,
        cathode=slab(cathode, magnetic_layers=(layer,)),
        electrolyte=slab(electrolyte, (whole,)),
        strain_rule="electrolyte carries all",
        misfit_max=0.024,
        strain_max=0.0242,
        area_A2=80.0,
        angle_deg=90.0,
        gap_A=2.5,
        registry=(0.25, 0.5),
        vacuum_A=15.0,
        n_atoms=len(SPECIES),
        composition=structure.composition,
        min_distances_A={"O-S": 3.1},
        rank=1,
        ranking="strain",
        structure=structure,
    )


def run_toy(folder, pair, temperature_K, seed, n_bonds, **changes):
    """Write an archive in which `n_bonds` pairs of S come together, and its document."""
    identity = (
        f"tr-{pair.split('|')[0]}-{changes.get('variant', 'default')}-{temperature_K:g}-{seed}"
    )
    n = 101
    noise = np.random.default_rng(seed).normal(0, 0.03, (n, len(SPECIES), 3))
    positions = START + noise
    closer = 1.55 * np.clip((np.arange(n) - 40) / 10, 0, 1)
    for mover in MOVERS[:n_bonds]:
        positions[:, mover, 1] -= closer
    steps = 5 * np.arange(n)
    write_header(
        folder / identity,
        TrajectoryHeader(
            trajectory_id=identity,
            species=SPECIES,
            sides=SIDES,
            time_step_fs=2.0,
            frame_interval_fs=10.0,
        ),
    )
    rng = np.random.default_rng(seed + 100)
    segment = Segment(
        steps=steps,
        times_fs=2.0 * steps,
        positions=positions,
        lattice=CELL,
        potential_energy_eV=-100 + rng.normal(0, 0.1, n),
        temperature_K=temperature_K + rng.normal(0, 20, n),
        conserved_eV=-90 + rng.normal(0, 0.001, n),
    )
    write_segment(folder / identity, segment, 0)
    fields = {
        "id": identity,
        "status": Status.COMPLETE,
        "provenance": provenance(),
        "pair": pair,
        "variant": "default",
        "interface_id": f"if-{pair.split('|')[0]}",
        "stage": "production",
        "ensemble": "NVT",
        "thermostat": "nose-hoover-chain",
        "temperature_K": temperature_K,
        "seed": seed,
        "time_step_fs": 2.0,
        "n_steps_requested": 500,
        "n_steps_done": 500,
        "length_ps": 1.0,
        "temperature_mean_K": temperature_K,
        "temperature_std_K": 20.0,
        "energy_drift_eV_per_atom_ps": 1e-5,
        "conserved_drift_eV_per_atom_ps": 1e-7,
        "wall_time_s": 1.0,
        "species": SPECIES,
        "sides": SIDES,
        "interface_height_A": 6.0,
        "area_A2": 80.0,
        "final_energy_eV": -100.0,
        "archive": open_archive(folder / identity).reference(),
    }
    return TrajectoryDoc(**(fields | changes))


def comparison(documents, rows=None):
    row = ComparisonRow(
        quantity="S-S bonds <b>at LCO</b>",
        published="S-S bonds form & stay",
        source="doi:10.1002/adma.202305748, Fig. 5j",
        computed="seed 1: 1 formed",
        engine="mlip",
        level_of_theory=LEVEL,
        definition="S-S closer than 2.4 Å for 50 fs",
        verdict=Verdict.REPRODUCED,
        reason="holds in 1 of 1 seeds",
        inputs=("sb-1", "sb-2"),
    )
    changed = [
        row.model_copy(
            update={
                "verdict": verdict,
                "quantity": f"quantity {verdict.name}",
                "definition": f"definition of {verdict.name}",
            }
        )
        for verdict in Verdict
    ]
    return ComparisonDoc(
        id="cp-1",
        status=Status.COMPLETE,
        provenance=provenance(),
        study="toy",
        rows=tuple(rows if rows is not None else [row, *changed]),
        inputs=tuple(document.id for document in documents),
    )


@pytest.fixture(scope="session")
def make_data(tmp_path_factory):
    """Build report data: {(pair, variant, T, seed): bonds driven together}."""

    def make(runs, analysed=("S-S", "P-S", "Co-O"), extra=(), with_comparison=True):
        archives = tmp_path_factory.mktemp("archives")
        pairs = dict.fromkeys(key[0] for key in runs)
        documents = [interface(pair) for pair in pairs]
        groups = {}
        for (pair, variant, temperature_K, seed), n_bonds in runs.items():
            run = run_toy(archives, pair, temperature_K, seed, n_bonds, variant=variant)
            documents.append(run)
            frames = open_archive(archives / run.id).frames()
            for bond in analysed:
                analysis = analyze_bonds(frames, choose_criteria(bond), run)
                analysis = analysis.model_copy(update={"provenance": provenance()})
                documents.append(analysis)
                if bond == "S-S":
                    groups.setdefault((pair, variant, temperature_K), []).append(analysis)
        made = {"provenance": provenance()}
        documents += [pool_rates(members).model_copy(update=made) for members in groups.values()]
        documents += extra
        return ReportData(
            study="toy",
            comparison=comparison(documents) if with_comparison else None,
            documents=tuple(documents),
            open_trajectory=lambda identity: open_archive(archives / identity),
        )

    return make


@pytest.fixture
def refused_relaxation():
    """A relaxation that was refused, with a reason that holds markup."""
    record = StructureRecord(
        lattice=CELL.tolist(), species=SPECIES, positions=START.tolist(), sides=SIDES
    )
    return RelaxationDoc(
        id="rx-refused",
        status=Status.REFUSED,
        reasons=(Reason(code="SFX-305", message="left the limits <script>alert(1)</script>"),),
        provenance=provenance(),
        label="CoO|LPSCl",
        relax_cell=False,
        energy_eV=-1.0,
        max_force_eV_A=3.0,
        force_threshold_eV_A=0.05,
        n_steps=500,
        max_displacement_A=9.0,
        initial=record,
        final=record,
    )


@pytest.fixture(scope="session")
def two_pairs(make_data):
    """LCO with one bond at 600 K, CoO without; two seeds each."""
    return make_data(
        {
            ("LCO|LPSCl", "default", 600.0, 1): 1,
            ("LCO|LPSCl", "default", 600.0, 2): 0,
            ("CoO|LPSCl", "default", 600.0, 1): 0,
            ("CoO|LPSCl", "default", 600.0, 2): 0,
        }
    )
