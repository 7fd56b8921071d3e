"""A study as one file: another group loads it, and nothing that was changed gets in."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory, publish_archive
from sulfox.stores.documents import count_documents, find_documents
from sulfox.stores.opening import open_documents, open_store
from sulfox.stores.portable.export import export_study
from sulfox.stores.portable.loading import import_study
from sulfox.stores.portable.manifest import read_manifest


@pytest.fixture
def filled(tmp_path, make_document, job, folder_archive):
    """A store with a trajectory, its frames and an interface; and one of another study."""
    store = open_store(tmp_path / "store")
    reference = publish_archive(folder_archive, store)
    run = make_document("trajectory", "tr-1", archive=reference.model_dump(mode="json"))
    interface = make_document("interface", "if-1")
    other = make_document("interface", "if-2", study="other")
    store.update([job("u1", run), job("u2", interface), job("u3", other)])
    return tmp_path / "store"


def exported(filled, path):
    return export_study(open_documents(filled), "gsirr", path, {"study.json": b"{}"})


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.xz"])
def test_another_store_gets_the_same_documents_and_frames(filled, tmp_path, name):
    path = tmp_path / name
    manifest = exported(filled, path)
    assert manifest.documents == {"interface": 1, "trajectory": 1}
    assert read_manifest(path) == manifest
    assert "inputs/study.json" in manifest.members
    for _ in range(2):  # a second time changes nothing
        import_study(path, open_store(tmp_path / "new"))
        reader = open_documents(tmp_path / "new")
        assert count_documents(reader) == {"interface": 1, "trajectory": 1}
    old, new = (
        find_documents(open_documents(tmp_path / place), "trajectory") for place in ("store", "new")
    )
    assert old == new
    frames = [
        open_stored_trajectory(open_documents(tmp_path / place), new[0].archive.trajectory_id)
        for place in ("store", "new")
    ]
    assert (frames[0].frames().positions == frames[1].frames().positions).all()


def test_a_file_cut_anywhere_is_refused_and_nothing_is_loaded(filled, tmp_path):
    path = tmp_path / "a.tar"
    exported(filled, path)
    whole = path.read_bytes()
    manifest_starts = whole.rindex(b"manifest.json")
    for length in [0, 100, *range(512, manifest_starts, len(whole) // 40)]:
        path.write_bytes(whole[:length])
        with pytest.raises(SulfoxError, match="SFX-506"):
            import_study(path, open_store(tmp_path / "new"))
    assert count_documents(open_documents(tmp_path / "new")) == {}


def test_a_changed_byte_anywhere_in_a_member_is_found(filled, tmp_path):
    path = tmp_path / "a.tar"
    exported(filled, path)
    whole = bytearray(path.read_bytes())
    with tarfile.open(path) as tar:
        members = [(m.name, m.offset_data, m.size) for m in tar if m.size]
    for _name, start, size in members:
        changed = bytearray(whole)
        changed[start + size // 2] ^= 0x01
        path.write_bytes(changed)
        with pytest.raises(SulfoxError, match=r"SFX-50[26]"):
            read_manifest(path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "trajectories/../../evil/x"])
def test_a_member_cannot_leave_the_store(tmp_path, name):
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(SulfoxError, match=r"SFX-506.*no plain file"):
        import_study(path, open_store(tmp_path / "new"))


def test_a_file_of_a_newer_sulfox_is_refused(filled, tmp_path):
    path = tmp_path / "a.tar"
    manifest = exported(filled, path)
    newer = json.loads(manifest.model_dump_json()) | {"schema_version": 99}
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("manifest.json")
        content = json.dumps(newer).encode()
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    with pytest.raises(SulfoxError, match="SFX-502"):
        read_manifest(path)


def test_a_study_that_was_never_run_is_no_file(filled, tmp_path):
    with pytest.raises(SulfoxError, match="SFX-602"):
        export_study(open_documents(filled), "never", tmp_path / "a.tar")
    assert not (tmp_path / "a.tar").exists()
