"""Promise: the cause of a failure is the scheduler's or the job's own word, in one line.

The texts are what SLURM 22.05 to 24.05, the kernel and Python write.
"""

from __future__ import annotations

import pytest

from sulfox.clusters.failures import RESEND_LIMITS, FailureKind, find_failure
from sulfox.errors import CODES, SulfoxError

#: What jobflow-remote records when a job left no result: only what followed.
LOST = (
    "Traceback (most recent call last):\n"
    '  File "runner.py", line 1, in complete_job\n'
    "FileNotFoundError: [Errno 2] No such file or directory: '/w/remote_job_data.json'\n"
)
TIMEOUT = (
    "slurmstepd-node1: error: *** JOB 10 ON node1 CANCELLED AT 2026-11-21T06:00:28 "
    "DUE TO TIME LIMIT ***"
)
NODE = "slurmstepd: error: *** JOB 4 ON n2 CANCELLED AT 2026-11-21T06:00:28 DUE TO NODE FAILURE ***"
CANCELLED = "slurmstepd-node3: error: *** JOB 7 ON node3 CANCELLED AT 2026-11-21T06:00:28 ***"
OOM = (
    "slurmstepd: error: Detected 1 oom_kill event in StepId=12.batch. Some of the step tasks "
    "have been OOM Killed."
)
OVER = (
    "slurmstepd-node1: error: Job 12 exceeded memory limit (773904 > 256000), being killed\n"
    "slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-21T06:00:28 ***"
)
PREEMPTED = (
    "slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO PREEMPTION *"
)
WARNING = (
    "/v/site-packages/jobflow_remote/jobs/run.py:59: FutureWarning: cd is deprecated, and will be\n"
    "Use contextlib.chdir instead.\n  with cd(run_dir):\n"
)
BUG = 'Traceback (most recent call last):\n  File "x.py", line 3\nZeroDivisionError: by zero\n'


@pytest.mark.parametrize(
    ("error", "queue_error", "kind", "said"),
    [
        (LOST, TIMEOUT, "walltime", "DUE TO TIME LIMIT"),
        (LOST, NODE, "node", "NODE FAILURE"),
        (LOST, CANCELLED, "cancelled", "CANCELLED AT"),
        (LOST, OOM, "memory", "oom_kill"),
        (LOST, OVER, "memory", "773904 > 256000"),
        (LOST, PREEMPTED, "cancelled", "PREEMPTION"),
        (LOST, "", "unknown", "remote_job_data"),
        (BUG, "", "bug", "ZeroDivisionError: by zero"),
        (LOST, BUG, "bug", "ZeroDivisionError: by zero"),
        ("", "", "unknown", "without a word"),
        ("", WARNING, "unknown", "without a word"),
        (LOST, WARNING + CANCELLED, "cancelled", "CANCELLED AT"),
        ("pymongo.errors.AutoReconnect: 127.0.0.1:1: closed", "", "transient", "AutoReconnect"),
        ("pymongo.errors.OperationFailure: not authorized on lab", "", "transient", "authorized"),
        ("SFX-501 [input] store x: AutoReconnect: closed; expected y; z", "", "transient", "501"),
        ("SFX-501 [input] store x: no such file; expected y; z", "", "input", "no such file"),
        (LOST, "SFX-640 [input] sulfox on n1: 0.0; expected 0.1; d\n", "input", "sulfox on n1"),
        ("srun: error: Unable to create step", "", "unknown", "Unable to create step"),
    ],
)
def test_the_cause(error, queue_error, kind, said):
    failure = find_failure(error, queue_error)
    assert failure.kind == kind
    assert said in failure.cause
    assert "\n" not in failure.cause


@pytest.mark.parametrize("code", sorted(CODES))
def test_sulfoxs_own_errors_keep_their_code(code):
    error = SulfoxError(code, who="a", found="b", expected="c", next_step="d")
    trace = f"Traceback (most recent call last):\nsulfox.errors.SulfoxError: {error.line}\n"
    failure = find_failure(trace, "")
    assert failure.cause == error.line
    resendable = failure.kind in RESEND_LIMITS
    damaged = code in ("SFX-404", "SFX-405", "SFX-408")
    assert resendable == (damaged or error.kind in ("resource", "transient"))
    assert (failure.kind == "damaged") == damaged


def test_a_bug_a_bad_input_and_physics_wait_for_a_person():
    waiting = set(FailureKind) - set(RESEND_LIMITS)
    assert waiting == {FailureKind.BUG, FailureKind.INPUT, FailureKind.CALCULATION}


def test_every_resend_has_an_end():
    assert all(0 < limit <= 50 for limit in RESEND_LIMITS.values())
