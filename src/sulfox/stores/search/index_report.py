"""How each declared query is answered by a store: by an index, or by reading everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.errors import SulfoxError
from sulfox.stores.embedded.index import index_name
from sulfox.stores.opening import open_documents
from sulfox.stores.readers import EmbeddedReader, StoreReader
from sulfox.stores.search.search import Condition, Search
from sulfox.stores.search.values import INDEXES, NUMBERS, path_of

__all__ = ["declared_searches", "report_index"]


def declared_searches() -> dict[str, Search]:
    """Give one search per declared index.

    Returns
    -------
    dict
        Question -> a search that asks it.
    """
    found = {}
    for names, question in INDEXES.items():
        kind = next(
            kind
            for kind in ("trajectory", *DOCUMENT_KINDS)
            if names == ("id",) or all(path_of(kind, name) is not None for name in names)
        )
        conditions = tuple(
            Condition(name, "<" if name in NUMBERS and name != "temperature_K" else "=", value)
            for name in names
            for value in ((0.0,) if name in NUMBERS else ("x",))
        )
        found[question] = Search(kind, conditions)
    return found


def _uses(names: tuple[str, ...], plan: str | None) -> bool | None:
    """Tell whether a plan of SQLite uses this very index, one of MongoDB any index."""
    if plan is None:
        return None
    return f"{index_name(names)} (" in plan or ("IXSCAN" in plan and "COLLSCAN" not in plan)


def report_index(store: str | Path | None = None, *, rebuild: bool = False) -> list[dict[str, Any]]:
    """Bring the index up to date and explain the declared searches.

    Parameters
    ----------
    store : str or Path, optional
        As for ``open_documents``.
    rebuild : bool
        Make it anew.

    Returns
    -------
    list of dict
        ``question``, ``fields``, ``indexed`` (None where the server cannot say), ``plan``.

    Raises
    ------
    SulfoxError
        SFX-501 for a store that has no index of its own.
    """
    reader = open_documents(store)
    plans: dict[str, Any] = {}
    searches = declared_searches()
    if isinstance(reader, EmbeddedReader):
        plans = reader.explain(searches, rebuild=rebuild)
    elif isinstance(reader, StoreReader) and reader.index is not None:
        reader.index.bring_up_to_date(from_scratch=rebuild)
        plans = {question: reader.index.explain(s) for question, s in searches.items()}
    else:
        raise SulfoxError(
            "SFX-501",
            who=f"store {reader.where}",
            found="a store without indexes",
            expected="an embedded store or MongoDB",
            next_step="queries work, but read every job",
        )
    return [
        {
            "question": question,
            "fields": ", ".join(names),
            "indexed": _uses(names, plans[question]),
            "plan": plans[question] or "this server cannot explain its queries",
        }
        for names, question in INDEXES.items()
    ]
