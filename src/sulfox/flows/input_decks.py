"""Every input deck of VASP that a study would run, without running anything.

Interfaces are cut from the catalogue's measured lattices here; a run cuts them from bulk cells
relaxed by its own engine. The decks are else what the engine writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sulfox.documents.base import Record
from sulfox.documents.structure import StructureRecord
from sulfox.engines.vasp.inputs.calculation import VaspCalculation
from sulfox.engines.vasp.inputs.input_set import InputDeck, make_deck
from sulfox.engines.vasp.inputs.profile import VaspProfile, load_profile
from sulfox.errors import SulfoxError
from sulfox.flows.electronic.plan import ElectronicCase
from sulfox.flows.job_context import ordered_material
from sulfox.flows.study import MaterialSide, Pair, Study
from sulfox.materials.catalogue import load_material
from sulfox.materials.magnetic_order import in_magnetic_state
from sulfox.materials.material import Material
from sulfox.protocols.dynamics import DynamicsSpec
from sulfox.protocols.electronic import CellKind, resolve
from sulfox.protocols.protocol import (
    ElectronicProtocol,
    Protocol,
    load_electronic_protocol,
    load_protocol,
)
from sulfox.units import FS_PER_PS

__all__ = ["StudyDeck", "describe_decks", "electronic_decks", "study_decks"]


class StudyDeck(Record):
    """A deck and where it stands in a study.

    Attributes
    ----------
    path : str
        Folder, relative: ``"bulk/CoO/static"``.
    label : str
        For a person.
    n_atoms : int
        Of the cell.
    deck : InputDeck
        The files.
    """

    path: str
    label: str
    n_atoms: int
    deck: InputDeck


def study_decks(study: Study, protocol: str | None = None) -> Iterator[StudyDeck]:
    """Give the decks of a study: bulk cells, then dynamics of its interfaces.

    Parameters
    ----------
    study : Study
        With every override applied.
    protocol : str, optional
        Electronic protocol; None takes the study's own, or ``"paper"``.

    Yields
    ------
    StudyDeck
        One after the other, since an interface takes a while to build.

    Raises
    ------
    SulfoxError
        SFX-10x for an unknown material or protocol, SFX-202 without an interface, SFX-323 where
        no inputs can be made.
    """
    profile = load_profile()
    plan = study.band_centers
    level = load_electronic_protocol(protocol or (plan.protocol if plan else "paper"))
    for case in _cases(study):
        yield from electronic_decks(case, level, profile)
    if "dynamics" in study.parts:
        moves = load_protocol(study.dynamics.protocol)
        for pair in study.pairs:
            yield from _interface_decks(study, pair, moves, profile)


def electronic_decks(
    case: ElectronicCase, level: ElectronicProtocol, profile: VaspProfile
) -> Iterator[StudyDeck]:
    """Give the decks of one ground state and its density of states.

    Parameters
    ----------
    case : ElectronicCase
        Material, magnetic state, U on or off.
    level : ElectronicProtocol
        Level of theory; a relaxation comes first where it has one.
    profile : VaspProfile
        PAW sets and limits.

    Yields
    ------
    StudyDeck
        ``relax``, ``static``, ``dos``.
    """
    ordered = ordered_material({"entry": load_material(case.material).model_dump(mode="json")})
    cell: CellKind = "conventional" if ordered.magnetic_cell is None else "magnetic"
    structure = in_magnetic_state(ordered.magnetic_cell or ordered.structure, case.magnetic_state)
    hubbard = level.electronic.hubbard and case.hubbard
    settings = level.electronic.model_copy(update={"hubbard": hubbard})
    spec = resolve(settings, structure, {ordered.material.name: ordered.material}, cell)
    words = [ordered.material.name]
    words += [] if case.magnetic_state == "ground" else [f"spin-{case.magnetic_state}"]
    words += [] if case.hubbard else ["no-U"]
    name = "-".join(words)
    runs = [VaspCalculation(kind="static", electronic=spec)]
    runs += [VaspCalculation(kind="dos", electronic=spec)]
    if level.relaxation is not None:
        runs = [
            VaspCalculation(kind="relax", electronic=spec, relaxation=level.relaxation),
            *runs,
        ]
    for run in runs:
        yield _deck(f"bulk/{name}/{run.kind}", f"{name} {run.kind}", run, structure, profile)


def describe_decks(study: Study, decks: list[StudyDeck]) -> str:
    """Write the README of a folder of decks.

    Parameters
    ----------
    study : Study
        Whose decks they are.
    decks : list of StudyDeck
        All of them.

    Returns
    -------
    str
        Plain text.
    """
    profile = load_profile()
    symbols = sorted({symbol for d in decks for symbol in d.deck.potcar_spec.split()})
    lines = [
        f"VASP input decks of the study {study.name}: {study.title}",
        "",
        "Nothing here was run. POTCAR files are licensed and not written: POTCAR.spec names the",
        f"PAW sets (release {profile.potcar.functional}), one a line in the order of POSCAR.",
        "With your own library:",
        f"  pmg potcar --functional {profile.potcar.functional} --symbols {' '.join(symbols)}",
        "",
        "Structures: measured lattices of the catalogue. Interfaces here are cut from these",
        "lattices too; a run of the study cuts them from bulk cells that its engine relaxed, so",
        "that its POSCAR differs. Equilibration starts from the relaxed interface, production from",
        "the last positions and velocities of the equilibration; all three POSCAR here show the",
        "interface as it was built.",
        "",
        "A dos deck needs the CHGCAR of the static deck beside it.",
        "",
        "What the source of the settings leaves open, and what was chosen:",
    ]
    lines += [f"- {choice.what}: {choice.value}. {choice.reason}" for choice in profile.choices]
    lines += ["", "path, executable, atoms, hash of the files:"]
    lines += [f"  {d.path}  {d.deck.executable}  {d.n_atoms}  {d.deck.hash[:16]}" for d in decks]
    return "\n".join(lines) + "\n"


def _cases(study: Study) -> list[ElectronicCase]:
    sides = [side for pair in study.pairs for side in (pair.cathode, pair.electrolyte)]
    cases = [ElectronicCase(material=side.material) for side in sides]
    if study.band_centers is not None and "band-centers" in study.parts:
        cases += study.band_centers.cases
    return list(dict.fromkeys(cases))


def _interface_decks(
    study: Study, pair: Pair, moves: Protocol, profile: VaspProfile
) -> Iterator[StudyDeck]:
    if moves.electronic is None:
        raise SulfoxError(
            "SFX-323",
            who=f"protocol {moves.name}",
            found="no section electronic",
            expected="how a DFT engine computes forces",
            next_step="add it to the protocol",
        )
    structure, materials = _interface(study, pair)
    spec = resolve(moves.electronic, structure, materials)
    root = f"interfaces/{pair.name.replace('|', '-')}"
    relaxation = VaspCalculation(
        kind="relax", electronic=spec, relaxation=moves.interface_relaxation
    )
    yield _deck(f"{root}/relax", f"{pair.name} relax", relaxation, structure, profile)
    for run in _stages(study, moves):
        dynamics = run["spec"].model_copy(update={"electronic": spec})
        calculation = VaspCalculation(kind="md", electronic=spec, dynamics=dynamics)
        label = f"{pair.name} {run['conditions']} {run['stage']}"
        path = f"{root}/{run['conditions'].replace(' ', '-')}/{run['stage']}"
        yield _deck(path, label, calculation, structure, profile)


def _stages(study: Study, moves: Protocol) -> Iterator[dict[str, Any]]:
    lengths = {
        "equilibration": study.dynamics.equilibration_ps,
        "production": study.dynamics.length_ps,
    }
    for temperature in study.dynamics.temperatures_K:
        for seed in study.dynamics.seeds:
            for stage, length_ps in lengths.items():
                settings = getattr(moves, stage)
                n_steps = round(length_ps * FS_PER_PS / settings.time_step_fs)
                if n_steps == 0:
                    continue
                spec: DynamicsSpec = settings.at(temperature, seed, n_steps)
                conditions = f"{temperature:g}K seed{seed}"
                yield {"spec": spec, "stage": stage, "conditions": conditions}


def _interface(study: Study, pair: Pair) -> tuple[StructureRecord, dict[str, Material]]:
    from sulfox.interfaces.search import find_interfaces
    from sulfox.interfaces.specification import InterfaceSpec

    cathode, electrolyte = _ordered(pair.cathode), _ordered(pair.electrolyte)
    spec = InterfaceSpec(
        cathode_facet=pair.cathode.facet,
        electrolyte_facet=pair.electrolyte.facet,
        **study.interface.model_dump(),
    )
    search = find_interfaces(cathode, electrolyte, spec)
    if not search.candidates:
        raise SulfoxError(
            "SFX-202",
            who=f"{pair.name} at the measured lattices",
            found="no candidate; " + "; ".join(r.reason for r in search.refused[:3]),
            expected=f"strain <= {spec.max_strain:.1%} with <= {spec.max_atoms} atoms",
            next_step=f"see: sulfox interfaces {pair.name.replace('|', ' ')}",
        )
    materials = {side.material.name: side.material for side in (cathode, electrolyte)}
    return search.candidates[0].structure, materials


def _ordered(side: MaterialSide) -> Any:
    entry = load_material(side.material).model_dump(mode="json")
    return ordered_material(side.model_dump(mode="json") | {"entry": entry})


def _deck(
    path: str,
    label: str,
    calculation: VaspCalculation,
    structure: StructureRecord,
    profile: VaspProfile,
) -> StudyDeck:
    deck = make_deck(calculation, structure, profile)
    return StudyDeck(path=path, label=label, n_atoms=structure.n_atoms, deck=deck)
