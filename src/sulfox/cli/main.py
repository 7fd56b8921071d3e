"""The door: ``sulfox COMMAND``. Errors become one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from sulfox import __version__
from sulfox.errors import SulfoxError

__all__ = ["app", "main"]

app = typer.Typer(
    name="sulfox",
    help="Cathode | electrolyte interfaces of solid-state batteries, from first principles.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help without rich starts twice as fast
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"sulfox {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    config_dir: Annotated[
        Path | None, typer.Option(help="Folder with your own materials/ and protocols/.")
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show a traceback for unexpected errors.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Cathode | electrolyte interfaces of solid-state batteries, from first principles."""
    if config_dir is not None:
        os.environ["SULFOX_CONFIG_DIR"] = str(config_dir)
    if debug:
        os.environ["SULFOX_DEBUG"] = "1"


def _register() -> None:
    from sulfox.cli import analyze, engines, export, interfaces, materials, query, report, study

    app.command("reproduce")(study.run)
    app.command("run")(study.run)
    app.command("materials")(materials.materials)
    app.command("interfaces")(interfaces.interfaces)
    app.add_typer(analyze.app, name="analyze")
    app.command("query")(query.query)
    app.command("report")(report.report)
    app.command("engines")(engines.engines)
    app.command("export")(export.export)


def main() -> None:
    """Run the command line and leave with 0, 1 (unexpected) or 2 (the user's input)."""
    _register()
    debug = bool(os.environ.get("SULFOX_DEBUG")) or "--debug" in sys.argv
    try:
        code = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except SulfoxError as error:
        if debug:
            raise
        _leave(error.line, error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _leave("interrupted; the same command continues where it stopped", 130)
    except TyperException as error:
        text = " ".join(str(getattr(error, "message", error)).split())
        _leave(f"SFX-901 [input] command line: {text.rstrip('.')}; see sulfox --help", 2)
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:  # last resort: no traceback without --debug
        if debug:
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        _leave(f"SFX-999 [unexpected] {text}; run again with --debug and report it", 1)
    sys.exit(code if isinstance(code, int) else 0)


def _leave(line: str, code: int) -> None:
    sys.stderr.write(line + "\n")
    sys.exit(code)
