"""SCRAM as a mongod speaks it; needs the package scramp, so only a server with users reads this."""

from __future__ import annotations

import hashlib

from mongo_server.failures import CommandError
from mongo_server.users import MECHANISMS, User, Users
from scramp import ScramException, ScramMechanism

__all__ = ["Conversation", "keys_of"]

Keys = tuple[bytes, bytes, bytes, int]


def keys_of(name: str, password: str) -> dict[str, Keys]:
    """What the server keeps of a password: salt, two keys and rounds, by mechanism."""
    digest = hashlib.md5(f"{name}:mongo:{password}".encode(), usedforsecurity=False).hexdigest()
    secrets = {"SCRAM-SHA-256": password, "SCRAM-SHA-1": digest}
    return {
        mechanism: ScramMechanism(mechanism).make_auth_info(secrets[mechanism], rounds)
        for mechanism, rounds in MECHANISMS.items()
    }


class Conversation:
    """One conversation; `short` leaves out its empty third exchange."""

    def __init__(
        self, users: Users, source: str, mechanism: str, *, number: int, short: bool
    ) -> None:
        self.number = number
        self.user: User | None = None
        self.done = False
        self._short = short
        self._said = 0

        def keys(name: str) -> Keys | None:
            self.user = users.get(source, name)
            return self.user.keys[mechanism] if self.user else None

        self._server = ScramMechanism(mechanism).make_server(keys)

    def answer(self, message: bytes) -> bytes:
        """Raise MongoDB's AuthenticationFailed for anything but the right user and password."""
        try:
            return self._answer(message.decode()).encode()
        except (ScramException, UnicodeDecodeError):
            raise CommandError(18, "AuthenticationFailed", "Authentication failed.") from None

    def _answer(self, message: str) -> str:
        self._said += 1
        if self._said == 1:
            self._server.set_client_first(message)
            return str(self._server.get_server_first())
        if self._said == 2:
            self._server.set_client_final(message)
            self.done = self._short
            return str(self._server.get_server_final())
        self.done = True
        return ""
