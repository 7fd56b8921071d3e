"""Promise: a table for a person shows every unit of its heads."""

from __future__ import annotations

from sulfox.cli.output import emit_table


def test_square_brackets_are_text(capsys):
    emit_table("gap [Å]", ("pace [ps/h]", "limit [h]"), [("[bold]", None)])
    said = capsys.readouterr().out
    for text in ("gap [Å]", "pace [ps/h]", "limit [h]", "[bold]"):
        assert text in said
