"""Users of the server, and what a role lets them do."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mongo_server.failures import CommandError

__all__ = ["MECHANISMS", "User", "Users", "refuse_unless_allowed"]

Command = dict[str, Any]
#: Mechanism -> rounds, as a mongod has them.
MECHANISMS = {"SCRAM-SHA-256": 15_000, "SCRAM-SHA-1": 10_000}

_LOGIN = ("saslstart", "saslcontinue", "logout", "connectionstatus")
_FOR_ANYONE = frozenset(("hello", "ismaster", "buildinfo", "ping", "endsessions", *_LOGIN))
_FOR_USERS = frozenset(
    ("startsession", "refreshsessions", "listdatabases", "getmore", "killcursors")
)
_LISTS = ("listcollections", "listindexes", "collstats", "dbstats")
_READS = frozenset(("find", "count", "distinct", "aggregate", *_LISTS))
_CHANGES = ("create", "drop", "createindexes", "dropindexes", "renamecollection")
_WRITES = frozenset(("insert", "update", "delete", "findandmodify", *_CHANGES))
#: Any other command is `root`'s.
_ROLES = {"read": _READS, "readWrite": _READS | _WRITES}
#: Sent beside the command, so not part of it in a refusal.
_BESIDE = ("documents", "updates", "deletes")


@dataclass(frozen=True)
class User:
    """Someone with one role on one database.

    `source` is the database in which the user was made, and proves who it is.
    """

    source: str
    name: str
    role: str
    database: str
    keys: dict[str, tuple[bytes, bytes, bytes, int]] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> User:
        """``[SOURCE.]NAME:PASSWORD:ROLE@DATABASE``; the role ``root`` needs no database."""
        who, _, rest = text.partition(":")
        password, _, right = rest.rpartition(":")
        role, _, database = right.partition("@")
        if not password or not (role == "root" or (role in _ROLES and database)):
            raise ValueError("a user is [SOURCE.]NAME:PASSWORD:read|readWrite@DATABASE")
        source, dot, name = who.partition(".")
        source, name = (source, name) if dot else (database or "admin", who)
        from mongo_server.scram import keys_of

        return cls(source, name, role, database, keys_of(name, password))

    def may(self, asked: str, database: str) -> bool:
        """Whether the role allows a command (in lower case) on a database."""
        if self.role == "root" or asked in _FOR_USERS:
            return True
        return database == self.database and asked in _ROLES[self.role]


class Users:
    """Everyone whom the server knows; nobody means that it asks nobody who he is."""

    def __init__(self, users: Iterable[User] = ()) -> None:
        self._known = {(user.source, user.name): user for user in users}

    def __bool__(self) -> bool:
        return bool(self._known)

    def get(self, source: str, name: str) -> User | None:
        return self._known.get((source, name))


def refuse_unless_allowed(user: User | None, asked: str, name: str, command: Command) -> None:
    """Raise MongoDB's Unauthorized for what this user (None: nobody yet) may not do."""
    low = asked.lower()
    if low in _FOR_ANYONE:
        return
    if user is None:
        raise CommandError(13, "Unauthorized", f"Command {asked} requires authentication")
    if low == "renamecollection":  # is asked of `admin`, about another database
        allowed = all(user.may(low, command[end].partition(".")[0]) for end in (asked, "to"))
    else:
        allowed = user.may(low, name)
    stages = command.get("pipeline") or [] if low == "aggregate" else []
    if any("$out" in stage or "$merge" in stage for stage in stages):
        allowed = allowed and user.may("insert", name)
    if not allowed:
        shown = _shown({key: value for key, value in command.items() if key not in _BESIDE})
        text = f"not authorized on {name} to execute command {shown}"
        raise CommandError(13, "Unauthorized", text)


def _shown(value: Any) -> str:
    """As MongoDB prints a value in an error."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{k}: {_shown(v)}" for k, v in value.items()) + " }"
        case list():
            return "[ " + ", ".join(map(_shown, value)) + " ]"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case str():
            return f'"{value}"'
        case bytes() if len(value) == 16:
            return f'UUID("{uuid.UUID(bytes=bytes(value))}")'
    return str(value)
