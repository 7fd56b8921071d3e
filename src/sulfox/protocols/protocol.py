"""A named protocol: what is done to a structure, and why so where a source leaves it open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSettings
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.settings import config_dirs, find_config

__all__ = ["Choice", "Protocol", "load_protocol"]


class Choice(Record):
    """A setting that the source does not state.

    Attributes
    ----------
    what, value, reason : str
        The setting, what was taken, and why.
    """

    what: str
    value: str
    reason: str


class Protocol(Record):
    """A relaxation and two stages of dynamics.

    Attributes
    ----------
    name, description : str
        Short name; one sentence.
    source : str
        Where the numbers come from.
    choices : tuple of Choice
        What the source leaves open.
    bulk_relaxation, interface_relaxation : RelaxationSpec
        For bulk cells and for interfaces.
    equilibration, production : DynamicsSettings
        The two stages of a run.
    """

    name: str
    description: str
    source: str
    choices: tuple[Choice, ...]
    bulk_relaxation: RelaxationSpec
    interface_relaxation: RelaxationSpec
    equilibration: DynamicsSettings
    production: DynamicsSettings


def load_protocol(name: str) -> Protocol:
    """Read a protocol by name or from a YAML file.

    Parameters
    ----------
    name : str
        Stem of a file in ``configs/protocols``, or a path ending in ``.yaml``.

    Returns
    -------
    Protocol
        Checked: unknown keys and impossible numbers are errors.

    Raises
    ------
    SulfoxError
        SFX-102 if there is none of this name, or it is not valid.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else find_config("protocols", name)
    if path is None or not path.is_file():
        known = sorted(p.stem for d in config_dirs() for p in (d / "protocols").glob("*.yaml"))
        raise SulfoxError(
            "SFX-102",
            who=f"protocol {name}",
            found="no such protocol",
            expected="one of " + ", ".join(dict.fromkeys(known)),
            next_step="correct the name, or give the path of a .yaml file",
        )
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Protocol.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where, what = ".".join(map(str, first["loc"])), first["msg"]
        cause: Exception = error
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        where, what, cause = "the file", str(error), error
    raise SulfoxError(
        "SFX-102",
        who=f"protocol file {path}",
        found=f"{where}: {what}",
        expected="the keys " + ", ".join(Protocol.model_fields),
        next_step="correct the file",
    ) from cause
