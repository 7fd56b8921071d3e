"""Jobs of studies in a FireWorks launchpad: what is there, and adding what is new."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import find_failure
from sulfox.clusters.fireworks_files import queue_options
from sulfox.clusters.monitoring import JobStanding, read_progress
from sulfox.clusters.submission import SubmissionPlan
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from fireworks import Firework
    from jobflow import Job

__all__ = ["FireworksQueue"]

_DONE = ("COMPLETED", "ARCHIVED")
_STATES = {
    "ARCHIVED": "cancelled",
    "FIZZLED": "failed",
    "DEFUSED": "stopped",
    "PAUSED": "paused",
    "WAITING": "waiting",
    "READY": "ready",
    "RESERVED": "queued",
    "RUNNING": "running",
    "COMPLETED": "done",
}
#: A submission that died while it was adding jobs keeps others off for so long.
_HOLD = timedelta(minutes=10)


class FireworksQueue:
    """The launchpad of one cluster.

    Parameters
    ----------
    folder : Path
        FireWorks' configuration folder, with ``my_launchpad.yaml``.
    """

    def __init__(self, folder: Path) -> None:
        from fireworks import LaunchPad

        self.launchpad = LaunchPad.from_file(str(folder / "my_launchpad.yaml"))
        self._held = self.launchpad.db["sulfox_submissions"]

    def initialise(self) -> None:
        """Make FireWorks' collections where there are none; what is there stays.

        Raises
        ------
        SulfoxError
            SFX-804 if the collections are damaged.
        """
        from pymongo.errors import DuplicateKeyError

        counters = self.launchpad.fw_id_assigner
        if counters.find_one({}) is not None:
            return
        if self.launchpad.fireworks.find_one({}) is not None:
            raise _conflict("jobs, but no counter of jobs", "restore the database from a backup")
        try:
            counters.insert_one({"_id": -1, "next_fw_id": 1, "next_launch_id": 1})
        except DuplicateKeyError:  # another process was faster
            return
        self.launchpad.tuneup(bkground=False)

    def states(self, uuids: list[str] | None = None) -> dict[str, str]:
        """Give the state of jobs, that of the latest where one has gone on in another.

        Parameters
        ----------
        uuids : list of str, optional
            Only these.

        Returns
        -------
        dict
            uuid -> FireWorks' state.
        """
        wanted = {} if uuids is None else {"spec.sulfox.uuid": {"$in": uuids}}
        return {uuid: fw["state"] for uuid, fw in self._latest(wanted).items()}

    def submit(self, plan: SubmissionPlan, jobs: dict[str, Job], cluster: Cluster) -> int:
        """Add the jobs of a plan.

        New jobs whose parents another submission added are appended to its workflow, and wait
        for all unfinished parents of the plan there.

        Parameters
        ----------
        plan : SubmissionPlan
            What is new.
        jobs : dict
            uuid -> Job of the plan.
        cluster : Cluster
            For the options of the scheduler.

        Returns
        -------
        int
            Jobs added.

        Raises
        ------
        SulfoxError
            SFX-804 if another process adds the same jobs, or the parents of the new jobs are in
            two workflows.
        """
        from fireworks import Workflow

        if not plan.jobs:
            return 0
        uuids = [job.uuid for job in plan.jobs]
        self._hold(uuids)
        try:
            parents = self._unfinished_parents(plan)
            fireworks = _fireworks(plan, jobs, cluster)
            metadata = {"study": plan.study, "cluster": plan.cluster}
            workflow = Workflow(fireworks, name=plan.study, metadata=metadata)
            if parents:
                self.launchpad.append_wf(workflow, parents)
            else:
                self.launchpad.add_wf(workflow)
        finally:
            self._held.delete_many({"_id": {"$in": uuids}})
        return len(fireworks)

    def standings(self, cluster: Cluster, study: str) -> tuple[JobStanding, ...]:
        """Read where the jobs of a study stand.

        Parameters
        ----------
        cluster : Cluster
            For its folder of running jobs.
        study : str
            Name of the study.

        Returns
        -------
        tuple of JobStanding
            In the order of their submission.
        """
        found = self._latest({"spec.sulfox.study": study})
        return tuple(self._standing(cluster, uuid, fw) for uuid, fw in found.items())

    def _latest(self, wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        fields = {"fw_id": 1, "name": 1, "state": 1, "spec.sulfox": 1, "launches": 1}
        found = self.launchpad.fireworks.find(wanted, fields).sort([("fw_id", 1)])
        latest: dict[str, dict[str, Any]] = {}
        for fw in found:
            own = fw["spec"].get("sulfox")
            if own is not None:
                before = latest.get(own["uuid"], {"index": 0})
                latest[own["uuid"]] = {**fw, "index": before["index"] + 1}
        return latest

    def _standing(self, cluster: Cluster, uuid: str, fw: Mapping[str, Any]) -> JobStanding:
        state = _STATES.get(fw["state"], fw["state"].lower())
        progress = read_progress(cluster, uuid) if state in ("running", "failed") else {}
        failure = find_failure(self._trace(fw), "") if state == "failed" else None
        return JobStanding(
            uuid=uuid,
            db_id=str(fw["fw_id"]),
            name=fw["name"],
            state=state,
            index=fw["index"],
            failure=failure,
            **{name: progress.get(name) for name in ("steps_done", "n_steps", "ps_per_hour")},
        )

    def _trace(self, fw: Mapping[str, Any]) -> str:
        launch = self.launchpad.launches.find_one({"launch_id": {"$in": fw["launches"][-1:]}})
        exception = ((launch or {}).get("action") or {}).get("stored_data", {}).get("_exception")
        return str((exception or {}).get("_stacktrace", ""))

    def _unfinished_parents(self, plan: SubmissionPlan) -> list[int]:
        own = {job.uuid for job in plan.jobs}
        outside = sorted({parent for job in plan.jobs for parent in job.parents} - own)
        if not outside:
            return []
        latest = self._latest({"spec.sulfox.uuid": {"$in": outside}}).values()
        numbers = [fw["fw_id"] for fw in latest if fw["state"] not in _DONE]
        workflows = self.launchpad.workflows.count_documents({"nodes": {"$in": numbers}})
        if workflows > 1:
            raise _conflict(
                f"the new jobs of {plan.study} wait for jobs of {workflows} workflows",
                "wait until one of them is done, then submit again",
            )
        return numbers

    def _hold(self, uuids: list[str]) -> None:
        """Let one process at a time add a job: FireWorks itself would add it twice."""
        from pymongo.errors import BulkWriteError

        now = datetime.now(UTC)
        self._held.delete_many({"_id": {"$in": uuids}, "at": {"$lt": now - _HOLD}})
        try:
            self._held.insert_many([{"_id": uuid, "at": now} for uuid in uuids])
        except BulkWriteError as error:
            taken = error.details["nInserted"]
            self._held.delete_many({"_id": {"$in": uuids[:taken]}})
            raise _conflict("another process adds the same jobs", "submit again") from None
        if self.states(uuids):
            self._held.delete_many({"_id": {"$in": uuids}})
            raise _conflict("another process added the same jobs", "submit again")


def _fireworks(plan: SubmissionPlan, jobs: dict[str, Job], cluster: Cluster) -> list[Firework]:
    from jobflow.managers.fireworks import job_to_firework

    made: dict[str, Firework] = {}
    for planned in plan.jobs:
        job = jobs[planned.uuid]
        spec = {
            "_queueadapter": queue_options(cluster, planned.resources),
            "sulfox": {"uuid": planned.uuid, "study": plan.study},
        }
        job.update_config({"manager_config": spec}, dict_mod=False)
        inside = [parent for parent in planned.parents if parent in made]
        job_to_firework(job, parents=inside, parent_mapping=made)
    return list(made.values())


def _conflict(found: str, next_step: str) -> SulfoxError:
    return SulfoxError(
        "SFX-804",
        who="launchpad of FireWorks",
        found=found,
        expected="one submission at a time",
        next_step=next_step,
    )
