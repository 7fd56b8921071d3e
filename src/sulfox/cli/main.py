"""The door: ``sulfox COMMAND``. Errors become one line on stderr and an exit status."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from sulfox import __version__
from sulfox.errors import SulfoxError

__all__ = ["app", "main"]

#: Command -> (module, function or Typer group, what the help of ``sulfox`` says). The module
#: is imported when its command is called, so that ``sulfox --help`` answers at once.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "reproduce": ("study", "run", "Reproduce a published study: run, compare, report."),
    "run": ("study", "run", "Run a study; what the store holds is not run again."),
    "materials": (
        "materials.materials",
        "materials",
        "List the catalogue, or show one entry in full.",
    ),
    "interfaces": (
        "materials.interfaces",
        "interfaces",
        "Find, check and rank interfaces of two materials.",
    ),
    "analyze": (
        "analysis.analyze",
        "app",
        "Analyse trajectories, electronic structures, energies.",
    ),
    "entries": ("materials.entries", "app", "Entry sets: list, show, compute or fetch one."),
    "screen": ("analysis.screen", "screen", "Rank coatings between a cathode and an electrolyte."),
    "query": ("store.query", "query", "List what is in the store."),
    "report": ("store.report", "report", "Write the page, the figures and the table of a study."),
    "trajectory": ("store.trajectory", "app", "Inspect and archive the files of a dynamics run."),
    "export": ("store.export", "export", "Write a stored trajectory for your own tools."),
    "doctor": (
        "cluster.doctor",
        "doctor",
        "Check this machine, or a cluster, before a study runs.",
    ),
    "submit": (
        "cluster.submit",
        "submit",
        "Submit a study to a cluster; what is known is not added.",
    ),
    "status": ("cluster.status", "status", "Say where a study stands on a cluster."),
    "resume": (
        "cluster.resume",
        "resume",
        "Send back the failed jobs of a study that can go back.",
    ),
    "cancel": ("cluster.resume", "cancel", "Cancel the jobs of a study that are not done."),
    "db": ("store.db", "app", "Export and import studies, look after the store."),
    "inputs": ("inputs", "inputs", "Write every input deck of a study without running it."),
    "rehearse": ("rehearse", "rehearse", "Run a study's flow with a stand-in for VASP."),
    "estimate": ("estimate", "estimate", "Estimate what a study costs with VASP."),
    "engines": ("engines", "engines", "List the engines, or fetch a potential."),
}


class _CommandsOnDemand(TyperGroup):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        found = getattr(import_module(f"sulfox.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name)(found)
            found = single
        return typer.main.get_command(found)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


app = typer.Typer(
    name="sulfox",
    cls=_CommandsOnDemand,
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


def main() -> None:
    """Run the command line and leave with 0, 1 (unexpected) or 2 (the user's input)."""
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
