"""The documents of a study out of a store."""

from __future__ import annotations

from functools import partial

from sulfox.documents.base import Document
from sulfox.documents.comparison import ComparisonDoc
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.reports.data import FrameSource, ReportData
from sulfox.stores.archive import open_stored_trajectory
from sulfox.stores.documents import find_documents
from sulfox.stores.opening import open_documents
from sulfox.stores.readers import DocumentReader

__all__ = ["read_study"]


def read_study(
    study: str, store: str | None = None, comparison_id: str | None = None
) -> ReportData:
    """Read a comparison of a study and every document it names.

    Parameters
    ----------
    study : str
        Name of the study, as in ``study.yaml``.
    store : str, optional
        Folder or YAML; None takes the default store.
    comparison_id : str, optional
        Which comparison; None takes the latest.

    Returns
    -------
    ReportData
        With frames opened on demand.

    Raises
    ------
    SulfoxError
        SFX-602 if the store holds no run of this study; SFX-501 to 505 as the store says.
    """
    reader = open_documents(store)
    comparisons = [d for d in find_documents(reader, "comparison") if isinstance(d, ComparisonDoc)]
    own = [d for d in comparisons if d.study == study]
    if not own:
        known = sorted({d.study for d in comparisons})
        raise SulfoxError(
            "SFX-602",
            who=study,
            found=f"no finished run of it in {reader.where}",
            expected=f"one of {', '.join(known)}" if known else "a store with a finished study",
            next_step="run it with sulfox run, or give another --store",
        )
    chosen = [d for d in own if d.id == comparison_id] or own
    comparison = max(chosen, key=lambda d: (d.provenance.created_at, d.id))
    wanted = dict.fromkeys(comparison.inputs)
    found: dict[str, Document] = {}
    for kind in DOCUMENT_KINDS:
        if kind != comparison.kind:
            found |= {d.id: d for d in find_documents(reader, kind) if d.id in wanted}
    documents = tuple(found[identity] for identity in wanted if identity in found)
    return ReportData(
        study=study,
        comparison=comparison,
        documents=documents,
        missing_ids=tuple(identity for identity in wanted if identity not in found),
        open_trajectory=partial(_open, reader, documents),
    )


def _open(
    reader: DocumentReader, documents: tuple[Document, ...], trajectory_id: str
) -> FrameSource:
    references = {
        d.archive.trajectory_id: d.archive for d in documents if isinstance(d, TrajectoryDoc)
    }
    return open_stored_trajectory(reader, trajectory_id, references.get(trajectory_id))
