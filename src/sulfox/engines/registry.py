"""The table of engines; a package adds one through the entry point group ``sulfox.engines``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec

from sulfox.engines.base import Engine, EngineInfo
from sulfox.errors import SulfoxError

__all__ = ["describe_engines", "engine_names", "get_engine"]

EngineFactory = Callable[[str], Engine]
_GROUP = "sulfox.engines"


def _mlip(potential: str) -> Engine:
    from sulfox.engines.mlip.calculators import load_calculator
    from sulfox.engines.mlip.engine import MlipEngine

    return MlipEngine(load_calculator(potential))


def _vasp(potential: str) -> Engine:
    problem = _vasp_package_problem()
    if problem is not None:
        found, _, next_step = problem.partition("; ")
        raise SulfoxError(
            "SFX-302",
            who="engine vasp",
            found=found,
            expected="the packages of sulfox[vasp]",
            next_step=next_step,
        )
    from sulfox.engines.vasp.run.engine import load_vasp

    return load_vasp(potential)


def _vasp_package_problem() -> str | None:
    missing = [name for name in ("atomate2", "custodian") if find_spec(name) is None]
    if not missing:
        return None
    named = " and ".join(missing)
    what = f"the package {named} is" if len(missing) == 1 else f"the packages {named} are"
    return f"{what} missing; run: pip install 'sulfox[vasp]'"


def _gpaw(_potential: str) -> Engine:
    from sulfox.engines.gpaw.engine import load_gpaw

    return load_gpaw()


_TABLE: dict[str, EngineFactory] = {"mlip": _mlip, "vasp": _vasp, "gpaw": _gpaw}


def engine_names() -> list[str]:
    """Names that :func:`get_engine` takes."""
    return [*_TABLE, *(entry.name for entry in entry_points(group=_GROUP))]


def get_engine(name: str = "mlip", potential: str = "nep89") -> Engine:
    """Make an engine.

    Parameters
    ----------
    name : str
        ``"mlip"``, or the name of an entry point in the group ``sulfox.engines``: a callable
        that takes the potential's name and returns an engine.
    potential : str
        ``"nep89"``, ``"chgnet"`` or an import path.

    Returns
    -------
    Engine
        Ready to run.

    Raises
    ------
    SulfoxError
        SFX-301 for an unknown engine or potential, SFX-302 if something is missing.
    """
    factory = _TABLE.get(name)
    for entry in entry_points(group=_GROUP):
        if factory is None and entry.name == name:
            factory = entry.load()
    if factory is None:
        raise SulfoxError(
            "SFX-301",
            who=f"engine {name}",
            found="no engine of this name",
            expected="one of " + ", ".join(engine_names()),
            next_step="see: sulfox engines",
        )
    return factory(potential)


def describe_engines() -> list[EngineInfo]:
    """Say which engines can run on this machine, and what the others miss.

    Returns
    -------
    list of EngineInfo
        sulfox's own, then the entry points, which are not loaded for this.
    """
    others = [
        EngineInfo(
            name=entry.name,
            potential="-",
            available=True,
            problem=None,
            level_of_theory=f"from {entry.value}",
            license="see its package",
        )
        for entry in entry_points(group=_GROUP)
    ]
    own = [_describe_nep89(), _describe_chgnet(), _describe_import_path(), _describe_vasp()]
    return [*own, _describe_gpaw(), *others]


def _describe_gpaw() -> EngineInfo:
    from sulfox.engines.gpaw.installation import code_versions, installation_problem

    problem = installation_problem()
    version = code_versions().get("gpaw", "26.7.0")
    return EngineInfo(
        name="gpaw",
        potential="PBE",
        available=problem is None,
        problem=problem,
        level_of_theory=f"DFT (GPAW {version}, plane waves, PAW)",
        license="GPL-3, with the PAW sets of gpaw-data; optional",
    )


def _describe_nep89() -> EngineInfo:
    from sulfox.engines.mlip.potentials import find_nep89

    problem, path, sha256, own = None, None, None, ""
    try:
        potential = find_nep89()
        path, sha256 = str(potential.path), potential.sha256
        own = "" if potential.is_published else ", the user's own file"
    except SulfoxError as error:
        problem = f"{error.found}; {error.next_step}"
    if find_spec("nep_adapters") is None:
        problem = "the package nep-adapters is missing; run: pip install 'sulfox[mlip]'"
    return EngineInfo(
        name="mlip",
        potential="nep89",
        available=problem is None,
        problem=problem,
        level_of_theory=f"NEP89 (MLIP, not DFT){own}",
        license="nep-adapters GPL-3, potential from NepTrainKit GPL-3; both optional",
        path=path,
        sha256=sha256,
    )


def _describe_chgnet() -> EngineInfo:
    missing = find_spec("chgnet") is None
    return EngineInfo(
        name="mlip",
        potential="chgnet",
        available=not missing,
        problem="the package chgnet is missing; run: pip install 'sulfox[chgnet]'"
        if missing
        else None,
        level_of_theory="CHGNet (MLIP, not DFT)",
        license="BSD-3-Clause (modified), optional",
    )


def _describe_import_path() -> EngineInfo:
    return EngineInfo(
        name="mlip",
        potential="package.module:Class",
        available=True,
        problem=None,
        level_of_theory="any ASE calculator (interatomic potential, not DFT)",
        license="see its package",
    )


def _describe_vasp() -> EngineInfo:
    from sulfox.engines.vasp.inputs.profile import load_profile

    functional = load_profile().potcar.functional
    problem = _vasp_package_problem()
    if problem is None:
        from sulfox.engines.vasp.inputs.potcar import potcar_problem
        from sulfox.engines.vasp.run.machine import VaspMachine
        from sulfox.settings import get_settings

        problem = VaspMachine.from_settings(get_settings()).problem() or potcar_problem()
    return EngineInfo(
        name="vasp",
        potential=functional,
        available=problem is None,
        problem=problem,
        level_of_theory=f"DFT (VASP, PAW {functional})",
        license="VASP and its POTCAR files need a licence of VASP Software GmbH",
    )
