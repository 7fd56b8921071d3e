"""Searches: what an index answers is what reading everything would answer."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobflow import JobStore
from maggma.stores import MemoryStore, MontyStore

from sulfox.errors import SulfoxError
from sulfox.stores.documents import QueryFilter, find_documents
from sulfox.stores.embedded import index as embedded_index
from sulfox.stores.embedded.folder import EmbeddedFolder
from sulfox.stores.migrations import migrate
from sulfox.stores.mongo_index import MongoIndex
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.readers import StoreReader
from sulfox.stores.results import Results
from sulfox.stores.search.index_report import declared_searches, report_index
from sulfox.stores.search.search import Search, parse_condition

KIND = "sulfur_bonds"
CONDITIONS = (
    "n_formed > 2",
    "n_formed <= 0",
    "temperature_K != 300",
    "pair_of_materials = CoO|LPSCl",
    "pair = coo/lpscl",
    "bond != P-S",
    "seed >= 2",
    "length_ps = 20",
    "extra.depth < 0.5",
)

documents = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["sb-1", "sb-2", "sb-3", "sb-4"]),
            "pair_of_materials": st.sampled_from(["LCO|LPSCl", "CoO|LPSCl"]),
            "temperature_K": st.sampled_from([300, 600.0, None]),
            "seed": st.integers(1, 3),
            "n_formed": st.one_of(st.none(), st.integers(0, 5)),
            "criteria": st.fixed_dictionaries({"pair": st.sampled_from(["S-S", "P-S"])}),
            "extra": st.one_of(st.none(), st.fixed_dictionaries({"depth": st.floats(0, 1)})),
        }
    ),
    max_size=7,
)


def as_jobs(contents):
    return [
        {
            "uuid": f"u{i}",
            "index": 1 + i % 2,
            "completed_at": f"2026-01-01T00:00:{(7 * i) % 60:02d}",
            "output": {"documents": [{"kind": KIND, **content}]},
        }
        for i, content in enumerate(contents)
    ]


@pytest.fixture(scope="module")
def mongo():
    """A collection of mongomock behind the code that talks to a server."""
    import mongomock_ng

    return MongoIndex(mongomock_ng.MongoClient()["lab"]["outputs"])


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    contents=documents,
    asked=st.lists(st.sampled_from(CONDITIONS), max_size=3, unique=True),
    sort=st.sampled_from([None, "n_formed", "-temperature_K", "extra.depth", "-pair"]),
    limit=st.sampled_from([0, 1, 3]),
)
def test_every_store_gives_the_same_answer(tmp_path_factory, mongo, contents, asked, sort, limit):
    jobs = as_jobs(contents)
    search = Search(KIND, tuple(map(parse_condition, asked)), sort, limit)
    plain = JobStore(MemoryStore(), additional_stores={"trajectories": MemoryStore("frames")})
    plain.connect()
    folder = tmp_path_factory.mktemp("store")
    embedded = open_store(folder)
    mongo.outputs.delete_many({})
    mongo.bring_up_to_date(from_scratch=True)
    for job in jobs:  # one by one: the index is kept up to date as jobs come
        plain.update([job])
        embedded.update([job])
        mongo.outputs.insert_one(dict(job))
        mongo.bring_up_to_date()

    class Server(StoreReader):
        index = mongo

    readers = (StoreReader(plain), open_documents(folder), Server(plain))
    answers = [
        [(row.id, row.job, found.content) for row, found in reader.search(search)]
        for reader in readers
    ]
    assert answers[0] == answers[1] == answers[2]


def test_each_declared_query_is_answered_by_an_index(tmp_path, make_document, job):
    """SQLite would say SCAN where it reads every row."""
    open_store(tmp_path).update([job("u1", make_document("trajectory"))])
    rows = report_index(tmp_path)
    assert len(rows) == len(declared_searches())
    assert all(row["indexed"] for row in rows), rows
    assert all("INDEX" in row["plan"] for row in rows)


def test_a_lost_index_is_found_and_made_again(tmp_path, make_document, job):
    open_store(tmp_path).update([job("u1", make_document("trajectory"))])
    folder = EmbeddedFolder(tmp_path)
    connection = folder.connect("ro")
    connection.close()
    connection = folder.connect("rw")
    connection.execute(f"DROP INDEX {embedded_index.index_name(('pair', 'temperature_K'))}")
    connection.close()
    rows = {row["question"]: row["indexed"] for row in report_index(tmp_path)}
    assert [question for question, indexed in rows.items() if not indexed] == [
        "a pair of materials, at a temperature"
    ]
    assert all(row["indexed"] for row in report_index(tmp_path, rebuild=True))


def test_jobs_that_maggma_wrote_are_found(tmp_path, make_document, job):
    open_store(tmp_path).update([job("u1", make_document("interface", "if-1"))])
    foreign = MontyStore(
        "outputs", database_path=str(tmp_path / "documents"), database_name="jobs", key="uuid"
    )
    foreign.connect()
    foreign.update([job("u2", make_document("interface", "if-2"))], key="uuid")
    found = find_documents(open_documents(tmp_path), "interface")
    assert {document.id for document in found} == {"if-1", "if-2"}


def test_an_older_document_counts_again_when_the_newer_is_removed(tmp_path, make_document, job):
    store = open_store(tmp_path)
    old, new = (make_document("interface", "if-1", rank=rank) for rank in (1, 2))
    store.update([job("u1", old, completed_at="2026-01-01"), job("u2", new, 1, "2026-01-02")])
    assert find_documents(open_documents(tmp_path), "interface") == [new]
    store.remove_docs({"uuid": "u2"})
    assert find_documents(open_documents(tmp_path), "interface") == [old]


def test_a_read_only_store_without_index_is_read_all_the_same(tmp_path, make_document, job):
    document = make_document("interface", "if-1")
    open_store(tmp_path).update([job("u1", document)])
    connection = sqlite3.connect(EmbeddedFolder(tmp_path).database_file)
    connection.execute("DROP TABLE results_meta")
    connection.commit()
    connection.close()
    reader = open_documents(tmp_path)
    reader.folder.database_file.chmod(0o444)
    assert find_documents(reader, "interface") == [document]


def test_results_answer_with_types_frames_and_tables(tmp_path, make_document, job):
    from sulfox.documents.sulfur_bonds import SulfurBondsDoc

    documents = [
        make_document(KIND, f"sb-{n}", n_formed=n, temperature_K=300.0 * n) for n in (1, 2, 3)
    ]
    open_store(tmp_path).update([job(f"u{d.n_formed}", d) for d in documents])
    results = Results(tmp_path)
    assert results.counts() == {KIND: 3}
    found = results.sulfur_bonds(where=["n_formed > 1"], sort="n_formed")
    assert found == documents[1:]
    table = results.table(SulfurBondsDoc, ["n_formed", "criteria.pair"], sort="-n_formed", limit=2)
    assert table["n_formed"].to_list() == [3, 2]
    assert list(table.index) == ["sb-3", "sb-2"]
    with pytest.raises(SulfoxError, match=r"SFX-901.*colour"):
        results.interfaces(colour="red")


@pytest.mark.parametrize("text", ["n_formed", "n_formed > many", "> 3", "n_formed => 3 4", ""])
def test_a_condition_that_is_none_is_refused(text):
    with pytest.raises(SulfoxError, match="SFX-901"):
        parse_condition(text)


def test_a_migration_can_be_tried_killed_and_repeated(tmp_path, make_document, job):
    """Dry run first; then each job on its own; a second run finds nothing to do."""
    store = open_store(tmp_path)
    old = make_document("interface").model_dump(mode="json") | {"schema_version": 0}
    old["gap"] = old.pop("gap_A")
    store.update([job(f"u{i}", old | {"id": f"if-{i}"}) for i in range(3)])

    def renamed(content):
        return {("gap_A" if key == "gap" else key): value for key, value in content.items()}

    steps = {("interface", 0): renamed}
    assert migrate(store, dry_run=True, steps=steps).documents == {"interface": 3}
    assert find_raw(tmp_path) == {0}
    calls = []

    def dies_on_the_second(content):
        calls.append(content["id"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return renamed(content)

    with pytest.raises(KeyboardInterrupt):
        migrate(store, steps={("interface", 0): dies_on_the_second})
    assert find_raw(tmp_path) == {0, 1}
    assert migrate(store, steps=steps).changed == 2
    assert migrate(store, steps=steps).looked_at == 0
    assert len(find_documents(open_documents(tmp_path), "interface")) == 3


def find_raw(folder):
    return {job["output"]["schema_version"] for job in open_documents(folder).find()}


def test_a_date_filter_keeps_what_was_made_since(tmp_path, make_document, job):
    document = make_document("interface")
    open_store(tmp_path).update([job("u1", document)])
    reader = open_documents(tmp_path)
    year = document.provenance.created_at.year
    assert find_documents(reader, "interface", QueryFilter(since=f"{year}-01-01"))
    assert not find_documents(reader, "interface", QueryFilter(since=f"{year + 1}-01-01"))
