"""``sulfox inputs STUDY``: every input deck a study would run, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.flows.input_decks import StudyDeck

__all__ = ["inputs"]


def inputs(
    study: Annotated[str, typer.Argument(help="Name or folder of a study.")],
    out: Annotated[Path, typer.Option(help="Folder for the decks.")],
    engine: Annotated[str, typer.Option(help="Engine whose inputs are written: vasp.")] = "vasp",
    protocol: Annotated[
        str | None, typer.Option(help="Electronic protocol: paper, fast, stringent or a YAML.")
    ] = None,
    json_output: JsonOutput = False,
) -> None:
    """Write every input deck that a study would run; no POTCAR is written or needed."""
    from sulfox.errors import SulfoxError
    from sulfox.flows.input_decks import describe_decks, study_decks
    from sulfox.flows.study import load_study

    if engine != "vasp":
        raise SulfoxError(
            "SFX-901",
            who="--engine",
            found=repr(engine),
            expected="vasp, the engine that reads input decks",
            next_step="give --engine vasp",
        )
    loaded = load_study(study)
    decks = list(study_decks(loaded, protocol))
    _write(decks, describe_decks(loaded, decks), out)
    rows = [_row(deck) for deck in decks]
    if json_output:
        emit_json({"study": loaded.name, "engine": engine, "out": str(out), "decks": rows})
        return
    columns = ["path", "atoms", "executable", "PAW sets", "hash"]
    cells = [
        (r["path"], r["n_atoms"], r["executable"], " ".join(r["potcar"]), r["hash"][:12])
        for r in rows
    ]
    emit_table(f"{len(rows)} input decks of {loaded.name}", columns, cells)
    emit_text(f"Written to {out}; README.txt there says what was chosen and where POTCAR are from.")


def _row(deck: StudyDeck) -> dict[str, Any]:
    return {
        "path": deck.path,
        "label": deck.label,
        "kind": deck.deck.kind,
        "n_atoms": deck.n_atoms,
        "executable": deck.deck.executable,
        "potcar_functional": deck.deck.potcar_functional,
        "potcar": deck.deck.potcar_spec.split(),
        "hash": deck.deck.hash,
    }


def _write(decks: list[StudyDeck], readme: str, out: Path) -> None:
    from sulfox.errors import SulfoxError

    try:
        for deck in decks:
            folder = out / deck.path
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in deck.deck.files.items():
                (folder / name).write_text(text, encoding="utf-8")
        (out / "README.txt").write_text(readme, encoding="utf-8")
    except OSError as error:
        raise SulfoxError(
            "SFX-901",
            who="--out",
            found=f"{out}: {error.strerror or error}",
            expected="a folder that can be written",
            next_step="give another folder",
        ) from error
