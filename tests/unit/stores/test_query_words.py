"""Promise: pairs, bonds, facets and dates are understood as they are written, or told."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from inspect import signature
from typing import Any

import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from sulfox.cli.store.query import query
from sulfox.documents.base import Document
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.sulfur_bonds import SulfurBondsDoc
from sulfox.errors import SulfoxError
from sulfox.materials.miller import facet_indices
from sulfox.stores.archive import publish_archive
from sulfox.stores.opening import open_store
from sulfox.stores.results import Results
from sulfox.stores.search.query_filter import QueryFilter, query_filter

app = typer.Typer()
app.command("query")(query)
FACETS = {"if-104": (1, 0, 4), "if-m110": (-1, 1, 0), "if-1m10": (1, -1, 0), "if-003": (0, 0, 3)}


def ask(*words: str) -> Any:
    return CliRunner().invoke(app, [*words], catch_exceptions=False, standalone_mode=False)


def ids(*words: str) -> list[str]:
    answer = json.loads(ask(*words, "--json").stdout)
    return sorted(document["id"] for document in answer["documents"])


@pytest.fixture(scope="module")
def store(tmp_path_factory, make_document, job, write_archive):
    """Interfaces of four facets, bond counts of two pairs, a relaxation, a run with frames."""
    root = tmp_path_factory.mktemp("words")
    opened = open_store(root / "store")
    reference = publish_archive(write_archive(root / "run"), opened).model_dump(mode="json")
    side = make_document("interface").model_dump(mode="json")["cathode"]
    documents = [
        *(make_document("interface", n, cathode=side | {"miller": m}) for n, m in FACETS.items()),
        make_document("sulfur_bonds", "sb-1", criteria=_criteria("S-S")),
        make_document(
            "sulfur_bonds", "sb-2", pair_of_materials="CoO|LPSCl", criteria=_criteria("P-S")
        ),
        make_document("relaxation", "rx-1", label="LPSCl bulk"),
        make_document("band_alignment", "ba-1", upper="NCM811", lower="CoO"),
        make_document("band_alignment", "ba-2", upper="CoO", lower="NCM811"),
        make_document("trajectory", "tr-1", archive=reference),
    ]
    opened.update([job(d.id, d) for d in documents])
    return str(root / "store")


def _criteria(pair: str) -> dict[str, object]:
    return {"pair": pair, "form_A": 2.4, "break_A": 2.7, "min_lifetime_fs": 20.0}


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("1,0,4", (1, 0, 4)),
        ("(1 0 4)", (1, 0, 4)),
        ("( 1, 0, 4 )", (1, 0, 4)),
        ("[1,0,4]", (1, 0, 4)),
        ("104", (1, 0, 4)),
        ("(104)", (1, 0, 4)),
        ("1 0 4", (1, 0, 4)),
        ("-110", (-1, 1, 0)),
        ("1-10", (1, -1, 0)),
        ("11-1", (1, 1, -1)),
        ("\u2212110", (-1, 1, 0)),
        ("1\u030410", (-1, 1, 0)),
        ("1,0,12", (1, 0, 12)),
        ("10-14", (1, 0, 4)),
        ("(1 0 -1 4)", (1, 0, 4)),
        ("0001", (0, 0, 1)),
    ],
)
def test_a_facet_in_any_usual_writing(text, indices):
    assert facet_indices(text, "--facet") == indices


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[104]", "a direction"),
        ("[1 0 4]", "a direction"),
        ("{104}", "a family"),
        ("1014", "the third is not"),
        ("000", "not all zero"),
        ("1,0", "three integers"),
        ("10", "three integers"),
        ("1.5,0,4", "three integers"),
        ("(104", "three integers"),
        ("x", "three integers"),
        ("", "three integers"),
    ],
)
def test_what_is_no_facet_is_told_with_the_form(text, told):
    with pytest.raises(SulfoxError, match=f"SFX-901.*{told}"):
        facet_indices(text, "--facet")


@given(st.tuples(*[st.integers(-9, 9)] * 3).filter(any))
def test_every_writing_of_a_facet_is_the_same_facet(indices):
    h, k, l = indices  # noqa: E741
    writings = ["{},{},{}", "({} {} {})", "{}{}{}", "[{},{},{}]", "({}, {}, {})"]
    for text in (form.format(*indices) for form in writings):
        assert facet_indices(text, "x") == indices
    assert facet_indices(f"({h} {k} {-h - k} {l})", "x") == indices


@pytest.mark.parametrize(
    ("facet", "found"),
    [("(1 0 4)", ["if-104"]), ("104", ["if-104"]), ("-110", ["if-m110"]), ("1-10", ["if-1m10"])],
)
def test_a_facet_finds_its_interfaces(store, facet, found):
    assert ids("interfaces", "--facet", facet, "--store", store) == found
    assert [d.id for d in Results(store).interfaces(facet=facet)] == found
    assert ids("interfaces", "--where", f"cathode_facet = {facet}", "--store", store) == found
    with pytest.raises(SulfoxError, match="SFX-901"):
        ask("interfaces", "--facet", "{104}", "--store", store)


@pytest.mark.parametrize(
    ("kind", "words", "found", "note"),
    [
        ("sulfur-bonds", ("--pair", "LPSCl|LCO"), ["sb-1"], "is stored as LCO|LPSCl"),
        ("sulfur-bonds", ("--pair", "lco lpscl"), ["sb-1"], ""),
        ("sulfur-bonds", ("--pair", "LPSCl / LCO"), ["sb-1"], "is stored as LCO|LPSCl"),
        ("sulfur-bonds", ("--pair", "LPSCl LCO", "--bond", "S-S"), ["sb-1"], "LCO|LPSCl"),
        ("sulfur-bonds", ("--bond", "S-P"), ["sb-2"], "is stored as P-S"),
        ("sulfur-bonds", ("--bond", "p\u2013s"), ["sb-2"], ""),
        ("sulfur-bonds", ("--where", "pair = LPSCl|LCO"), ["sb-1"], "LCO|LPSCl"),
        ("relaxations", ("--pair", "LPSCl bulk"), ["rx-1"], ""),
        ("band-alignments", ("--pair", "NCM811|CoO"), ["ba-1"], ""),
        ("band-alignments", ("--pair", "CoO NCM811"), ["ba-2"], ""),
    ],
)
def test_a_pair_and_a_bond_are_found_either_way_round(store, kind, words, found, note):
    """Unless both ways are stored: then each means itself."""
    assert ids(kind, *words, "--store", store) == found
    assert note in ask(kind, *words, "--store", store).stderr


def test_the_note_is_only_there_where_words_differ(store):
    assert ask("sulfur-bonds", "--pair", "lco/lpscl", "--store", store).stderr == ""
    assert ask("sulfur-bonds", "--bond", "S-S", "--store", store).stderr == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--pair", "LCO"), "a pair is two names with | between them"),
        (("--pair", "LPSCl|LCO", "--temperature", "700"), "none has temperature_K = 700"),
        (("--bond", "Zz-Q"), "they have P-S, S-S; 'Zz' is no element"),
        (("--bond", "SS"), "a bond is two elements"),
        (("--engine", "foo"), "they have mlip; engines of this sulfox are mlip, vasp, gpaw"),
        (("--engine", "vasp"), "they have mlip."),
    ],
)
def test_where_nothing_matches_the_form_is_told_in_every_form_of_answer(store, words, told):
    assert told in ask("sulfur-bonds", *words, "--store", store).stdout
    for form in ("--json", "--csv"):
        answer = ask("sulfur-bonds", *words, form, "--store", store)
        assert told in answer.stderr
        assert told not in answer.stdout
    filters = dict(zip((w[2:] for w in words[::2]), words[1::2], strict=True))
    results = Results(store)
    assert told.rstrip(".") in results.why_empty(SulfurBondsDoc, **filters)
    assert results.why_empty(SulfurBondsDoc, pair="LCO|LPSCl") == ""


def test_the_command_line_and_python_have_the_same_filters():
    options = {name.rstrip("_") for name in signature(query).parameters}
    options -= {"kind", "sort", "fields", "limit", "as_json", "as_csv", "parquet", "full", "store"}
    assert set(query_filter(**dict.fromkeys(options)).model_fields_set) == set(
        QueryFilter.model_fields
    )


def test_a_date_may_be_a_date(store):
    results = Results(store)
    made = results.interfaces()[0].provenance.created_at
    tokyo = made.astimezone(timezone(timedelta(hours=9)))
    for since in (made.date(), made.date().isoformat(), made, tokyo, made.isoformat()):
        assert len(results.interfaces(since=since, until=since)) == 4, since
    assert results.interfaces(since=made + timedelta(seconds=5)) == []
    assert results.interfaces(until=made - timedelta(days=1)) == []
    assert query_filter(since=date(2026, 11, 1)).since == "2026-11-01"
    assert query_filter(until=datetime(2026, 11, 1, 9, tzinfo=UTC)).until == "2026-11-01T09:00:00"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"since": "yesterday"}, "'yesterday'"),
        ({"since": 2026}, "2026-11-01"),
        ({"limit": -3}, "-3"),
        ({"limit": "a"}, "'a'"),
        ({"sort": 5}, "sort: 5"),
        ({"where": [5]}, "5; expected a comparison"),
        ({"where": 5}, "5; expected a comparison"),
        ({"pair": 5}, "pair: 5"),
        ({"temperature": -5}, "temperature_K: -5"),
        ({"temperature": 300, "temperature_K": 300}, "one of the two"),
        ({"temprature": 300}, "expected temperature"),
        ({"status": "good"}, "refused"),
        ({"seed": 1.5}, "integer"),
    ],
)
def test_what_python_cannot_mean_is_told_in_a_sentence(store, wanted, told):
    with pytest.raises(SulfoxError) as refused:
        Results(store).find(SulfurBondsDoc, **wanted)
    assert refused.value.code == "SFX-901"
    assert told in refused.value.line


@pytest.mark.parametrize("kind", [int, "sulfur_bonds", None, Document])
def test_only_a_class_of_documents_is_a_kind(store, kind):
    for ask_for in (Results(store).find, Results(store).table, Results(store).why_empty):
        with pytest.raises(SulfoxError, match=r"SFX-901.*SulfurBondsDoc"):
            ask_for(kind)


def test_comparisons_may_be_one_several_or_none(store):
    results = Results(store)
    every = len(results.interfaces())
    assert len(results.interfaces(where="gap_A > 0")) == every
    assert len(results.interfaces(where=None)) == every
    assert len(results.interfaces(where=["gap_A > 0", "gap_A < 0.1"])) == 0
    assert len(results.interfaces(limit=np.int64(2))) == 2


def test_frames_are_counted_in_whole_numbers(store):
    results = Results(store)
    run = results.trajectories()[0]
    assert results.frames(run, start=np.int64(5), stride=5).n_frames == 4
    for wrong in ({"start": 1.5}, {"stop": "all"}, {"stride": 0.5}):
        with pytest.raises(SulfoxError, match=f"SFX-901.*{next(iter(wrong))}"):
            results.frames(run, **wrong)
    with pytest.raises(SulfoxError, match="SFX-406"):
        results.frames(run, start=-1)
    with pytest.raises(SulfoxError, match=r"SFX-901.*run"):
        results.frames("tr-1")


def test_results_say_where_they_are_and_what_they_hold(store, tmp_path):
    said = repr(Results(store))
    assert said.startswith(f"Results('{store}', 10 documents: 4 interface")
    open_store(tmp_path / "empty")
    assert repr(Results(tmp_path / "empty")).endswith("no documents)")
    with pytest.raises(SulfoxError, match="SFX-901"):
        Results(5)
    assert Results(store).find(InterfaceDoc, id="if-104")[0].cathode.miller == (1, 0, 4)
