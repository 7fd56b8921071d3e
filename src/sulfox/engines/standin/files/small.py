"""XDATCAR, IBZKPT, and the placeholders of the density and the orbitals."""

from __future__ import annotations

import numpy as np

from sulfox.engines.standin.files.poscar import FloatArray, rows
from sulfox.engines.standin.setup import RunSetup

__all__ = ["charge_density", "frame_text", "ibzkpt", "orbitals", "xdatcar_head"]

_COARSE = (5, 4, 4)


def xdatcar_head(setup: RunSetup, lattice: FloatArray) -> str:
    """Write the head of XDATCAR; it is repeated before a frame with another cell.

    Parameters
    ----------
    setup : RunSetup
        The run.
    lattice : ndarray, shape (3, 3)
        Cell of the frame [Å].
    """
    symbols = "".join(f"   {kind.symbol:<2s}" for kind in setup.types)
    counts = "".join(f"{count:6d}" for count in setup.poscar.counts)
    cell = rows(" %12.6f%12.6f%12.6f\n", lattice)
    return f"{setup.banner}\n           1\n{cell}{symbols}\n{counts}\n"


def frame_text(number: int, fractional: FloatArray) -> str:
    """Write a frame of XDATCAR.

    Parameters
    ----------
    number : int
        Of the ionic step.
    fractional : ndarray, shape (n_atoms, 3)
        Direct coordinates.
    """
    return f"Direct configuration={number:6d}\n" + rows("  %10.8f  %10.8f  %10.8f\n", fractional)


def ibzkpt(setup: RunSetup) -> str:
    """Write IBZKPT: the points that symmetry leaves, with whole weights.

    Parameters
    ----------
    setup : RunSetup
        The run.
    """
    points, weights = setup.k_points.points, setup.k_points.weights
    whole = np.rint(weights * np.prod(setup.k_points.divisions))
    table = np.hstack([points, whole[:, None]])
    return (
        f"Automatically generated mesh   {setup.banner}\n{len(points):8d}\nReciprocal lattice\n"
        + rows("%20.14f%20.14f%20.14f%14d\n", table)
    )


def charge_density(setup: RunSetup, poscar_text: str) -> str:
    """Write a CHGCAR that a program can read: the electrons evenly spread, on a coarse mesh.

    Parameters
    ----------
    setup : RunSetup
        The run.
    poscar_text : str
        The structure as a POSCAR.
    """
    count = int(np.prod(_COARSE))
    mesh = "".join(f"{n:5d}" for n in _COARSE) + "\n"
    blocks = [setup.n_electrons, 0.0][: setup.n_spins]
    line = " %17.11E" * 5 + "\n"
    grids = [mesh + rows(line, np.full((count // 5, 5), value)) for value in blocks]
    return f"{poscar_text}\n{''.join(grids)}"


def orbitals(setup: RunSetup) -> str:
    """Write what stands for WAVECAR.

    Parameters
    ----------
    setup : RunSetup
        The run.
    """
    return f"{setup.banner}\nno orbitals: a placeholder in the place of WAVECAR\n"
