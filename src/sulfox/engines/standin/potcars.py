"""Placeholder POTCAR files: the head that programs read, and nothing to compute with.

They let pymatgen, emmet and atomate2 build and read inputs for the stand-in where no licence
for VASP is at hand. Valence electrons (ZVAL) and cutoff (ENMAX) are those of the set of that
name; there is no potential in them, and real VASP stops when it reads one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sulfox.engines.standin.label import MARK
from sulfox.errors import SulfoxError

__all__ = ["placeholder_symbols", "write_placeholder_library", "write_placeholder_potcar"]

#: Name of the set -> valence electrons, ENMAX [eV].
_SETS: dict[str, tuple[int, float]] = {
    "H": (1, 250.0), "Li": (1, 140.0), "Li_sv": (3, 499.034), "B": (3, 318.614), "C": (4, 400.0),
    "N": (5, 400.0), "O": (6, 400.0), "F": (7, 400.0), "Na": (1, 101.968), "Na_pv": (7, 259.561),
    "Mg": (2, 200.0), "Mg_pv": (8, 403.929), "Al": (3, 240.3), "Si": (4, 245.345),
    "P": (5, 255.04), "S": (6, 258.689), "Cl": (7, 262.472), "K_sv": (9, 259.264),
    "Ca_sv": (10, 266.622), "Ti": (4, 178.33), "Ti_pv": (10, 222.335), "V": (5, 192.543),
    "V_pv": (11, 263.673), "Cr": (6, 227.08), "Cr_pv": (12, 265.681), "Mn": (7, 269.864),
    "Mn_pv": (13, 269.864), "Fe": (8, 267.882), "Fe_pv": (14, 293.238), "Co": (9, 267.968),
    "Ni": (10, 269.532), "Ni_pv": (16, 367.986), "Cu": (11, 295.446), "Cu_pv": (17, 368.648),
    "Zn": (12, 276.723), "Ga_d": (13, 282.691), "Ge": (4, 173.807), "Ge_d": (14, 310.294),
    "As": (5, 208.702), "Se": (6, 211.555), "Br": (7, 216.285), "Y_sv": (11, 202.626),
    "Zr_sv": (12, 229.898), "Nb_pv": (11, 208.608), "Mo_pv": (12, 224.584), "Ag": (11, 249.844),
    "In": (3, 95.934), "In_d": (13, 239.211), "Sn": (4, 103.236), "Sn_d": (14, 241.083),
    "Sb": (5, 172.069), "Te": (6, 174.982), "I": (7, 175.647), "La": (11, 219.292),
    "W_pv": (12, 223.057), "Pt": (10, 230.283), "Au": (11, 229.943),
}  # fmt: skip
_DATE = "01Jan1970"
_FUNCTIONALS = {
    "PBE": "POT_GGA_PAW_PBE",
    "PBE_52": "POT_GGA_PAW_PBE_52",
    "PBE_54": "POT_GGA_PAW_PBE_54",
    "PBE_64": "POT_PAW_PBE_64",
}


def placeholder_symbols() -> tuple[str, ...]:
    """Names of the sets that there are placeholders for: ``"Li_sv"``, ``"Co"``."""
    return tuple(_SETS)


def write_placeholder_potcar(symbols: Iterable[str], path: Path | str) -> Path:
    """Write a POTCAR of placeholders.

    Parameters
    ----------
    symbols : iterable of str
        Names of the sets in the order of the POSCAR, ``("Li_sv", "Co", "O")``.
    path : Path or str
        File to write.

    Returns
    -------
    Path
        That file.

    Raises
    ------
    SulfoxError
        SFX-344 for a set that there is no placeholder for.
    """
    path = Path(path)
    path.write_text("".join(_potcar(symbol) for symbol in symbols), encoding="ascii")
    return path


def write_placeholder_library(
    folder: Path | str, functional: str = "PBE_54", symbols: Iterable[str] | None = None
) -> Path:
    """Write a library of placeholders as pymatgen looks for it (``PMG_VASP_PSP_DIR``).

    Parameters
    ----------
    folder : Path or str
        Made where it is missing; a temporary one is best.
    functional : str
        pymatgen's name of the release: ``"PBE"``, ``"PBE_52"``, ``"PBE_54"``, ``"PBE_64"``.
    symbols : iterable of str, optional
        Sets to write; all if not given.

    Returns
    -------
    Path
        The folder, the value for ``PMG_VASP_PSP_DIR``.

    Raises
    ------
    SulfoxError
        SFX-344 for a release or a set that is not known.
    """
    folder = Path(folder)
    if functional not in _FUNCTIONALS:
        raise _unknown(functional, "one of " + ", ".join(_FUNCTIONALS))
    for symbol in placeholder_symbols() if symbols is None else symbols:
        here = folder / _FUNCTIONALS[functional] / symbol
        here.mkdir(parents=True, exist_ok=True)
        write_placeholder_potcar((symbol,), here / "POTCAR")
    return folder


def _potcar(symbol: str) -> str:
    from ase.data import atomic_masses, atomic_numbers

    if symbol not in _SETS:
        raise _unknown(symbol, "one of " + " ".join(_SETS))
    electrons, enmax = _SETS[symbol]
    element = symbol.partition("_")[0]
    mass = float(atomic_masses[atomic_numbers[element]])
    title = f"PAW_PBE {symbol} {_DATE}"
    return f"""\
  {title}
   {electrons:.14f}
 parameters from PSCTR are:
   VRHFIN ={element}: placeholder
   LEXCH  = PE
   EATOM  =     1.0000 eV,     0.0735 Ry

   TITEL  = {title}
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =     1.000    partial core radius
   POMASS = {mass:8.3f}; ZVAL   = {electrons:8.3f}    mass and valenz
   RCORE  =     1.000    outmost cutoff radius
   RWIGS  =     1.000; RWIGS  =    1.000    wigner-seitz radius (au A)
   ENMAX  = {enmax:8.3f}; ENMIN  = {0.75 * enmax:8.3f} eV
   ICORE  =        0    local potential
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   EAUG   = {2 * enmax:8.3f}

 END of PSCTR-controll parameters
 placeholder written by {MARK}: not a pseudopotential, no data of VASP
     0.00000000E+00
 End of Dataset
"""


def _unknown(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-344",
        who="placeholder POTCAR",
        found=found,
        expected=expected,
        next_step="choose a set of the list; placeholders serve the stand-in only",
    )
