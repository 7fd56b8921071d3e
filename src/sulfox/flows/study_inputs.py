"""What a study was made from, as files: enough to make its jobs again on another machine."""

from __future__ import annotations

from sulfox.errors import SulfoxError
from sulfox.flows.study import load_study
from sulfox.materials.catalogue import load_material
from sulfox.protocols.protocol import load_electronic_protocol, load_protocol

__all__ = ["study_inputs"]


def study_inputs(name: str) -> dict[str, bytes]:
    """Collect a study with the materials and protocols it names.

    A job's UUID is the hash of its inputs: with these files the same jobs come out.

    Parameters
    ----------
    name : str
        Folder or name of a study.

    Returns
    -------
    dict
        File name -> JSON; empty where the study's files are not at hand.
    """
    try:
        study = load_study(name)
    except SulfoxError:
        return {}
    sides = [side.material for pair in study.pairs for side in (pair.cathode, pair.electrolyte)]
    protocols = {
        study.dynamics.protocol: load_protocol(study.dynamics.protocol).model_dump_json(indent=1)
    }
    if study.band_centers is not None:
        sides += [case.material for case in study.band_centers.cases]
        level = load_electronic_protocol(study.band_centers.protocol)
        protocols[level.name] = level.model_dump_json(indent=1)
    materials = {m.name: m for m in map(load_material, sides)}
    found = {"study.json": study.model_dump_json(indent=1)}
    found |= {f"protocols/{key}.json": text for key, text in protocols.items()}
    found |= {f"materials/{key}.json": m.model_dump_json(indent=1) for key, m in materials.items()}
    return {file: text.encode() for file, text in found.items()}
