"""The workflow manager of a cluster, one or the other: where a study stands, and moving it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.cluster_queue import open_launchpad, open_queue
from sulfox.clusters.fireworks.queue import FireworksQueue
from sulfox.clusters.fireworks.recovery import cancel_fireworks, resume_fireworks
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
from sulfox.clusters.jobflow_remote.recovery import cancel_study, resume_study
from sulfox.clusters.jobflow_remote.runner import remark_on_runner
from sulfox.clusters.monitoring import JobStanding, read_standings
from sulfox.clusters.recovery_rules import Recovery
from sulfox.errors import SulfoxError

__all__ = ["Manager"]


@dataclass(frozen=True)
class _Functions:
    open: Callable[[Cluster], Any]
    standings: Callable[[Any, Cluster, str], tuple[JobStanding, ...]]
    resume: Callable[..., tuple[Recovery, ...]]
    cancel: Callable[[Any, Cluster, str], tuple[Recovery, ...]]
    remarks: Callable[[Any], tuple[str, ...]]


_MANAGERS = {
    "jobflow-remote": _Functions(
        open_queue, read_standings, resume_study, cancel_study, remark_on_runner
    ),
    "fireworks": _Functions(
        open_launchpad,
        lambda queue, cluster, study: queue.standings(cluster, study),
        resume_fireworks,
        cancel_fireworks,
        lambda _queue: (),
    ),
}


class Manager:
    """A manager with the queue of one cluster.

    Parameters
    ----------
    name : str
        ``"jobflow-remote"`` or ``"fireworks"``.
    cluster : Cluster
        The cluster; the manager's files are written anew.

    Attributes
    ----------
    queue : JobflowRemoteQueue or FireworksQueue
        Both have ``states``, ``studies``, ``settle``, ``submit`` and ``database``.

    Raises
    ------
    SulfoxError
        SFX-302 without its package, SFX-501 if the database does not answer, SFX-803 and SFX-806
        for the user's own file of FireWorks' launchpad.
    """

    def __init__(self, name: str, cluster: Cluster) -> None:
        self.name = name
        self.cluster = cluster
        self._functions = _MANAGERS[name]
        self.queue: JobflowRemoteQueue | FireworksQueue = self._functions.open(cluster)

    @property
    def option(self) -> str:
        """What a command line says to name it; nothing for the first manager."""
        return "" if self.name == "jobflow-remote" else f" --manager {self.name}"

    def known_study(self, name: str) -> str:
        """Give the name of a study back if it has jobs here.

        Parameters
        ----------
        name : str
            Of a study.

        Raises
        ------
        SulfoxError
            SFX-808 if it has none; it says which studies have.
        """
        known = self.queue.studies()
        if name in known:
            return name
        raise SulfoxError(
            "SFX-808",
            who=f"study {name}",
            found=f"no job of it in the queue of {self.cluster.name} ({self.name})",
            expected=f"one of {', '.join(known)}" if known else "a study that was submitted there",
            next_step="correct the name, the cluster or the manager, or submit it",
        )

    def standings(self, study: str) -> tuple[JobStanding, ...]:
        """Read where the jobs of a study stand.

        Parameters
        ----------
        study : str
            Name of the study.
        """
        return self._functions.standings(self.queue, self.cluster, study)

    def resume(self, study: str, *, mended: bool = False) -> tuple[Recovery, ...]:
        """Send back the failed jobs of a study.

        Parameters
        ----------
        study : str
            Name of the study.
        mended : bool
            Also what waits for a person.
        """
        return self._functions.resume(self.queue, self.cluster, study, mended=mended)

    def cancel(self, study: str) -> tuple[Recovery, ...]:
        """Cancel the jobs of a study that are not done.

        Parameters
        ----------
        study : str
            Name of the study.
        """
        return self._functions.cancel(self.queue, self.cluster, study)

    def remarks(self) -> tuple[str, ...]:
        """Say what a person should know before anything else."""
        return self._functions.remarks(self.queue)
