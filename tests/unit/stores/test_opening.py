"""A store is opened from nothing, a folder or a YAML file; a mistake is told in one line."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.readers import TRAJECTORIES

_MEMORY = (
    "docs_store: {type: MemoryStore}\n"
    "additional_stores: {trajectories: {type: MemoryStore, collection_name: frames}}\n"
)
SECRET = "pa55-w0rd-that-no-message-may-hold"


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(autouse=True)
def _fast_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sulfox.stores.described._TIMEOUT_MS", 300)


def _refused(path: Path) -> str:
    with pytest.raises(SulfoxError) as caught:
        open_store(path)
    assert caught.value.code == "SFX-501"
    assert "\n" not in caught.value.line
    assert SECRET not in caught.value.line
    cause: BaseException | None = caught.value
    while cause is not None:  # --debug prints the chain
        assert SECRET not in str(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return caught.value.line


def test_without_a_word_the_store_is_in_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SULFOX_DATA_DIR", str(tmp_path / "data"))
    assert list(open_documents().find()) == []
    assert not (tmp_path / "data").exists(), "a query makes no store"
    store = open_store()
    assert (tmp_path / "data" / "store" / "sulfox-store.json").is_file()
    assert TRAJECTORIES in store.additional_stores
    store.update({"uuid": "a", "index": 1, "output": 1})
    assert [doc["uuid"] for doc in open_documents().find()] == ["a"]


def test_a_folder_is_made_for_writing_but_not_for_a_query(tmp_path: Path) -> None:
    with pytest.raises(SulfoxError, match=r"SFX-501.*no such folder"):
        open_documents(tmp_path / "missing")
    (tmp_path / "other").mkdir()
    with pytest.raises(SulfoxError, match=r"SFX-501.*no store in this folder"):
        open_documents(tmp_path / "other")
    open_store(tmp_path / "missing")
    assert list(open_documents(str(tmp_path / "missing")).find()) == []


def test_a_yaml_file_with_environment_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(
        "docs_store: {type: EmbeddedStore, path: '${PLACE}/here'}\n"
        "additional_stores: {trajectories: {type: FolderStore, path: '${PLACE}/here/t'}}\n"
    )
    assert "PLACE is not set" in _refused(file)
    monkeypatch.setenv("PLACE", str(tmp_path))
    open_store(file).update({"uuid": "a", "index": 1, "output": 1})
    assert [doc["uuid"] for doc in open_documents(tmp_path / "here").find()] == ["a"]
    assert [doc["uuid"] for doc in open_documents(file).find()] == ["a"]


def test_the_shipped_embedded_example_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Path(__file__).parents[3] / "configs" / "stores" / "embedded.yaml"
    monkeypatch.chdir(tmp_path)
    open_store(example).update({"uuid": "a", "index": 1, "output": 1})
    assert [doc["uuid"] for doc in open_documents("sulfox-store").find()] == ["a"]


def test_a_store_of_configs_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "ours.yaml").write_text(_MEMORY)
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert open_store("ours").docs_store.name.startswith("mem://")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1, 2", "no valid YAML"),
        ("just words", "no docs_store"),
        ("", "no docs_store"),
        ("docs_store: 3", "no docs_store"),
        ("docs_store: {collection_name: x}", "without type"),
        (_MEMORY.replace("type: MemoryStore}", "type: NoSuchStore}", 1), "NoSuchStore"),
        (_MEMORY.replace("{type: MemoryStore}", "{type: MemoryStore, nonsense: 1}"), "nonsense"),
        (_MEMORY + "unknown_key: 1\n", "unknown_key"),
        ("docs_store: {type: MemoryStore}\n", "add under additional_stores"),
        (_MEMORY.replace("trajectories", "frames"), "add under additional_stores"),
        (_MEMORY.replace("{type: MemoryStore, collection_name: frames}", "{a: 1}"), "without type"),
    ],
)
def test_nonsense_in_the_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "store.yaml"
    file.write_text(text)
    assert told in _refused(file)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    assert "no such file" in _refused(tmp_path / "missing.yaml")
    assert not (tmp_path / "missing.yaml").exists()
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    _refused(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    "connection",
    [
        "host: 127.0.0.1, port: {port}, database: d, username: me, password: '${{SFX_SECRET}}'",
        "database: d, uri: 'mongodb://me:${{SFX_SECRET}}@127.0.0.1:{port}/d'",
        "database: d, uri: 'mongodb://me:{secret}@127.0.0.1:{port}/d'",
        "database: d, uri: 'mongodb://me:{secret}@a@127.0.0.1:{port}/d'",
        "database: d, uri: 'mongodb://me:{secret}@127.0.0.1:notaport/d'",
        "database: d, uri: '{secret}'",
        "host: 127.0.0.1, database: d, port: {port}, mongoclient_kwargs: {{password: {secret}}}",
    ],
)
def test_an_unreachable_server_is_told_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int, connection: str
) -> None:
    monkeypatch.setenv("SFX_SECRET", SECRET)
    access = connection.format(port=free_port, secret=SECRET)
    file = tmp_path / "store.yaml"
    file.write_text(
        f"docs_store: {{type: MongoStore, collection_name: c, {access}}}\n"
        "additional_stores:\n"
        f"  trajectories: {{type: GridFSStore, collection_name: t, {access}}}\n"
    )
    _refused(file)


def test_a_newer_document_in_a_server_store_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check that stands for the embedded store's marker, on a store without one."""
    folder = tmp_path / "store"
    open_store(folder).update({"uuid": "a", "index": 1, "output": {"schema_version": 99}})
    file = tmp_path / "store.yaml"
    file.write_text(
        f"docs_store: {{type: EmbeddedStore, path: {folder}}}\n"
        f"additional_stores: {{trajectories: {{type: FolderStore, path: {folder}/trajectories}}}}\n"
    )
    with pytest.raises(SulfoxError, match=r"SFX-502.*99"):
        open_store(file)
