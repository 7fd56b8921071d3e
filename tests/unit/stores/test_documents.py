"""Queries give typed documents, each identity once, and tell what cannot be read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobflow import JobStore
from maggma.stores import MemoryStore

from sulfox.documents.base import SCHEMA_VERSION, Document
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.errors import SulfoxError
from sulfox.stores.documents import (
    QueryFilter,
    count_documents,
    find_documents,
    get_document,
)
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.readers import DocumentReader, StoreReader
from sulfox.stores.search.search import Search

Maker = Callable[..., Document]


@pytest.fixture(params=["embedded", "memory"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., DocumentReader]:
    """Return a function that stores jobs and gives the reader."""

    def store_all(*jobs: dict) -> DocumentReader:
        if request.param == "embedded":
            open_store(tmp_path / "store").update(list(jobs))
            return open_documents(tmp_path / "store")
        store = JobStore(MemoryStore(), additional_stores={"trajectories": MemoryStore("frames")})
        store.connect()
        store.update(list(jobs))
        return StoreReader(store)

    return store_all


@pytest.mark.parametrize("kind", sorted(DOCUMENT_KINDS))
def test_a_document_comes_back_equal(
    write: Callable, make_document: Maker, job: Callable, kind: str
) -> None:
    document = make_document(kind)
    reader = write(job("u1", document))
    assert find_documents(reader, kind) == [document]
    assert get_document(reader, kind, document.id) == document
    others = set(DOCUMENT_KINDS) - {kind}
    assert not any(find_documents(reader, other) for other in others)


def test_a_document_is_found_alone_in_a_list_and_under_documents(
    write: Callable, make_document: Maker, job: Callable
) -> None:
    a, b, c, d = (make_document("interface", f"if-{x}", rank=i) for i, x in enumerate("abcd"))
    other = make_document("trajectory")
    lists = [x.model_dump(mode="json") for x in (b, c, other)]
    reader = write(
        job("u1", a),
        job("u2", lists),
        job("u3", {"documents": [d.model_dump(mode="json")], "note": "x"}),
        job("u4", None),
        job("u5", 3.5),
        job("u6", {"kind": 7}),
    )
    assert {doc.id for doc in find_documents(reader, "interface")} == {
        "if-a",
        "if-b",
        "if-c",
        "if-d",
    }
    assert [doc.id for doc in find_documents(reader, "trajectory")] == [other.id]
    assert count_documents(reader) == {"interface": 4, "trajectory": 1}


def test_filters_apply_to_each_document_of_a_list(
    write: Callable, make_document: Maker, job: Callable
) -> None:
    """One element matching the pair and another the study is no match."""
    pair = [
        make_document("interface", "if-1", pair="CoO|LPSCl", study="a").model_dump(mode="json"),
        make_document("interface", "if-2", pair="LCO|LPSCl", study="b").model_dump(mode="json"),
    ]
    reader = write(job("u1", pair))
    assert find_documents(reader, "interface", QueryFilter(pair="CoO|LPSCl", study="b")) == []
    found = find_documents(reader, "interface", QueryFilter(pair="coo/lpscl"))
    assert [doc.id for doc in found] == ["if-1"]


def test_every_filter_restricts(write: Callable, make_document: Maker, job: Callable) -> None:
    documents = [
        make_document(
            "trajectory",
            f"tr-{variant}-{temperature}-{seed}",
            stage="production",
            variant=variant,
            temperature_K=temperature,
            seed=seed,
        )
        for variant in ("default", "cleaved-PS4")
        for temperature in (300.0, 600.0)
        for seed in (1, 2)
    ]
    reader = write(*(job(f"u{i}", doc) for i, doc in enumerate(documents)))

    def found(**wanted: object) -> int:
        return len(find_documents(reader, "trajectory", QueryFilter(**wanted)))

    assert found() == 8
    assert found(variant="Cleaved-PS4") == 4
    assert found(temperature_K=300) == 4
    assert found(temperature_K=600, seed=2, variant="default") == 1
    assert found(engine="mlip", study="gsirr", status="complete", stage="production") == 8
    assert found(engine="vasp") == found(status="refused") == found(pair="LCO.LPSCl") == 0
    assert found(id="tr-default-300.0-1") == 1
    assert len(find_documents(reader, "trajectory", limit=3)) == 3


def test_a_filter_that_the_kind_does_not_have_is_told(
    write: Callable, make_document: Maker, job: Callable
) -> None:
    reader = write(job("u1", make_document("interface")))
    with pytest.raises(SulfoxError, match=r"SFX-901.*temperature_K"):
        find_documents(reader, "interface", QueryFilter(temperature_K=300))
    with pytest.raises(SulfoxError, match=r"SFX-901.*trajectory"):
        find_documents(reader, "nonsense")
    with pytest.raises(SulfoxError, match="SFX-504"):
        get_document(reader, "interface", "if-none")


def test_an_identity_stored_twice_counts_once_and_the_latest_stays(
    write: Callable, make_document: Maker, job: Callable
) -> None:
    old, new = (make_document("interface", "if-1", rank=rank) for rank in (1, 2))
    other = make_document("interface", "if-2")
    reader = write(
        job("u1", new, completed_at="2026-03-02T10:00:00"),
        job("u2", old, completed_at="2026-03-01T10:00:00"),
        job("u3", other, completed_at="2026-03-03T10:00:00"),
    )
    found = find_documents(reader, "interface")
    assert [(doc.id, doc.rank) for doc in found] == [("if-2", 1), ("if-1", 2)]
    assert [doc.id for doc in find_documents(reader, "interface", limit=1)] == ["if-2"]
    assert count_documents(reader) == {"interface": 2}


def test_what_cannot_be_read_is_named(write: Callable, make_document: Maker, job: Callable) -> None:
    content = make_document("interface", "if-9").model_dump(mode="json")
    with pytest.raises(SulfoxError, match=r"SFX-505.*if-9 of job u1.*gap_A"):
        find_documents(write(job("u1", {**content, "gap_A": "wide"})), "interface")


def test_a_newer_document_is_told_apart_from_a_damaged_one(
    write: Callable, make_document: Maker, job: Callable
) -> None:
    content = make_document("interface", "if-9").model_dump(mode="json")
    newer = {**content, "schema_version": SCHEMA_VERSION + 1, "new_field": 1}
    with pytest.raises(SulfoxError, match=r"SFX-502.*if-9"):
        find_documents(write(job("u1", newer)), "interface")


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["A|B", "A|C", "a.b|c", "X(1)|Y"]),
            st.sampled_from([300.0, 600.0]),
            st.integers(0, 3),
        ),
        max_size=12,
    ),
    pair=st.sampled_from([None, "A|B", "a|b", "A.B|C", "X(1)|Y", "A"]),
    temperature=st.sampled_from([None, 300.0, 900.0]),
)
def test_a_query_gives_what_a_filter_in_python_gives(
    rows: list, pair: str | None, temperature: float | None
) -> None:
    """The store's filter and plain Python agree, whatever the words hold."""
    jobs = [
        {
            "uuid": f"u{i}",
            "index": 1,
            "completed_at": f"2026-01-01T00:00:{i:02d}",
            "output": {
                "kind": "trajectory",
                "id": f"tr-{i}",
                "pair": name,
                "temperature_K": kelvin,
                "seed": seed,
            },
        }
        for i, (name, kelvin, seed) in enumerate(rows)
    ]
    expected = [
        job["output"]["id"]
        for job in reversed(jobs)
        if (pair is None or job["output"]["pair"].lower() == pair.lower())
        and (temperature is None or job["output"]["temperature_K"] == temperature)
    ]
    store = JobStore(MemoryStore(), additional_stores={"trajectories": MemoryStore("frames")})
    store.connect()
    store.update(jobs)
    with tempfile.TemporaryDirectory() as folder:
        open_store(folder).update(jobs)
        conditions = QueryFilter(pair=pair, temperature_K=temperature).conditions("trajectory")
        for reader in (open_documents(folder), StoreReader(store)):
            found = reader.search(Search("trajectory", conditions))
            assert [row.id for row, _ in found] == expected
