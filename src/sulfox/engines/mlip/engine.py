"""Machine-learned and other interatomic potentials behind the engine interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.engines.base import ProgressCallback, RunContext
from sulfox.engines.mlip.calculators import LoadedCalculator
from sulfox.engines.mlip.dynamics import run_dynamics
from sulfox.engines.mlip.relaxation import run_relaxation
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.relaxation import RelaxationSpec

__all__ = ["MlipEngine"]


@dataclass(frozen=True)
class MlipEngine:
    """An engine around any ASE calculator.

    Attributes
    ----------
    calculator : LoadedCalculator
        What computes.
    name : str
        ``"mlip"``.
    """

    calculator: LoadedCalculator
    name: str = "mlip"

    @property
    def level_of_theory(self) -> str:
        """What computes the numbers."""
        return self.calculator.level_of_theory

    @property
    def inputs_hash(self) -> str:
        """SHA-256 of potential and parameters."""
        return self.calculator.inputs_hash

    def relax(
        self,
        structure: StructureRecord,
        spec: RelaxationSpec,
        *,
        label: str,
        interface_id: str | None = None,
        study: str | None = None,
    ) -> RelaxationDoc:
        """Relax a structure; see :func:`run_relaxation`."""
        return run_relaxation(
            structure, spec, self.calculator, label=label, interface_id=interface_id, study=study
        )

    def dynamics(
        self,
        structure: StructureRecord,
        spec: DynamicsSpec,
        run_dir: Path,
        *,
        context: RunContext,
        start_velocities: tuple[tuple[float, float, float], ...] | None = None,
        progress: ProgressCallback | None = None,
    ) -> TrajectoryDoc:
        """Run or resume dynamics; see :func:`run_dynamics`."""
        return run_dynamics(
            structure,
            spec,
            self.calculator,
            run_dir,
            context=context,
            start_velocities=start_velocities,
            progress=progress,
        )
