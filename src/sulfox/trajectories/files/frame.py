"""One frame of a run as its file gives it, what the file says of the run, and its reader."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.trajectories.files.byte_source import ByteSource, Following, Window
from sulfox.trajectories.frames import FloatArray

__all__ = ["BOLTZMANN_EV_K", "Frame", "FrameReader", "RunHead", "StepEnergies", "TextReader"]

#: Boltzmann's constant [eV/K], exact since the SI of 2019.
BOLTZMANN_EV_K = 1.380649e-23 / 1.602176634e-19


class StepEnergies(NamedTuple):
    """Scalars of one ionic step; None where the file does not tell them.

    Attributes
    ----------
    temperature_K : float or None
        Instantaneous temperature, as VASP prints it [K].
    free_energy_eV : float or None
        TOTEN, F, ``e_fr_energy``: the energy whose derivative the forces are [eV].
    without_entropy_eV, sigma_to_0_eV : float or None
        ``e_wo_entrp`` and ``e_0_energy`` [eV].
    kinetic_eV : float or None
        Kinetic energy of the ions [eV].
    nose_potential_eV, nose_kinetic_eV : float or None
        Energy of the thermostat [eV].
    conserved_eV : float or None
        ETOTAL: ions, electrons and thermostat; constant in exact dynamics [eV].
    n_electronic_steps : int or None
        Electronic iterations.
    """

    temperature_K: float | None = None
    free_energy_eV: float | None = None
    without_entropy_eV: float | None = None
    sigma_to_0_eV: float | None = None
    kinetic_eV: float | None = None
    nose_potential_eV: float | None = None
    nose_kinetic_eV: float | None = None
    conserved_eV: float | None = None
    n_electronic_steps: int | None = None


_NO_ENERGIES = StepEnergies()


class Frame(NamedTuple):
    """One whole ionic step.

    Attributes
    ----------
    number : int
        Place in the file, from 0.
    lattice : ndarray, shape (3, 3)
        Rows are the lattice vectors [Å].
    coordinates : ndarray, shape (n_atoms, 3)
        The numbers of the file, wrapped as it has them: fractional, or Cartesian [Å].
    is_direct : bool
        Whether `coordinates` are fractional.
    energies : StepEnergies
        Scalars of the step.
    forces_eV_A, velocities_A_fs : ndarray, shape (n_atoms, 3), optional
        [eV/Å], [Å/fs]
    stress_kB : ndarray, shape (3, 3), optional
        As VASP prints it [kbar].
    """

    number: int
    lattice: FloatArray
    coordinates: FloatArray
    is_direct: bool = True
    energies: StepEnergies = _NO_ENERGIES
    forces_eV_A: FloatArray | None = None
    velocities_A_fs: FloatArray | None = None
    stress_kB: FloatArray | None = None

    @property
    def fractional(self) -> FloatArray:
        """Fractional positions, shape (n_atoms, 3)."""
        if self.is_direct:
            return self.coordinates
        return self.coordinates @ np.linalg.inv(self.lattice)

    @property
    def positions(self) -> FloatArray:
        """Cartesian positions [Å], shape (n_atoms, 3)."""
        return self.coordinates @ self.lattice if self.is_direct else self.coordinates


@dataclass(frozen=True)
class RunHead:
    """What a file says of the whole run; None where it does not.

    Attributes
    ----------
    species : tuple of str
        (n_atoms,) element symbols; empty for OSZICAR, which names none.
    time_step_fs : float or None
        POTIM of a dynamics run [fs].
    n_steps_requested : int or None
        NSW.
    is_dynamics : bool or None
        Whether IBRION is 0.
    n_degrees : int or None
        Degrees of freedom that share the kinetic energy.
    program : str or None
        What wrote the file.
    """

    species: tuple[str, ...] = ()
    time_step_fs: float | None = None
    n_steps_requested: int | None = None
    is_dynamics: bool | None = None
    n_degrees: int | None = None
    program: str | None = None

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.species)

    def temperature_K(self, energies: StepEnergies) -> float | None:
        """Temperature of a step: as printed, else from the kinetic energy.

        Parameters
        ----------
        energies : StepEnergies
            Scalars of the step.

        Returns
        -------
        float or None
            2 E_kin / (k_B n_degrees) where the file prints none [K].
        """
        if energies.temperature_K is not None or energies.kinetic_eV is None or not self.n_degrees:
            return energies.temperature_K
        return 2 * energies.kinetic_eV / (BOLTZMANN_EV_K * self.n_degrees)


class FrameReader(ABC):
    """Frames of one file, one after the other, each read once.

    After the last frame `truncated` and `remainder` tell how the file ended. A frame that
    is not whole is never given; damage before the end of the file raises.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    format : str
        ``"XDATCAR"``, ``"vasprun.xml"``, ``"OUTCAR"``, ``"OSZICAR"`` or ``"vaspout.h5"``.
    head : RunHead
        What the file says of the run.
    n_frames : int
        Whole frames given so far.
    truncated : bool
        The file ends inside a frame, or without the end its format has.
    remainder : str or None
        What stands behind the last whole frame.
    """

    format: str
    head: RunHead

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_frames = 0
        self.truncated = False
        self.remainder: str | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def end_inside(self, found: str) -> None:
        """Note that the file ends inside a frame.

        Parameters
        ----------
        found : str
            What is left of it.
        """
        self.truncated = True
        self.remainder = found

    def damaged(self, found: str, expected: str, code: str = "SFX-401") -> SulfoxError:
        """Make the error for a file that cannot be read on.

        Parameters
        ----------
        found, expected : str
            As in :class:`sulfox.errors.SulfoxError`.
        code : str
            SFX-401, or SFX-403 for numbers that are not finite.

        Returns
        -------
        SulfoxError
            It names the file and the frame.
        """
        number = self.n_frames
        whole = f"its first {number} frames are whole" if number else "no frame is whole"
        advice = "copy the file again, or leave an unfinished last frame out (--drop-incomplete)"
        if code == "SFX-403":
            advice = "find out what the run did there; cut the file before this frame"
        return SulfoxError(
            code,
            who=f"{self.path}, frame {number + 1}",
            found=found,
            expected=expected,
            next_step=f"{whole}; {advice}",
        )


class TextReader(FrameReader):
    """A reader of text, plain or compressed, finished or growing.

    Parameters
    ----------
    path : Path
        The file.
    following : Following, optional
        Wait for more frames at the end of the file.
    """

    def __init__(self, path: Path, following: Following | None = None) -> None:
        super().__init__(path)
        self.window = Window(ByteSource(path, following))
        try:
            self.head = self.read_head()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def read_head(self) -> RunHead:
        """Read what stands before the first frame.

        Returns
        -------
        RunHead
            What it says.
        """

    def close(self) -> None:
        """Close the file."""
        self.window.source.close()
