"""Promise: an export that was changed, cut or made to do harm changes nothing in a store."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

import numpy as np
import pytest
from typer.testing import CliRunner

from sulfox.cli.store.db import app as db
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory, publish_archive
from sulfox.stores.documents import count_documents, find_documents
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.portable.export import export_study
from sulfox.stores.portable.loading import import_study
from sulfox.stores.portable.manifest import read_manifest


@pytest.fixture
def filled(tmp_path, make_document, job, folder_archive):
    """A store with a trajectory, its frames and an interface."""
    store = open_store(tmp_path / "store")
    reference = publish_archive(folder_archive, store)
    run = make_document("trajectory", "tr-1", archive=reference.model_dump(mode="json"))
    store.update([job("u1", run), job("u2", make_document("interface", "if-1"))])
    return tmp_path / "store"


@pytest.fixture
def export(filled, tmp_path):
    path = tmp_path / "a.tar"
    export_study(open_documents(filled), "gsirr", path, {"study.json": b"{}"})
    return path


def members(path):
    with tarfile.open(path) as tar:
        return [(member.name, tar.extractfile(member).read()) for member in tar]


def rewritten(path, contents, *, sealed=True):
    """The same archive with other members; `sealed` makes its manifest agree, as a forger would."""
    contents = list(contents)
    if sealed:
        hashes = {n: hashlib.sha256(c).hexdigest() for n, c in contents if n != "manifest.json"}
        contents = [
            (n, json.dumps(json.loads(c) | {"members": hashes}).encode())
            if n == "manifest.json"
            else (n, c)
            for n, c in contents
        ]
    with tarfile.open(path, "w") as tar:
        for name, content in contents:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def changed_job(export, change, **more):
    """The archive in which one job output was changed, and its hash with it."""

    def edit(name, content):
        job = json.loads(content) if name.startswith("jobs/") else None
        if job is not None and job["output"]["kind"] == "interface":
            change(job)
            return name, json.dumps(job).encode()
        return name, content

    return rewritten(export, [edit(n, c) for n, c in members(export)], **more)


def refused(path, store, code):
    new = open_store(store)
    with pytest.raises(SulfoxError, match=code):
        import_study(path, new)
    assert count_documents(open_documents(store)) == {}
    assert not list((store / "trajectories").rglob("segment*"))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz"])
def test_a_flipped_bit_anywhere_is_found(filled, tmp_path, suffix):
    """In the compressed file too; only bytes that hold nothing (tar's padding) may differ."""
    path = tmp_path / f"b{suffix}"
    manifest = export_study(open_documents(filled), "gsirr", path)
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for place in rng.integers(0, len(whole), 40):
        broken = bytearray(whole)
        broken[place] ^= 1 << rng.integers(0, 8)
        path.write_bytes(broken)
        result = CliRunner().invoke(db, ["verify", str(path), "--json"])
        if result.exception is None:
            assert json.loads(result.stdout)["manifest"] == manifest.model_dump(mode="json")
        else:
            assert getattr(result.exception, "code", None) in ("SFX-506", "SFX-502")


def test_a_missing_and_an_added_member_are_told(export, tmp_path):
    contents = members(export)
    for name, _ in contents[:-1]:
        rewritten(export, [c for c in contents if c[0] != name], sealed=False)
        with pytest.raises(SulfoxError, match="SFX-506"):
            read_manifest(export)
    rewritten(export, [*contents, ("jobs/evil.json", b"{}")], sealed=False)
    refused(export, tmp_path / "new", "SFX-506")


def test_the_same_name_twice_is_refused(export, tmp_path):
    """Else the first would be loaded and the second would be hashed."""
    contents = members(export)
    name, content = next(item for item in contents if item[0].startswith("jobs/"))
    evil = json.dumps(json.loads(content) | {"uuid": "evil"}).encode()
    rewritten(export, [(name, evil), *contents], sealed=False)
    refused(export, tmp_path / "new", "SFX-506.*twice")


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/x",
        "trajectories/../../x",
        "trajectories/.hidden/x",
        "trajectories/tr/deep/x",
        "trajectories/tr-1/..\\x",
        "elsewhere/x",
        "x",
    ],
)
def test_a_member_with_a_place_of_its_own_choice_is_refused(export, tmp_path, name):
    before = {p for p in tmp_path.parent.rglob("x") if p.is_file()}
    rewritten(export, [(name, b"evil"), *members(export)])
    refused(export, tmp_path / "new", "SFX-506")
    assert {p for p in tmp_path.parent.rglob("x") if p.is_file()} == before


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_is_refused(export, tmp_path, kind):
    with tarfile.open(export, "a") as tar:
        info = tarfile.TarInfo("inputs/link")
        info.type = kind
        info.linkname = "/etc/passwd"
        tar.addfile(info)
    refused(export, tmp_path / "new", "SFX-506.*no plain file")


def test_a_link_in_a_folder_is_refused(filled, tmp_path):
    folder = tmp_path / "folder"
    export_study(open_documents(filled), "gsirr", folder, as_folder=True)
    assert read_manifest(folder).documents == {"interface": 1, "trajectory": 1}
    (folder / "inputs").mkdir(exist_ok=True)
    (folder / "inputs" / "link").symlink_to("/etc/passwd")
    refused(folder, tmp_path / "new", "SFX-506.*no plain file")


def test_a_changed_file_in_a_folder_is_found_by_verify_and_by_a_question(filled, tmp_path):
    folder = tmp_path / "folder"
    export_study(open_documents(filled), "gsirr", folder, as_folder=True)
    for path in sorted(folder.rglob("*.*")):
        old = path.read_bytes()
        path.write_bytes(old[:-1] + bytes([old[-1] ^ 1]))
        result = CliRunner().invoke(db, ["verify", str(folder)])
        assert isinstance(result.exception, SulfoxError), path
        path.write_bytes(old)
    job = next((folder / "jobs").iterdir())
    job.write_bytes(job.read_bytes().replace(b"LCO|LPSCl", b"NCM|LPSCl"))
    with pytest.raises(SulfoxError, match="SFX-506"):
        find_documents(open_documents(folder), "interface")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            lambda job: job["output"].update(extra={"@module": "os", "@class": "x"}),
            "SFX-505.*class",
        ),
        (lambda job: job["output"].update(kind="colours"), "SFX-505.*unknown kind"),
        (lambda job: job["output"].update(gap_A="wide"), "SFX-505.*gap_A"),
        (lambda job: job["output"].update(surprise=1), "SFX-505.*surprise"),
        (lambda job: job.pop("uuid"), "SFX-506.*no job output"),
        (lambda job: job.update(uuid=["a"]), "SFX-506.*no job output"),
        (lambda job: job.update(index="one"), "SFX-506.*no job output"),
    ],
)
def test_what_is_no_document_is_refused_though_its_hash_is_right(export, tmp_path, change, code):
    """A forger can seal what he changed; classes that jobflow would import do not get in."""
    refused(changed_job(export, change), tmp_path / "new", code)


def test_a_second_import_makes_nothing_new(export, tmp_path):
    store = open_store(tmp_path / "new")
    first, second = import_study(export, store), import_study(export, store)
    assert (first.new, first.present, first.differing) == (2, 0, ())
    assert (second.new, second.present, second.differing) == (0, 2, ())
    runner = CliRunner()
    result = runner.invoke(db, ["import", str(export), "--store", str(tmp_path / "new"), "--json"])
    assert json.loads(result.stdout)["new"] == 0


def test_what_the_store_holds_is_not_replaced_by_another_version(filled, export):
    """The same job with another number: one's own stays, and it is said."""
    forged = changed_job(export, lambda job: job["output"].update(gap_A=9.75))
    before = find_documents(open_documents(filled), "interface")
    report = import_study(forged, open_store(filled))
    assert (report.new, report.present, report.differing) == (0, 2, ("u2:1",))
    assert find_documents(open_documents(filled), "interface") == before


def test_documents_of_an_older_schema_come_in_as_new_ones(export, tmp_path, monkeypatch):
    """And where the store has migrated the same document already, nothing changes."""
    from sulfox.stores import migrations

    def widen(content):
        return content | {"gap_A": content["gap_A"] * 2}

    monkeypatch.setitem(migrations.MIGRATIONS, ("interface", 0), widen)
    old = changed_job(export, lambda job: job["output"].update(schema_version=0, gap_A=1.5))
    store = open_store(tmp_path / "new")
    assert import_study(old, store).new == 2
    found = find_documents(open_documents(tmp_path / "new"), "interface")[0]
    assert (found.gap_A, found.schema_version) == (3.0, 1)
    again = import_study(old, store)
    assert (again.new, again.differing) == (0, ())


def test_a_document_of_a_newer_schema_is_refused(export, tmp_path):
    newer = changed_job(export, lambda job: job["output"].update(schema_version=99))
    refused(newer, tmp_path / "new", "SFX-502")


def test_frames_of_a_stored_run_are_not_overwritten_but_damaged_ones_are_repaired(
    filled, export, tmp_path
):
    """The document of the store names the frames it stands on."""
    run = find_documents(open_documents(filled), "trajectory")[0]
    identity = run.archive.trajectory_id
    good = open_stored_trajectory(open_documents(filled), identity, run.archive).frames().positions
    segment = filled / "trajectories" / identity / run.archive.segments[1].name
    segment.write_bytes(b"damaged")
    import_study(export, open_store(filled))
    reader = open_documents(filled)
    repaired = open_stored_trajectory(reader, identity, run.archive).frames().positions
    assert (repaired == good).all()
    contents = [
        (n, c + b"more" if n.endswith(run.archive.segments[0].name) else c)
        for n, c in members(export)
    ]
    report = import_study(rewritten(export, contents), open_store(filled))
    assert identity in report.differing
    same = open_stored_trajectory(reader, identity, run.archive).frames().positions
    assert (same == good).all()


def test_a_folder_is_not_written_over_something(filled, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(SulfoxError, match="SFX-560"):
        export_study(open_documents(filled), "gsirr", tmp_path / "there", as_folder=True)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_folder_becomes_a_store_again(filled, tmp_path):
    folder = tmp_path / "folder"
    words = ["export", "gsirr", "--folder", "--out", str(folder), "--store", str(filled)]
    assert CliRunner().invoke(db, words, catch_exceptions=False).exit_code == 0
    import_study(folder, open_store(tmp_path / "new"))
    old, new = (
        find_documents(open_documents(place), kind)
        for place in (filled, tmp_path / "new")
        for kind in ("trajectory",)
    )
    assert old == new
    assert find_documents(open_documents(folder), "trajectory") == old
