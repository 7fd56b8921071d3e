"""Which errors of VASP custodian may correct, for each kind of calculation.

A handler is taken only if its corrections leave the physics alone. Left out are those that
change smearing (``LargeSigmaHandler``, ``IncorrectSmearingHandler``, errors ``tet``, ``dentet``,
``algo_tet``), the k-mesh (``MeshSymmetryErrorHandler``, ``brmix``, ``tetirr``,
``incorrect_shift``), the cell (``zpotrf``, ``triple_product``), or that prolong a relaxation
beyond the steps asked for. What was changed nevertheless is found by
:mod:`sulfox.engines.vasp.run.settings_check`.
"""

from __future__ import annotations

from pathlib import Path

from custodian.custodian import ErrorHandler
from custodian.vasp.handlers import (
    FrozenJobErrorHandler,
    StdErrHandler,
    UnconvergedErrorHandler,
    VaspErrorHandler,
)
from custodian.vasp.io import load_vasprun

from sulfox.engines.vasp.inputs.calculation import CalculationKind
from sulfox.engines.vasp.inputs.profile import VaspRules

__all__ = ["CORRECTED_ERRORS", "ElectronsUnconvergedHandler", "choose_handlers"]

#: Corrected by symmetry (SYMPREC, ISYM), by more bands or by other parallel execution.
_SYMMETRY_AND_BANDS = (
    "ibzkpt",
    "inv_rot_mat",
    "rot_matrix",
    "pricel",
    "rhosyg",
    "posmap",
    "pricelv",
    "point_group",
    "symprec_noise",
    "bravais",
    "ksymm",
    "hnform",
    "too_few_bands",
    "nbands_not_sufficient",
    "elf_kpar",
    "amin",
)
#: Corrected by another algorithm for the electrons, or by exact projection.
_ELECTRONS = (
    "subspacematrix",
    "rspher",
    "real_optlay",
    "nicht_konv",
    "pssyevx",
    "pdsyevx",
    "eddrmm",
    "edddav",
    "grad_not_orth",
    "zheev",
    "eddiag",
    "coef",
)
#: Corrected by nothing: they stop the run at once instead of after hours.
_HOPELESS = ("set_core_wf", "read_error", "spin_polarized_harris")
#: Corrected by another minimiser or step, from the last geometry.
_MINIMISER = ("zbrent", "brions", "fexcf")

#: Kind of calculation -> names of errors in custodian's ``VaspErrorHandler``.
CORRECTED_ERRORS: dict[CalculationKind, tuple[str, ...]] = {
    "static": (*_SYMMETRY_AND_BANDS, *_ELECTRONS, *_HOPELESS),
    "dos": (*_SYMMETRY_AND_BANDS, *_ELECTRONS, *_HOPELESS),
    "relax": (*_SYMMETRY_AND_BANDS, *_ELECTRONS, *_HOPELESS, *_MINIMISER),
    "md": ("amin", *_HOPELESS),
}


class ElectronsUnconvergedHandler(UnconvergedErrorHandler):
    """Try another electronic algorithm where self-consistency was not reached.

    Ionic steps that ran out are no error here: they end as a partial document.
    """

    def check(self, directory: str | Path = "./") -> bool:
        """Say whether the electrons of the last step did not converge.

        Parameters
        ----------
        directory : str or Path
            Folder of the run.

        Returns
        -------
        bool
            False too where there is nothing to read: validators see to that.
        """
        path = Path(directory) / self.output_filename
        if not path.is_file():
            return False
        try:
            return not load_vasprun(str(path)).converged_electronic
        except Exception:  # noqa: BLE001 - any parser fault of a cut file
            return False


def choose_handlers(kind: CalculationKind, rules: VaspRules) -> list[ErrorHandler]:
    """Give custodian's handlers for a kind of calculation.

    Parameters
    ----------
    kind : str
        ``"relax"``, ``"static"``, ``"dos"`` or ``"md"``.
    rules : VaspRules
        How long VASP may be silent.

    Returns
    -------
    list of ErrorHandler
        New ones: handlers count their corrections.
    """
    handlers = [
        VaspErrorHandler(errors_subset_to_catch=list(CORRECTED_ERRORS[kind])),
        StdErrHandler(),
    ]
    if kind in ("relax", "static"):
        handlers.append(ElectronsUnconvergedHandler())
    handlers.append(FrozenJobErrorHandler(timeout=rules.frozen_after_s))
    return handlers
