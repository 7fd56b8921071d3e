"""A study as one jobflow Flow.

bulk -> interface -> relaxation -> equilibration -> production -> bonds -> rates -> comparison

Every job has a UUID made from what it does (:mod:`sulfox.flows.identity`): a study that is
made again, with one temperature more or on another machine, holds the same jobs plus the
new ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobflow import Flow, Job, OnMissing

from sulfox.documents.comparison import ExpectedFinding
from sulfox.errors import SulfoxError
from sulfox.flows import jobs
from sulfox.flows.electronic.electrons import ENGINES_WITH_ELECTRONS, calculator_with_electrons
from sulfox.flows.electronic.study import add_band_centers, add_core_shell
from sulfox.flows.identity import name_by_content
from sulfox.flows.job_context import identify_calculator
from sulfox.flows.study import DynamicsPlan, MaterialSide, Pair, Study, Variant
from sulfox.flows.thermodynamic.pair_table_flow import add_thermodynamics
from sulfox.materials.catalogue import load_material
from sulfox.protocols.protocol import Protocol, load_electronic_protocol, load_protocol
from sulfox.units import FS_PER_PS

__all__ = ["StudyFlow", "build_study_flow"]

DEFAULT = "default"


@dataclass(frozen=True)
class StudyFlow:
    """A study's flow and where its answer will be.

    Attributes
    ----------
    flow : Flow
        All jobs.
    comparison_uuid : str
        UUID of the job whose output is the ComparisonDoc.
    left_out : tuple of str
        Parts that cannot run here, each with the reason.
    """

    flow: Flow
    comparison_uuid: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Branch:
    """One interface of the study: a pair in a variant with its conditions."""

    pair: Pair
    variant: str
    allow_broken_polyanions: bool
    delithiated_fraction: float
    dynamics: DynamicsPlan

    @property
    def label(self) -> str:
        return self.pair.name if self.variant == DEFAULT else f"{self.pair.name} {self.variant}"


def build_study_flow(study: Study) -> StudyFlow:
    """Wire a study.

    Parameters
    ----------
    study : Study
        With every override applied; it is not read again when the flow runs.

    Returns
    -------
    StudyFlow
        Jobs in an order in which they can run.

    Raises
    ------
    SulfoxError
        SFX-10x for an unknown material or protocol, SFX-30x if the engine's potential is
        missing: before anything runs.
    """
    builder = _Builder(study)
    documents = []
    left_out = []
    if "dynamics" in study.parts:
        builder.calculator = identify_calculator(study.engine, study.potential)
        for branch in _branches(study):
            documents += builder.add_branch(branch)
    if "band-centers" in study.parts and study.band_centers is not None:
        try:
            documents += add_band_centers(builder.add, study.name, study.band_centers)
        except SulfoxError as error:
            if error.code != "SFX-302" or study.parts == ("band-centers",):
                raise
            left_out.append(f"band centres left out: {error.found}; {error.next_step}")
    if "core-shell" in study.parts and study.core_shell is not None:
        documents += add_core_shell(builder.add, study.name, study.core_shell)
    if "thermodynamics" in study.parts and study.thermodynamics is not None:
        outputs, unusable = add_thermodynamics(builder.add, study.thermodynamics)
        documents += outputs
        left_out += [f"entry set left out: {text}" for text in unusable]
    comparison = builder.add(
        jobs.compare_with_source,
        f"{study.name}: comparison with the source",
        study.name,
        [finding.model_dump(mode="json") for finding in _asked_findings(study)],
        [*builder.bulk_outputs, *documents],
        tolerant=True,
    )
    return StudyFlow(Flow(builder.jobs, name=study.name), comparison.uuid, tuple(left_out))


def _branches(study: Study) -> Iterator[_Branch]:
    pairs = {pair.name: pair for pair in study.pairs}
    everywhere = Variant(name=DEFAULT, description="as stated", pairs=tuple(pairs))
    for variant in (everywhere, *study.variants):
        for name in variant.pairs:
            yield _Branch(
                pair=pairs[name],
                variant=variant.name,
                allow_broken_polyanions=variant.allow_broken_polyanions,
                delithiated_fraction=variant.delithiated_fraction,
                dynamics=variant.dynamics or study.dynamics,
            )


def _asked_findings(study: Study) -> list[ExpectedFinding]:
    """Leave out what a part that is not run would show; the rest stays, computed or not."""
    if "dynamics" in study.parts:
        return list(study.expected)
    return [finding for finding in study.expected if finding.pair is None]


def _side(side: MaterialSide) -> dict[str, Any]:
    """Give a side with its whole catalogue entry.

    A job that carries the entry needs no file where it runs, and a corrected entry gives
    another job.
    """
    entry = load_material(side.material).model_dump(mode="json")
    return side.model_dump(mode="json") | {"entry": entry}


class _Builder:
    """Collects the jobs of a study; a bulk that two pairs share is one job."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.calculator: dict[str, str] = {}
        self.jobs: list[Flow | Job] = []
        self._bulks: dict[str, Job] = {}

    def add(
        self, function, name: str, *arguments, tolerant: bool = False, **metadata: object
    ) -> Job:
        job = function(*arguments)
        job.name = name
        job.metadata |= metadata
        job.update_config({"expose_store": True}, dict_mod=False)
        if tolerant:
            job.config.on_missing_references = OnMissing.NONE
        self.jobs.append(name_by_content(job))
        return job

    @property
    def bulk_outputs(self) -> list:
        """Outputs of the bulk relaxations: lattice constants to set beside measured ones."""
        return [job.output for job in self._bulks.values()]

    def add_branch(self, branch: _Branch) -> list:
        """Add all jobs of an interface; return the outputs that hold documents to compare."""
        protocol = load_protocol(branch.dynamics.protocol)
        interface = self.add(
            jobs.build_interface,
            f"{branch.label}: interface",
            self.study.name,
            {
                "name": branch.pair.name,
                "cathode": _side(branch.pair.cathode),
                "electrolyte": _side(branch.pair.electrolyte),
            },
            self.study.interface.model_dump(mode="json"),
            {
                "variant": branch.variant,
                "allow_broken_polyanions": branch.allow_broken_polyanions,
                "delithiated_fraction": branch.delithiated_fraction,
            },
            self._bulk(branch.pair.cathode, protocol).output,
            self._bulk(branch.pair.electrolyte, protocol).output,
            interface=branch.label,
            step="interface",
        )
        relaxed = self.add(
            jobs.relax_interface,
            f"{branch.label}: relaxation",
            self.study.name,
            self._moving(branch, protocol),
            protocol.interface_relaxation.model_dump(mode="json"),
            interface.output,
            interface=branch.label,
            step="relaxation",
        )
        documents = [interface.output, relaxed.output]
        for temperature in branch.dynamics.temperatures_K:
            documents += self._add_temperature(branch, protocol, temperature, interface, relaxed)
        return documents

    def _moving(self, branch: _Branch, protocol: Protocol) -> dict[str, Any]:
        """Give the calculator of an interface, with electrons where the engine has them."""
        if self.study.engine not in ENGINES_WITH_ELECTRONS:
            return self.calculator
        if protocol.electronic is None:
            raise SulfoxError(
                "SFX-323",
                who=f"protocol {protocol.name}",
                found="no section electronic",
                expected=f"how the engine {self.study.engine} computes forces",
                next_step="add it to the protocol",
            )
        materials = (branch.pair.cathode.material, branch.pair.electrolyte.material)
        return calculator_with_electrons(self.calculator, protocol.electronic, materials)

    def _resting(self, side: MaterialSide) -> dict[str, Any]:
        """Give the calculator of a bulk cell: the mesh of the electronic protocol."""
        if self.study.engine not in ENGINES_WITH_ELECTRONS:
            return self.calculator
        plan = self.study.band_centers
        level = load_electronic_protocol(plan.protocol if plan else "paper")
        return calculator_with_electrons(self.calculator, level.electronic, (side.material,))

    def _bulk(self, side: MaterialSide, protocol: Protocol) -> Job:
        key = f"{side.material} {side.exchange_fraction} {side.disorder_seed}"
        if key not in self._bulks:
            self._bulks[key] = self.add(
                jobs.prepare_bulk,
                f"{side.material}: bulk",
                self.study.name,
                self._resting(side),
                {name: value for name, value in _side(side).items() if name != "facet"},
                protocol.bulk_relaxation.model_dump(mode="json"),
            )
        return self._bulks[key]

    def _add_temperature(
        self, branch: _Branch, protocol: Protocol, temperature: float, interface: Job, relaxed: Job
    ) -> list:
        documents = []
        analyses = []
        for seed in branch.dynamics.seeds:
            label = f"{branch.label} {temperature:g} K seed {seed}"
            start = relaxed
            for stage, length_ps in (
                ("equilibration", branch.dynamics.equilibration_ps),
                ("production", branch.dynamics.length_ps),
            ):
                if length_ps == 0:
                    continue
                settings = getattr(protocol, stage)
                n_steps = round(length_ps * FS_PER_PS / settings.time_step_fs)
                spec = settings.at(temperature, seed, n_steps)
                start = self.add(
                    jobs.run_stage,
                    f"{label}: {stage}",
                    self.study.name,
                    self._moving(branch, protocol),
                    spec.model_dump(mode="json"),
                    {"pair": branch.pair.name, "variant": branch.variant, "stage": stage},
                    interface.output,
                    start.output,
                    interface=branch.label,
                    step=stage,
                    length_ps=length_ps,
                )
                bonds = self.add(
                    jobs.analyze_bonds,
                    f"{label}: bonds of the {stage}",
                    list(self.study.bonds),
                    start.output,
                    interface=branch.label,
                    step="bonds",
                )
                documents += [start.output, bonds.output]
                if stage == "production":
                    analyses.append(bonds.output)
        rates = self.add(
            jobs.pool_rates,
            f"{branch.label} {temperature:g} K: rates over seeds",
            analyses,
            tolerant=True,
            interface=branch.label,
            step="rates",
        )
        return [*documents, rates.output]
