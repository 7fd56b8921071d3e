"""GPAW behind the engine interface."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from sulfox.documents.base import Provenance, Reason, Status, content_hash
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.structure import StructureRecord
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.engines.base import ElectronicContext, ElectronicResult, ProgressCallback, RunContext
from sulfox.engines.gpaw.cost import ExpectedCost, expected_cost
from sulfox.engines.gpaw.electronic_result import electronic_result, refused_result
from sulfox.engines.gpaw.installation import check_installation, code_versions
from sulfox.engines.gpaw.process import ProcessGuard, machine_memory_MB, run_guarded
from sulfox.engines.gpaw.reduced_cell import ReducedCell, reduce_cell
from sulfox.engines.gpaw.request import GpawRequest
from sulfox.errors import SulfoxError
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import ElectronicSpec, KMesh
from sulfox.protocols.relaxation import RelaxationSpec
from sulfox.settings import get_settings

__all__ = ["GpawEngine", "load_gpaw"]

_LOG = logging.getLogger(__name__)
#: Raised when the same specification gives other keywords or other levels.
_REVISION = 1
#: A slower or busier machine than the one the cost was measured on.
_TIME_MARGIN = 20.0
_MIN_TIME_S = 1800.0


@dataclass(frozen=True)
class GpawEngine:
    """GPAW in plane-wave mode, one process per calculation.

    Attributes
    ----------
    versions : dict
        Package -> version; part of what decides the numbers.
    work_dir : Path or None
        Folder of relaxations; None for the current folder.
    max_time_s : float or None
        Wall time of a calculation [s]; None takes 20 times the expected one, at least half
        an hour.
    max_memory_MB : float or None
        None takes 80 % of the machine's.
    keep_gpw : bool
        Whether ``ground.gpw`` and ``states.gpw`` stay in the run's folder.
    name : str
        ``"gpaw"``.
    """

    versions: dict[str, str] = field(default_factory=code_versions)
    work_dir: Path | None = None
    max_time_s: float | None = None
    max_memory_MB: float | None = None
    keep_gpw: bool = False
    name: str = "gpaw"

    @property
    def level_of_theory(self) -> str:
        """What computes the numbers; a calculation adds its own."""
        return f"DFT ({self._code})"

    @property
    def inputs_hash(self) -> str:
        """SHA-256 of the versions of GPAW and its PAW sets, and of the keywords' revision."""
        decisive = {name: self.versions.get(name) for name in ("gpaw", "gpaw-data")}
        return content_hash(["gpaw", _REVISION, decisive])

    @property
    def _code(self) -> str:
        return f"GPAW {self.versions.get('gpaw', '')}".strip()

    def expected_cost(self, structure: StructureRecord, spec: ElectronicSpec) -> ExpectedCost:
        """Say what an electronic structure will cost.

        Parameters
        ----------
        structure : StructureRecord
            What is to be computed.
        spec : ElectronicSpec
            How.

        Returns
        -------
        ExpectedCost
            Wall time on one core and memory.
        """
        reduced = reduce_cell(structure)
        return expected_cost(reduced.structure, spec, reduced.mesh(spec.k_mesh)[0])

    def electronic_structure(
        self,
        structure: StructureRecord,
        spec: ElectronicSpec,
        run_dir: Path,
        *,
        context: ElectronicContext,
    ) -> ElectronicResult:
        """Compute the ground state, then its states on a finer mesh at fixed density.

        Parameters
        ----------
        structure : StructureRecord
            With starting moments where `spec` is spin-polarised.
        spec : ElectronicSpec
            Functional, U, cutoff, meshes, thresholds.
        run_dir : Path
            Folder of this one calculation. A finished one is read; of one that was killed
            after its ground state, the rest is computed.
        context : ElectronicContext
            What it belongs to.

        Returns
        -------
        ElectronicResult
            Refused, with the reason and without arrays, where GPAW failed, was not
            self-consistent, or passed its limits of time and memory; partial where the mesh
            had to be replaced by another one.

        Raises
        ------
        SulfoxError
            SFX-302 if GPAW is absent or cannot be imported; SFX-306 if the folder holds
            another calculation; SFX-307 if another process works on it.
        """
        check_installation()
        reduced = reduce_cell(structure)
        mesh, is_same = reduced.mesh(spec.k_mesh)
        cost = expected_cost(reduced.structure, spec, mesh)
        _LOG.info("%s: %s", context.label, cost.line)
        inputs_hash = content_hash([structure, spec, self.inputs_hash])
        request = GpawRequest(
            kind="electronic",
            label=context.label,
            inputs_hash=inputs_hash,
            structure=reduced.structure,
            electronic=spec,
            mesh=mesh,
            keep_gpw=self.keep_gpw,
            max_memory_MB=self._max_memory_MB,
        )
        provenance = self._provenance(spec, inputs_hash, context.study).model_copy(
            update={"job_uuids": context.job_uuids}
        )
        answer = run_guarded(request, run_dir, self._guard(cost.wall_time_s))
        if isinstance(answer, tuple):
            return refused_result(structure, spec, context, provenance, answer, run_dir)
        remarks = () if is_same else (_other_mesh(spec.k_mesh, mesh, context.label),)
        return electronic_result(structure, spec, context, provenance, (answer, run_dir), remarks)

    def relax(
        self,
        structure: StructureRecord,
        spec: RelaxationSpec,
        *,
        label: str,
        interface_id: str | None = None,
        study: str | None = None,
    ) -> RelaxationDoc:
        """Relax a structure in a folder named after its inputs.

        Parameters
        ----------
        structure : StructureRecord
            Start.
        spec : RelaxationSpec
            With the electronic part.
        label : str
            What is relaxed, for the document.
        interface_id, study : str, optional
            Where it belongs.

        Returns
        -------
        RelaxationDoc
            Complete; partial where it did not converge; refused, with the start as the final
            structure and without an energy, where GPAW failed.

        Raises
        ------
        SulfoxError
            SFX-302 if GPAW is absent or cannot be imported; SFX-334 without an electronic
            part.
        """
        check_installation()
        if spec.electronic is None:
            raise SulfoxError(
                "SFX-334",
                who=f"relaxation of {label} with GPAW",
                found="a specification without its electronic part",
                expected="functional, cutoff, mesh and thresholds",
                next_step="add the section electronic to the protocol",
            )
        reduced = reduce_cell(structure)
        mesh, is_same = reduced.mesh(spec.electronic.k_mesh)
        cost = expected_cost(reduced.structure, spec.electronic, mesh)
        inputs_hash = content_hash([structure, spec, self.inputs_hash])
        request = GpawRequest(
            kind="relax",
            label=label,
            inputs_hash=inputs_hash,
            structure=reduced.structure,
            electronic=spec.electronic,
            mesh=mesh,
            relaxation=spec,
            max_memory_MB=self._max_memory_MB,
        )
        run_dir = (self.work_dir or Path.cwd()) / f"gpaw-relax-{inputs_hash[:16]}"
        answer = run_guarded(request, run_dir, self._guard(cost.wall_time_s * (spec.max_steps + 1)))
        provenance = self._provenance(spec.electronic, inputs_hash, study)
        if not isinstance(answer, tuple) and answer.relaxation is not None:
            found = _restored(answer.relaxation, reduced, structure)
        else:
            reason = answer[0] if isinstance(answer, tuple) else _no_answer(label)
            found = _refused_relaxation(structure, spec, label, reason, provenance)
        if not is_same:
            remark = _other_mesh(spec.electronic.k_mesh, mesh, label)
            status = Status.PARTIAL if found.status is Status.COMPLETE else found.status
            found = found.model_copy(update={"status": status, "reasons": (*found.reasons, remark)})
        labels = {"provenance": provenance, "interface_id": interface_id}
        return found.model_copy(update=labels | {"id": "rx-" + inputs_hash[:16]})

    def dynamics(
        self,
        structure: StructureRecord,
        spec: DynamicsSpec,
        run_dir: Path,  # noqa: ARG002
        *,
        context: RunContext,
        start_velocities: tuple[tuple[float, float, float], ...] | None = None,  # noqa: ARG002
        progress: ProgressCallback | None = None,  # noqa: ARG002
    ) -> TrajectoryDoc:
        """Refuse: one step of 100 atoms takes about 7 minutes on one core."""
        raise SulfoxError(
            "SFX-334",
            who=f"dynamics of {context.pair} with GPAW",
            found=f"{spec.n_steps} steps of {structure.n_atoms} atoms; 100 atoms took 425 s a "
            "step in the cheapest mode of GPAW",
            expected="relax or electronic_structure",
            next_step="run dynamics with the engine mlip, or with VASP on a cluster",
        )

    @property
    def _max_memory_MB(self) -> float:
        return self.max_memory_MB or machine_memory_MB()

    def _guard(self, expected_s: float) -> ProcessGuard:
        limit = self.max_time_s or max(_MIN_TIME_S, _TIME_MARGIN * expected_s)
        return ProcessGuard(max_time_s=limit, max_memory_MB=self._max_memory_MB)

    def _provenance(self, spec: ElectronicSpec, inputs_hash: str, study: str | None) -> Provenance:
        return Provenance(
            engine=self.name,
            level_of_theory=f"{spec.method} ({self._code}, plane waves, PAW)",
            inputs_hash=inputs_hash,
            code_versions=self.versions,
            study=study,
        )


def load_gpaw() -> GpawEngine:
    """Make the engine with the machine's settings.

    Returns
    -------
    GpawEngine
        Ready to run.

    Raises
    ------
    SulfoxError
        SFX-302 if GPAW or its PAW sets are absent.
    """
    check_installation()
    settings = get_settings()
    return GpawEngine(
        work_dir=settings.work_dir,
        max_time_s=settings.gpaw_max_time_s,
        max_memory_MB=settings.gpaw_max_memory_MB,
        keep_gpw=settings.gpaw_keep_gpw,
    )


def _other_mesh(asked: KMesh, used: KMesh, label: str) -> Reason:
    text = (
        f"{label}: the lattice vectors form angles that GPAW warns about; in terms of shorter ones "
        f"the mesh {'x'.join(map(str, asked.divisions))} was replaced by "
        f"{'x'.join(map(str, used.divisions))}, at least as dense"
    )
    return Reason(code="k-mesh", message=text)


def _no_answer(label: str) -> Reason:
    return Reason(code="SFX-331", message=f"{label}: GPAW gave no relaxation")


def _restored(
    document: RelaxationDoc, reduced: ReducedCell, structure: StructureRecord
) -> RelaxationDoc:
    final = reduced.restore(document.final).model_copy(update={"moments": structure.moments})
    return document.model_copy(update={"initial": structure, "final": final})


def _refused_relaxation(
    structure: StructureRecord,
    spec: RelaxationSpec,
    label: str,
    reason: Reason,
    provenance: Provenance,
) -> RelaxationDoc:
    return RelaxationDoc(
        id="rx-" + provenance.inputs_hash[:16],
        status=Status.REFUSED,
        reasons=(reason,),
        provenance=provenance,
        label=label,
        relax_cell=spec.cell != "fixed",
        energy_eV=None,
        max_force_eV_A=None,
        force_threshold_eV_A=spec.force_threshold_eV_A,
        n_steps=0,
        max_displacement_A=0.0,
        initial=structure,
        final=structure,
    )
