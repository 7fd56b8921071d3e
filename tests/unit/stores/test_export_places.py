"""Promise: an export goes where it is meant to, over nothing; what is no export is told as such."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sulfox.cli.store.db import app as db
from sulfox.errors import SulfoxError
from sulfox.stores.opening import open_store
from sulfox.stores.portable.manifest import read_manifest


@pytest.fixture
def store(tmp_path, make_document, job):
    open_store(tmp_path / "store").update([job("u1", make_document("interface", "if-1"))])
    return str(tmp_path / "store")


def run(*words: object) -> str:
    return CliRunner().invoke(db, [*map(str, words)], catch_exceptions=False).stdout


@pytest.mark.parametrize("name", ["g.zip", "g", "g.gz", "g.tar.zst", "g.json"])
def test_a_file_has_the_ending_of_what_it_is(store, tmp_path, name):
    with pytest.raises(SulfoxError, match=r"SFX-901.*\.tar\.gz"):
        run("export", "gsirr", "--out", tmp_path / name, "--store", store)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("g.tar", b"jobs/"),
        ("g.TAR.GZ", b"\x1f\x8b"),
        ("g.tgz", b"\x1f\x8b"),
        ("g.tar.xz", b"\xfd7zXZ"),
        ("g.txz", b"\xfd7zXZ"),
        ("g.tar.bz2", b"BZh"),
    ],
)
def test_the_ending_says_how_it_is_compressed(store, tmp_path, name, start):
    run("export", "gsirr", "--out", tmp_path / name, "--store", store)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert "all whole" in run("verify", tmp_path / name)


def test_nothing_is_written_over_unless_asked_for(store, tmp_path):
    path = tmp_path / "g.tar"
    path.write_bytes(b"my own")
    with pytest.raises(SulfoxError, match=r"SFX-560.*--replace"):
        run("export", "gsirr", "--out", path, "--store", store)
    assert path.read_bytes() == b"my own"
    run("export", "gsirr", "--out", path, "--replace", "--store", store)
    assert read_manifest(path).study == "gsirr"
    link = tmp_path / "link.tar"
    link.symlink_to(tmp_path / "nowhere.tar")
    with pytest.raises(SulfoxError, match="SFX-560"):
        run("export", "gsirr", "--out", link, "--store", store)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(SulfoxError, match="SFX-560"):
        run("export", "gsirr", "--folder", "--replace", "--out", folder, "--store", store)
    with pytest.raises(SulfoxError, match=r"SFX-901.*a folder"):
        run("export", "gsirr", "--out", folder, "--replace", "--store", store)
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("more", [(), ("--folder",)])
def test_a_folder_that_is_not_there_is_no_place(store, tmp_path, more):
    """A typing error would else make folders somewhere."""
    out = tmp_path / "a" / "b" / "g.tar"
    with pytest.raises(SulfoxError, match=r"SFX-901.*no folder"):
        run("export", "gsirr", *more, "--out", out, "--store", store)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("command", ["verify", "import"])
def test_what_is_no_export_is_told_without_internals(store, tmp_path, command):
    text = tmp_path / "text"
    text.write_text("root:x:0:0\n" * 90)
    (tmp_path / "empty.tar").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x").write_text("x")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(text, "text")
    for path, told in (
        (tmp_path / "nofile.tar", "SFX-407.*no such file or folder.*correct the path"),
        (text, "SFX-506.*no tar file; expected a file or folder that sulfox db export wrote"),
        (tmp_path / "empty.tar", "SFX-506.*an empty file"),
        (tmp_path / "folder", r"SFX-506.*no manifest\.json in it"),
        (tmp_path / "other.tar", r"SFX-506.*no manifest\.json"),
        (Path("/dev/null"), "SFX-407.*no plain file"),
    ):
        with pytest.raises(SulfoxError, match=told) as refused:
            run(command, path, *(("--store", store) if command == "import" else ()))
        assert "gzip" not in refused.value.line
        assert "method" not in refused.value.line


def test_a_cut_file_is_still_told_as_cut(store, tmp_path):
    for name in ("g.tar", "g.tar.gz", "g.tar.xz", "g.tar.bz2"):
        path = tmp_path / name
        run("export", "gsirr", "--out", path, "--store", store)
        whole = path.read_bytes()
        end = whole.rindex(b"manifest.json") if name == "g.tar" else len(whole) // 2
        path.write_bytes(whole[:end])
        with pytest.raises(SulfoxError, match=r"SFX-506.*fetch it again"):
            read_manifest(path)


@pytest.mark.parametrize("where", ["--store", "--into"])
def test_a_dry_run_says_that_the_run_itself_would_be_refused(store, tmp_path, where):
    """A plan that cannot be carried out is no plan: the same words as of the run."""
    export = tmp_path / "export"
    run("export", "gsirr", "--folder", "--out", export, "--store", store)
    before = {path: path.read_bytes() for path in export.rglob("*") if path.is_file()}
    stores = ("--store", str(export)) if where == "--store" else ("--store", store, where, export)
    words = ["reanalyze", "--dry-run", *map(str, stores)]
    told = CliRunner().invoke(db, words, catch_exceptions=False)
    assert told.exit_code == 2
    assert "0 to be made" in told.stdout
    assert f"would be refused: SFX-561 [input] store {export}" in told.stderr
    planned = CliRunner().invoke(db, [*words, "--json"], catch_exceptions=False)
    assert '"refusal": "SFX-561' in planned.stdout
    with pytest.raises(SulfoxError, match="SFX-561"):
        run("reanalyze", *stores)
    assert {path: path.read_bytes() for path in export.rglob("*") if path.is_file()} == before
    into = ("--store", store, "--into", tmp_path / "own")
    told = CliRunner().invoke(db, ["reanalyze", "--dry-run", *map(str, into)])
    assert (told.exit_code, told.stderr) == (0, "")
