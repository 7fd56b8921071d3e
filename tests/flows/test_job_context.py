"""Promise: what is compared are answers; a run that failed after it ran out of time has none."""

from __future__ import annotations

from sulfox.flows.job_context import typed_documents


def test_an_output_that_is_no_answer_is_left_out():
    assert typed_documents([None, {"continues": True, "steps_done": 5, "n_steps": 10}]) == []
