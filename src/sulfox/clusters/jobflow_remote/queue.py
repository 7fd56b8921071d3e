"""Jobs of studies in a jobflow-remote queue: what is there, and adding what is new.

jobflow-remote submits whole flows and takes a flow once. A study grows, so new jobs are
appended to the flow that holds their parents, with the same documents that
``JobController.add_flow`` makes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.clusters.cluster import Cluster
from sulfox.clusters.jobflow_remote.project import LIGHT_WORKER, QUEUE_WORKER
from sulfox.clusters.sizes.resources import slurm_options
from sulfox.clusters.submission import SubmissionPlan, refuse_too_large, refuse_too_young
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from jobflow import Job
    from pymongo.database import Database

__all__ = ["JobflowRemoteQueue"]

_DONE = "COMPLETED"
#: A database that does not answer is told after this time [ms].
_PATIENCE_MS = 5000
#: MongoDB's number for a second document of the same key.
_DUPLICATE = 11000


class JobflowRemoteQueue:
    """The queue of one project.

    Parameters
    ----------
    project_file : Path
        As :func:`sulfox.clusters.jobflow_remote.project.write_project` wrote it.
    """

    def __init__(self, project_file: Path) -> None:
        import warnings

        import yaml
        from jobflow_remote.config.base import Project

        # its own use of a deprecated function, told once per call
        warnings.filterwarnings("ignore", category=FutureWarning, module="jobflow_remote")
        content = yaml.safe_load(project_file.read_text(encoding="utf-8"))
        # a person waits here; the runner, which reads the file itself, has more patience
        own = content["queue"]["store"].get("mongoclient_kwargs") or {}
        patience = {"serverSelectionTimeoutMS": _PATIENCE_MS}
        content["queue"]["store"]["mongoclient_kwargs"] = patience | own
        self.project_file = project_file
        self.project = Project.model_validate(content)
        self.controller = self.project.get_job_controller()
        self.database: Database[dict[str, Any]] = self.controller.jobs.database

    def initialise(self) -> None:
        """Make the queue's collections where there are none; what is there stays.

        Raises
        ------
        SulfoxError
            SFX-804 if the collections are damaged.
        """
        if self.controller.auxiliary.find_one({"next_id": {"$exists": True}}) is not None:
            return
        if self.controller.jobs.find_one({}) is not None:
            raise _conflict("jobs, but no counter of jobs", "restore the database from a backup")
        self.controller.reset(reset_output=False, max_limit=1)

    def studies(self) -> list[str]:
        """Names of the studies that have jobs here."""
        return sorted(filter(None, self.controller.jobs.distinct("job.metadata.study")))

    def states(self, uuids: list[str] | None = None) -> dict[str, str]:
        """Give the state of jobs, that of the highest index.

        Parameters
        ----------
        uuids : list of str, optional
            Only these.

        Returns
        -------
        dict
            uuid -> jobflow-remote's state.
        """
        wanted = {} if uuids is None else {"uuid": {"$in": uuids}}
        fields = {"uuid": 1, "index": 1, "state": 1}
        found = self.controller.jobs.find(wanted, fields).sort([("index", 1)])
        return {job["uuid"]: job["state"] for job in found}

    def submit(self, plan: SubmissionPlan, jobs: dict[str, Job], cluster: Cluster) -> int:
        """Add the jobs of a plan.

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
            SFX-804 if another process changes the flow at the same time, or the parents of
            a new job are in two flows of the queue. SFX-507 for a job that no MongoDB takes,
            before anything is added.
        """
        if not plan.jobs:
            return 0
        for planned in plan.jobs:
            worker = LIGHT_WORKER if planned.on_manager else QUEUE_WORKER
            options = {} if planned.on_manager else slurm_options(cluster, planned.resources)
            manager = {"worker": worker, "resources": options}
            jobs[planned.uuid].update_config({"manager_config": manager}, dict_mod=False)
            jobs[planned.uuid].metadata["study"] = plan.study
        flow_uuid = self._flow_of_parents(plan)
        if flow_uuid is None:
            return self._add_flow(plan, jobs)
        return self._append(plan, jobs, flow_uuid)

    def settle(self, study: str) -> int:
        """Let a study's flows hold the jobs that are there.

        A submission that died while it added jobs leaves a flow that names more of them.
        Afterwards the missing ones are new again.

        Parameters
        ----------
        study : str
            Name of the study.

        Returns
        -------
        int
            Jobs that flows named and that are not there.

        Raises
        ------
        SulfoxError
            SFX-804 if such a flow is so young that a submission may still be adding jobs.
        """
        flows = self.controller.flows
        missing = 0
        for flow in list(flows.find({"metadata.study": study})):
            there = set(self.controller.jobs.distinct("uuid", {"uuid": {"$in": flow["jobs"]}}))
            lost = set(flow["jobs"]) - there
            if not lost:
                continue
            refuse_too_young(f"flow {flow['uuid']}", flow["created_on"])
            missing += len(lost)
            if not there:
                flows.delete_one({"_id": flow["_id"]})
                continue
            ids = self.controller.jobs.find(
                {"uuid": {"$in": sorted(there)}}, {"db_id": 1, "uuid": 1, "index": 1}
            )
            kept = {
                "jobs": [uuid for uuid in flow["jobs"] if uuid in there],
                "ids": [(job["db_id"], job["uuid"], job["index"]) for job in ids],
                "parents": {uuid: flow["parents"][uuid] for uuid in flow["parents"].keys() & there},
            }
            flows.update_one({"_id": flow["_id"]}, {"$set": kept})
        return missing

    def _flow_of_parents(self, plan: SubmissionPlan) -> str | None:
        own = {job.uuid for job in plan.jobs}
        outside = {parent for job in plan.jobs for parent in job.parents} - own
        flows = self.controller.flows.find({"jobs": {"$in": sorted(outside)}}, {"uuid": 1})
        found = sorted({flow["uuid"] for flow in flows}) if outside else []
        if len(found) > 1:
            raise _conflict(
                f"the new jobs of {plan.study} wait for jobs of {len(found)} flows",
                "wait until one of them is done, then submit again",
            )
        return found[0] if found else None

    def _documents(self, plan: SubmissionPlan, jobs: dict[str, Job]) -> list[dict[str, Any]]:
        from jobflow_remote.jobs.data import get_initial_job_doc_dict

        counter = self.controller.auxiliary.find_one_and_update(
            {"next_id": {"$exists": True}}, {"$inc": {"next_id": len(plan.jobs)}}
        )
        prefix = self.project.queue.db_id_prefix or ""
        documents = [
            get_initial_job_doc_dict(
                jobs[planned.uuid],
                list(planned.parents),
                f"{prefix}{counter['next_id'] + i}",
                worker=QUEUE_WORKER,
                exec_config=None,
                resources=None,
                priority=0,
            )
            for i, planned in enumerate(plan.jobs)
        ]
        for planned, document in zip(plan.jobs, documents, strict=True):
            refuse_too_large(planned.name, document)
        return documents

    def _add_flow(self, plan: SubmissionPlan, jobs: dict[str, Job]) -> int:
        from jobflow import Flow
        from jobflow_remote.jobs.data import get_initial_flow_doc_dict

        for job in jobs.values():
            job.hosts = []
        flow = Flow(list(jobs.values()), name=plan.study)
        documents = self._documents(plan, jobs)
        flow_document = get_initial_flow_doc_dict(flow, documents)
        flow_document["metadata"] = {"study": plan.study, "sulfox": True}
        self.controller.flows.insert_one(flow_document)
        try:
            self._insert(documents)
        except SulfoxError:
            self.controller.flows.delete_one({"uuid": flow_document["uuid"]})
            raise
        return len(documents)

    def _insert(self, documents: list[dict[str, Any]]) -> None:
        """Add all jobs, or none where another process has added one of them meanwhile."""
        from pymongo.errors import BulkWriteError

        try:
            self.controller.jobs.insert_many(documents)
        except BulkWriteError as error:
            codes = {fault["code"] for fault in error.details["writeErrors"]}
            if codes != {_DUPLICATE}:
                raise
            own = [document["db_id"] for document in documents]
            self.controller.jobs.delete_many({"db_id": {"$in": own}})
            raise _conflict("another process added the same jobs", "submit again") from None

    def _append(self, plan: SubmissionPlan, jobs: dict[str, Job], flow_uuid: str) -> int:
        with self.controller.lock_flow(filter={"uuid": flow_uuid}) as lock:
            if not lock.locked_document:
                raise _conflict(f"flow {flow_uuid} is locked", "submit again in a minute")
            documents = self._documents(plan, jobs)
            states = self.states([p for job in plan.jobs for p in job.parents])
            for document in documents:
                waits = any(states.get(p) != _DONE for p in document["parents"])
                document["state"] = "WAITING" if waits else "READY"
            self._insert(documents)
            places = {f"parents.{d['uuid']}.1": d["parents"] for d in documents}
            ids = [(d["db_id"], d["uuid"], d["index"]) for d in documents]
            lock.update_on_release = {
                "$addToSet": {"jobs": {"$each": [d["uuid"] for d in documents]}},
                "$push": {"ids": {"$each": ids}},
                "$set": {**places, "state": "RUNNING", "updated_on": datetime.now(UTC)},
            }
        return len(documents)


def _conflict(found: str, next_step: str) -> SulfoxError:
    return SulfoxError(
        "SFX-804",
        who="queue of jobflow-remote",
        found=found,
        expected="one submission at a time",
        next_step=next_step,
    )
