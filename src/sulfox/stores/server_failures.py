"""What a MongoDB server, or the way to it, refuses: likely causes as sentences, no secrets."""

from __future__ import annotations

import contextlib
import re
import ssl
import traceback
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from sulfox.errors import SulfoxError

__all__ = [
    "MAY_NOT_WRITE",
    "ServerFailure",
    "connection_errors",
    "explain_server_failure",
    "refused_text",
]

#: MongoDB's Unauthorized, Atlas' word for it, a command that this server does not permit, a
#: secondary, a server that only reads.
MAY_NOT_WRITE = frozenset({13, 8000, 20, 10107, 13435, 11602, 189})
#: MongoDB's OutOfDiskSpace, and Atlas' word for a full quota.
_FULL = frozenset({14031, 8000})
#: MongoDB's AuthenticationFailed.
_NOT_LET_IN = 18
#: MongoDB's Unauthorized.
_NOT_ALLOWED = 13
_READS = ("find", "aggregate", "count", "distinct", "listIndexes", "listCollections")
_COMMAND = re.compile(r"(not authorized on \S+ to execute command) \{ (\w+):.*", re.DOTALL)
_UNTRUSTED = re.compile(r"certificate verify failed:? ?([^(\[]*)")
_HANDSHAKE = re.compile(r"\[SSL[^\]]*\]|SSL handshake failed")
_SYSTEM = re.compile(r"\[Errno -?\d+\] ([^(:,\[]*[^(:,\[\s])")


class ServerFailure(NamedTuple):
    """The likely cause of an error, as fields of a :class:`~sulfox.errors.SulfoxError`.

    Attributes
    ----------
    code : str
        SFX-503 where a write was refused, else SFX-501.
    found, expected, next_step : str
        As of the error. They name no user, host or password.
    """

    code: str
    found: str
    expected: str
    next_step: str

    def error(self, who: str) -> SulfoxError:
        """Make the error.

        Parameters
        ----------
        who : str
            The store or database; no address, which may hold a password.
        """
        return SulfoxError(
            self.code, who=who, found=self.found, expected=self.expected, next_step=self.next_step
        )


_LET_IN = ServerFailure(
    "SFX-501",
    "it does not let this user in",
    "the user and the password that the server knows",
    "export the right ones in the variables of the store's file; where the user was made in "
    "another database than the store's, name that as auth_source",
)
_NOBODY = ServerFailure(
    "SFX-501",
    "it asks for a user and a password, and was given none",
    "username and password in the store's file",
    "export the variables that the file names, see docs/database.md",
)
_WRONG_ADDRESS = ServerFailure(
    "SFX-501",
    "an address or an option that PyMongo does not take",
    "host, port and mongoclient_kwargs, or a uri, as PyMongo knows them",
    "correct the store's file and its variables; in a uri, letters of a password such as / : @ % "
    "are written %2F %3A %40 %25 (urllib.parse.quote_plus)",
)


def explain_server_failure(error: Exception) -> ServerFailure:
    """Find the likely cause of an error that PyMongo, or a TLS file, raised.

    Parameters
    ----------
    error : Exception
        Of PyMongo, or of the operating system where a TLS file was opened.

    Returns
    -------
    ServerFailure
        With the reason as the server gave it, less what may be a secret.
    """
    from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure

    if isinstance(error, OperationFailure):
        return _of_refusal(error)
    if isinstance(error, InvalidURI | ValueError):  # either holds parts of the address
        return _WRONG_ADDRESS
    if isinstance(error, ConfigurationError):
        return _WRONG_ADDRESS._replace(found=f"{_WRONG_ADDRESS.found}: {str(error)[:200]}")
    if isinstance(error, OSError):
        return _of_tls_file(error)
    return _of_connection(error)


@contextlib.contextmanager
def connection_errors(who: str) -> Iterator[None]:
    """Turn what makes PyMongo refuse to try a connection into sentences.

    Parameters
    ----------
    who : str
        The store or database; no address, which may hold a password.

    Raises
    ------
    SulfoxError
        SFX-501 for a TLS file, an option or an address that cannot be used.
    """
    from pymongo.errors import ConfigurationError

    # it warns of options that it does not know: of a password whose ? is not quoted, too
    warnings.filterwarnings("ignore", module=r"pymongo\.uri_parser")
    try:
        yield
    except (ConfigurationError, OSError, ValueError) as error:
        if not _raised_in_pymongo(error):
            raise
        raise explain_server_failure(error).error(who) from None


def _raised_in_pymongo(error: Exception) -> bool:
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).startswith("pymongo") for frame in frames)


def refused_text(error: Exception) -> str:
    """Give what the server said of an operation, without the content of the command.

    Parameters
    ----------
    error : Exception
        PyMongo's.
    """
    text = str(_inner(error).get("errmsg", error)).partition(", full error")[0]
    return _COMMAND.sub(r"\1 \2", text)[:200]


def _inner(error: Any) -> dict[str, Any]:
    """Give the first refusal inside a bulk write."""
    first: dict[str, Any] = ((getattr(error, "details", None) or {}).get("writeErrors") or [{}])[0]
    return first


def _of_refusal(error: Any) -> ServerFailure:
    text, code = refused_text(error), _inner(error).get("code", error.code)
    if code == _NOT_LET_IN or "auth failed" in text or "bad auth" in text:
        return _LET_IN
    if code == _NOT_ALLOWED and "requires authentication" in text:
        return _NOBODY
    if code == _NOT_ALLOWED and text.rpartition(" ")[2] in _READS:
        return ServerFailure(
            "SFX-501",
            f"it lets this user in, but not read: {text}",
            "a user with the role read, or readWrite",
            "take the role from who makes users, see docs/database.md",
        )
    if code not in MAY_NOT_WRITE | _FULL:
        return _no_answer(f"the server failed: {text}")
    return ServerFailure(
        "SFX-503",
        text,
        "a database with space that lets this user write",
        "free space, or take the role readWrite; then give the same command again: what was "
        "stored is kept, runner and jobs wait",
    )


def _of_connection(error: Exception) -> ServerFailure:
    text, name = str(error), type(error).__name__
    untrusted = _UNTRUSTED.search(text)
    if untrusted:
        return ServerFailure(
            "SFX-501",
            f"its TLS certificate is not trusted: {untrusted[1].strip() or 'no reason given'}",
            "a certificate made for this host name by a CA known here",
            "name the CA's file as tlsCAFile in mongoclient_kwargs of the store's file",
        )
    if _HANDSHAKE.search(text):
        return ServerFailure(
            "SFX-501",
            f"{name}: it does not answer TLS; it may have none",
            "a server that speaks TLS, or none asked for",
            "leave tls out of mongoclient_kwargs in the store's file, or mend the server's TLS",
        )
    if "connection closed" in text:
        return ServerFailure(
            "SFX-501",
            f"{name}: it closes the connection; it may want TLS",
            "a MongoDB server that answers",
            "tls: true and tlsCAFile in mongoclient_kwargs of the store's file; with a tunnel, see "
            "that its far end reaches the server",
        )
    reason = _SYSTEM.search(text)
    return _no_answer(f"{name}: {reason[1]}" if reason else name)


def _of_tls_file(error: OSError) -> ServerFailure:
    name = f"{error.filename}: " if error.filename else ""
    found = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return ServerFailure(
        "SFX-501",
        f"a file of mongoclient_kwargs cannot be used: {name}{found or type(error).__name__}",
        "readable PEM files as tlsCAFile and tlsCertificateKeyFile",
        "correct mongoclient_kwargs in the store's file",
    )


def _no_answer(found: str) -> ServerFailure:
    return ServerFailure(
        "SFX-501",
        found,
        "a MongoDB server that answers",
        "see that it runs, and that the variables of its store file are set",
    )
