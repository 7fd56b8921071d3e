"""``sulfox engines``: what can compute here, and how to get what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

__all__ = ["engines"]


def engines(
    action: Annotated[
        str | None, typer.Argument(help="fetch, or nothing to list the engines.")
    ] = None,
    name: Annotated[str | None, typer.Argument(help="What to fetch: nep89.")] = None,
    json: JsonOutput = False,
) -> None:
    """List the engines, or fetch a potential: sulfox engines fetch nep89."""
    if action is None:
        _list(json)
    elif (action, name) == ("fetch", "nep89"):
        _fetch(json)
    else:
        from sulfox.errors import SulfoxError

        raise SulfoxError(
            "SFX-301" if action == "fetch" else "SFX-901",
            who="sulfox engines",
            found=" ".join(filter(None, [action, name])),
            expected="nothing, or fetch nep89",
            next_step="run: sulfox engines fetch nep89",
        )


def _list(json: bool) -> None:
    from sulfox.engines.registry import describe_engines

    found = describe_engines()
    if json:
        emit_json({"engines": [engine.model_dump(mode="json") for engine in found]})
        return
    rows = [
        (e.name, e.potential, "yes" if e.available else f"no: {e.problem}", e.level_of_theory)
        for e in found
    ]
    emit_table("Engines", ("engine", "potential", "available", "level of theory"), rows)
    for engine in found:
        if engine.path is not None:
            emit_text(f"{engine.potential}: {engine.path}", f"  sha256 {engine.sha256}")
        emit_text(f"{engine.potential}: licence {engine.license}")


def _fetch(json: bool) -> None:
    from sulfox.engines.mlip.potentials import fetch_nep89

    potential = fetch_nep89()
    if json:
        emit_json({"name": "nep89", "path": potential.path, "sha256": potential.sha256})
    else:
        emit_text(
            f"nep89: {potential.path}",
            f"sha256 {potential.sha256}, as published",
            "from the PyPI source package NepTrainKit (GPL-3.0-or-later)",
        )
