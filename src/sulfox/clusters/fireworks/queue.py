"""Jobs of studies in a FireWorks launchpad: what is there, and adding what is new."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.failures import find_failure
from sulfox.clusters.fireworks.files import queue_options
from sulfox.clusters.monitoring import JobStanding, read_progress, standing_fields
from sulfox.clusters.submission import (
    LONGEST_SUBMISSION,
    SubmissionPlan,
    refuse_too_large,
    refuse_too_young,
)
from sulfox.errors import SulfoxError
from sulfox.stores.server_failures import connection_errors

if TYPE_CHECKING:
    from fireworks import Firework
    from jobflow import Job
    from pymongo.database import Database

__all__ = ["FireworksQueue", "ask_scheduler"]

_DONE = ("COMPLETED", "ARCHIVED")
_STATES = {
    "ARCHIVED": "cancelled",
    "FIZZLED": "failed",
    "DEFUSED": "cancelled",
    "PAUSED": "paused",
    "WAITING": "waiting",
    "READY": "ready",
    "RESERVED": "queued",
    "RUNNING": "running",
    "COMPLETED": "done",
}
_IN_QUEUE = ("RESERVED", "RUNNING")
_TAIL_LETTERS = 20_000
#: A database that does not answer is told after this time [ms].
_PATIENCE_MS = 5000
_SCHEDULER_S = 60


class FireworksQueue:
    """The launchpad of one cluster.

    Parameters
    ----------
    folder : Path
        FireWorks' configuration folder, with ``my_launchpad.yaml``.
    cluster : str
        Name of the cluster; jobs of others in the same database are not seen.
    """

    def __init__(self, folder: Path, cluster: str) -> None:
        import yaml
        from fireworks import LaunchPad

        content = yaml.safe_load((folder / "my_launchpad.yaml").read_text(encoding="utf-8"))
        # a person waits here; rlaunch, which reads the file itself, has more patience
        patience = {"serverSelectionTimeoutMS": _PATIENCE_MS}
        content["mongoclient_kwargs"] = patience | (content.get("mongoclient_kwargs") or {})
        with connection_errors(f"launchpad {folder.name}"):
            self.launchpad = LaunchPad.from_dict(content)
        self.database: Database[dict[str, Any]] = self.launchpad.db
        self.cluster = cluster
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

    def studies(self) -> list[str]:
        """Names of the studies that have jobs here."""
        own = {"spec.sulfox.cluster": self.cluster}
        return sorted(self.launchpad.fireworks.distinct("spec.sulfox.study", own))

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
            two workflows. SFX-507 for a job that no MongoDB takes, before anything is added.
        """
        from fireworks import Workflow

        if not plan.jobs:
            return 0
        uuids = [job.uuid for job in plan.jobs]
        self._hold(uuids)
        try:
            parents = self._unfinished_parents(plan)
            fireworks = _fireworks(plan, jobs, cluster)
            for firework in fireworks:
                refuse_too_large(firework.name, firework.to_db_dict())
            metadata = {"study": plan.study, "cluster": plan.cluster}
            workflow = Workflow(fireworks, name=plan.study, metadata=metadata)
            if parents:
                self.launchpad.append_wf(workflow, parents)
            else:
                self.launchpad.add_wf(workflow)
        finally:
            self._held.delete_many({"_id": {"$in": uuids}})
        return len(fireworks)

    def settle(self, study: str) -> int:
        """Forget jobs that are in no workflow, which a submission leaves that died adding them.

        FireWorks would never run them. Afterwards they are new again.

        Parameters
        ----------
        study : str
            Name of the study.

        Returns
        -------
        int
            Jobs that were forgotten.

        Raises
        ------
        SulfoxError
            SFX-804 if such a job is so young that a submission may still be adding jobs.
        """
        fireworks, workflows = self.launchpad.fireworks, self.launchpad.workflows
        wanted = {"spec.sulfox.study": study, "spec.sulfox.cluster": self.cluster}
        found = {fw["fw_id"]: fw for fw in fireworks.find(wanted, {"fw_id": 1, "created_on": 1})}
        for workflow in workflows.find({"nodes": {"$in": list(found)}}, {"nodes": 1}):
            for number in workflow["nodes"]:
                found.pop(number, None)
        for number, firework in found.items():
            refuse_too_young(f"job {number} of FireWorks", _time_of(firework["created_on"]))
        fireworks.delete_many({"fw_id": {"$in": list(found)}})
        return len(found)

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
            Parents first.
        """
        found = self._latest({"spec.sulfox.study": study})
        found = dict(sorted(found.items(), key=lambda item: str(item[1]["since"])))
        lost = self._lost(found)
        return tuple(
            self._standing(cluster, uuid, fw, lost=uuid in lost) for uuid, fw in found.items()
        )

    def _lost(self, found: Mapping[str, Mapping[str, Any]]) -> set[str]:
        """Find jobs that should be in the scheduler's queue and are not: FireWorks is not told."""
        going = {uuid: fw for uuid, fw in found.items() if fw["state"] in _IN_QUEUE}
        numbers = {uuid: self._queue_id(fw) for uuid, fw in going.items()}
        asked = ask_scheduler("squeue", "-h", "--me", "-o", "%i") if going else None
        if asked is None:
            return set()
        known = asked.split()
        # one that ended while the scheduler was asked has another state now
        now = self._latest({"spec.sulfox.uuid": {"$in": list(going)}})
        return {
            uuid
            for uuid, number in numbers.items()
            if number is not None and number not in known and now[uuid] == going[uuid]
        }

    def _queue_id(self, fw: Mapping[str, Any]) -> str | None:
        number = self.launchpad.get_reservation_id_from_fw_id(fw["fw_id"])
        return None if number is None else str(number)

    def _latest(self, wanted: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        names = ("fw_id", "name", "state", "spec.sulfox", "launches", "created_on")
        fields = dict.fromkeys(names, 1)
        own = {**wanted, "spec.sulfox.cluster": self.cluster}
        found = self.launchpad.fireworks.find(own, fields).sort([("fw_id", 1)])
        latest: dict[str, dict[str, Any]] = {}
        for fw in found:
            uuid = fw["spec"]["sulfox"]["uuid"]
            before = latest.get(uuid, {"index": 0, "since": fw["created_on"]})
            latest[uuid] = {**fw, "index": before["index"] + 1, "since": before["since"]}
        return latest

    def _standing(
        self, cluster: Cluster, uuid: str, fw: Mapping[str, Any], *, lost: bool
    ) -> JobStanding:
        state = "failed" if lost else _STATES.get(fw["state"], fw["state"].lower())
        progress = read_progress(cluster, uuid) if state in ("running", "failed") else {}
        failure = find_failure(*self._last_words(fw)) if state == "failed" else None
        return JobStanding(
            uuid=uuid,
            db_id=str(fw["fw_id"]),
            name=fw["name"],
            state=state,
            index=fw["index"],
            queue_id=self._queue_id(fw) if fw["state"] in _IN_QUEUE else None,
            failure=failure,
            **standing_fields(state, fw["spec"]["sulfox"], progress),
        )

    def _last_words(self, fw: Mapping[str, Any]) -> tuple[str, str]:
        """Give the traceback that FireWorks recorded, and the end of the job's standard error."""
        launch = self.launchpad.launches.find_one({"launch_id": {"$in": fw["launches"][-1:]}}) or {}
        exception = (launch.get("action") or {}).get("stored_data", {}).get("_exception") or {}
        files = sorted(Path(launch.get("launch_dir", "/nowhere")).glob("*.error"))
        text = files[-1].read_text(errors="replace")[-_TAIL_LETTERS:] if files else ""
        return str(exception.get("_stacktrace", "")), text

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
        self._held.delete_many({"_id": {"$in": uuids}, "at": {"$lt": now - LONGEST_SUBMISSION}})
        try:
            self._held.insert_many([{"_id": uuid, "at": now} for uuid in uuids])
        except BulkWriteError as error:
            taken = error.details["nInserted"]
            self._held.delete_many({"_id": {"$in": uuids[:taken]}})
            raise _conflict("another process adds the same jobs", "submit again") from None
        if self.states(uuids):
            self._held.delete_many({"_id": {"$in": uuids}})
            raise _conflict("another process added the same jobs", "submit again")


def _time_of(stated: str | datetime) -> datetime:
    """Read a time as FireWorks writes it: text without a zone, UTC."""
    return datetime.fromisoformat(stated) if isinstance(stated, str) else stated


def _fireworks(plan: SubmissionPlan, jobs: dict[str, Job], cluster: Cluster) -> list[Firework]:
    from jobflow.managers.fireworks import job_to_firework

    made: dict[str, Firework] = {}
    for planned in plan.jobs:
        job = jobs[planned.uuid]
        spec = {
            "_queueadapter": queue_options(cluster, planned.resources),
            "_category": cluster.name,
            "sulfox": {
                "uuid": planned.uuid,
                "study": plan.study,
                "cluster": cluster.name,
                **job.metadata,
            },
        }
        job.update_config({"manager_config": spec}, dict_mod=False)
        inside = [parent for parent in planned.parents if parent in made]
        job_to_firework(job, parents=inside, parent_mapping=made)
    return list(made.values())


def ask_scheduler(program: str, *arguments: str) -> str | None:
    """Run a command of the scheduler on this machine, where FireWorks' launcher runs too.

    Parameters
    ----------
    program : str
        ``"squeue"`` or ``"scancel"``.
    *arguments : str
        As on the command line.

    Returns
    -------
    str or None
        What it said; None where it is not there or failed.
    """
    found = shutil.which(program)
    if found is None:
        return None
    try:
        asked = subprocess.run(  # noqa: S603 a number of the scheduler's own
            [found, *arguments],
            capture_output=True,
            text=True,
            timeout=_SCHEDULER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout if asked.returncode == 0 else None


def _conflict(found: str, next_step: str) -> SulfoxError:
    return SulfoxError(
        "SFX-804",
        who="launchpad of FireWorks",
        found=found,
        expected="one submission at a time",
        next_step=next_step,
    )
