"""What must hold before a study runs: here, and at the database."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sulfox.clusters.cluster import Cluster
from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.stores.server_failures import refused_text

if TYPE_CHECKING:
    from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue
    from sulfox.flows.study import Study

__all__ = [
    "Check",
    "check_database",
    "check_here",
    "check_packages",
    "check_results",
    "check_study",
    "check_walltime",
    "clock_check",
    "installed_packages",
    "judged",
]

#: More than this apart, clocks make times of jobs misleading [s].
MAX_CLOCK_SKEW_S = 30.0
#: Below this a store or a scratch folder is told [GB].
MIN_FREE_GB = 5.0

#: Their versions enter results, or what the two sides say to each other.
_PACKAGES = (
    *("sulfox", "jobflow", "jobflow-remote", "FireWorks", "maggma", "pymongo", "pymatgen"),
    *("ase", "atomate2", "custodian"),
)
_SECRET_IN_URI = re.compile(r"(://[^:/@\s]*):[^@\s]*@")


class Check(Record):
    """What one check found.

    Attributes
    ----------
    name : str
        What was checked.
    state : str
        ``"good"``, ``"problem"``, or ``"left out"`` where it cannot be checked from here.
    found : str
        What is there.
    next_step : str or None
        What to do, for a problem.
    """

    name: str
    state: Literal["good", "problem", "left out"]
    found: str
    next_step: str | None = None


def judged(name: str, problem: bool, found: str, next_step: str) -> Check:
    """Make a check out of a verdict.

    Parameters
    ----------
    name : str
        As in :class:`Check`.
    problem : bool
        Whether `next_step` is needed.
    found, next_step : str
        As in :class:`Check`.
    """
    found = _SECRET_IN_URI.sub(r"\1:***@", " ".join(found.split()))
    if problem:
        return Check(name=name, state="problem", found=found, next_step=next_step)
    return Check(name=name, state="good", found=found)


def installed_packages() -> list[str]:
    """Python and the packages that both sides should have in the same version, ``"ase 3.29.0"``."""
    python = ".".join(map(str, sys.version_info[:2]))
    found = ((name, _version(name)) for name in _PACKAGES)
    return [f"Python {python}", *(f"{name} {v}" for name, v in found if v is not None)]


def check_packages(place: str, theirs: Sequence[str]) -> Check:
    """Compare the packages of a machine of the cluster with ours.

    Parameters
    ----------
    place : str
        Which machine.
    theirs : sequence of str
        As :func:`installed_packages` gives them there.

    Returns
    -------
    Check
        A problem where a package has another version; one that is missing there may not be
        needed.
    """
    here = dict(entry.rsplit(" ", 1) for entry in installed_packages())
    there = dict(entry.rsplit(" ", 1) for entry in theirs if " " in entry)
    other = [
        f"{name} {there[name]}, here {here[name]}"
        for name in here.keys() & there.keys()
        if here[name] != there[name]
    ]
    missing = sorted(here.keys() - there.keys())
    found = "; ".join(sorted(other)) or f"{len(there)} packages as here"
    if missing and not other:
        found += f"; not there: {', '.join(missing)}"
    return judged(
        f"packages of {place}",
        bool(other) or not there,
        found if there else "none found",
        "install the same versions on both sides, or results may differ",
    )


def check_here() -> Iterator[Check]:
    """Check this machine: packages, potentials, executables, the store's folder.

    Yields
    ------
    Check
        One per thing.
    """
    from sulfox.engines.registry import describe_engines
    from sulfox.settings import get_settings

    yield judged("packages", False, ", ".join(installed_packages()), "")
    for engine in describe_engines():
        name = f"engine {engine.name} {engine.potential}".strip()
        if engine.available:
            yield Check(name=name, state="good", found=engine.level_of_theory)
        else:  # no engine is needed by everyone
            yield Check(name=name, state="left out", found=str(engine.problem))
    folder = get_settings().data_dir
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    yield judged(
        "space for the store",
        free < MIN_FREE_GB,
        f"{free:.1f} GB free in {folder}",
        f"free some, or set SULFOX_DATA_DIR to a folder with {MIN_FREE_GB:g} GB",
    )


def check_database(queue: JobflowRemoteQueue) -> Iterator[Check]:
    """Check the database of a cluster: write, indexes, clock, jobflow-remote's own checks.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        The cluster's queue.

    Yields
    ------
    Check
        One per thing.
    """
    from jobflow_remote.config.helper import check_jobstore, check_queue_store
    from pymongo.errors import PyMongoError

    database = queue.database
    name = f"database {database.name}"
    try:
        place = database["sulfox_doctor"]
        place.replace_one({"_id": "doctor"}, {"at": datetime.now(UTC)}, upsert=True)
        place.delete_one({"_id": "doctor"})
        hello = database.client.admin.command("hello")
        keys = [index["key"] for index in queue.controller.jobs.index_information().values()]
    except PyMongoError as error:
        next_step = "see that the server runs, has space, and lets this user write"
        found = f"{type(error).__name__}: {refused_text(error)}"
        yield judged(f"{name} writable", True, found, next_step)
        return
    yield judged(f"{name} writable", False, "a document was written and deleted", "")
    there = any([field for field, _ in key][:2] == ["uuid", "index"] for key in keys)
    yield judged(
        "indexes of the queue",
        not there,
        f"{len(keys)} indexes, " + ("uuid and index among them" if there else "none of the uuid"),
        f"jf -p {queue.project.name} admin index rebuild",
    )
    yield clock_check("clock of the database", hello["localTime"].replace(tzinfo=UTC).timestamp())
    store = queue.project.get_jobstore()
    own = {
        "jf project check: queue": check_queue_store(queue.project.get_queue_store()),
        "jf project check: job store": check_jobstore(store) if store else "there is none",
    }
    for title, said in own.items():
        yield judged(title, bool(said), _last_line(said) or "no complaint", "mend the store's file")


def check_results(place: Path) -> Iterator[Check]:
    """Check that each declared query of the results is answered by an index.

    Parameters
    ----------
    place : Path
        Description of the store.

    Yields
    ------
    Check
        One.
    """
    from pymongo.errors import PyMongoError

    from sulfox.stores.search.index_report import report_index

    name = "indexes of the results"
    try:
        rows = report_index(place)
    except SulfoxError as error:
        yield judged(name, True, error.found, error.next_step)
        return
    except PyMongoError as error:
        yield judged(name, True, refused_text(error), "let a user that may write make them")
        return
    slow = [row["question"] for row in rows if row["indexed"] is False]
    told = "; ".join(slow) or f"{len(rows)} declared queries, each by an index"
    if not slow and all(row["indexed"] is None for row in rows):
        told = f"{len(rows)} are there; this server cannot say which query uses which"
    yield judged(name, bool(slow), told, "sulfox db index --rebuild")


def check_study(study: Study, cluster: Cluster | None) -> Iterator[Check]:
    """Check that what a study needs is there.

    Parameters
    ----------
    study : Study
        Its engine decides what.
    cluster : Cluster or None
        Where it would run; None is here.

    Yields
    ------
    Check
        One per element for VASP's POTCAR files, else one.
    """
    if study.engine != "vasp":
        yield from _check_potential(study)
        return
    if cluster is not None and cluster.login is not None:
        said = f"the library lies on {cluster.login.host}"
        yield Check(
            name="POTCAR files", state="left out", found=f"{said}; run doctor --study there"
        )
        return
    from sulfox.engines.vasp.inputs.potcar import check_potcars
    from sulfox.engines.vasp.inputs.profile import load_profile
    from sulfox.materials.catalogue import load_material
    from sulfox.protocols.protocol import load_protocol

    profile = load_profile()
    electronic = load_protocol(study.dynamics.protocol).electronic
    if electronic is None:
        next_step = "name a protocol with an electronic part, such as aimd"
        yield judged("protocol", True, f"{study.dynamics.protocol} has no electrons", next_step)
        return
    cutoff = electronic.cutoff_eV
    sides = [side for pair in study.pairs for side in (pair.cathode, pair.electrolyte)]
    for element in sorted({e for side in sides for e in load_material(side.material).elements}):
        try:
            (title,) = check_potcars(profile.potcar, (element,), cutoff).values()
            yield judged(f"POTCAR {element}", False, title, "")
        except SulfoxError as error:
            yield judged(f"POTCAR {element}", True, error.found, error.next_step)


def check_walltime(study: Study, cluster: Cluster) -> Iterator[Check]:
    """Set what a study's calculations by VASP are expected to take beside their time limits.

    Parameters
    ----------
    study : Study
        Its interfaces are built from measured lattices, some 10 s each.
    cluster : Cluster
        Where it would run.

    Yields
    ------
    Check
        One per kind of calculation; a problem where one that cannot go on in another job is
        expected to take longer than its limit. Nothing for other engines and the stand-in.
    """
    from sulfox.clusters.sizes.estimate import estimate_cost
    from sulfox.engines.standin.label import MARK
    from sulfox.engines.vasp.inputs.profile import load_profile
    from sulfox.flows.input_decks import study_decks

    if study.engine != "vasp" or MARK in cluster.commands.vasp_std:
        return
    name = "time limits"
    try:
        decks = study_decks(study)
        rows = estimate_cost(study.name, decks, load_profile(), cluster=cluster).rows
    except SulfoxError as error:
        yield judged(name, True, f"{error.who}: {error.found}", error.next_step)
        return
    for row in rows:
        whole = row.kind != "md"  # dynamics go on in the next job
        found = f"{row.hours:.2g} h expected, {row.n_jobs} jobs of their limit ({row.basis})"
        next_step = "a longer walltime_h, or more cores, for its kind in the cluster file"
        yield judged(f"time of {row.label}", whole and row.n_jobs > 1, found, next_step)


def _check_potential(study: Study) -> Iterator[Check]:
    from sulfox.engines.registry import get_engine

    name = f"engine of {study.name}"
    try:
        engine = get_engine(study.engine, study.potential)
    except SulfoxError as error:
        yield judged(name, True, f"{error.code} {error.who}: {error.found}", error.next_step)
        return
    yield judged(name, False, f"{study.engine} {study.potential} {engine.inputs_hash[:12]}", "")


def clock_check(name: str, seconds: float) -> Check:
    """Compare another machine's clock with ours.

    Parameters
    ----------
    name : str
        Of the check.
    seconds : float
        What the other one says, since 1970 [s].
    """
    skew = seconds - datetime.now(UTC).timestamp()
    return judged(
        name,
        abs(skew) > MAX_CLOCK_SKEW_S,
        f"{skew:+.1f} s against this machine",
        "set both clocks by NTP: times of jobs, and time limits, are read from them",
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _last_line(text: Any) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""
