"""The embedded store survives kill -9, many writers, damage, a full and a read-only disk."""

from __future__ import annotations

import base64
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from maggma.stores import MontyStore
from monty.json import MontyDecoder

from sulfox.documents.base import SCHEMA_VERSION
from sulfox.errors import SulfoxError
from sulfox.stores.embedded.folder import MARKER, EmbeddedFolder
from sulfox.stores.embedded.store import EmbeddedStore, FolderStore
from sulfox.stores.opening import open_documents, open_store

_PROCESSES = multiprocessing.get_context("fork")


def _doc(uuid: str, value: object = 0, index: int = 1) -> dict:
    return {"uuid": uuid, "index": index, "output": {"value": value, "filler": [0.25] * 300}}


def _segment(name: str, content: bytes) -> dict:
    return {
        "blob_uuid": name,
        "data": base64.b64encode(content).decode(),
        "n_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _in_child(action: Callable[[], None]) -> str:
    """Run in a forked process; return what it raised as text, or ''."""
    receiver, sender = _PROCESSES.Pipe(duplex=False)

    def run() -> None:
        try:
            action()
            sender.send("")
        except BaseException as error:  # noqa: BLE001 told to the parent
            sender.send(f"{type(error).__name__}: {error}")

    child = _PROCESSES.Process(target=run)
    child.start()
    child.join(60)
    return receiver.recv() if receiver.poll(0) else "no answer"


def test_a_writer_killed_at_any_moment_loses_nothing_it_was_told_is_stored(
    tmp_path: Path,
) -> None:
    root = tmp_path / "store"
    open_store(root)
    acknowledged: set[str] = set()

    def write_forever(pipe: object, round_number: int) -> None:
        store = open_store(root)
        for i in range(100_000):
            name = f"{round_number}-{i}"
            store.additional_stores["trajectories"].update(
                _segment(f"tr-{round_number}/segment-{i:06d}-{i:06d}.npz", os.urandom(5000))
            )
            store.update(_doc(name, i))
            pipe.send(name)  # type: ignore[attr-defined]

    rng = random.Random(5)
    for round_number in range(12):
        receiver, sender = _PROCESSES.Pipe(duplex=False)
        child = _PROCESSES.Process(target=write_forever, args=(sender, round_number))
        child.start()
        sender.close()
        assert receiver.poll(30)
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        try:
            while True:
                acknowledged.add(receiver.recv())
        except EOFError:
            pass
        stored = {doc["uuid"] for doc in open_documents(root).find()}
        assert acknowledged <= stored
        assert len(stored - acknowledged) <= round_number + 1
    frames = open_store(root).additional_stores["trajectories"]
    for blob in frames.query():
        assert blob["n_bytes"] == 5000
    assert frames.count() >= len(acknowledged) > 20


def test_a_store_killed_while_it_is_made_is_made_by_the_next(tmp_path: Path) -> None:
    rng = random.Random(3)
    unfinished = 0
    for i in range(25):
        root = tmp_path / str(i)
        child = _PROCESSES.Process(target=open_store, args=(root,))
        child.start()
        time.sleep(rng.uniform(0.0, 0.05))
        child.kill()
        child.join()
        unfinished += not EmbeddedFolder(root).exists
        store = open_store(root)
        store.update(_doc("a"))
        assert [doc["uuid"] for doc in open_documents(root).find()] == ["a"]
    assert unfinished, "no round hit an unfinished store"


def test_four_processes_lose_nothing_and_leave_no_duplicates(tmp_path: Path) -> None:
    root = tmp_path / "store"

    def write(worker: int) -> None:
        store = open_store(root)
        for i in range(40):
            store.update(_doc(f"w{worker}-{i}", i))
            store.update(_doc(f"shared-{i}", worker))
            store.additional_stores["trajectories"].update(_segment("tr-1/shared", b"x" * 10_000))

    children = [_PROCESSES.Process(target=write, args=(worker,)) for worker in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(300)
    assert [child.exitcode for child in children] == [0] * 4
    found = sorted(doc["uuid"] for doc in open_documents(root).find())
    own = [f"w{worker}-{i}" for worker in range(4) for i in range(40)]
    assert found == sorted([*own, *(f"shared-{i}" for i in range(40))])
    assert [path.name for path in (root / "trajectories" / "tr-1").iterdir()] == ["shared"]


def test_readers_see_whole_documents_while_others_write(tmp_path: Path) -> None:
    root = tmp_path / "store"
    store = open_store(root)
    store.update([_doc(f"a{i}", 0) for i in range(20)])

    def rewrite() -> None:
        other = open_store(root)
        for value in range(1, 30):
            other.update([_doc(f"a{i}", value) for i in range(20)])

    child = _PROCESSES.Process(target=rewrite)
    child.start()
    while child.is_alive():
        values = {doc["output"]["value"] for doc in open_documents(root).find()}
        assert len(values) == 1, "a half-written transaction was seen"
    child.join()
    assert child.exitcode == 0


def test_threads_share_a_store(tmp_path: Path) -> None:
    store = open_store(tmp_path)

    def work(worker: int) -> int:
        for i in range(10):
            store.update(_doc(f"{worker}-{i}", i))
            assert store.query_one({"uuid": f"{worker}-{i}"})["output"]["value"] == i
            assert store.count({"output.value": {"$gte": 0}}) > 0
        return worker

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == list(range(8))
    assert store.count() == 80


def test_maggmas_own_montystore_reads_the_files(tmp_path: Path) -> None:
    open_store(tmp_path).update([_doc("a", 1), _doc("b", 2)])
    plain = MontyStore(
        "outputs", database_path=str(tmp_path / "documents"), database_name="jobs", key="uuid"
    )
    plain.connect()
    assert plain.query_one({"output.value": 2})["uuid"] == "b"


def test_a_store_goes_through_json_and_back(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.update(_doc("a", 1))
    again = MontyDecoder().process_decoded(store.as_dict())
    again.connect()
    assert again.count() == 1
    assert again.docs_store == store.docs_store
    assert again.additional_stores["trajectories"] == store.additional_stores["trajectories"]
    assert EmbeddedStore("x") != EmbeddedStore("y")


def test_replacing_by_uuid_alone_replaces_every_index(tmp_path: Path) -> None:
    docs = open_store(tmp_path).docs_store
    docs.update([_doc("a", 1, 1), _doc("a", 2, 2), _doc("b", 3)], key=["uuid", "index"])
    docs.update(_doc("a", 9, 1), key="uuid")
    assert sorted(doc["output"]["value"] for doc in docs.query()) == [3, 9]


def test_a_failed_batch_leaves_nothing_of_itself(tmp_path: Path) -> None:
    docs = open_store(tmp_path).docs_store
    docs.update(_doc("a", 1))
    with pytest.raises(KeyError):
        docs.update([_doc("a", 2), {"output": 3}], key="uuid")
    assert [doc["output"]["value"] for doc in docs.query()] == [1]


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path)
    text = json.dumps({"schema_version": SCHEMA_VERSION + 1})
    (tmp_path / MARKER).write_text(text)
    for opener in (open_store, open_documents):
        with pytest.raises(SulfoxError, match=f"SFX-502.*schema version {SCHEMA_VERSION + 1}"):
            opener(tmp_path)
    assert (tmp_path / MARKER).read_text() == text


def test_an_older_store_opened_by_a_newer_sulfox_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a newer sulfox may have written into must not be opened by an older one."""
    open_store(tmp_path).update(_doc("a"))
    with monkeypatch.context() as newer:
        newer.setattr("sulfox.stores.embedded.folder.SCHEMA_VERSION", SCHEMA_VERSION + 1)
        assert open_store(tmp_path).count() == 1
    with pytest.raises(SulfoxError, match="SFX-502"):
        open_documents(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (MARKER, b"{"),
        (MARKER, b"[1]"),
        ("documents/jobs/outputs.collection", b"no database at all" * 100),
        ("documents/jobs/outputs.collection", b""),
        ("documents/.monty.storage", b"flatfile"),
    ],
)
def test_damage_is_told_not_overwritten(tmp_path: Path, file: str, content: bytes) -> None:
    open_store(tmp_path).update(_doc("a"))
    (tmp_path / file).write_bytes(content)
    with pytest.raises(SulfoxError, match="SFX-501"):
        open_documents(tmp_path)
    if file.endswith(".storage"):
        return  # opening for writing lays this file anew
    with pytest.raises(SulfoxError, match="SFX-501"):
        open_store(tmp_path)
    assert (tmp_path / file).read_bytes() == content


def test_a_database_damaged_in_the_middle_is_told_when_read(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.update([_doc(f"a{i}") for i in range(200)])
    file = tmp_path / "documents/jobs/outputs.collection"
    data = bytearray(file.read_bytes())
    data[8192:-8192] = os.urandom(len(data) - 16384)
    file.write_bytes(data)
    with pytest.raises(SulfoxError, match=r"SFX-50[15]"):
        list(open_documents(tmp_path).find())
    with pytest.raises(SulfoxError, match=r"SFX-50[15]"):
        list(open_store(tmp_path).query())


def test_a_row_that_is_no_document_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.update([_doc("a"), _doc("b")])
    database = tmp_path / "documents/jobs/outputs.collection"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE documents SET v = ? WHERE rowid = 1", (b"\x07\x00junk",))
    for find in (open_documents(tmp_path).find, store.query):
        with pytest.raises(SulfoxError, match="SFX-505"):
            list(find())


def test_a_deleted_database_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    open_store(tmp_path).update(_doc("a"))
    (tmp_path / "documents/jobs/outputs.collection").unlink()
    with pytest.raises(SulfoxError, match="SFX-501"):
        open_documents(tmp_path)
    with pytest.raises(SulfoxError, match="SFX-501"):
        open_store(tmp_path)


def _as_ordinary_user(action: Callable[[], None]) -> Callable[[], None]:
    """Permissions do not bind root: drop it in the child."""

    def run() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        action()

    return run


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that an ordinary user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="sulfox-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_read_only_store_is_told_and_can_still_be_queried(shared_folder: Path) -> None:
    root = shared_folder / "store"
    open_store(root).update(_doc("a"))
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        answer = _in_child(_as_ordinary_user(lambda: open_store(root)))
        assert "SFX-503" in answer

        def query() -> None:
            assert [doc["uuid"] for doc in open_documents(root).find()] == ["a"]

        assert _in_child(_as_ordinary_user(query)) == ""
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_folder_that_cannot_be_made_is_told(shared_folder: Path) -> None:
    shared_folder.chmod(0o555)
    answer = _in_child(_as_ordinary_user(lambda: open_store(shared_folder / "new")))
    shared_folder.chmod(0o755)
    assert "SFX-503" in answer
    (shared_folder / "file").write_text("")
    with pytest.raises(SulfoxError, match=r"SFX-50[13]"):
        open_store(shared_folder / "file" / "below")


_FILL_THE_DISK = """
import subprocess, sys
from pathlib import Path
from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_documents
from sulfox.stores.embedded.folder import EmbeddedFolder
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=True)
folder = EmbeddedFolder(disk / "store")
folder.create()
written = []
try:
    for i in range(1000):
        folder.write([{"uuid": f"a{i}", "index": 1, "output": "x" * 5000}], ["uuid", "index"])
        written.append(f"a{i}")
except SulfoxError as error:
    print(error.code)
found = sorted(doc["uuid"] for doc in open_documents(disk / "store").find())
print(found == sorted(written), len(found) > 50)
"""


def test_a_full_disk_is_told_and_what_was_stored_stays(tmp_path: Path) -> None:
    """In a mount namespace of its own, on a disk of 1 MB."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    command = [unshare, "-rm", sys.executable, "-c", _FILL_THE_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if "mount" in done.stderr:
        pytest.skip("mounting is not permitted here")
    assert done.stdout.split() == ["SFX-503", "True", "True"], done.stderr


def test_reading_a_store_changes_no_file(tmp_path: Path) -> None:
    open_store(tmp_path).update(_doc("a"))

    def state() -> dict:
        return {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in tmp_path.rglob("*")
            if path.is_file()
        }

    before = state()
    assert len(list(open_documents(tmp_path).find())) == 1
    assert state() == before


def test_queries_import_neither_maggma_nor_jobflow_nor_numpy(tmp_path: Path) -> None:
    open_store(tmp_path).update(_doc("a"))
    script = (
        "import sys; from sulfox.stores.documents import find_documents; "
        "from sulfox.stores.opening import open_documents; "
        f"find_documents(open_documents({str(tmp_path)!r}), 'interface'); "
        "print([m for m in ('maggma','jobflow','numpy','pymatgen','pymongo') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


class TestFolderStore:
    """Blobs as plain files."""

    @pytest.fixture
    def blobs(self, tmp_path: Path) -> FolderStore:
        store = FolderStore(str(tmp_path / "blobs"))
        store.connect()
        return store

    def test_a_segment_is_the_plain_file_of_its_name(self, blobs: FolderStore) -> None:
        content = os.urandom(1000)
        blobs.update(_segment("tr-1/segment-000000-000009.npz", content))
        assert (blobs.root / "tr-1" / "segment-000000-000009.npz").read_bytes() == content
        assert blobs.query_one({"blob_uuid": "tr-1/segment-000000-000009.npz"}) == _segment(
            "tr-1/segment-000000-000009.npz", content
        )

    def test_a_wrong_checksum_is_refused_before_writing(self, blobs: FolderStore) -> None:
        doc = {**_segment("tr-1/a", b"right"), "data": base64.b64encode(b"wrong").decode()}
        with pytest.raises(SulfoxError, match="SFX-404"):
            blobs.update(doc)
        assert blobs.count() == 0

    @pytest.mark.parametrize("name", ["../x", "tr-1/../../x", "tr-1/.hidden", "/abs", "a/b/c"])
    def test_no_name_leaves_the_folder(self, blobs: FolderStore, name: str) -> None:
        with pytest.raises(SulfoxError, match="SFX-504"):
            blobs.update(_segment(name, b"x"))
        with pytest.raises(SulfoxError, match="SFX-504"):
            blobs.query_one({"blob_uuid": name})

    def test_other_documents_keep_any_name(self, blobs: FolderStore) -> None:
        names = ["..", "a b", "ü", "x" * 36, "a.json"]
        blobs.update([{"blob_uuid": name, "data": {"n": i}} for i, name in enumerate(names)])
        assert set(blobs.distinct("blob_uuid")) == set(names)
        assert blobs.query_one({"blob_uuid": ".."})["data"] == {"n": 0}

    def test_criteria_sort_and_properties(self, blobs: FolderStore) -> None:
        blobs.update([{"blob_uuid": f"b{i}", "job_uuid": f"j{i % 2}", "data": i} for i in range(6)])
        blobs.update(_segment("tr-1/a", b"12345"))
        found = list(
            blobs.query({"job_uuid": "j1"}, ["blob_uuid"], sort={"blob_uuid": -1}, limit=2)
        )
        assert found == [{"blob_uuid": "b5"}, {"blob_uuid": "b3"}]
        assert blobs.count({"blob_uuid": {"$in": ["b0", "tr-1/a", "none"]}}) == 2
        assert list(blobs.query({"n_bytes": {"$gt": 3}}, ["n_bytes"])) == [{"n_bytes": 5}]
        groups = {key["job_uuid"]: len(docs) for key, docs in blobs.groupby("job_uuid")}
        assert groups == {"j0": 3, "j1": 3}
        blobs.remove_docs({"job_uuid": "j0"})
        assert blobs.count() == 4


def test_an_existing_store_is_opened_as_often_as_wanted(tmp_path: Path) -> None:
    folder = EmbeddedFolder(tmp_path / "store")
    for _ in range(3):
        folder.create()
    assert folder.exists
    assert sorted(path.name for path in folder.root.iterdir() if path.name[0] != ".") == [
        "documents",
        MARKER,
        "trajectories",
    ]
