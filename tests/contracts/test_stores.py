"""What any store promises: a folder, memory, a (mocked) MongoDB, or S3 (a small server's)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore
from object_server import ObjectServer, running_object_server

from sulfox.errors import SulfoxError
from sulfox.stores.archive import StoreBackend, open_stored_trajectory, publish_archive
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.readers import TRAJECTORIES, DocumentReader, StoreReader
from sulfox.stores.server import server_job_store
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


def _object_store(tmp_path: Path) -> JobStore:
    """maggma's S3Store by a description, over HTTP, with the secret in the environment."""
    (tmp_path / "store.yaml").write_text(
        "docs_store: {type: MemoryStore, collection_name: docs}\n"
        "additional_stores:\n"
        "  trajectories:\n"
        "    type: S3Store\n"
        "    bucket: lab\n"
        "    endpoint_url: ${SULFOX_TEST_S3_URL}\n"
        "    sub_dir: trajectories\n"
        "    key: blob_uuid\n"
        "    s3_profile: {aws_access_key_id: me, region_name: us-east-1,\n"
        "                 aws_secret_access_key: '${SULFOX_TEST_S3_SECRET}'}\n"
        "    index: {type: MemoryStore, collection_name: files, key: blob_uuid}\n"
    )
    return open_store(tmp_path / "store.yaml")


STORES = {
    "embedded": lambda tmp_path: open_store(tmp_path / "store"),
    "memory": _memory_store,
    "described": _described_store,
    "gridfs": _gridfs_store,
    "s3": _object_store,
}


@pytest.fixture
def object_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    """As much of S3 as is needed, on a port of this machine."""
    with running_object_server("lab") as server:
        monkeypatch.setenv("SULFOX_TEST_S3_URL", server.url)
        monkeypatch.setenv("SULFOX_TEST_S3_SECRET", "not-to-be-told")
        yield server


@pytest.fixture(params=sorted(STORES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A store, and the reader that a query would use."""
    if request.param == "s3":
        request.getfixturevalue("object_server")
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
            **dict.fromkeys(("job_uuid", "job_index")),
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


def test_frames_lie_in_the_bucket_and_the_secret_nowhere(
    object_server: ObjectServer, tmp_path: Path, archive_folder: Path
) -> None:
    store = _object_store(tmp_path)
    reference = publish_archive(archive_folder, store)
    names = [*(segment.name for segment in reference.segments), "trajectory.json"]
    expected = {f"lab/trajectories/tr-contract/{name}" for name in names}
    assert set(object_server.objects) == expected
    assert object_server.key_ids == {"me"}, "every request is signed by the described user"
    lines = list(store.additional_stores[TRAJECTORIES].index.query())
    assert len(lines) == len(expected)
    held = f"{lines}{object_server.objects}{store.additional_stores[TRAJECTORIES]!r}"
    assert "not-to-be-told" not in held


def test_a_bucket_that_is_not_there_is_told_without_the_secret(
    object_server: ObjectServer, tmp_path: Path
) -> None:
    object_server.buckets = ()
    with pytest.raises(SulfoxError, match=r"SFX-501.*Bucket") as caught:
        _object_store(tmp_path)
    assert "not-to-be-told" not in caught.value.line


def test_a_job_on_a_cluster_reaches_the_bucket_with_its_own_variables(
    object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch, archive_folder: Path
) -> None:
    """What a queue stores of the description holds names of variables only."""
    profile = {"aws_access_key_id": "me", "region_name": "us-east-1"}
    description = {
        "docs_store": {"type": "MemoryStore"},
        "additional_stores": {
            TRAJECTORIES: {
                "type": "S3Store",
                "bucket": "${SULFOX_TEST_BUCKET}",
                "endpoint_url": "${SULFOX_TEST_S3_URL}",
                "key": "blob_uuid",
                "s3_profile": profile | {"aws_secret_access_key": "${SULFOX_TEST_S3_SECRET}"},
                "index": {"type": "MemoryStore", "key": "blob_uuid"},
            }
        },
    }
    monkeypatch.setenv("SULFOX_TEST_BUCKET", "lab")
    store = JobStore.from_dict(server_job_store(description))
    store.connect()
    publish_archive(archive_folder, store)
    assert len(object_server.objects) == 4
    queued = json.dumps(store.additional_stores[TRAJECTORIES].as_dict(), default=str)
    assert "not-to-be-told" not in queued
    assert "${SULFOX_TEST_S3_SECRET}" in queued


def test_the_shipped_example_with_a_bucket_opens(
    object_server: ObjectServer,
    mongo: Any,
    database: Any,
    monkeypatch: pytest.MonkeyPatch,
    archive_folder: Path,
) -> None:
    """configs/stores/mongodb-s3.yaml as it is: every secret comes from the environment."""
    place = urlsplit(mongo.uri)
    if place.username:
        pytest.skip("the stated server has a user of its own")
    for name, value in {
        "MONGO_HOST": place.hostname,
        "MONGO_PORT": str(mongo.port),
        "MONGO_DATABASE": database.name,
        "MONGO_USER": "",
        "MONGO_PASSWORD": "",
        "S3_BUCKET": "lab",
        "S3_ENDPOINT": object_server.url,
        "S3_KEY_ID": "me",
        "S3_SECRET": "not-to-be-told",
    }.items():
        monkeypatch.setenv(f"SULFOX_{name}", str(value))
    store = open_store("mongodb-s3")
    reference = publish_archive(archive_folder, store)
    reader = open_documents("mongodb-s3")
    stored = open_stored_trajectory(reader, "tr-contract", reference).frames()
    assert np.array_equal(stored.positions, open_archive(archive_folder).frames().positions)
    lines = list(database["trajectory_files"].find())
    assert len(lines) == len(object_server.objects) == 4
    assert "not-to-be-told" not in str(lines)
