"""POTCAR files: named by sulfox, taken from the user's library, checked, never shipped."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from sulfox.engines.vasp.inputs.profile import PawSet, PotcarChoice
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from pymatgen.io.vasp import PotcarSingle

__all__ = ["check_potcars", "potcar_problem"]

_LIBRARY = (
    "set PMG_VASP_PSP_DIR to your library of POTCAR files (pmg config -p SOURCE TARGET makes one)"
)
_ENMAX_TOLERANCE_EV = 0.5


def check_potcars(
    choice: PotcarChoice, elements: tuple[str, ...], cutoff_eV: float
) -> dict[str, str]:
    """Make sure that the user's library holds the stated PAW sets.

    Parameters
    ----------
    choice : PotcarChoice
        What is stated.
    elements : tuple of str
        Elements of the calculation.
    cutoff_eV : float
        Its cutoff [eV].

    Returns
    -------
    dict
        ``"POTCAR Co"`` -> title of the file, for the provenance.

    Raises
    ------
    SulfoxError
        SFX-322 if a file is missing, or its electrons or cutoff are not the stated ones;
        SFX-323 if no set is chosen for an element.
    """
    titles = {}
    for element in elements:
        stated = choice.choose(element, cutoff_eV)
        titles[f"POTCAR {element}"] = str(_load(stated, choice.functional).TITEL).strip()
    return titles


def potcar_problem() -> str | None:
    """Say why no POTCAR can be had here; None where there is a library."""
    from pathlib import Path

    from pymatgen.core import SETTINGS

    folder = SETTINGS.get("PMG_VASP_PSP_DIR")
    if folder is None:
        return f"no library of POTCAR files; {_LIBRARY}"
    if not Path(folder).expanduser().is_dir():
        return f"PMG_VASP_PSP_DIR is {folder}, which is no folder; {_LIBRARY}"
    return None


def _load(stated: PawSet, functional: str) -> PotcarSingle:
    from pymatgen.io.vasp import PotcarSingle
    from pymatgen.io.vasp.inputs import PmgVaspPspDirError

    who = f"POTCAR {stated.symbol} ({functional})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = PotcarSingle.from_symbol_and_functional(stated.symbol, functional)
        electrons, enmax = float(found.ZVAL), float(found.ENMAX)
    except (PmgVaspPspDirError, OSError, ValueError, KeyError, AttributeError) as error:
        raise SulfoxError(
            "SFX-322",
            who=who,
            found=" ".join(str(error).split())[:200] or type(error).__name__,
            expected="this file in the library",
            next_step=_LIBRARY,
        ) from error
    if electrons != stated.valence_electrons or abs(enmax - stated.enmax_eV) > _ENMAX_TOLERANCE_EV:
        raise SulfoxError(
            "SFX-322",
            who=who,
            found=f"{electrons:g} valence electrons, ENMAX {enmax:g} eV",
            expected=f"{stated.valence_electrons:g} and {stated.enmax_eV:g} eV",
            next_step="correct the library, or configs/engines/vasp.yaml if you chose another set",
        )
    return found
