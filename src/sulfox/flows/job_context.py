"""What the jobs of a study share: their engine, their folder, documents in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobflow import CURRENT_JOB

from sulfox.documents.kinds import parse_document
from sulfox.errors import SulfoxError
from sulfox.settings import get_settings

__all__ = [
    "JsonDocument",
    "checked_engine",
    "identify_calculator",
    "ordered_material",
    "typed_documents",
    "work_folder",
]

JsonDocument = dict[str, Any]


def identify_calculator(engine: str, potential: str) -> dict[str, str]:
    """Check that the engine can run here, and say what decides its numbers.

    Parameters
    ----------
    engine, potential : str
        As in the study.

    Returns
    -------
    dict
        ``engine``, ``potential``, ``inputs_hash``: part of every job's identity.

    Raises
    ------
    SulfoxError
        SFX-301 for an unknown engine, SFX-302 or SFX-303 for a missing or damaged potential.
    """
    return {
        "engine": engine,
        "potential": potential,
        "inputs_hash": _engine(engine, potential).inputs_hash,
    }


def _engine(engine: str, potential: str) -> Any:
    from sulfox.engines.registry import get_engine

    return get_engine(engine, potential)


def checked_engine(calculator: dict[str, str]) -> Any:
    """Give the engine, if it still is the one the job was made for.

    Parameters
    ----------
    calculator : dict
        As :func:`identify_calculator` gave it.

    Returns
    -------
    Engine
        Ready to run.

    Raises
    ------
    SulfoxError
        SFX-303 if what decides its numbers has changed since.
    """
    engine = _engine(calculator["engine"], calculator["potential"])
    if engine.inputs_hash != calculator["inputs_hash"]:
        raise SulfoxError(
            "SFX-303",
            who=calculator["potential"],
            found=f"inputs hash {engine.inputs_hash[:12]}",
            expected=f"{calculator['inputs_hash'][:12]}, with which the flow was made",
            next_step="make the flow again with the potential you want, or restore the old one",
        )
    return engine


def ordered_material(side: dict[str, Any]) -> Any:
    """Give the ordered cell of a side of a pair.

    Parameters
    ----------
    side : dict
        With ``entry``; ``exchange_fraction`` and ``disorder_seed`` ask for a random sample.

    Returns
    -------
    OrderedMaterial
        The representative, or the sample.
    """
    from sulfox.materials.material import Material
    from sulfox.materials.ordering import ordered_representative, random_sample

    material = Material.model_validate(side["entry"])
    if side.get("exchange_fraction") is None:
        return ordered_representative(material)
    return random_sample(material, side["exchange_fraction"], side["disorder_seed"])


def work_folder() -> Path:
    """Give the folder of this job's checkpoints: the same one when the job runs again."""
    root = get_settings().work_dir or Path.cwd()
    return root / CURRENT_JOB.job.uuid


def typed_documents(outputs: list[Any]) -> list[Any]:
    """Give typed documents out of job outputs.

    Parameters
    ----------
    outputs : list
        Each a document, a ``{"documents": list}``, or what is no answer: None for a missing
        output, ``{"continues": True}`` for a run that ran out of time and failed later.

    Returns
    -------
    list of Document
        In order.
    """
    found = []
    for output in outputs:
        if output is None or output.get("continues"):
            continue
        found += [parse_document(d) for d in output.get("documents", [output])]
    return found
