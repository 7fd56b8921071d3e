"""A store described in a YAML file: any maggma JobStore, secrets from the environment."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sulfox.documents.base import SCHEMA_VERSION
from sulfox.errors import SulfoxError
from sulfox.stores.readers import TRAJECTORIES, trajectories_of
from sulfox.stores.server_failures import connection_errors, explain_server_failure
from sulfox.stores.store_errors import newer_store

if TYPE_CHECKING:
    from jobflow import JobStore

__all__ = ["open_described_store", "read_description"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CREDENTIALS = re.compile(r"//[^/\s@]*@")
#: PyMongo quotes a part of an address that it cannot take apart.
_PARTS = re.compile(r"[^\w.!$*+~-]+")
_SECRET_KEYS = re.compile("password|passwd|secret|token|uri|access_key", re.IGNORECASE)
#: An unreachable server is told after this time [ms].
_TIMEOUT_MS = 5000

_TRAJECTORIES_LINES = (
    "add under additional_stores: `trajectories: {type: GridFSStore, database: ..., "
    "collection_name: trajectories, ...}` or `trajectories: {type: FolderStore, path: ...}`"
)


def open_described_store(path: Path) -> JobStore:
    """Open the store that a YAML file describes, in jobflow's format.

    ``${NAME}`` anywhere in a value is replaced by the environment variable, so that no
    secret need be in a file.

    Parameters
    ----------
    path : Path
        YAML file with ``docs_store`` and ``additional_stores``.

    Returns
    -------
    JobStore
        Connected.

    Raises
    ------
    SulfoxError
        SFX-501 if it cannot be opened; the message holds no secret. SFX-502 if it holds
        documents of a newer schema.
    """
    from jobflow import JobStore

    from sulfox.stores.embedded import store as _own  # noqa: F401 makes our stores known
    from sulfox.stores.mongo_index import MongoIndex

    raw = read_description(path)
    secrets: set[str] = set()
    spec = _substitute(raw, path, secrets)
    secrets |= _secret_values(spec)
    _require_trajectories(spec, path)
    options = {k: v for k, v in spec.items() if k not in ("docs_store", "additional_stores")}
    try:
        stores = {
            "docs_store": _impatient(spec["docs_store"]),
            "additional_stores": {
                name: _impatient(store) for name, store in spec["additional_stores"].items()
            },
        }
        store = JobStore.from_dict_spec(stores, **options)
        with connection_errors(f"store {path}"):
            store.connect()
        store.ensure_index("output.kind")
        index = MongoIndex.of(store)
        if index is not None:
            index.lay_unique()
        trajectories_of(store).ensure_index("blob_uuid")
        newer = store.query_one(
            {"output.schema_version": {"$gt": SCHEMA_VERSION}}, ["output.schema_version"]
        )
    except SulfoxError:
        raise
    except KeyError as error:
        raise _refusal(path, f"unknown or missing key {error}", "maggma's store classes") from None
    except Exception as error:  # noqa: BLE001 a server can answer with anything
        if type(error).__module__.startswith("pymongo"):
            raise explain_server_failure(error).error(f"store {path}") from None
        found = _without_secrets(f"{type(error).__name__}: {error}", secrets)
        raise _refusal(path, found, "a store that answers") from None
    if newer is not None:
        raise newer_store(f"store {path}", newer["output"]["schema_version"])
    return store


def read_description(path: Path) -> dict[str, Any]:
    """Read the file that describes a store; its ``${NAME}`` are not replaced.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    dict
        ``docs_store``, ``additional_stores``, options of the JobStore.

    Raises
    ------
    SulfoxError
        SFX-501 if it is no such file.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refusal(path, error.strerror or str(error), "a readable file") from None
    except UnicodeDecodeError:
        raise _refusal(path, "no text", "a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        raise _refusal(path, f"no valid YAML{place}", "a YAML file") from None
    if not isinstance(content, dict) or not isinstance(content.get("docs_store"), dict):
        raise _refusal(path, "no docs_store", "the keys docs_store and additional_stores")
    if "type" not in content["docs_store"]:
        raise _refusal(path, "docs_store without type", "type: MongoStore or another maggma store")
    return content


def _require_trajectories(spec: dict[str, Any], path: Path) -> None:
    additional = spec.get("additional_stores")
    if not isinstance(additional, dict) or not isinstance(additional.get(TRAJECTORIES), dict):
        raise SulfoxError(
            "SFX-501",
            who=f"store {path}",
            found=f"no additional store `{TRAJECTORIES}`",
            expected="a place for the frames of the trajectories",
            next_step=_TRAJECTORIES_LINES,
        )
    for name, store in additional.items():
        if not isinstance(store, dict) or "type" not in store:
            raise _refusal(path, f"additional store {name} without type", "type: GridFSStore")


def _substitute(value: Any, path: Path, secrets: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, path, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, path, secrets) for item in value]
    if not isinstance(value, str):
        return value

    def from_environment(match: re.Match[str]) -> str:
        name = match.group(1)
        found = os.environ.get(name)
        if found is None:
            raise _refusal(
                path,
                f"environment variable {name} is not set",
                "a value for every ${NAME} in the file",
            )
        secrets.add(found)
        return found

    replaced = _VARIABLE.sub(from_environment, value)
    if replaced != value and re.fullmatch(r"\d+", replaced):
        return int(replaced)
    return replaced


def _secret_values(spec: Any, *, secret: bool = False) -> set[str]:
    if isinstance(spec, dict):
        parts = (
            _secret_values(item, secret=secret or bool(_SECRET_KEYS.search(str(key))))
            for key, item in spec.items()
        )
        return set().union(*parts)
    if isinstance(spec, list):
        return set().union(*(_secret_values(item, secret=secret) for item in spec))
    return {spec} if secret and isinstance(spec, str) else set()


def _without_secrets(text: str, secrets: set[str]) -> str:
    parts = {part for secret in secrets if "://" in secret for part in _PARTS.split(secret)}
    for secret in sorted(filter(None, secrets | parts), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _CREDENTIALS.sub("//***@", text)
    return text[:200]


def _impatient(store: dict[str, Any]) -> dict[str, Any]:
    """Let a MongoDB that is not there be told within seconds."""
    if isinstance(store.get("index"), dict):  # of an S3Store
        return {**store, "index": _impatient(store["index"])}
    if store["type"] not in ("MongoStore", "GridFSStore"):
        return store
    patience = {"serverSelectionTimeoutMS": _TIMEOUT_MS, "connectTimeoutMS": _TIMEOUT_MS}
    return {**store, "mongoclient_kwargs": patience | (store.get("mongoclient_kwargs") or {})}


def _refusal(path: Path, found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-501",
        who=f"store {path}",
        found=found,
        expected=expected,
        next_step="correct the file, see configs/stores/mongodb.yaml, "
        "and see that the server answers",
    )
