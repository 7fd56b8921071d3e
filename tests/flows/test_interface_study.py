"""The study's flow: the same work has the same identity, and only new work is new."""

from __future__ import annotations

import pytest

from sulfox.errors import SulfoxError
from sulfox.flows.interface_study import build_study_flow
from sulfox.flows.study import StudyOverrides, load_study
from sulfox.settings import find_config

pytestmark = pytest.mark.usefixtures("nep89")


@pytest.fixture(scope="module")
def study():
    return load_study("gsirr").with_overrides(StudyOverrides())


def names(made):
    return {job.uuid: job.name for job in made.flow.jobs}


def test_making_the_flow_again_gives_the_same_jobs(study):
    assert names(build_study_flow(study)) == names(build_study_flow(study))


def test_a_seed_more_adds_only_its_jobs(study):
    before = names(build_study_flow(study))
    more = names(build_study_flow(study.with_overrides(StudyOverrides(n_seeds=3))))
    new = {name for uuid, name in more.items() if uuid not in before}
    pooled = {name for name in new if "rates" in name or "comparison" in name}
    assert all("seed 3" in name for name in new - pooled)
    assert len(new - pooled) == 2 * 2 * 4  # pairs, temperatures; two stages, two analyses
    assert len(pooled) == 2 * 2 + 1


def test_another_length_runs_no_interface_again(study):
    before = names(build_study_flow(study))
    longer = names(build_study_flow(study.with_overrides(StudyOverrides(length_ps=40))))
    new = {name for uuid, name in longer.items() if uuid not in before}
    assert not any(word in name for name in new for word in ("bulk", "relax", "interface"))
    assert not any("equilibration" in name for name in new)
    assert sum(name.endswith(": production") for name in new) == 8


def test_a_corrected_material_gives_other_jobs(study, tmp_path, monkeypatch):
    """Nothing stored is taken for a material whose catalogue entry was changed since."""
    before = names(build_study_flow(study))
    entry = find_config("materials", "CoO").read_text().replace("4.26", "4.25")
    (tmp_path / "materials").mkdir()
    (tmp_path / "materials" / "CoO.yaml").write_text(entry)
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    after = names(build_study_flow(study))
    new = {name for uuid, name in after.items() if uuid not in before}
    assert "CoO: bulk" in new
    assert all("CoO" in name or "comparison" in name for name in new)
    assert sum("production" in name for name in new) == 2 * 4


def test_pairs_share_the_bulk_of_a_common_material(study):
    bulks = [name for name in names(build_study_flow(study)).values() if name.endswith(": bulk")]
    assert sorted(bulks) == ["CoO: bulk", "LCO: bulk", "LPSCl: bulk"]


def test_variants_are_labelled_in_every_job_of_theirs():
    study = load_study("gsirr").with_overrides(StudyOverrides(variants=True))
    variants = [n for n in names(build_study_flow(study)).values() if "half-delithiated" in n]
    assert any("production" in name for name in variants)
    assert all(name.startswith("LCO|LPSCl half-delithiated") for name in variants)


def test_an_unknown_engine_or_potential_is_refused_before_anything_runs(study):
    for change in ({"engine": "abacus"}, {"potential": "nep90"}):
        with pytest.raises(SulfoxError, match="SFX-301"):
            build_study_flow(study.with_overrides(StudyOverrides(**change)))
