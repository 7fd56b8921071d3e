"""Progress of a study: steps done, ps per hour, time left, per running branch.

On a terminal a table that moves; in a log file one line a minute.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sulfox.cli.output import emit_note

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from sulfox.flows.local_manager import JobView

__all__ = ["StudyProgress"]

_SECONDS_BETWEEN_LINES = 60.0


class StudyProgress:
    """Live table on stderr; one line a minute where stderr is no terminal.

    Parameters
    ----------
    title : str
        Heading of the table.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._live: Live | None = None
        self._start = self._last_line = time.monotonic()

    def __enter__(self) -> StudyProgress:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        if console.is_terminal:
            self._live = Live(console=console, refresh_per_second=2, transient=True)
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, jobs: dict[str, JobView]) -> None:
        """Show the state of all jobs.

        Parameters
        ----------
        jobs : dict
            uuid -> JobView, as :func:`sulfox.flows.local_manager.run_flow` gives it.
        """
        if self._live is not None:
            self._live.update(self._table(jobs))
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            emit_note("; ".join((self._headline(jobs), *_running(jobs))))

    def _headline(self, jobs: dict[str, JobView]) -> str:
        states = [job.state.value for job in jobs.values()]
        done = states.count("done") + states.count("present")
        minutes = (time.monotonic() - self._start) / 60
        return (
            f"{self.title}: {done} of {len(jobs)} steps done, "
            f"{states.count('failed')} failed, {minutes:.1f} min"
        )

    def _table(self, jobs: dict[str, JobView]) -> Table:
        from rich.table import Table

        table = Table(title=self._headline(jobs), title_justify="left")
        for column in ("running", "steps", "ps/h", "left"):
            table.add_column(column, justify="left" if column == "running" else "right")
        for job in jobs.values():
            if job.state.value == "running":
                table.add_row(job.name, *_cells(job.progress))
        return table


def _running(jobs: dict[str, JobView]) -> list[str]:
    lines = []
    for job in jobs.values():
        if job.state.value == "running":
            steps, rate, left = _cells(job.progress)
            told = f" {steps} steps, {rate} ps/h, {left} left" if steps else ""
            lines.append(f"{job.name}{told}")
    return lines


def _cells(progress: dict[str, Any]) -> tuple[str, str, str]:
    if "steps_done" not in progress:
        return "", "", ""
    left = float(progress["seconds_left"])
    return (
        f"{progress['steps_done']} / {progress['n_steps']}",
        f"{progress['ps_per_hour']:.0f}",
        f"{left / 60:.1f} min" if left >= 60 else f"{left:.0f} s",
    )
