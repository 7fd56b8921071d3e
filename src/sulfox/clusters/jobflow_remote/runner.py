"""Whether the runner of a project goes on with a project file of before."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from sulfox.clusters.jobflow_remote.project import changed_at
from sulfox.clusters.jobflow_remote.queue import JobflowRemoteQueue

__all__ = ["remark_on_runner"]


def remark_on_runner(queue: JobflowRemoteQueue) -> tuple[str, ...]:
    """Say that a running runner has read another project file than the present one.

    A runner reads the file when it starts. jobflow-remote's database holds when that was, for
    runners that ``jf runner start`` started; the file itself says when its content changed.

    Parameters
    ----------
    queue : JobflowRemoteQueue
        It was opened from the file as it is now.

    Returns
    -------
    tuple of str
        One line with what to type, or nothing.
    """
    running = queue.controller.get_running_runner()
    changed = changed_at(queue.project_file)
    if not isinstance(running, dict) or changed is None:
        return ()
    started: datetime = running["start_time"]
    if started.tzinfo is None:  # MongoDB keeps UTC
        started = started.replace(tzinfo=UTC)
    if started >= changed or _is_gone(queue, running["hostname"]):
        return ()
    jf = f"jf -p {queue.project.name} runner"
    line = (
        f"The runner on {running['hostname']}, started {_minute(started)}, goes on with the "
        f"cluster's files as they were before {_minute(changed)} UTC: {jf} stop --wait; {jf} start"
    )
    return (line,)


def _is_gone(queue: JobflowRemoteQueue, host: str) -> bool:
    """Whether nothing runs on this machine though the database says so: it was killed."""
    if host != socket.gethostname():
        return False
    from jobflow_remote.jobs.daemon import DaemonManager

    return not DaemonManager.from_project(queue.project).check_supervisord_process()


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"
