"""SIGKILL at random moments, for rehearsals."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

__all__ = ["RandomKiller"]

_LOOK_S = 0.1


class RandomKiller(threading.Thread):
    """Kills VASP, or the job that watches it, at random moments about every N steps.

    Parameters
    ----------
    work_dir : Path
        Folder of the running jobs.
    every : int or None
        Steps between kills, on average; None kills nobody.
    seed : int
        Of the moments.
    """

    def __init__(self, work_dir: Path, every: int | None, seed: int) -> None:
        super().__init__(daemon=True)
        self._work_dir, self._every = work_dir, every
        self._chance = random.Random(seed)  # noqa: S311 - moments of kills, no secrets
        self._done = threading.Event()
        self._next: dict[Path, int] = {}
        self.n_kills = 0

    def stop(self) -> None:
        """Kill nobody any more."""
        self._done.set()

    def run(self) -> None:
        """Look at the running jobs until stopped."""
        while self._every and not self._done.wait(_LOOK_S):
            for note in self._work_dir.glob("*/segments/*/vasp.pid"):
                self._look(note)

    def _look(self, note: Path) -> None:
        run_dir = note.parents[2]
        try:
            steps = int(json.loads((run_dir / "progress.json").read_text())["steps_done"])
            who = json.loads(note.read_text())
            target, watcher = int(who["pid"]), int(who["watcher"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        due = self._next.setdefault(run_dir, steps + self._wait_steps())
        if steps < due:
            return
        time.sleep(self._chance.random())
        if not _runs_in(target, note.parent):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._chance.random() < 0.5 and _parent(target) == watcher:
                os.kill(watcher, signal.SIGKILL)
            else:
                os.killpg(target, signal.SIGKILL)
            self.n_kills += 1
        self._next[run_dir] = steps + self._wait_steps()

    def _wait_steps(self) -> int:
        return max(1, round((self._every or 1) * self._chance.uniform(0.5, 1.5)))


def _runs_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
