"""Machine settings: where things lie on this machine, never what is computed.

Order: environment (``SULFOX_*``), then ``~/.config/sulfox/settings.yaml``, then the
defaults below. Read by calling :func:`get_settings`, never at import.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from sulfox.errors import SulfoxError
from sulfox.units import Megabytes, Seconds

__all__ = ["Settings", "config_dirs", "find_config", "get_settings", "workflow_dirs"]


def _user_dir(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "sulfox"


class Settings(BaseSettings):
    """Machine settings.

    Attributes
    ----------
    data_dir : Path
        Folder of the embedded store.
    cache_dir : Path
        Folder of fetched potentials.
    store : str or None
        Store that commands and jobs use if none is given: folder, YAML file, or name of
        one in ``configs/stores``; None is the embedded store in `data_dir`.
    work_dir : Path or None
        Folder where running calculations keep their checkpoints; None puts it
        inside the store's folder.
    config_dir : Path or None
        Folder searched first for ``materials/`` and ``protocols/`` files.
    nep89_file : Path or None
        The user's own NEP89 potential file, instead of the fetched one.
    vasp_std_command, vasp_gam_command : str
        How VASP is started, e.g. ``"srun vasp_std"``; the second where the zone centre is
        the only k-point.
    vasp_ncore, vasp_kpar : int or None
        Cores that share a band, groups of k-points; they change no number.
    vasp_poll_s : float
        Seconds between looks at a running VASP.
    vasp_silent_floor_s : float
        VASP's dynamics are taken as frozen when nothing is written for 20 steps' time, and not
        before this [s].
    vasp_raw_dir : Path or None
        Folder that receives the compressed files of finished segments of dynamics; None drops
        them once their frames are archived.
    gpaw_max_time_s, gpaw_max_memory_MB : float or None
        Limits of a GPAW calculation; None takes 20 times the expected time and 80 % of the
        machine's memory.
    gpaw_keep_gpw : bool
        Whether a finished GPAW run keeps its ``.gpw`` files.
    """

    model_config = SettingsConfigDict(env_prefix="SULFOX_", extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=lambda: _user_dir("XDG_DATA_HOME", ".local/share"))
    cache_dir: Path = Field(default_factory=lambda: _user_dir("XDG_CACHE_HOME", ".cache"))
    store: str | None = None
    work_dir: Path | None = None
    config_dir: Path | None = None
    nep89_file: Path | None = None
    vasp_std_command: str = "vasp_std"
    vasp_gam_command: str = "vasp_gam"
    vasp_ncore: int | None = Field(default=None, gt=0)
    vasp_kpar: int | None = Field(default=None, gt=0)
    vasp_poll_s: Seconds = Field(default=5.0, gt=0)
    vasp_silent_floor_s: Seconds = Field(default=300.0, gt=0)
    vasp_raw_dir: Path | None = None
    gpaw_max_time_s: Seconds | None = Field(default=None, gt=0)
    gpaw_max_memory_MB: Megabytes | None = Field(default=None, gt=0)
    gpaw_keep_gpw: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before the user's YAML file."""
        user_yaml = _user_dir("XDG_CONFIG_HOME", ".config") / "settings.yaml"
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, user_yaml)


def get_settings() -> Settings:
    """Read the machine settings now.

    Returns
    -------
    Settings
        The settings in force.

    Raises
    ------
    SulfoxError
        SFX-102 if a value or a key cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        found = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        cause: Exception = error
    except (OSError, YAMLError, SettingsError, TypeError, ValueError) as error:
        found, cause = " ".join(str(error).split()), error
    raise SulfoxError(
        "SFX-102",
        who="machine settings",
        found=found,
        expected="the keys " + ", ".join(Settings.model_fields),
        next_step="correct the SULFOX_* variable or ~/.config/sulfox/settings.yaml",
    ) from cause


def _packaged(kind: str) -> Path:
    package = Path(__file__).resolve().parent
    installed = package / "_data" / kind
    return installed if installed.is_dir() else package.parents[1] / kind


def config_dirs() -> list[Path]:
    """Folders searched for configuration, first hit wins.

    Returns
    -------
    list of Path
        ``SULFOX_CONFIG_DIR`` (or ``--config-dir``), ``./configs``, the packaged one.
    """
    chosen = get_settings().config_dir
    candidates = [*([chosen] if chosen else []), Path("configs"), _packaged("configs")]
    return [folder for folder in candidates if folder.is_dir()]


def workflow_dirs() -> list[Path]:
    """Folders searched for studies, first hit wins: ``./workflows``, the packaged one."""
    return [folder for folder in (Path("workflows"), _packaged("workflows")) if folder.is_dir()]


def find_config(kind: str, name: str) -> Path | None:
    """Find ``<kind>/<name>.yaml`` in the configuration folders.

    Parameters
    ----------
    kind : str
        ``"materials"``, ``"protocols"`` or ``"stores"``.
    name : str
        File stem; compared without regard to case.

    Returns
    -------
    Path or None
        The first match.
    """
    for folder in config_dirs():
        for path in sorted((folder / kind).glob("*.yaml")):
            if path.stem.lower() == name.lower():
                return path
    return None
