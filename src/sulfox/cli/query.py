"""``sulfox query``: what is in a store, for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from sulfox.cli.options import Engine, JsonOutput, Store, StudyFilter
from sulfox.cli.output import emit_json, emit_table, emit_text

__all__ = ["query"]

#: Word of the command line -> kind, and columns: (head with unit, field).
_KINDS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "interfaces": (
        "interface",
        (
            ("pair", "pair"),
            ("rank", "rank"),
            ("atoms", "n_atoms"),
            ("area [Å^2]", "area_A2"),
            ("strain max", "strain_max"),
            ("gap [Å]", "gap_A"),
            ("cathode", "cathode.termination"),
            ("electrolyte", "electrolyte.termination"),
        ),
    ),
    "relaxations": (
        "relaxation",
        (
            ("label", "label"),
            ("energy [eV]", "energy_eV"),
            ("max force [eV/Å]", "max_force_eV_A"),
            ("steps", "n_steps"),
            ("max displacement [Å]", "max_displacement_A"),
        ),
    ),
    "trajectories": (
        "trajectory",
        (
            ("pair", "pair"),
            ("variant", "variant"),
            ("stage", "stage"),
            ("T [K]", "temperature_K"),
            ("seed", "seed"),
            ("length [ps]", "length_ps"),
            ("steps", "n_steps_done"),
            ("T mean [K]", "temperature_mean_K"),
            ("frames", "archive.n_frames"),
        ),
    ),
    "sulfur-bonds": (
        "sulfur_bonds",
        (
            ("pair", "pair_of_materials"),
            ("variant", "variant"),
            ("T [K]", "temperature_K"),
            ("seed", "seed"),
            ("bonds", "criteria.pair"),
            ("length [ps]", "length_ps"),
            ("initial", "n_initial"),
            ("formed", "n_formed"),
            ("broken", "n_broken"),
            ("final", "n_final"),
            ("shortest [Å]", "min_distance_A"),
            ("robust", "robust"),
        ),
    ),
    "sulfur-bond-rates": (
        "sulfur_bond_rate",
        (
            ("pair", "pair_of_materials"),
            ("variant", "variant"),
            ("T [K]", "temperature_K"),
            ("seeds", "seeds"),
            ("formed", "n_formed"),
            ("rate [1/nm^2/ps]", "rate_per_nm2_ps"),
            ("95 % low", "rate_low_per_nm2_ps"),
            ("95 % high", "rate_high_per_nm2_ps"),
        ),
    ),
    "electronic-structures": (
        "electronic_structure",
        (
            ("label", "label"),
            ("energy [eV]", "energy_eV"),
            ("gap [eV]", "gap_eV"),
            ("metal", "is_metal"),
            ("moment of the cell [µB]", "total_moment_muB"),
            ("wall time [s]", "wall_time_s"),
            ("memory [MB]", "peak_memory_MB"),
        ),
    ),
    "band-centers": (
        "band_center",
        (
            ("material", "material"),
            ("magnetic state", "magnetic_state"),
            ("U", "hubbard"),
            ("element", "element"),
            ("orbital", "orbital"),
            ("occupied re VBM [eV]", "occupied_re_vbm_eV"),
            ("full re VBM [eV]", "full_re_vbm_eV"),
            ("occupied re E_F [eV]", "occupied_re_fermi_eV"),
            ("all re E_F [eV]", "all_re_fermi_eV"),
            ("gap [eV]", "gap_eV"),
        ),
    ),
    "comparisons": ("comparison", (("study", "study"), ("rows", "rows"))),
}
_FIRST = (("id", "id"),)
_LAST = (("status", "status"), ("level of theory", "provenance.level_of_theory"))


def query(
    kind: Annotated[str, typer.Argument(help=", ".join(_KINDS), metavar="KIND")],
    study: StudyFilter = None,
    pair: Annotated[str | None, typer.Option(help="Materials, e.g. 'LCO|LPSCl'.")] = None,
    engine: Engine = None,
    temperature: Annotated[float | None, typer.Option(help="Target temperature [K].")] = None,
    variant: Annotated[str | None, typer.Option(help="default, cleaved-PS4, ...")] = None,
    status: Annotated[str | None, typer.Option(help="complete, partial or refused.")] = None,
    limit: Annotated[int, typer.Option(help="Only the newest N; 0 for all.", min=0)] = 0,
    as_json: JsonOutput = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="With --json: also values per atom, frame and bond.")
    ] = False,
    store: Store = None,
) -> None:
    """List what is in the store: interfaces, trajectories, sulfur-bonds, ..."""
    from sulfox.stores.documents import QueryFilter, count_documents, find_documents
    from sulfox.stores.opening import open_documents

    name, columns = _columns(kind)
    wanted = QueryFilter(
        study=study,
        pair=pair,
        engine=engine,
        temperature_K=temperature,
        variant=variant,
        status=_status(status),
    )
    reader = open_documents(store)
    documents = find_documents(reader, name, wanted, limit=limit)
    if as_json:
        contents = [_content(document, full=full) for document in documents]
        emit_json({"kind": kind, "n": len(contents), "documents": contents})
    elif as_csv:
        _emit_csv(columns, documents)
    elif documents:
        heads = [head for head, _ in columns]
        emit_table(f"{len(documents)} {kind} in {reader.where}", heads, _rows(columns, documents))
    else:
        emit_text(_nothing(kind, reader.where, count_documents(reader)))


def _columns(kind: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    if kind not in _KINDS:
        raise _bad_option("KIND", kind, _KINDS)
    name, columns = _KINDS[kind]
    return name, (*_FIRST, *columns, *_LAST)


def _status(text: str | None) -> Any:
    from sulfox.documents.base import Status

    words = [status.value for status in Status]
    if text is not None and text not in words:
        raise _bad_option("--status", text, words)
    return None if text is None else Status(text)


def _bad_option(option: str, text: str, words: Any) -> Exception:
    from sulfox.errors import SulfoxError

    return SulfoxError(
        "SFX-901",
        who=option,
        found=repr(text),
        expected=", ".join(words),
        next_step="choose one of these",
    )


def _content(document: Any, *, full: bool) -> dict[str, Any]:
    from sulfox.documents.kinds import BULKY_FIELDS

    bulky = () if full else BULKY_FIELDS.get(document.kind, ())
    return document.model_dump(mode="json", exclude=set(bulky))


def _value(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = getattr(document, part)
    return document


def _rows(columns: Sequence[tuple[str, str]], documents: Sequence[Any]) -> list[list[object]]:
    return [[_shown(_value(document, path)) for _, path in columns] for document in documents]


def _shown(value: Any) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        plain = all(isinstance(item, int) for item in value)
        return " ".join(map(str, value)) if plain else len(value)
    return value


def _emit_csv(columns: Sequence[tuple[str, str]], documents: Sequence[Any]) -> None:
    """Full precision, one head per field: units are in the fields' names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([path for _, path in columns])
    for document in documents:
        cells = [_value(document, path) for _, path in columns]
        writer.writerow([_shown(cell) if isinstance(cell, tuple) else cell for cell in cells])


def _nothing(kind: str, where: str, counts: dict[str, int]) -> str:
    words = {name: word for word, (name, _) in _KINDS.items()}
    if not counts:
        return f"The store {where} is empty; sulfox reproduce gsirr fills it."
    held = ", ".join(f"{n} {words[name]}" for name, n in counts.items())
    return f"No {kind} match in {where}; it holds {held}."
