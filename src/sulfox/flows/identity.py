"""Reproducible job identities: the same work has the same UUID, on any machine, at any time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from sulfox.documents.base import content_hash

if TYPE_CHECKING:
    from jobflow import Job

__all__ = ["REVISIONS", "name_by_content"]

_NAMESPACE = UUID("6f0b1d5e-3b0c-5c1e-9d52-0a5f1c3c9a11")

#: Job function -> revision. Raise it when the same inputs give another result: then, and
#: only then, stored outputs of that function are not taken again.
REVISIONS: dict[str, int] = {
    "prepare_bulk": 1,
    "build_interface": 1,
    "relax_interface": 1,
    "run_stage": 1,
    "analyze_bonds": 1,
    "pool_rates": 1,
    "compare_with_source": 3,
    "relax_electronic": 1,
    "compute_electronic_structure": 1,
    "align_band_centers": 1,
    "compute_core_shell": 1,
    "relax_phases": 1,
    "freeze_entry_set": 1,
    "store_pair_table": 2,
    "store_gas_reduction": 1,
}


def name_by_content(job: Job) -> Job:
    """Give a job the UUID of its function, revision, arguments and parents.

    Parents enter through the references in the arguments, so that a change anywhere
    upstream changes every UUID downstream.

    Parameters
    ----------
    job : Job
        A job whose parents have been named already.

    Returns
    -------
    Job
        The same job, renamed.
    """
    from monty.json import MontyEncoder

    name = job.function.__name__
    arguments = json.loads(json.dumps([job.function_args, job.function_kwargs], cls=MontyEncoder))
    job.set_uuid(str(uuid5(_NAMESPACE, content_hash([name, REVISIONS[name], arguments]))))
    return job
