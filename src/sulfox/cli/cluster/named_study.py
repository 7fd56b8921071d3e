"""The study that a command of a cluster is about: by its name, or by its folder."""

from __future__ import annotations

from pathlib import Path

__all__ = ["study_name"]


def study_name(text: str) -> str:
    """Give the name of a study; `text` may be its folder."""
    if not (Path(text) / "study.yaml").is_file():
        return text
    from sulfox.flows.study import load_study

    return load_study(text).name
