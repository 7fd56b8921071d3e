"""Progress of a study on a terminal: steps done, ps per hour, time left, per running branch."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from sulfox.flows.local_manager import JobView

__all__ = ["StudyProgress"]


class StudyProgress:
    """Live table on stderr; nothing at all where stderr is no terminal.

    Parameters
    ----------
    title : str
        Heading of the table.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._live: Live | None = None
        self._start = time.monotonic()

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

    def _table(self, jobs: dict[str, JobView]) -> Table:
        from rich.table import Table

        states = [job.state.value for job in jobs.values()]
        done = states.count("done") + states.count("present")
        minutes = (time.monotonic() - self._start) / 60
        table = Table(
            title=f"{self.title}: {done} of {len(jobs)} steps done, "
            f"{states.count('failed')} failed, {minutes:.1f} min",
            title_justify="left",
        )
        for column in ("running", "steps", "ps/h", "left"):
            table.add_column(column, justify="left" if column == "running" else "right")
        for job in jobs.values():
            if job.state.value == "running":
                table.add_row(job.name, *_cells(job.progress))
        return table


def _cells(progress: dict[str, Any]) -> tuple[str, str, str]:
    if "steps_done" not in progress:
        return "", "", ""
    left = float(progress["seconds_left"])
    return (
        f"{progress['steps_done']} / {progress['n_steps']}",
        f"{progress['ps_per_hour']:.0f}",
        f"{left / 60:.1f} min" if left >= 60 else f"{left:.0f} s",
    )
