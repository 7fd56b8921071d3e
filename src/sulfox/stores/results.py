"""Ask a store from Python: typed documents, frames on demand, tables.

>>> results = Results()
>>> hot = results.sulfur_bonds(pair="LCO|LPSCl", where="n_formed > 2")
>>> run = results.trajectories(pair="LCO|LPSCl", temperature=600)[0]
>>> frames = results.frames(run, stride=10)
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.base import Document
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.kinds import BULKY_FIELDS, DOCUMENT_KINDS
from sulfox.documents.sulfur_bonds import SulfurBondRateDoc, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory
from sulfox.stores.documents import count_documents, find_documents
from sulfox.stores.opening import open_documents
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.empty_answer import explain_empty
from sulfox.stores.search.names import document_path
from sulfox.stores.search.query_filter import query_filter
from sulfox.stores.search.values import value_at

if TYPE_CHECKING:
    import pandas as pd

    from sulfox.trajectories.frames import Trajectory

__all__ = ["Results"]

AnyDocument = TypeVar("AnyDocument", bound=Document)


class Results:
    """The documents of a store.

    Parameters
    ----------
    store : str, Path or DocumentReader, optional
        Folder of an embedded store, YAML of a JobStore, or an open reader; None takes the
        user's own store.

    Raises
    ------
    SulfoxError
        SFX-901 for something else; SFX-50x as the store says.

    Notes
    -----
    Every search takes the filters of ``sulfox query`` as keywords: the fields of
    :class:`sulfox.stores.search.query_filter.QueryFilter`, also ``temperature`` for
    ``temperature_K`` and ``facet`` for ``cathode_facet``; ``where`` is a comparison
    (``"n_formed > 2"``) or a list of them; ``sort`` is a name, ``-`` before it for descending;
    ``limit`` is the most documents. Newest documents come first.
    """

    def __init__(self, store: str | Path | DocumentReader | None = None) -> None:
        if store is None or isinstance(store, str | Path):
            self.reader: DocumentReader = open_documents(store)
        elif hasattr(store, "search") and hasattr(store, "counts"):
            self.reader = store
        else:
            raise _wrong("store", repr(store), "a folder, the name of a YAML file, or a reader")

    def __repr__(self) -> str:
        """Say where, and how many documents."""
        try:
            counts = self.counts()
        except SulfoxError as error:
            return f"Results({self.reader.where!r}, cannot be read: {error.code})"
        held = ", ".join(f"{n} {kind}" for kind, n in counts.items())
        total = f"{sum(counts.values())} documents" if counts else "no documents"
        return f"Results({self.reader.where!r}, {total}{': ' if held else ''}{held})"

    def find(self, kind: type[AnyDocument], **wanted: Any) -> list[AnyDocument]:
        """Find documents of a class.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.
        **wanted
            Filters, ``where``, ``sort``, ``limit``: see :class:`Results`.

        Returns
        -------
        list
            Of that class.

        Raises
        ------
        SulfoxError
            SFX-901 for an unknown class, filter or name, or a value that cannot be one; SFX-50x
            as the store says.
        """
        name = _kind_of(kind)
        sort, limit = wanted.pop("sort", None), wanted.pop("limit", 0)
        found = find_documents(self.reader, name, query_filter(**wanted), limit=limit, sort=sort)
        return cast("list[AnyDocument]", found)

    def why_empty(self, kind: type[Document], **wanted: Any) -> str:
        """Say why a search finds nothing, as ``sulfox query`` does.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.
        **wanted
            As for :meth:`find`.

        Returns
        -------
        str
            The filter that leaves nothing and what there is instead; empty where the search finds
            something, or the store has no document of the class at all.

        Raises
        ------
        SulfoxError
            As :meth:`find`.
        """
        if self.find(kind, **wanted) or not self.counts().get(_kind_of(kind)):
            return ""
        filters = {name: value for name, value in wanted.items() if name not in ("sort", "limit")}
        name = _kind_of(kind)
        return explain_empty(self.reader, name, query_filter(**filters).conditions(name))

    def interfaces(self, **wanted: Any) -> list[InterfaceDoc]:
        """Find interfaces.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(InterfaceDoc, **wanted)

    def trajectories(self, **wanted: Any) -> list[TrajectoryDoc]:
        """Find dynamics runs; their frames are read by :meth:`frames`.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(TrajectoryDoc, **wanted)

    def sulfur_bonds(self, **wanted: Any) -> list[SulfurBondsDoc]:
        """Find bond analyses.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(SulfurBondsDoc, **wanted)

    def sulfur_bond_rates(self, **wanted: Any) -> list[SulfurBondRateDoc]:
        """Find rates pooled over seeds.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(SulfurBondRateDoc, **wanted)

    def band_centers(self, **wanted: Any) -> list[BandCenterDoc]:
        """Find band centres.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(BandCenterDoc, **wanted)

    def electronic_structures(self, **wanted: Any) -> list[ElectronicStructureDoc]:
        """Find electronic structures.

        Parameters
        ----------
        **wanted
            As for :meth:`find`.
        """
        return self.find(ElectronicStructureDoc, **wanted)

    def counts(self) -> dict[str, int]:
        """Kind -> number of documents."""
        return count_documents(self.reader)

    def frames(
        self, run: TrajectoryDoc, start: int = 0, stop: int | None = None, stride: int = 1
    ) -> Trajectory:
        """Read frames of a run; only the segments that hold them are read.

        Parameters
        ----------
        run : TrajectoryDoc
            As :meth:`trajectories` gives it.
        start, stop, stride : int
            Range of frames; `stop` None is the end.

        Returns
        -------
        Trajectory
            Positions (n_frames, n_atoms, 3) [Å], energies, temperatures.

        Raises
        ------
        SulfoxError
            SFX-901 for what is no run or no whole number, SFX-406 for a range outside the run;
            SFX-504 if the store lacks the archive; SFX-40x if it is damaged.
        """
        if not isinstance(run, TrajectoryDoc):
            raise _wrong("run", repr(run), "a trajectory as Results.trajectories gives it")
        for name, value in (("start", start), ("stop", 0 if stop is None else stop)):
            if not isinstance(value, Integral):
                raise _wrong(name, repr(value), "the number of a frame, a whole one")
        if not isinstance(stride, Integral):
            raise _wrong("stride", repr(stride), "every how many frames, a whole number")
        archive = open_stored_trajectory(self.reader, run.archive.trajectory_id, run.archive)
        return archive.frames(start, stop, stride)

    def table(
        self, kind: type[Document], fields: Sequence[str] | str | None = None, **wanted: Any
    ) -> pd.DataFrame:
        """Make a table of documents.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.
        fields : list of str or str, optional
            Columns, ``"n_formed,criteria.pair"`` or a list; dots go deeper, search values
            (``bond``) are taken, too; by default every field but those with a value per atom,
            frame or bond.
        **wanted
            As for :meth:`find`.

        Returns
        -------
        pandas.DataFrame
            One row per document, ids as index; units are in the columns' names.

        Raises
        ------
        SulfoxError
            SFX-901 for a column that documents of the class do not have; else as :meth:`find`.
        """
        import pandas as pd

        name = _kind_of(kind)
        bulky = BULKY_FIELDS.get(name, frozenset())
        chosen = [field for field in kind.model_fields if field not in bulky and field != "id"]
        if isinstance(fields, str):
            chosen = [field.strip() for field in fields.split(",")]
        elif isinstance(fields, list | tuple):
            chosen = list(fields)
        elif fields is not None:
            raise _wrong("fields", repr(fields), "names of columns")
        paths = {field: document_path(name, field) for field in chosen}
        documents = [document.model_dump(mode="json") for document in self.find(kind, **wanted)]
        rows = [
            {field: value_at(document, path) for field, path in paths.items()}
            for document in documents
        ]
        index = pd.Index([document["id"] for document in documents], name="id")
        return pd.DataFrame(rows, columns=chosen, index=index)


def _kind_of(kind: type[Document]) -> str:
    for name, document in DOCUMENT_KINDS.items():
        if document is kind:
            return name
    classes = ", ".join(sorted(document.__name__ for document in DOCUMENT_KINDS.values()))
    raise _wrong("kind of document", repr(kind), f"a class of sulfox.documents: {classes}")


def _wrong(who: str, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-901", who=who, found=found, expected=expected, next_step="see help(Results)"
    )
