"""What every document has: kind, schema version, identity, status with reasons, provenance."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sulfox import __version__

__all__ = ["SCHEMA_VERSION", "Document", "Provenance", "Reason", "Record", "Status", "content_hash"]

#: Version of the document schema. A store that holds a newer one is refused (SFX-502).
SCHEMA_VERSION = 1


class Record(BaseModel):
    """A frozen record: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Status(StrEnum):
    """How far a document can be trusted."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    REFUSED = "refused"


class Reason(Record):
    """Why a document is partial or refused.

    Attributes
    ----------
    code : str
        Stable code, ``SFX-nnn`` or a short word such as ``"polar"``.
    message : str
        One sentence for a reader.
    """

    code: str
    message: str


class Provenance(Record):
    """Where a number comes from.

    Attributes
    ----------
    engine : str
        ``"mlip"``, ``"vasp"``, ``"gpaw"`` or ``"sulfox"`` for pure geometry.
    level_of_theory : str
        What computed energies and forces, e.g. ``"NEP89 (MLIP, not DFT)"``.
    inputs_hash : str
        SHA-256 (hex) of everything that decides the result.
    code_versions : dict
        Package name -> version of the codes that ran.
    study : str or None
        Name of the study that asked for it.
    job_uuids : tuple of str
        jobflow UUIDs of the jobs that made the inputs.
    created_at : datetime
        UTC.
    """

    engine: str
    level_of_theory: str
    inputs_hash: str
    code_versions: dict[str, str] = Field(default_factory=lambda: {"sulfox": __version__})
    study: str | None = None
    job_uuids: tuple[str, ...] = ()
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))


class Document(Record):
    """Base of all stored documents.

    Attributes
    ----------
    kind : str
        Fixed per class; queries select on it.
    schema_version : int
        Version of the schema the document was written with.
    id : str
        Stable identity: the same inputs give the same id.
    status : Status
        complete, partial or refused.
    reasons : tuple of Reason
        Empty only for a complete document without remarks.
    provenance : Provenance
        Engine, level of theory, inputs' hash, versions.
    """

    kind: str
    schema_version: int = SCHEMA_VERSION
    id: str
    status: Status
    reasons: tuple[Reason, ...] = ()
    provenance: Provenance


def content_hash(value: Any) -> str:
    """SHA-256 of a JSON-serialisable value, independent of key order.

    Parameters
    ----------
    value : object
        Anything :mod:`json` takes, or a pydantic model inside it.

    Returns
    -------
    str
        64 hexadecimal digits.
    """

    def plain(item: Any) -> Any:
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        return str(item)

    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=plain, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
