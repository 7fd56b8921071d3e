"""Who speaks on one connection: SCRAM by saslStart and saslContinue."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

from bson import Binary
from mongo_server.failures import CommandError
from mongo_server.users import MECHANISMS, User, Users

if TYPE_CHECKING:
    from mongo_server.scram import Conversation

__all__ = ["Login", "greeting"]

Command = dict[str, Any]


class Login:
    """The commands of authentication; one per connection, named as the protocol names them."""

    def __init__(self, users: Users) -> None:
        self._users = users
        self._numbers = itertools.count(1)
        self._talk: Conversation | None = None
        self.user: User | None = None

    def saslstart(self, name: str, command: Command) -> Command:
        self._talk = None
        mechanism = command["mechanism"]
        if mechanism not in MECHANISMS:
            text = (
                f"Received authentication for mechanism {mechanism} which is unknown or not enabled"
            )
            raise CommandError(334, "MechanismUnavailable", text)
        if not self._users:
            raise CommandError(18, "AuthenticationFailed", "Authentication failed.")
        from mongo_server.scram import Conversation

        short = bool((command.get("options") or {}).get("skipEmptyExchange"))
        number = next(self._numbers)
        talk = Conversation(self._users, name, mechanism, number=number, short=short)
        return self._next(talk, command["payload"])

    def saslcontinue(self, name: str, command: Command) -> Command:
        if self._talk is None or command["conversationId"] != self._talk.number:
            raise CommandError(17, "ProtocolError", "No SASL session state found")
        talk, self._talk = self._talk, None
        return self._next(talk, command["payload"])

    def _next(self, talk: Conversation, payload: bytes) -> Command:
        answer = Binary(talk.answer(bytes(payload)))
        if talk.done:
            self.user = talk.user
        else:
            self._talk = talk
        return {"conversationId": talk.number, "done": talk.done, "payload": answer}

    def logout(self, name: str, command: Command) -> Command:
        self.user = None
        return {}

    def connectionstatus(self, name: str, command: Command) -> Command:
        user = self.user
        users = [{"user": user.name, "db": user.source}] if user else []
        roles = [{"role": user.role, "db": user.database}] if user else []
        return {"authInfo": {"authenticatedUsers": users, "authenticatedUserRoles": roles}}


def greeting(login: Login, users: Users, command: Command) -> Command:
    """What ``hello`` says of authentication, with the first answer to one that is begun in it."""
    answer: Command = {}
    source, _, name = command.get("saslSupportedMechs", "").partition(".")
    if users.get(source, name):
        answer["saslSupportedMechs"] = list(MECHANISMS)
    begun = command.get("speculativeAuthenticate") or {}
    if "saslStart" in begun:
        with contextlib.suppress(CommandError):
            answer["speculativeAuthenticate"] = login.saslstart(begun["db"], begun)
    return answer
