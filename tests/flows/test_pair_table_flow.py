"""The thermodynamics of a study as jobs: offline, one per entry set, a damaged set left out."""

from __future__ import annotations

import json

import pytest

from sulfox.documents.kinds import parse_document
from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.study import StudyOverrides, load_study
from sulfox.flows.thermodynamic.plan import ThermodynamicsPlan

ROWS = ["LiCoO2,-1.7", "CoO,-1.2", "Li2O,-2.0", "Li2S,-1.5", "Co9S8,-0.5", "P2S5,-0.5"]
MORE = ["Li6PS5Cl,-1.3", "LiCl,-2.1", "Li3PO4,-2.7", "Li2CO3,-2.0", "CoO2,-0.9", "GeS2,-0.5"]


def made(entries=(), **changes):
    study = load_study("gsirr").with_overrides(StudyOverrides(only=("thermodynamics",)))
    plan = ThermodynamicsPlan(entries=tuple(map(str, entries)))
    return build_study_flow(study.model_copy(update={"thermodynamics": plan} | changes))


def jobs(flow):
    return [job for job, _ in flow.flow.iterflow()]


@pytest.fixture
def energies(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(["formula,formation_energy_eV_per_atom", *ROWS, *MORE]))
    return path


def test_every_named_set_and_gas_is_one_job_that_keeps_its_identity():
    flow = made()
    told = [job.name for job in jobs(flow)]
    assert "chgnet, fitted-elements: reaction energies and windows" in told
    assert "nep89, fitted-elements: reaction energies and windows" in told
    assert "LiCoO2 under H2 at 923 K" in told
    assert told[-1] == "gsirr: comparison with the source"
    assert flow.left_out == ()
    assert [job.uuid for job in jobs(flow)] == [job.uuid for job in jobs(made())]


def test_the_users_own_set_takes_part_and_a_damaged_one_is_left_out(energies, tmp_path):
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("formula\nLi2S\n")
    flow = made([energies, damaged])
    assert jobs(flow)[0].name == "mine: reaction energies and windows"
    (reason,) = flow.left_out
    assert "damaged.csv" in reason


def test_the_documents_of_the_jobs_make_the_rows_of_the_comparison(energies):
    table, *gases, comparison = jobs(made([energies]))
    output = table.function(*table.function_args)
    carbon_monoxide = next(job for job in gases if "under CO" in job.name)
    gas = parse_document(carbon_monoxide.function(*carbon_monoxide.function_args))
    assert gas.first_skin == ("CoO", "Li2CO3")
    study, findings, _ = comparison.function_args
    document = parse_document(comparison.function(study, findings, [output, None]))
    rows = {row.quantity: row for row in document.rows}
    energy = rows["chemical reaction energy LCO + LPSCl (entry set mine)"]
    assert "Li0.5CoO2" in energy.computed
    assert energy.verdict.value in ("not reproduced", "reproduced")
    assert "oxidation limit of Li2CO3 (entry set mine)" in rows
    assert document.status.value == "partial"
    json.dumps(output)


def test_a_part_that_the_study_has_not_is_an_error():
    study = load_study("gsirr").model_copy(update={"thermodynamics": None})
    with pytest.raises(SulfoxError, match=r"^SFX-601.*no thermodynamics"):
        study.with_overrides(StudyOverrides(only=("thermodynamics",)))
