"""Which bond analyses a store lacks at the present version, and how each is made.

An analysis of this table knows the documents it starts from and those it makes. Its *task* is
one document to be made; the same task has the same name on every machine, so that two who do
it write one document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid5

from sulfox.analysis.bonds import sulfur_bonds
from sulfox.analysis.bonds.bond_criteria import choose_criteria
from sulfox.documents.base import Document, Record, content_hash
from sulfox.documents.sulfur_bonds import BondCriteria, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.errors import SulfoxError
from sulfox.stores.archive import open_stored_trajectory
from sulfox.stores.documents import get_document
from sulfox.stores.readers import DocumentReader
from sulfox.stores.search.search import Condition, Search
from sulfox.stores.search.values import ASSUMED

__all__ = ["ANALYSES", "Analysis", "BondAnalysis", "RateAnalysis", "Task", "bond_settings"]

_NAMESPACE = UUID("0c8f6f1e-7a34-5b1f-9a52-6d1b6b0e5f27")


class Task(Record):
    """One document to be made.

    Attributes
    ----------
    analysis : str
        A key of :data:`ANALYSES`.
    version : int
        Of the analysis.
    inputs : tuple of str
        Ids of the documents it starts from.
    settings : dict
        What else decides the numbers, as JSON.
    """

    analysis: str
    version: int
    inputs: tuple[str, ...]
    settings: dict[str, Any]

    @property
    def uuid(self) -> str:
        """Name of the job output that holds the document."""
        return str(uuid5(_NAMESPACE, content_hash(self)))

    @property
    def key(self) -> str:
        """What a document of this task has in common with it."""
        return document_key(self.inputs, self.settings, self.version)


def document_key(inputs: Iterable[str], settings: Mapping[str, Any], version: int) -> str:
    """Identity of an analysis: what it is of, by which settings, at which version.

    Parameters
    ----------
    inputs : iterable of str
        Ids, in any order.
    settings : mapping
        JSON.
    version : int
        Of the analysis.
    """
    return content_hash([sorted(inputs), dict(settings), version])


class Analysis(Protocol):
    """What the builder needs of an analysis."""

    #: Kind of the documents it makes.
    kind: str
    #: Fields of such a document from which :meth:`key_of` is made.
    key_fields: tuple[str, ...]

    @property
    def version(self) -> int:
        """Present version."""

    def key_of(self, content: Mapping[str, Any]) -> str:
        """Give the key of a stored document.

        Parameters
        ----------
        content : mapping
            At least `key_fields`.
        """

    def subject(self, content: Mapping[str, Any]) -> str:
        """Say what a document is of, whatever its version.

        Parameters
        ----------
        content : mapping
            At least `key_fields`.
        """

    def tasks(
        self, readers: Sequence[DocumentReader], settings: Sequence[dict[str, Any]], study: str
    ) -> Iterator[Task]:
        """Give everything that could be analysed.

        Parameters
        ----------
        readers : sequence of DocumentReader
            The store of the results, and that of new documents where it is another.
        settings : sequence of dict
            Each gives a document; none stands for those of the stored documents.
        study : str
            Only of this study; empty for all.
        """

    def rivals(self, task: Task) -> Search:
        """Search for documents among which one of this task would be.

        Parameters
        ----------
        task : Task
            Of this analysis.
        """

    def make(self, readers: Sequence[DocumentReader], task: Task) -> Document:
        """Make the document.

        Parameters
        ----------
        readers : sequence of DocumentReader
            As for :meth:`tasks`.
        task : Task
            Of this analysis.
        """


class BondAnalysis:
    """Bonds of an element pair along each stored trajectory that holds the pair."""

    kind: str = "sulfur_bonds"
    key_fields: tuple[str, ...] = ("trajectory_id", "criteria", "method_version")

    @property
    def version(self) -> int:
        """Of :mod:`sulfox.analysis.bonds.sulfur_bonds`."""
        return sulfur_bonds.METHOD_VERSION

    def key_of(self, content: Mapping[str, Any]) -> str:
        """As :meth:`Analysis.key_of`."""
        inputs = (str(content["trajectory_id"]),)
        return document_key(inputs, _criteria(content), version_of(content))

    def subject(self, content: Mapping[str, Any]) -> str:
        """As :meth:`Analysis.subject`."""
        return document_key((str(content["trajectory_id"]),), _criteria(content), 0)

    def tasks(
        self, readers: Sequence[DocumentReader], settings: Sequence[dict[str, Any]], study: str
    ) -> Iterator[Task]:
        """As :meth:`Analysis.tasks`; the pairs that are stored, by the table, if none is given."""
        chosen = [BondCriteria.model_validate(item) for item in settings]
        if not chosen:
            pairs = dict.fromkeys(
                str(_criteria(found.content)["pair"])
                for reader in readers
                for _, found in reader.stream(_of_study(self.kind, study), self.key_fields)
            )
            chosen = [choose_criteria(pair) for pair in pairs or ["S-S"]]
        for _, found in readers[0].stream(_of_study("trajectory", study), ("species",)):
            species = set(found.content["species"])
            for criteria in chosen:
                if set(criteria.pair.split("-")) <= species:
                    yield Task(
                        analysis="sulfur-bonds",
                        version=self.version,
                        inputs=(found.content["id"],),
                        settings=criteria.model_dump(mode="json"),
                    )

    def rivals(self, task: Task) -> Search:
        """As :meth:`Analysis.rivals`."""
        return Search(self.kind, (Condition("trajectory_id", "=", task.inputs[0]),))

    def make(self, readers: Sequence[DocumentReader], task: Task) -> Document:
        """As :meth:`Analysis.make`.

        Raises
        ------
        SulfoxError
            SFX-504 if the frames are not stored, SFX-40x if they are damaged.
        """
        reader = readers[0]
        run = get_document(reader, "trajectory", task.inputs[0])
        assert isinstance(run, TrajectoryDoc)  # noqa: S101 for mypy: the kind decides the class
        frames = open_stored_trajectory(reader, run.archive.trajectory_id, run.archive).frames()
        criteria = BondCriteria.model_validate(task.settings)
        return sulfur_bonds.analyze_bonds(frames, criteria, run)


class RateAnalysis:
    """Rates pooled over the seeds of one interface, variant, temperature and protocol."""

    kind: str = "sulfur_bond_rate"
    key_fields: tuple[str, ...] = ("analysis_ids", "method_version")
    _members = (
        *("trajectory_id", "interface_id", "pair_of_materials", "variant", "temperature_K"),
        *("criteria", "method_version", "exposure_nm2_ps", "provenance"),
    )
    _protocol = ("stage", "ensemble", "thermostat", "time_step_fs", "n_steps_requested")

    @property
    def version(self) -> int:
        """Of :mod:`sulfox.analysis.bonds.sulfur_bonds`."""
        return sulfur_bonds.METHOD_VERSION

    def key_of(self, content: Mapping[str, Any]) -> str:
        """As :meth:`Analysis.key_of`."""
        return document_key(content["analysis_ids"], {}, version_of(content))

    def subject(self, content: Mapping[str, Any]) -> str:
        """As :meth:`Analysis.subject`: an interface, variant, temperature and criteria."""
        fields = ("pair_of_materials", "variant", "temperature_K", "seeds")
        named = [content.get(name) for name in fields]
        study = (content.get("provenance") or {}).get("study")
        return content_hash([*named, study, _criteria(content)])

    def tasks(
        self,
        readers: Sequence[DocumentReader],
        settings: Sequence[dict[str, Any]],  # noqa: ARG002 the analyses decide
        study: str,
    ) -> Iterator[Task]:
        """As :meth:`Analysis.tasks`: production runs, from analyses of the present version."""
        protocols = {
            found.content["id"]: [found.content.get(name) for name in self._protocol]
            for _, found in readers[0].stream(_of_study("trajectory", study), self._protocol)
        }
        groups: dict[str, dict[str, None]] = {}
        for reader in readers:
            for _, found in reader.stream(_of_study("sulfur_bonds", study), self._members):
                content = found.content
                protocol = protocols.get(content["trajectory_id"])
                is_poolable = protocol is not None and protocol[0] == "production"
                if is_poolable and content["exposure_nm2_ps"] and self._is_present(content):
                    group = content_hash([protocol, self._group(content)])
                    groups.setdefault(group, {})[content["id"]] = None
        for group_ids in groups.values():
            yield Task(
                analysis="sulfur-bond-rates",
                version=self.version,
                inputs=tuple(sorted(group_ids)),
                settings={},
            )

    def rivals(self, task: Task) -> Search:  # noqa: ARG002 rates are few
        """As :meth:`Analysis.rivals`."""
        return Search(self.kind)

    def make(self, readers: Sequence[DocumentReader], task: Task) -> Document:
        """As :meth:`Analysis.make`.

        Raises
        ------
        SulfoxError
            SFX-702 for analyses that cannot be pooled: one seed twice.
        """
        documents = [_one_of(readers, "sulfur_bonds", identity) for identity in task.inputs]
        return sulfur_bonds.pool_rates([d for d in documents if isinstance(d, SulfurBondsDoc)])

    def _is_present(self, content: Mapping[str, Any]) -> bool:
        return version_of(content) == self.version

    @staticmethod
    def _group(content: Mapping[str, Any]) -> list[Any]:
        provenance = content["provenance"]
        fields = ("interface_id", "pair_of_materials", "variant", "temperature_K")
        study = (provenance.get("study"), provenance.get("level_of_theory"))
        return [*(content[name] for name in fields), *study, _criteria(content)]


#: Word of the command line -> analysis.
ANALYSES: dict[str, Analysis] = {
    "sulfur-bonds": BondAnalysis(),
    "sulfur-bond-rates": RateAnalysis(),
}


def bond_settings(
    bonds: Sequence[str],
    form_A: float | None = None,
    break_A: float | None = None,
    min_lifetime_fs: float | None = None,
) -> list[dict[str, Any]]:
    """Choose criteria as the command line gives them.

    Parameters
    ----------
    bonds : sequence of str
        ``"S-S"``; none stands for the pairs that are stored.
    form_A, break_A, min_lifetime_fs : float, optional
        Thresholds [Å] and shortest life [fs] instead of the table's, for one pair.

    Returns
    -------
    list of dict
        ``BondCriteria`` as JSON.

    Raises
    ------
    SulfoxError
        SFX-562 for thresholds of several pairs; SFX-70x as the criteria say.
    """
    given = not (form_A is None and break_A is None and min_lifetime_fs is None)
    if given and len(bonds) > 1:
        raise SulfoxError(
            "SFX-562",
            who="--form, --break, --min-lifetime-fs",
            found=f"{len(bonds)} pairs of elements",
            expected="one --bond, because thresholds are a pair's own",
            next_step="give the command once for each pair",
        )
    pairs = list(bonds) or (["S-S"] if given else [])
    chosen = [choose_criteria(pair, form_A, break_A, min_lifetime_fs) for pair in pairs]
    return [criteria.model_dump(mode="json") for criteria in chosen]


def version_of(content: Mapping[str, Any]) -> int:
    """Version of the analysis behind a document; 1 where an older one does not say.

    Parameters
    ----------
    content : mapping
        JSON document.
    """
    return int(content.get("method_version") or ASSUMED["method_version"])


def _criteria(content: Mapping[str, Any]) -> dict[str, Any]:
    return BondCriteria.model_validate(content["criteria"]).model_dump(mode="json")


def _of_study(kind: str, study: str) -> Search:
    return Search(kind, (Condition("study", "=", study),) if study else ())


def _one_of(readers: Sequence[DocumentReader], kind: str, identity: str) -> Document:
    for reader in readers[:-1]:
        try:
            return get_document(reader, kind, identity)
        except SulfoxError as error:
            if error.code != "SFX-504":
                raise
    return get_document(readers[-1], kind, identity)
