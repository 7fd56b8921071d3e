"""Ask a store from Python: typed documents, frames on demand, tables.

>>> results = Results()
>>> hot = results.sulfur_bonds(pair="LCO|LPSCl", where=["n_formed > 2"])
>>> run = results.trajectories(pair="LCO|LPSCl", temperature_K=600)[0]
>>> frames = results.frames(run, stride=10)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import ValidationError

from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.base import Document
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.kinds import BULKY_FIELDS, DOCUMENT_KINDS
from sulfox.documents.sulfur_bonds import SulfurBondRateDoc, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory
from sulfox.stores.documents import QueryFilter, count_documents, find_documents
from sulfox.stores.opening import open_documents
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.search import parse_condition
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

    Notes
    -----
    Every search takes the fields of :class:`sulfox.stores.documents.QueryFilter` as
    keywords, ``where`` as a list of comparisons (``"n_formed > 2"``), ``sort`` and
    ``limit``. Newest documents come first.
    """

    def __init__(self, store: str | Path | DocumentReader | None = None) -> None:
        is_place = store is None or isinstance(store, str | Path)
        self.reader = cast("DocumentReader", open_documents(store) if is_place else store)  # type: ignore[arg-type]

    def find(self, kind: type[AnyDocument], **wanted: Any) -> list[AnyDocument]:
        """Find documents of a class.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.
        **wanted
            Filters, ``where``, ``sort``, ``limit``.

        Returns
        -------
        list
            Of that class.

        Raises
        ------
        SulfoxError
            SFX-901 for an unknown filter; SFX-50x as the store says.
        """
        sort, limit = wanted.pop("sort", None), wanted.pop("limit", 0)
        if "where" in wanted:
            wanted["where"] = tuple(parse_condition(text) for text in wanted["where"])
        try:
            query = QueryFilter.model_validate(wanted)
        except ValidationError as error:
            first = error.errors()[0]
            raise SulfoxError(
                "SFX-901",
                who=f"filter {'.'.join(map(str, first['loc']))}",
                found=str(first["msg"]),
                expected="one of " + ", ".join(QueryFilter.model_fields),
                next_step="correct it",
            ) from error
        name = next(word for word, document in DOCUMENT_KINDS.items() if document is kind)
        found = find_documents(self.reader, name, query, limit=limit, sort=sort)
        return cast("list[AnyDocument]", found)

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
            SFX-504 if the store lacks the archive; SFX-40x if it is damaged.
        """
        archive = open_stored_trajectory(self.reader, run.archive.trajectory_id, run.archive)
        return archive.frames(start, stop, stride)

    def table(
        self, kind: type[Document], fields: list[str] | None = None, **wanted: Any
    ) -> pd.DataFrame:
        """Make a table of documents.

        Parameters
        ----------
        kind : type
            A class of :mod:`sulfox.documents`.
        fields : list of str, optional
            Columns, dots go deeper; by default every field but those with a value per
            atom, frame or bond.
        **wanted
            As for :meth:`find`.

        Returns
        -------
        pandas.DataFrame
            One row per document, ids as index; units are in the columns' names.
        """
        import pandas as pd

        documents = [document.model_dump(mode="json") for document in self.find(kind, **wanted)]
        if fields is None:
            name = next(word for word, document in DOCUMENT_KINDS.items() if document is kind)
            bulky = BULKY_FIELDS.get(name, frozenset())
            fields = [field for field in kind.model_fields if field not in bulky and field != "id"]
        rows = [{field: value_at(document, field) for field in fields} for document in documents]
        index = pd.Index([document["id"] for document in documents], name="id")
        return pd.DataFrame(rows, columns=fields, index=index)
