"""Stores on servers whose secrets stay in the environment.

A file, a queue or a job that holds such a store holds ``${NAME}``, never a password: the
variables are read when it connects, on the machine where it connects.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

from maggma.stores import GridFSStore, MongoStore, S3Store

from sulfox.errors import SulfoxError
from sulfox.stores.server_failures import connection_errors

__all__ = [
    "ServerFilesStore",
    "ServerObjectsStore",
    "ServerStore",
    "resolve_options",
    "resolve_variables",
    "server_job_store",
    "server_store",
]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ATTRIBUTES = (
    *("host", "port", "username", "password", "uri", "auth_source", "database"),
    "mongoclient_kwargs",
    *("bucket", "endpoint_url", "s3_profile"),
)
#: A store holds the values of the environment only while one thread connects it.
_CONNECTING = threading.RLock()
_OWN = {
    "MongoStore": "ServerStore",
    "GridFSStore": "ServerFilesStore",
    "S3Store": "ServerObjectsStore",
}


class ServerStore(MongoStore):
    """A collection; arguments as for maggma's MongoStore, ``${NAME}`` in any of them."""

    def connect(self, force_reset: bool = False) -> None:
        """Connect with the values that the environment has now.

        Parameters
        ----------
        force_reset : bool
            Whether to connect again.

        Raises
        ------
        SulfoxError
            SFX-501 if a variable is not set, or a TLS file or an address cannot be used.
        """
        with _resolved(self), connection_errors("database"):
            super().connect(force_reset)


class ServerFilesStore(GridFSStore):
    """Blobs in GridFS; arguments as for maggma's GridFSStore, ``${NAME}`` in any of them."""

    def connect(self, force_reset: bool = False) -> None:
        """Connect with the values that the environment has now.

        Parameters
        ----------
        force_reset : bool
            Whether to connect again.

        Raises
        ------
        SulfoxError
            SFX-501 if a variable is not set, or a TLS file or an address cannot be used.
        """
        with _resolved(self), connection_errors("database"):
            super().connect(force_reset)


class ServerObjectsStore(S3Store):
    """Blobs in S3 or MinIO; arguments as for maggma's S3Store, ``${NAME}`` in any of them."""

    def _get_resource_and_bucket(self) -> tuple[Any, Any]:
        """Connect with the values that the environment has now; threads do so on their own."""
        with _CONNECTING, _resolved(self):
            found: tuple[Any, Any] = super()._get_resource_and_bucket()
            return found


def server_job_store(description: dict[str, Any]) -> dict[str, Any]:
    """Turn a store's description into jobflow's format with stores of this module.

    Parameters
    ----------
    description : dict
        Content of a file in ``configs/stores``: ``docs_store``, ``additional_stores``.

    Returns
    -------
    dict
        ``JobStore`` in monty's format. Its ``${NAME}`` are not replaced.
    """
    additional = description.get("additional_stores", {})
    return {
        "@module": "jobflow.core.store",
        "@class": "JobStore",
        "docs_store": server_store(description["docs_store"]),
        "additional_stores": {name: server_store(spec) for name, spec in additional.items()},
        "save": None,
        "load": False,
    }


def server_store(spec: dict[str, Any]) -> dict[str, Any]:
    """Turn the description of one store into monty's format.

    Parameters
    ----------
    spec : dict
        With ``type``; MongoDB's and S3's types become those of this module, the index of
        an S3Store too.

    Raises
    ------
    SulfoxError
        SFX-501 for a type that is no maggma store.
    """
    import maggma.stores

    kind = spec["type"]
    rest = {name: value for name, value in spec.items() if name != "type"}
    if isinstance(rest.get("index"), dict):
        rest["index"] = server_store(rest["index"])
    if kind in _OWN:
        return {"@module": __name__, "@class": _OWN[kind], **rest}
    if not hasattr(maggma.stores, kind):
        raise SulfoxError(
            "SFX-501",
            who=f"store of type {kind}",
            found="no maggma store of this name",
            expected="MongoStore, GridFSStore, S3Store, ...",
            next_step="correct the file in configs/stores",
        )
    return {"@module": getattr(maggma.stores, kind).__module__, "@class": kind, **rest}


def resolve_options(options: dict[str, Any]) -> dict[str, Any]:
    """Replace ``${NAME}`` in the texts among some options, such as ``mongoclient_kwargs``.

    Parameters
    ----------
    options : dict
        Of a store's description; what is no text stays.

    Raises
    ------
    SulfoxError
        SFX-501 if a variable is not set.
    """
    return {k: resolve_variables(v) if isinstance(v, str) else v for k, v in options.items()}


def resolve_variables(value: str | int) -> str:
    """Replace ``${NAME}`` by the environment's value.

    Parameters
    ----------
    value : str or int
        Of a store's description.

    Raises
    ------
    SulfoxError
        SFX-501 if a variable is not set.
    """
    return _VARIABLE.sub(_from_environment, str(value))


@contextlib.contextmanager
def _resolved(store: Any) -> Iterator[None]:
    stated = {name: getattr(store, name) for name in _ATTRIBUTES if hasattr(store, name)}
    try:
        for name, value in stated.items():
            if isinstance(value, str):
                found = resolve_variables(value)
                setattr(store, name, int(found) if name == "port" else found)
            elif isinstance(value, dict):
                setattr(store, name, resolve_options(value))
        yield
    finally:
        for name, value in stated.items():
            setattr(store, name, value)


def _from_environment(match: re.Match[str]) -> str:
    found = os.environ.get(match.group(1))
    if found is None:
        raise SulfoxError(
            "SFX-501",
            who="database",
            found=f"environment variable {match.group(1)} is not set",
            expected="a value for every ${NAME} in the store's description",
            next_step=f"export {match.group(1)} where this runs, workers included",
        )
    return found
