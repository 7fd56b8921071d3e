"""Promise: every kind can be listed and searched, and any store gives the same answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from sulfox.cli.store.listings import LISTINGS
from sulfox.cli.store.query import query
from sulfox.documents.kinds import BULKY_FIELDS, DOCUMENT_KINDS
from sulfox.stores.archive import publish_archive
from sulfox.stores.documents import QueryFilter, find_documents
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.portable.export import export_study
from sulfox.stores.results import Results
from sulfox.stores.search.search import parse_condition
from sulfox.stores.search.values import ASSUMED, NUMBERS, WORDS, values_of

app = typer.Typer()
app.command("query")(query)
WORD_OF = {kind: word for word, (kind, _) in LISTINGS.items()}
STORES = ("embedded", "mongodb", "export")


def ask(*words: str) -> str:
    return CliRunner().invoke(app, [*words], catch_exceptions=False, standalone_mode=False).stdout


@pytest.fixture(scope="module")
def held(tmp_path_factory, mongo, make_document, job, write_archive):
    """Two documents of every kind, in an embedded store, a MongoDB and an exported folder."""
    root = tmp_path_factory.mktemp("same")
    archive = write_archive(root / "run")
    yaml = root / "server.yaml"
    database = f"sulfox-same-{root.name}"
    where = f"uri: '{mongo.uri}', database: {database}"
    yaml.write_text(
        f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: frames, key: blob_uuid, {where}}}\n"
    )
    places = {"embedded": str(root / "store"), "mongodb": str(yaml), "export": str(root / "out")}
    stores = [open_store(places[name]) for name in ("embedded", "mongodb")]
    reference, _ = (publish_archive(archive, store) for store in stores)
    more = {
        "trajectory": {"archive": reference.model_dump(mode="json")},
        "band_center": {"material": "CoO"},
    }
    documents = {}
    for kind in DOCUMENT_KINDS:
        first = make_document(kind, f"{kind}-1", **more.get(kind, {}))
        second = make_document(kind, f"{kind}-2", status="partial", **more.get(kind, {}))
        study = {"study": "gsirr"} if kind == "comparison" else {}
        documents[kind] = [d.model_copy(update=study) for d in (first, second)]
    for store in stores:
        store.update(
            [
                job(d.id, _as_written(d, i), completed_at=f"2026-01-0{i}T00:00:00")
                for made in documents.values()
                for i, d in enumerate(made, 1)
            ]
        )
    export_study(open_documents(places["embedded"]), "gsirr", root / "out", as_folder=True)
    readers = {name: open_documents(place) for name, place in places.items()}
    yield SimpleNamespace(places=places, documents=documents, readers=readers)
    client = mongo.client()
    client.drop_database(database)
    client.close()


def _as_written(document, number):
    """The first of each kind is an old one: it does not say its version."""
    content = document.model_dump(mode="json")
    return {k: v for k, v in content.items() if number > 1 or k not in ASSUMED}


def everywhere(held, *words: str) -> str:
    """The answer of all three stores, which is one."""
    answers = {name: ask(*words, "--store", held.places[name]) for name in STORES}
    first = answers["embedded"]
    assert answers["mongodb"] == first
    assert answers["export"] == first
    return first


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_a_document_without_a_field_is_found_as_it_is_shown(kind, make_document):
    """Whatever a class fills in where an older document says nothing can be searched for."""
    document = make_document(kind)
    shown = values_of(kind, document.model_dump(mode="json"))
    written = document.model_dump(mode="json", exclude_unset=True)
    assert values_of(kind, written) | {"created_at": shown["created_at"]} == shown


@pytest.mark.parametrize("place", ["embedded", "mongodb"])
def test_an_index_of_before_is_made_again(held, place, monkeypatch, tmp_path, mongo, database):
    """Rows that a sulfox of before wrote lack what this one fills in."""
    from sulfox.stores import mongo_index
    from sulfox.stores.embedded import index

    content = _as_written(held.documents["sulfur_bonds"][0], 1)
    name = str(tmp_path / "store")
    if place == "mongodb":
        where = f"uri: '{mongo.uri}', database: {database.name}"
        name = str(tmp_path / "server.yaml")
        Path(name).write_text(
            f"docs_store: {{type: MongoStore, collection_name: outputs, {where}}}\n"
            "additional_stores:\n"
            f"  trajectories: {{type: GridFSStore, collection_name: frames, {where}}}\n"
        )
    asked = ("sulfur-bonds", "--where", "method_version = 1", "--json", "--store", name)
    with monkeypatch.context() as before:
        before.delitem(ASSUMED, "method_version")
        for module in (index, mongo_index):
            before.setattr(module, "_VERSION", module._VERSION - 1)
        open_store(name).update([{"uuid": "u", "index": 1, "output": content}])
        assert json.loads(ask(*asked))["n"] == 0
    assert json.loads(ask(*asked))["n"] == 1


def test_each_kind_of_document_has_a_word():
    assert set(WORD_OF) == set(DOCUMENT_KINDS)
    assert len(WORD_OF) == len(LISTINGS)


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_a_kind_is_listed_in_every_form_the_same_from_every_store(held, kind):
    word = WORD_OF[kind]
    answer = json.loads(ask(word, "--json", "--store", held.places["embedded"]))
    assert [d["id"] for d in answer["documents"]] == [f"{kind}-2", f"{kind}-1"], "newest first"
    assert not set(answer["documents"][0]) & BULKY_FIELDS.get(kind, frozenset())
    full = json.loads(everywhere(held, word, "--json", "--full"))
    typed = [DOCUMENT_KINDS[kind].model_validate(d) for d in full["documents"]]
    assert typed == held.documents[kind][::-1]
    rows = list(csv.reader(io.StringIO(ask(word, "--csv", "--store", held.places["export"]))))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    for head, field in LISTINGS[word][1]:
        first = field.split("|")[0].split(".")[0]
        assert first in DOCUMENT_KINDS[kind].model_fields, f"column {head} of {word}"
    fields = ("--csv", "--fields", "id, provenance.engine", "--limit", "1")
    few = ask(word, *fields, "--store", held.places["export"])
    assert few == f"id,provenance.engine\n{kind}-2,mlip\n"
    table = ask(word, "--store", held.places["embedded"])
    assert f"{kind}-1" in table


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_every_kind_goes_into_a_parquet_file(held, kind, tmp_path):
    """The rows of ``--csv``, with numbers as numbers."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="the package that writes Parquet files")
    word = next(word for word, (listed, _) in LISTINGS.items() if listed == kind)
    path = tmp_path / "rows.parquet"
    ask(word, "--parquet", str(path), "--store", held.places["export"])
    frame = pandas.read_parquet(path)
    rows = list(csv.reader(io.StringIO(ask(word, "--csv", "--store", held.places["export"]))))
    assert list(frame.columns) == rows[0]
    assert len(frame) == len(rows) - 1
    for head in rows[0]:
        column = rows[0].index(head)
        for shown, value in zip((row[column] for row in rows[1:]), frame[head], strict=True):
            if isinstance(value, float) and shown:
                assert float(shown) == pytest.approx(value)


@pytest.mark.parametrize("kind", DOCUMENT_KINDS)
def test_every_search_value_of_a_kind_finds_its_documents(held, kind):
    """Words by equality, numbers from both sides; status, study and date for all kinds."""
    first, second = held.documents[kind]
    content = first.model_dump(mode="json")
    values = values_of(kind, content)
    for name in (*WORDS, *NUMBERS):
        paths = WORDS.get(name) or NUMBERS[name]
        if kind not in paths and "" not in paths:
            continue
        value = values[name]
        if value is None:  # the example leaves it out, or it has no such item
            continue
        other = "9,9,9" if name.endswith("_facet") else f"z{value}"
        hits, misses = {True: (f"{name} = {value}", f"{name} = {other}")}.get(
            isinstance(value, str), (f"{name} >= {value}", f"{name} > {value}")
        )
        for text, expected in ((hits, {first.id}), (misses, set())):
            found = []
            for reader in held.readers.values():
                wanted = QueryFilter(where=(parse_condition(text),))
                documents = find_documents(reader, kind, wanted, sort=name)
                found.append([d.id for d in documents])
            assert found[0] == found[1] == found[2], text
            assert expected <= set(found[0]) or not expected, text
            assert expected or not found[0], text
    today = second.provenance.created_at.date().isoformat()
    for filters, expected in (
        ({"status": "partial"}, [second.id]),
        ({"study": "gsirr"}, [second.id, first.id]),
        ({"since": today, "until": today}, [second.id, first.id]),
        ({"since": "2999-01-01"}, []),
        ({"until": "2001-01-01"}, []),
    ):
        for reader in held.readers.values():
            found = find_documents(reader, kind, QueryFilter(**filters))
            assert [d.id for d in found] == expected, (filters, reader.where)


def test_what_scientists_ask(held):
    """The questions of the design: each by an option or a comparison, on every store."""
    for words, n in (
        (("interfaces", "--pair", "lco/lpscl", "--where", "strain_max < 0.6"), 2),
        (("interfaces", "--pair", "LCO|LPSCl", "--where", "strain_max < 0.4"), 0),
        (
            (
                "sulfur-bonds",
                "--where",
                "n_formed > 0",
                "--temperature",
                "0.5",
                "--bond",
                "lco|lpscl",
            ),
            2,
        ),
        (("sulfur-bonds", "--where", "n_formed > 1"), 0),
        (("sulfur-bonds", "--where", "method_version = 1"), 2),
        (("sulfur-bonds", "--where", "method_version < 2"), 2),
        (("sulfur-bonds", "--where", "method_version != 1"), 0),
        (("sulfur-bond-rates", "--where", "method_version = 1", "--sort", "method_version"), 2),
        (("band-centers", "--where", "band_center_eV < 1", "--material", "coo"), 2),
        (("reaction-energies", "--where", "reaction_energy_eV < 0.6", "--pair", "x|x"), 2),
        (("stability-windows", "--where", "reduction_V < 0.4", "--material", "x"), 0),
        (("gas-reductions", "--gas", "X", "--temperature", "0.5"), 2),
        (("screenings", "--pair", "x|x", "--entry-set", "x"), 2),
        (("band-alignments", "--pair", "x|x"), 2),
        (("voltage-curves", "--pair", "x|x", "--entry-set", "x"), 2),
        (("interfaces", "--engine", "mlip", "--sort", "-strain_max", "--limit", "1"), 1),
    ):
        assert json.loads(everywhere(held, *words, "--json"))["n"] == n, words


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--temperature", "700"), "none has temperature_K = 700; they have 0.5"),
        (("--study", "other", "--temperature", "700"), "none has study = other; they have gsirr"),
        (
            ("--where", "n_formed > 2", "--pair", "lco/lpscl"),
            "none has n_formed > 2; they have 1",
        ),
        (
            ("--where", "median_lifetime_fs > 2"),
            "none has median_lifetime_fs > 2; they have 0.5",
        ),
        (("--where", "method_version > 1"), "none has method_version > 1; they have 1"),
        (
            ("--status", "partial", "--where", "id = sulfur_bonds-1"),
            "of those with status = partial none has id = sulfur_bonds-1; they have sulfur_bonds-2",
        ),
        (("--since", "2999-01-01"), "none has created_at >= 2999-01-01; they have 20"),
    ],
)
def test_where_nothing_matches_the_filter_that_left_nothing_is_named(held, words, why):
    for name in STORES:
        said = ask("sulfur-bonds", *words, "--store", held.places[name])
        assert said.startswith("No sulfur-bonds of the 2 in "), name
        assert f" match: {why}" in said, name


def test_many_values_are_told_by_their_range(tmp_path, make_document, job):
    made = [
        make_document("sulfur_bonds", f"sb-{k}", temperature_K=300.0 + k, variant=f"v{k}")
        for k in range(10)
    ]
    open_store(tmp_path / "store").update([job(d.id, d) for d in made])
    place = ("--store", str(tmp_path / "store"))
    assert "they have 300 to 309." in ask("sulfur-bonds", "--temperature", "5", *place)
    told = ask("sulfur-bonds", "--variant", "x", *place)
    assert "they have v0, v1, v2, v3, v4, v5 and others." in told
    told = ask("interfaces", *place)
    assert "No interfaces match in" in told
    assert "it holds 10 sulfur-bonds." in told


def test_a_table_for_pandas_is_the_same_from_every_store(held):
    for kind in ("trajectory", "reaction_energy"):
        tables = [
            Results(held.readers[name]).table(DOCUMENT_KINDS[kind], sort="created_at")
            for name in STORES
        ]
        assert list(tables[0].index) == list(tables[1].index) == list(tables[2].index)
        assert tables[0].to_json() == tables[1].to_json() == tables[2].to_json()


def test_frames_come_from_every_store(held):
    frames = []
    for name in STORES:
        results = Results(held.readers[name])
        frames.append(results.frames(results.trajectories()[0], stride=5).positions)
    assert (frames[0] == frames[1]).all()
    assert (frames[0] == frames[2]).all()
