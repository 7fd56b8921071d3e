"""Entries of the Materials Project, with a client that stands in for the network."""

from __future__ import annotations

import builtins
import socket
import sys
import threading
import time
import types

import pytest
from pymatgen.core.entries import ComputedEntry

from sulfox.analysis.thermodynamics.entries.entry_sources import open_entry_set
from sulfox.errors import SulfoxError
from sulfox.flows.thermodynamic import materials_project
from sulfox.flows.thermodynamic.materials_project import KEY_VARIABLE, fetch_entries, make_client


class Client:
    """What the project's own client answers, for lithium and oxygen."""

    asked = 0

    def get_entries_in_chemsys(self, elements, additional_criteria):
        Client.asked += 1
        assert additional_criteria == {"thermo_types": ["GGA_GGA+U"]}
        rows = [("Li", -1.9), ("O2", -9.8), ("Li2O", -13.9), ("Li2O2", -18.0)]
        entries = [ComputedEntry(f, e, entry_id=f"mp-{k}") for k, (f, e) in enumerate(rows)]
        entries[2].correction = -0.7
        known = set(elements)
        return [e for e in entries if {x.symbol for x in e.composition} <= known]

    def get_database_version(self):
        return "2026.01.01"


@pytest.fixture
def asked():
    Client.asked = 0
    return Client


def test_an_answer_is_kept_with_the_database_version_and_read_offline(tmp_path, asked):
    path = tmp_path / "mp.json"
    header = fetch_entries(["O", "Li"], path, client=asked)
    assert (header["chemsys"], header["n"], header["database_version"]) == (
        "Li-O",
        4,
        "2026.01.01",
    )
    entry_set = open_entry_set(path)
    energies = {e.formula: e.formation_energy_eV_per_atom for e in entry_set.entries}
    assert energies["Li2O"] == pytest.approx((-13.9 - 0.7 + 2 * 1.9 + 4.9) / 3, abs=1e-9)
    assert entry_set.correction_scheme == "MP2020 (GGA, GGA+U)"
    assert {e.metadata["database_version"] for e in entry_set.entries} == {"2026.01.01"}

    def offline():
        raise AssertionError("the database was asked again")

    again = fetch_entries(["Li", "O"], path, client=offline)
    assert again["cached"]
    assert asked.asked == 1


def test_another_question_asks_again(tmp_path, asked):
    path = tmp_path / "mp.json"
    fetch_entries(["O", "Li"], path, client=asked)
    fetch_entries(["Li"], path, client=asked)
    assert asked.asked == 2
    assert {e.formula for e in open_entry_set(path).entries} == {"Li"}


def test_no_key_is_told_and_the_computed_sets_are_offered(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(SulfoxError, match=r"^SFX-727.*MP_API_KEY.*--entries chgnet"):
        make_client()


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "0123456789")
    really = builtins.__import__

    def without(name, *more, **named):
        if name.startswith("mp_api"):
            raise ImportError(name)
        return really(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SulfoxError, match=r"^SFX-727.*sulfox\[mp\]"):
        make_client()


@pytest.fixture
def package(monkeypatch):
    """Stand in for mp-api: a client that must not be made before the server has answered."""

    class MPRester:
        def __init__(self, key):
            raise ValueError("made with this key")

    package = types.ModuleType("mp_api.client")
    package.MPRester = MPRester
    monkeypatch.setitem(sys.modules, "mp_api", types.ModuleType("mp_api"))
    monkeypatch.setitem(sys.modules, "mp_api.client", package)
    monkeypatch.setenv(KEY_VARIABLE, "0" * 32)
    monkeypatch.setattr(materials_project, "_ANSWER_WITHIN_S", 0.3)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)


@pytest.fixture
def server():
    """A socket that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening, f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_a_server_that_is_silent_or_not_there_is_told_and_nothing_hangs(
    package, server, monkeypatch
):
    listening, address = server
    monkeypatch.setenv("MP_API_ENDPOINT", address)
    start = time.monotonic()
    with pytest.raises(SulfoxError, match=r"^SFX-727.*no answer.*--entries chgnet"):
        make_client()
    listening.close()
    with pytest.raises(SulfoxError, match=r"^SFX-727.*no answer.*check the network"):
        make_client()
    assert time.monotonic() - start < 10


def test_any_answer_makes_the_client_whose_refusal_is_told(package, server, monkeypatch):
    listening, address = server

    def answer():
        connection, _ = listening.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()
    monkeypatch.setenv("MP_API_ENDPOINT", address)
    monkeypatch.setattr(materials_project, "_ANSWER_WITHIN_S", 20.0)
    with pytest.raises(SulfoxError, match=r"^SFX-727.*made with this key.*check the key"):
        make_client()


def test_an_address_that_is_none_is_told(package, monkeypatch):
    monkeypatch.setenv("MP_API_ENDPOINT", "file:///etc")
    with pytest.raises(SulfoxError, match=r"^SFX-727.*MP_API_ENDPOINT"):
        make_client()


def test_a_network_that_fails_leaves_no_file(tmp_path):
    class Broken(Client):
        def get_entries_in_chemsys(self, elements, additional_criteria):
            raise ConnectionError("no route to host")

    path = tmp_path / "mp.json"
    with pytest.raises(SulfoxError, match=r"^SFX-727.*no route to host"):
        fetch_entries(["Li"], path, client=Broken)
    assert not path.exists()


@pytest.mark.parametrize(
    ("elements", "more", "code"),
    [
        (["Li", "Xx"], {}, "SFX-723"),
        ([], {}, "SFX-723"),
        (["Li", "S"], {}, "SFX-722"),
        (["Li"], {"thermo_type": "HSE"}, "SFX-726"),
        (["Li", "Co", "Ni", "Mn", "Al", "O", "P", "S", "Cl", "C"], {}, "SFX-723"),
    ],
)
def test_bad_questions_are_refused(tmp_path, asked, elements, more, code):
    with pytest.raises(SulfoxError) as caught:
        fetch_entries(elements, tmp_path / "mp.json", client=asked, **more)
    assert caught.value.code == code
