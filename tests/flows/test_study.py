"""A study as data: what is read is what was meant, and nothing else."""

from __future__ import annotations

import pytest
import yaml

from sulfox.errors import SulfoxError
from sulfox.flows.study import StudyOverrides, load_study


@pytest.fixture
def folder(tmp_path):
    """A folder with a small valid study."""
    content = {
        "name": "small",
        "title": "t",
        "question": "q",
        "pairs": [
            {
                "name": "CoO|LPSCl",
                "cathode": {"material": "CoO", "facet": [1, 0, 0]},
                "electrolyte": {"material": "LPSCl", "facet": [1, 0, 0]},
            }
        ],
        "dynamics": {
            "temperatures_K": [300],
            "seeds": [1],
            "equilibration_ps": 0,
            "length_ps": 1,
        },
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def change(folder, edit):
    content = yaml.safe_load((folder / "study.yaml").read_text())
    edit(content)
    (folder / "study.yaml").write_text(yaml.safe_dump(content))


def test_the_packaged_study_asks_what_the_paper_states():
    study = load_study("gsirr")
    assert [pair.name for pair in study.pairs] == ["LCO|LPSCl", "CoO|LPSCl"]
    assert study.dynamics.temperatures_K == (300.0, 600.0)
    assert study.dynamics.length_ps == 20.0
    assert len(study.dynamics.seeds) == 2
    assert study.bonds[0] == "S-S"
    assert {v.name for v in study.variants} == {"cleaved-PS4", "half-delithiated"}
    assert any(e.published == "-2.75 eV" for e in study.expected)


def test_overrides_change_only_what_they_name():
    study = load_study("gsirr")
    changed = study.with_overrides(StudyOverrides(n_seeds=3, length_ps=1.5, variants=True))
    assert changed.dynamics.seeds == (1, 2, 3)
    assert changed.dynamics.length_ps == 1.5
    assert changed.dynamics.temperatures_K == study.dynamics.temperatures_K
    assert all(v.dynamics.length_ps == 1.5 for v in changed.variants)
    assert study.with_overrides(StudyOverrides()).variants == ()


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda c: c.update(temperature=300), "temperature"),
        (lambda c: c["dynamics"].update(temperatures_K=[]), "temperatures_K"),
        (lambda c: c["dynamics"].update(temperatures_K=[-5]), "positive"),
        (lambda c: c["dynamics"].update(seeds=[1, 1]), "twice"),
        (lambda c: c["dynamics"].update(length_ps=0), "length_ps"),
        (lambda c: c["dynamics"].update(length_ps=float("nan")), "length_ps"),
        (lambda c: c.update(pairs=[]), "pairs"),
        (lambda c: c.update(name="Not A Name"), "name"),
        (
            lambda c: c.update(variants=[{"name": "v", "description": "", "pairs": ["A|B"]}]),
            "A|B",
        ),
    ],
)
def test_a_wrong_study_is_refused_and_the_key_is_named(folder, edit, said):
    change(folder, edit)
    with pytest.raises(SulfoxError, match="SFX-601") as caught:
        load_study(str(folder))
    assert said in caught.value.line


def test_broken_yaml_and_a_missing_study_are_refused(folder):
    (folder / "study.yaml").write_text("name: [")
    with pytest.raises(SulfoxError, match="SFX-601"):
        load_study(str(folder))
    with pytest.raises(SulfoxError, match=r"SFX-602.*gsirr"):
        load_study("no-such-study")
