"""Electrostatic potential at the nuclei, out of an OUTCAR.

VASP averages the potential energy of an electron over a small test charge at each nucleus, on
the scale of the eigenvalues: https://www.vasp.at/wiki/index.php/OUTCAR. The radius of the test
charge belongs to the pseudopotential, so that values of one element compare between runs
with the same pseudopotential, and those of two elements never.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.engines.vasp.run_folder import find_beside, open_packed

__all__ = ["read_core_potentials", "with_core_potentials"]

_HEAD = b"average (electrostatic) potential at core"
_FERMI = re.compile(rb"E-fermi\s*:\s*(-?\d+\.\d+)")
#: Numbers may touch: ``1-109.2032``.
_VALUE = re.compile(rb"(\d+)\s*(-?\d+\.\d+)")
_ENDS = (EOFError, OSError, ValueError)
_SAME_FERMI_EV = 0.05


def read_core_potentials(path: Path) -> tuple[FloatArray, float | None]:
    """Read the last block of potentials and the Fermi level after it.

    Parameters
    ----------
    path : Path
        An OUTCAR, packed or not; read line by line.

    Returns
    -------
    potentials : ndarray, shape (n_sites,)
        Potential energy of an electron [eV]; of size 0 where the file has no whole block.
    fermi_eV : float or None
        The last Fermi level [eV].
    """
    found, fermi, block = np.empty(0), None, b""
    in_block = False
    with open_packed(path) as lines:
        for line in lines:
            if in_block:
                in_block = bool(line.strip())
                if b"test charge" not in line:
                    block += line
                if not in_block:
                    found, block = _numbered(block), b""
            elif _HEAD in line:
                in_block = True
            elif b"E-fermi" in line and (match := _FERMI.search(line)):
                fermi = float(match[1])
    return found, fermi


def _numbered(block: bytes) -> FloatArray:
    pairs = _VALUE.findall(block)
    if [int(number) for number, _ in pairs] != list(range(1, len(pairs) + 1)):
        return np.empty(0)
    return np.array([float(value) for _, value in pairs])


def with_core_potentials(dos: ProjectedDos, path: Path) -> ProjectedDos:
    """Add the potentials of the OUTCAR that lies beside a file.

    Parameters
    ----------
    dos : ProjectedDos
        What the file holds.
    path : Path
        The file.

    Returns
    -------
    ProjectedDos
        Unchanged where there is no OUTCAR; with a remark, and without potentials, where it
        cannot be of the same run (other ions, or a Fermi level off by more than 0.05 eV).
    """
    outcar = find_beside(path, "OUTCAR")
    if outcar is None:
        return dos
    try:
        potentials, fermi = read_core_potentials(outcar)
    except _ENDS as error:
        problem = f"{outcar.name} cannot be read ({type(error).__name__})"
    else:
        n_sites = len(dos.species)
        if potentials.size == n_sites and fermi is not None:
            if abs(fermi - dos.fermi_eV) <= _SAME_FERMI_EV:
                return replace(dos, site_potentials_eV=potentials)
            problem = f"{outcar.name} is of another run: E_F {fermi:.4f}, not {dos.fermi_eV:.4f} eV"
        elif potentials.size in (0, n_sites):
            problem = f"{outcar.name} breaks off, or holds no potentials at the cores"
        else:
            problem = f"{outcar.name} is of another run: {potentials.size} ions, not {n_sites}"
    remark = f"{problem}; no centre relative to the site potential is given"
    return replace(dos, remarks=(*dos.remarks, remark))
