"""Promise: a study on a cluster finishes with all its frames, whatever happens to its jobs."""

from __future__ import annotations

import pytest
from slurm_lab import SlurmLab, why_not

_REASON = why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.slurm,
    pytest.mark.xdist_group("slurm"),
    pytest.mark.usefixtures("nep89"),
    pytest.mark.skipif(_REASON is not None, reason=str(_REASON)),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory, mongo):
    lab = SlurmLab(tmp_path_factory.mktemp("lab"), mongo, "sulfox-lab")
    try:
        lab.start()
        yield lab
    finally:
        lab.stop()
        mongo.client().drop_database(lab.database)


def test_a_run_longer_than_its_jobs_finishes_with_all_its_frames(lab):
    lab.write_study(300, length_ps=1.0)  # 500 steps of 0.1 s, in jobs of a minute
    plan = lab.submit()
    assert (len(plan["jobs"]), plan["n_done"], plan["n_queued"]) == (8, 0, 0)
    before = lab.status()
    assert before["states"] == {"ready": 2, "waiting": 6}
    lab.start_runner()
    job = lab.running_job()
    (during,) = [row for row in lab.status()["jobs"] if row["db_id"] == job["db_id"]]
    assert during["state"] in ("running", "finishing", "ready", "queued")
    assert during["steps_done"] % 50 == 0
    assert during["n_steps"] == 500
    lab.wait_until_done(300)
    after = lab.status()
    assert after["states"] == {"done": 8}
    assert max(row["index"] for row in after["jobs"]) > 1
    lab.check_results(1, 101)


def test_the_same_study_again_adds_nothing(lab):
    plan = lab.submit()
    assert (plan["jobs"], plan["n_done"]) == ([], 8)

