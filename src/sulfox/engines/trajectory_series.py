"""Series of a run's archive, and what a document tells of them."""

from __future__ import annotations

import numpy as np

from sulfox.trajectories.archive import TrajectoryArchive
from sulfox.trajectories.frames import FloatArray
from sulfox.units import FS_PER_PS

__all__ = ["archive_series", "drift"]


def archive_series(
    archive: TrajectoryArchive,
) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Read energies and temperatures of all frames.

    Parameters
    ----------
    archive : TrajectoryArchive
        Of the run.

    Returns
    -------
    energies, temperatures : ndarray, shape (n_frames,)
        Potential energy [eV], temperature [K].
    conserved : ndarray, shape (n_frames,), or None
        Conserved quantity [eV].
    """
    energies, temperatures, conserved = [], [], []
    for chunk in archive.iter_chunks():
        if chunk.potential_energy_eV is not None and chunk.temperature_K is not None:
            energies.append(chunk.potential_energy_eV)
            temperatures.append(chunk.temperature_K)
        if chunk.conserved_eV is not None:
            conserved.append(chunk.conserved_eV)
    whole = np.concatenate(conserved) if conserved else None
    return np.concatenate(energies), np.concatenate(temperatures), whole


def drift(energy_eV: FloatArray, n_atoms: int, interval_fs: float) -> float:
    """Least-squares slope; 0 for a single frame, which has none.

    Parameters
    ----------
    energy_eV : ndarray, shape (n_frames,)
        [eV]
    n_atoms : int
        Atoms of the cell.
    interval_fs : float
        Time between frames [fs].

    Returns
    -------
    float
        [eV/atom/ps]
    """
    if len(energy_eV) < 2:
        return 0.0
    times_ps = np.arange(len(energy_eV)) * interval_fs / FS_PER_PS
    return float(np.polyfit(times_ps, energy_eV / n_atoms, 1)[0])
