"""Machine settings: environment before file before default; unknown keys are errors."""

from __future__ import annotations

import pytest

from sulfox.errors import SulfoxError
from sulfox.settings import config_dirs, find_config, get_settings


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("SULFOX_DATA_DIR", "SULFOX_CONFIG_DIR", "SULFOX_CACHE_DIR", "SULFOX_NEP89_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def write_yaml(folder, text):
    (folder / "config" / "sulfox").mkdir(parents=True)
    (folder / "config" / "sulfox" / "settings.yaml").write_text(text)


def test_environment_beats_file_beats_default(own_home, monkeypatch):
    assert get_settings().data_dir == own_home / "data" / "sulfox"
    write_yaml(own_home, f"data_dir: {own_home}/from-file\n")
    assert get_settings().data_dir == own_home / "from-file"
    monkeypatch.setenv("SULFOX_DATA_DIR", str(own_home / "from-environment"))
    assert get_settings().data_dir == own_home / "from-environment"


def test_an_unknown_key_is_refused(own_home):
    write_yaml(own_home, "datadir: /x\n")
    with pytest.raises(SulfoxError, match=r"SFX-102.*datadir"):
        get_settings()


@pytest.mark.parametrize("text", ["data_dir: [", "- a list", "data_dir: {a: b}"])
def test_a_broken_file_is_refused(own_home, text):
    write_yaml(own_home, text)
    with pytest.raises(SulfoxError, match="SFX-102"):
        get_settings()


def test_the_users_own_configuration_comes_first(own_home, monkeypatch):
    (own_home / "mine" / "materials").mkdir(parents=True)
    (own_home / "mine" / "materials" / "LCO.yaml").write_text("name: LCO")
    monkeypatch.setenv("SULFOX_CONFIG_DIR", str(own_home / "mine"))
    assert find_config("materials", "lco") == own_home / "mine" / "materials" / "LCO.yaml"
    assert find_config("materials", "CoO").name == "CoO.yaml"  # the packaged one is still there
    assert len(config_dirs()) >= 2
    assert find_config("materials", "no-such") is None
