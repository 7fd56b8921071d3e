"""From a name to an ASE calculator that says what it is."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import Any

from ase.calculators.calculator import BaseCalculator

from sulfox import __version__
from sulfox.documents.base import content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.engines.mlip.potentials import find_nep89
from sulfox.errors import SulfoxError

__all__ = ["LoadedCalculator", "load_calculator"]

_IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class LoadedCalculator:
    """An ASE calculator with its identity.

    Attributes
    ----------
    name : str
        As it was asked for.
    level_of_theory : str
        For documents; an interatomic potential always says that it is not DFT.
    inputs_hash : str
        SHA-256 of the potential and the parameters.
    make : callable
        Returns a new calculator.
    is_stateless : bool
        True if forces depend on the positions alone. Others may carry a neighbour list
        from step to step; a new one is made at every checkpoint, so that a resumed run and
        an uninterrupted one compute the same bits.
    elements : frozenset of str or None
        Elements it knows; None where it does not say.
    code_versions : dict
        Package name -> version.
    """

    name: str
    level_of_theory: str
    inputs_hash: str
    make: Callable[[], BaseCalculator]
    is_stateless: bool = False
    elements: frozenset[str] | None = None
    code_versions: dict[str, str] = field(default_factory=dict)

    @property
    def calculator(self) -> BaseCalculator:
        """A calculator: a new one, unless it is stateless."""
        return self.make()

    def check_elements(self, structure: StructureRecord) -> None:
        """Refuse a structure with an element the potential does not know.

        Parameters
        ----------
        structure : StructureRecord
            Its species are looked at.

        Raises
        ------
        SulfoxError
            SFX-308 with the element and where it is.
        """
        if self.elements is None:
            return
        for index, symbol in enumerate(structure.species):
            if symbol not in self.elements:
                raise SulfoxError(
                    "SFX-308",
                    who=f"atom {index} ({symbol})",
                    found=f"{symbol} is unknown to {self.name}",
                    expected="elements that the potential was made for",
                    next_step="choose another potential, or replace the element",
                )


def load_calculator(name: str, parameters: Mapping[str, Any] | None = None) -> LoadedCalculator:
    """Resolve a calculator by name or import path.

    Parameters
    ----------
    name : str
        ``"nep89"``, ``"chgnet"``, or ``"package.module:Class"`` of any ASE calculator (a
        function that returns one will do).
    parameters : mapping, optional
        Keyword arguments for a calculator given by import path; JSON values only.

    Returns
    -------
    LoadedCalculator
        Checked by making one.

    Raises
    ------
    SulfoxError
        SFX-301 for an unknown name or a path that cannot be imported; SFX-302 if its
        package or potential is missing; SFX-303 if the potential was changed.
    """
    named = {"nep89": _load_nep89, "chgnet": _load_chgnet}
    if name in named and not parameters:
        return named[name]()
    if not _IMPORT_PATH.fullmatch(name):
        takes = f"{name} takes no parameters" if name in named else "no engine of this name"
        raise SulfoxError(
            "SFX-301",
            who=f"calculator {name}",
            found=takes,
            expected="nep89, chgnet, or an import path package.module:Class",
            next_step="see: sulfox engines",
        )
    return _load_import_path(name, dict(parameters or {}))


def _load_nep89() -> LoadedCalculator:
    potential = find_nep89()
    try:
        from nep_adapters import NepAdaptersError

        from sulfox.engines.mlip.nep import NepPotential
    except ImportError as error:
        raise _package_missing("nep89", "nep-adapters", "mlip", error) from error
    try:
        calculator = NepPotential(potential.path)
    except NepAdaptersError as error:
        raise SulfoxError(
            "SFX-302",
            who=f"potential {potential.path}",
            found=str(error),
            expected="a NEP potential file",
            next_step="run: sulfox engines fetch nep89, or correct SULFOX_NEP89_FILE",
        ) from error
    own = "" if potential.is_published else f" from the user's file {potential.sha256[:12]}"
    return LoadedCalculator(
        name="nep89",
        level_of_theory=f"NEP89{own} (MLIP, not DFT)",
        inputs_hash=content_hash(["nep89", potential.sha256]),
        make=lambda: calculator,
        is_stateless=True,
        elements=calculator.elements,
        code_versions=_versions("nep-adapters"),
    )


def _load_chgnet() -> LoadedCalculator:
    try:
        from chgnet.model.dynamics import CHGNetCalculator
        from chgnet.model.model import CHGNet
    except ImportError as error:
        raise _package_missing("chgnet", "chgnet", "chgnet", error) from error
    import torch

    torch.set_num_threads(1)  # ordered sums: a resumed run repeats bit by bit
    model = CHGNet.load(use_device="cpu", verbose=False)
    calculator = CHGNetCalculator(model, use_device="cpu")
    return LoadedCalculator(
        name="chgnet",
        level_of_theory=f"CHGNet {model.version} (MLIP, not DFT)",
        inputs_hash=content_hash(["chgnet", model.version]),
        make=lambda: calculator,
        is_stateless=True,
        code_versions=_versions("chgnet", "torch"),
    )


def _load_import_path(name: str, parameters: dict[str, Any]) -> LoadedCalculator:
    module_name, _, attribute = name.partition(":")
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
        made = factory(**parameters)
    except Exception as error:
        raise _not_a_calculator(name, f"{type(error).__name__}: {error}") from error
    if not callable(getattr(made, "get_property", None)):
        raise _not_a_calculator(name, f"a {type(made).__name__}")
    package = module_name.partition(".")[0]
    distributions = packages_distributions().get(package, [])
    shown = ", ".join(f"{key}={value!r}" for key, value in sorted(parameters.items()))
    return LoadedCalculator(
        name=name,
        level_of_theory=f"{name}({shown}) (interatomic potential, not DFT)"
        if shown
        else f"{name} (interatomic potential, not DFT)",
        inputs_hash=content_hash([name, parameters]),
        make=lambda: factory(**parameters),
        code_versions=_versions(*distributions),
    )


def _versions(*distributions: str) -> dict[str, str]:
    found = {"sulfox": __version__}
    for name in ("ase", "numpy", *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _package_missing(name: str, package: str, extra: str, error: ImportError) -> SulfoxError:
    return SulfoxError(
        "SFX-302",
        who=f"calculator {name}",
        found=str(error),
        expected=f"the package {package}",
        next_step=f"run: pip install 'sulfox[{extra}]'",
    )


def _not_a_calculator(name: str, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-301",
        who=f"calculator {name}",
        found=found,
        expected="an ASE calculator, or a function that returns one",
        next_step="correct the import path or the parameters",
    )
