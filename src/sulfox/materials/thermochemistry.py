"""The thermochemical tables of the configuration: gases and condensed phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sulfox.documents.base import content_hash
from sulfox.documents.thermochemistry import Source, Substance, ThermoTable
from sulfox.errors import SulfoxError
from sulfox.materials.phases import FormationEnthalpy, read_phases
from sulfox.settings import find_config

__all__ = ["read_thermochemistry"]

_FILES = ("gases", "solids")


def read_thermochemistry() -> ThermoTable:
    """Read ``thermochemistry/gases.yaml`` and ``solids.yaml`` of the configuration.

    A row with ``phase`` takes its formation enthalpy from that phase of the folder phases:
    a measured number stands in one place.

    Returns
    -------
    ThermoTable
        Gases, then condensed phases.

    Raises
    ------
    SulfoxError
        SFX-731 if a file is missing, is not valid, or names a substance twice; SFX-725 if the
        catalogue of phases is not valid.
    """
    substances: list[Substance] = []
    sources: dict[str, Source] = {}
    measured = {
        phase.name: phase.formation_enthalpy
        for phase in read_phases().phases
        if phase.formation_enthalpy is not None
    }
    for name in _FILES:
        path = find_config("thermochemistry", name)
        if path is None:
            raise _invalid(f"thermochemistry/{name}.yaml", "no such file")
        rows, named = _read(path, measured)
        substances += rows
        sources |= named
    seen = [(s.formula, s.is_gas) for s in substances]
    twice = sorted({pair[0] for pair in seen if seen.count(pair) > 1})
    if twice:
        raise _invalid("thermochemistry", f"{', '.join(twice)} twice")
    words = {"source", "checked", "remark", "enthalpy_source"}
    numbers = sorted((s.model_dump(exclude=words) for s in substances), key=str)
    return ThermoTable(
        name="experiment",
        hash=content_hash(numbers),
        substances=tuple(substances),
        sources=sources,
    )


Measured = dict[str, FormationEnthalpy]


def _read(path: Path, measured: Measured) -> tuple[list[Substance], dict[str, Source]]:
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or set(content) != {"sources", "substances"}:
            raise _invalid(path.name, "other keys than sources and substances")
        sources = {str(k): Source.model_validate(v) for k, v in content["sources"].items()}
        rows = [
            Substance.model_validate(_with_enthalpy(row, measured)) for row in content["substances"]
        ]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "a substance"
        raise _invalid(path.name, f"{place}: {first['msg']}") from error
    except (yaml.YAMLError, OSError, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise _invalid(path.name, " ".join(str(error).split())) from error
    unknown = sorted({row.source for row in rows} - sources.keys())
    if unknown:
        raise _invalid(path.name, f"no source {', '.join(unknown)}")
    return rows, sources


def _with_enthalpy(row: dict[str, Any], enthalpies: Measured) -> dict[str, Any]:
    """Take the formation enthalpy from the catalogue of phases where the row names one."""
    if "phase" not in row:
        return row
    name = str(row["phase"])
    measured = enthalpies.get(name)
    if measured is None:
        raise _invalid(f"thermochemistry of {name}", "no measured enthalpy in the folder phases")
    given = {k: v for k, v in row.items() if k != "phase"}
    return {
        **given,
        "formation_enthalpy_kJ_per_mol": measured.kJ_per_mol,
        "enthalpy_source": measured.reference.citation,
    }


def _invalid(who: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-731",
        who=who,
        found=found,
        expected="sources, and substances with formula, state, source, checked and segments",
        next_step="correct the file in the folder thermochemistry of your configuration",
    )
