"""What any store promises, whether it is a folder, memory or a (mocked) MongoDB."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from sulfox.errors import SulfoxError
from sulfox.stores.archive import StoreBackend, open_stored_trajectory, publish_archive
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.readers import TRAJECTORIES, DocumentReader, StoreReader
from sulfox.trajectories.archive import (
    Segment,
    TrajectoryHeader,
    open_archive,
    write_header,
    write_segment,
)

N_FRAMES, N_ATOMS = 23, 5


def _memory_store(tmp_path: Path) -> JobStore:
    store = JobStore(MemoryStore(), additional_stores={TRAJECTORIES: MemoryStore("frames")})
    store.connect()
    return store


def _described_store(tmp_path: Path) -> JobStore:
    text = (
        "docs_store: {type: MemoryStore, collection_name: docs}\n"
        "additional_stores:\n"
        "  trajectories: {type: MemoryStore, collection_name: frames}\n"
    )
    (tmp_path / "store.yaml").write_text(text)
    return open_store(tmp_path / "store.yaml")


def _gridfs_store(tmp_path: Path) -> JobStore:
    """MongoStore and GridFSStore of maggma over mongomock instead of a server."""
    import mongomock_ng
    from maggma.stores import GridFSStore, MongoStore
    from mongomock_ng.gridfs import enable_gridfs_integration

    enable_gridfs_integration()
    import gridfs

    database = mongomock_ng.MongoClient()["sulfox"]
    frames = GridFSStore("sulfox", "frames", key="blob_uuid")
    frames._coll = gridfs.GridFS(database, "frames")
    frames._files_collection = database["frames.files"]
    frames._chunks_collection = database["frames.chunks"]
    frames._fs = MongoStore.from_collection(frames._files_collection)
    frames._fs.key = "blob_uuid"
    docs = MongoStore.from_collection(database["outputs"])
    return JobStore(docs, additional_stores={TRAJECTORIES: frames})


STORES = {
    "embedded": lambda tmp_path: open_store(tmp_path / "store"),
    "memory": _memory_store,
    "described": _described_store,
    "gridfs": _gridfs_store,
}


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A store, and the reader that a query would use."""
    store = STORES[request.param](tmp_path)
    reader: DocumentReader = (
        open_documents(tmp_path / "store") if request.param == "embedded" else StoreReader(store)
    )
    yield SimpleNamespace(store=store, reader=reader, name=request.param)
    if request.param != "gridfs":
        store.close()


@pytest.fixture
def archive_folder(tmp_path: Path) -> Path:
    """Three segments with 10, 10 and 3 frames."""
    folder = tmp_path / "local"
    header = TrajectoryHeader(
        trajectory_id="tr-contract",
        species=("S",) * N_ATOMS,
        sides=("bulk",) * N_ATOMS,
        time_step_fs=1.0,
        frame_interval_fs=2.0,
    )
    write_header(folder, header)
    rng = np.random.default_rng(1)
    for first in (0, 10, 20):
        frames = np.arange(first, min(first + 10, N_FRAMES))
        write_segment(
            folder,
            Segment(
                steps=frames * 2,
                times_fs=frames * 2.0,
                positions=rng.normal(size=(len(frames), N_ATOMS, 3)),
                lattice=np.eye(3) * 10.0,
                potential_energy_eV=rng.normal(size=len(frames)),
                temperature_K=rng.normal(size=len(frames)) + 300.0,
            ),
            first,
        )
    return folder


def _doc(uuid: str, value: object, index: int = 1) -> dict:
    return {"uuid": uuid, "index": index, "output": {"kind": "test", "inner": {"value": value}}}


def test_what_is_written_is_read(opened: SimpleNamespace) -> None:
    value = {"list": [1, 2.5, None, True], "text": "Å µ 4π", "empty": {}}
    opened.store.update([_doc("a", value), _doc("b", 2)])
    found = {doc["uuid"]: doc["output"]["inner"]["value"] for doc in opened.reader.find()}
    assert found == {"a": value, "b": 2}
    assert opened.store.get_output("a")["inner"]["value"] == value


def test_the_same_job_twice_is_one_document_and_the_last_one(opened: SimpleNamespace) -> None:
    for value in range(3):
        opened.store.update(_doc("a", value))
    assert [d["output"]["inner"]["value"] for d in opened.reader.find({"uuid": "a"})] == [2]
    opened.store.update(_doc("a", 9, index=2))
    assert opened.store.count({"uuid": "a"}) == 2
    assert opened.store.get_output("a")["inner"]["value"] == 9


def test_find_takes_nested_keys_operators_sort_limit_and_projection(
    opened: SimpleNamespace,
) -> None:
    opened.store.update([_doc(f"j{i}", i) for i in range(10)])
    found = opened.reader.find(
        {"output.kind": "test", "output.inner.value": {"$gte": 3}},
        sort={"output.inner.value": -1},
        limit=2,
        projection={"uuid": 1},
    )
    docs = list(found)
    assert [doc["uuid"] for doc in docs] == ["j9", "j8"]
    assert all("output" not in doc for doc in docs)
    assert not list(opened.reader.find({"output.inner.value": {"$in": [77]}}))


def test_removed_documents_are_gone_and_others_stay(opened: SimpleNamespace) -> None:
    opened.store.update([_doc("a", 1), _doc("b", 2)], save={TRAJECTORIES: "inner"})
    frames = opened.store.additional_stores[TRAJECTORIES]
    assert frames.count() == 2
    opened.store.remove_docs({"uuid": "a"})
    assert [doc["uuid"] for doc in opened.reader.find()] == ["b"]
    assert frames.count() == 1


def test_jobflow_runs_on_it_and_resolves_references(opened: SimpleNamespace) -> None:
    @job
    def add(a: float, b: float) -> dict:
        return {"sum": a + b}

    first = add(1, 2)
    second = add(first.output["sum"], 10)
    run_locally(Flow([first, second]), store=opened.store, log=False)
    assert opened.store.get_output(second.uuid) == {"sum": 13}


def test_jobflow_keeps_large_items_in_the_additional_store(opened: SimpleNamespace) -> None:
    large = list(range(500))
    store = opened.store
    store.update({"uuid": "a", "index": 1, "output": {"big": large}}, save={TRAJECTORIES: "big"})
    raw = store.query_one({"uuid": "a"}, load=False)["output"]["big"]
    assert set(raw) >= {"blob_uuid", "store"}
    assert store.query_one({"uuid": "a"}, load=True)["output"]["big"] == large


def test_a_published_archive_is_read_back_bit_for_bit(
    opened: SimpleNamespace, archive_folder: Path
) -> None:
    reference = publish_archive(archive_folder, opened.store)
    assert publish_archive(archive_folder, opened.store) == reference
    local = open_archive(archive_folder)
    for place in (opened.store, opened.reader):
        stored = open_stored_trajectory(place, "tr-contract", reference)
        assert stored.n_frames == N_FRAMES
        assert np.array_equal(stored.frames().positions, local.frames().positions)
        few = stored.frames(8, 21, 4)
        assert np.array_equal(few.positions, local.frames().positions[8:21:4])
        assert np.array_equal(few.times_fs, local.frames().times_fs[8:21:4])


def test_publishing_again_repairs_what_is_damaged(
    opened: SimpleNamespace, archive_folder: Path
) -> None:
    reference = publish_archive(archive_folder, opened.store)
    name = reference.segments[1].name
    wrong = b"damaged"
    opened.store.additional_stores[TRAJECTORIES].update(
        {
            "blob_uuid": f"tr-contract/{name}",
            "data": base64.b64encode(wrong).decode(),
            "sha256": hashlib.sha256(wrong).hexdigest(),
            "n_bytes": len(wrong),
            "n_parts": 1,
        },
        key="blob_uuid",
    )
    with pytest.raises(SulfoxError, match="SFX-404"):
        open_stored_trajectory(opened.store, "tr-contract", reference).frames()
    publish_archive(archive_folder, opened.store)
    stored = open_stored_trajectory(opened.store, "tr-contract", reference)
    assert stored.frames().positions.shape == (N_FRAMES, N_ATOMS, 3)


@pytest.mark.parametrize("identity", ["tr-unknown", "../etc", "a/b", ".hidden", ""])
def test_an_unknown_trajectory_is_told(opened: SimpleNamespace, identity: str) -> None:
    for place in (opened.store, opened.reader):
        with pytest.raises(SulfoxError, match="SFX-504"):
            open_stored_trajectory(place, identity)


def test_a_large_segment_is_split_below_the_document_limit(opened: SimpleNamespace) -> None:
    if opened.name == "embedded":
        pytest.skip("files have no limit")
    store = opened.store.additional_stores[TRAJECTORIES]
    backend = StoreBackend(store, "tr-big", part_bytes=1000)
    data = np.random.default_rng(0).bytes(3500)
    backend.write("segment-000000-000009.npz", data)
    backend.write("segment-000010-000019.npz", b"")
    assert backend.read("segment-000000-000009.npz") == data
    assert backend.read("segment-000010-000019.npz") == b""
    assert backend.names() == ["segment-000000-000009.npz", "segment-000010-000019.npz"]
    assert all(len(str(doc.get("data"))) < 1500 for doc in store.query())
    with pytest.raises(FileNotFoundError):
        backend.read("segment-000020-000029.npz")
