"""Fetching a potential: only the published bytes, only that one file, a clear word otherwise."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from sulfox.engines.mlip import potentials
from sulfox.errors import SulfoxError

CONTENT = b"nep4_zbl 2 Li Cl\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SULFOX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SULFOX_NEP89_FILE", raising=False)


@pytest.fixture
def pip_gives(monkeypatch):
    """Let pip "download" an archive with these members; return the commands it was given."""
    commands = []

    def prepare(members):
        def run(command, **options):
            commands.append(command)
            folder = Path(command[command.index("--dest") + 1])
            with tarfile.open(folder / "neptrainkit-3.1.5.tar.gz", "w:gz") as archive:
                for name, content in members.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(potentials.subprocess, "run", run)
        return commands

    return prepare


def publish(monkeypatch, content):
    monkeypatch.setattr(potentials, "NEP89_SHA256", hashlib.sha256(content).hexdigest())


def test_only_the_potential_is_taken_out_of_the_package(pip_gives, tmp_path, monkeypatch):
    publish(monkeypatch, CONTENT)
    member = "neptrainkit-3.1.5/" + potentials._MEMBER
    commands = pip_gives({"../evil.txt": b"x", "/tmp/evil.txt": b"x", member: CONTENT})
    fetched = potentials.fetch_nep89()
    assert fetched.path.read_bytes() == CONTENT
    assert fetched == potentials.find_nep89()
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["nep89.txt"]
    potentials.fetch_nep89()
    assert len(commands) == 1, "what is there is not fetched again"
    assert "--no-deps" in commands[0]
    assert commands[0][-1] == "NepTrainKit==3.1.5"


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(pip_gives, tmp_path):
    pip_gives({"neptrainkit-3.1.5/" + potentials._MEMBER: CONTENT})
    with pytest.raises(SulfoxError, match=r"SFX-303") as caught:
        potentials.fetch_nep89()
    assert hashlib.sha256(CONTENT).hexdigest() in caught.value.found
    assert potentials.NEP89_SHA256 in caught.value.expected
    assert not (tmp_path / "cache").exists()


def test_a_fetched_file_that_changed_is_refused_and_fetched_again(pip_gives, monkeypatch):
    publish(monkeypatch, CONTENT)
    pip_gives({"neptrainkit-3.1.5/" + potentials._MEMBER: CONTENT})
    path = potentials.fetch_nep89().path
    path.write_bytes(CONTENT[:-3])
    with pytest.raises(SulfoxError, match=r"SFX-303.*sulfox engines fetch nep89"):
        potentials.find_nep89()
    assert potentials.fetch_nep89().path.read_bytes() == CONTENT


@pytest.mark.parametrize("members", [{}, {"neptrainkit-3.1.5/README.md": b"x"}])
def test_a_package_without_the_potential_is_told(pip_gives, members):
    pip_gives(members)
    with pytest.raises(SulfoxError, match=r"SFX-302.*SULFOX_NEP89_FILE"):
        potentials.fetch_nep89()


def test_without_a_network_the_way_out_is_told(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SulfoxError, match=r"SFX-302.*SULFOX_NEP89_FILE") as caught:
        potentials.fetch_nep89()
    assert caught.value.exit_code == 1


def test_a_missing_potential_says_how_to_get_it():
    with pytest.raises(SulfoxError, match=r"SFX-302.*run: sulfox engines fetch nep89"):
        potentials.find_nep89()


def test_the_users_own_file_is_used_with_its_own_checksum(tmp_path, monkeypatch):
    own = tmp_path / "mine.txt"
    own.write_bytes(CONTENT)
    monkeypatch.setenv("SULFOX_NEP89_FILE", str(own))
    found = potentials.find_nep89()
    assert (found.path, found.sha256) == (own, hashlib.sha256(CONTENT).hexdigest())
    assert not found.is_published
    own.unlink()
    with pytest.raises(SulfoxError, match=r"SFX-302.*SULFOX_NEP89_FILE"):
        potentials.find_nep89()
