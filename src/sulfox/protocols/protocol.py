"""A named protocol: what is done to a structure, and why so where a source leaves it open."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSettings
from sulfox.protocols.electronic import ElectronicSettings
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.settings import config_dirs, find_config

__all__ = [
    "Choice",
    "ElectronicProtocol",
    "Protocol",
    "load_electronic_protocol",
    "load_protocol",
]


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
    electronic : ElectronicSettings or None
        How a DFT engine computes the forces; an interatomic potential does not read it.
    """

    name: str
    description: str
    source: str
    choices: tuple[Choice, ...]
    bulk_relaxation: RelaxationSpec
    interface_relaxation: RelaxationSpec
    equilibration: DynamicsSettings
    production: DynamicsSettings
    electronic: ElectronicSettings | None = None


class ElectronicProtocol(Record):
    """A level of theory for densities of states, and how the structure gets its geometry.

    Attributes
    ----------
    name, description : str
        Short name; one sentence.
    source : str
        Where the numbers come from.
    choices : tuple of Choice
        What the source leaves open.
    electronic : ElectronicSettings
        Functional, cutoff, meshes, thresholds, density of states.
    relaxation : RelaxationSpec or None
        None computes at the catalogue's measured lattice.
    """

    name: str
    description: str
    source: str
    choices: tuple[Choice, ...]
    electronic: ElectronicSettings
    relaxation: RelaxationSpec | None = None


_AnyProtocol = TypeVar("_AnyProtocol", Protocol, ElectronicProtocol)


def load_protocol(name: str) -> Protocol:
    """Read a protocol of dynamics by name or from a YAML file.

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
    return _load(name, Protocol)


def load_electronic_protocol(name: str) -> ElectronicProtocol:
    """Read a protocol of electronic structure by name or from a YAML file.

    Parameters
    ----------
    name : str
        Stem of a file in ``configs/protocols``, or a path ending in ``.yaml``.

    Returns
    -------
    ElectronicProtocol
        Checked: unknown keys and impossible numbers are errors.

    Raises
    ------
    SulfoxError
        SFX-102 if there is none of this name, or it is not valid.
    """
    return _load(name, ElectronicProtocol)


def _load(name: str, model: type[_AnyProtocol]) -> _AnyProtocol:
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
        return model.model_validate(content)
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
        expected="the keys " + ", ".join(model.model_fields),
        next_step="correct the file",
    ) from cause
