"""A molecular-dynamics run: what was asked, what ran, and where its frames are."""

from __future__ import annotations

from typing import Literal

from sulfox.documents.base import Document, Record
from sulfox.documents.structure import Side, StructureRecord
from sulfox.units import Area, Drift, Energy, Length, Seconds, Temperature, TimeFs, TimePs, Velocity

__all__ = ["ArchiveReference", "SegmentRecord", "TrajectoryDoc"]


class SegmentRecord(Record):
    """One immutable file of frames.

    Attributes
    ----------
    name : str
        File name inside the trajectory's folder or key prefix.
    first_frame, last_frame : int
        Inclusive range of frame numbers in this segment, counted from 0 over the run.
    first_step, last_step : int
        Dynamics steps of these frames.
    n_bytes : int
        Size of the file.
    sha256 : str
        Checksum of the file, hexadecimal.
    """

    name: str
    first_frame: int
    last_frame: int
    first_step: int
    last_step: int
    n_bytes: int
    sha256: str


class ArchiveReference(Record):
    """How to find the frames of a trajectory.

    Attributes
    ----------
    trajectory_id : str
        Folder name, or key prefix in the store of trajectories.
    n_frames, n_atoms : int
        Shape of the trajectory.
    frame_interval_fs : float
        Time between frames [fs].
    segments : tuple of SegmentRecord
        In order; they follow each other without gap or overlap.
    """

    trajectory_id: str
    n_frames: int
    n_atoms: int
    frame_interval_fs: TimeFs
    segments: tuple[SegmentRecord, ...]


class TrajectoryDoc(Document):
    """A dynamics run of one interface at one temperature with one seed.

    Attributes
    ----------
    pair : str
        ``"LCO|LPSCl"``.
    variant : str
        ``"default"``, or what differs from it: ``"cleaved-PS4"``, ``"half-delithiated"``.
    interface_id : str
        Identity of the interface.
    stage : str
        ``"equilibration"`` or ``"production"``.
    ensemble, thermostat : str
        ``"NVT"``; ``"nose-hoover-chain"`` or ``"langevin"``.
    temperature_K : float
        Target temperature [K].
    seed : int
        Seed of velocities and thermostat noise.
    time_step_fs : float
        [fs]
    n_steps_requested, n_steps_done : int
        Dynamics steps.
    length_ps : float
        Simulated time [ps].
    temperature_mean_K, temperature_std_K : float
        Over the frames [K].
    energy_drift_eV_per_atom_ps : float
        Slope of the potential + kinetic energy [eV/atom/ps].
    conserved_drift_eV_per_atom_ps : float or None
        Slope of the thermostat's conserved quantity; None for Langevin, which has none.
    wall_time_s : float
        Time spent in this run on this machine [s].
    species : tuple of str
        (n_atoms,) element symbols.
    sides : tuple of str
        (n_atoms,) side of each atom.
    interface_height_A : float or None
        Height of the middle of the gap at the start [Å].
    area_A2 : float
        Area of the interface [Å^2]
    final_energy_eV : float
        Potential energy of the last frame [eV].
    archive : ArchiveReference
        Where the frames are.
    final_structure : StructureRecord or None
        Last state, unwrapped, so that a later stage can start from it.
    final_velocities_A_fs : tuple or None
        (n_atoms, 3) velocities of the last state [Å/fs].
    """

    kind: Literal["trajectory"] = "trajectory"
    pair: str
    variant: str
    interface_id: str
    stage: Literal["equilibration", "production"]
    ensemble: str
    thermostat: str
    temperature_K: Temperature
    seed: int
    time_step_fs: TimeFs
    n_steps_requested: int
    n_steps_done: int
    length_ps: TimePs
    temperature_mean_K: Temperature
    temperature_std_K: Temperature
    energy_drift_eV_per_atom_ps: Drift
    conserved_drift_eV_per_atom_ps: Drift | None
    wall_time_s: Seconds
    species: tuple[str, ...]
    sides: tuple[Side, ...]
    interface_height_A: Length | None
    area_A2: Area
    final_energy_eV: Energy
    archive: ArchiveReference
    final_structure: StructureRecord | None = None
    final_velocities_A_fs: tuple[tuple[Velocity, Velocity, Velocity], ...] | None = None
