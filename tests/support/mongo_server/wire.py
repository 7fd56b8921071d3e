"""MongoDB's wire protocol: OP_MSG, and OP_QUERY for the first greeting."""

from __future__ import annotations

import itertools
import logging
import socket
import socketserver
import ssl
import struct
import threading
from pathlib import Path
from typing import Any

import bson
from mongo_server.cursors import Cursors
from mongo_server.data_commands import DataCommands
from mongo_server.failures import CommandError, command_failure
from mongo_server.login import Login, greeting
from mongo_server.server_commands import ServerCommands
from mongo_server.storage import CODEC, DurableDatabases
from mongo_server.users import Users, refuse_unless_allowed

__all__ = ["MongoServer"]

_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_CHECKSUM_PRESENT, _MORE_TO_COME = 1, 2
_TLS_HANDSHAKE = b"\x16\x03"
_WRITES = frozenset(
    ("insert", "update", "delete", "findandmodify", "create", "createindexes", "drop")
)


class MongoServer(socketserver.ThreadingTCPServer):
    """Answers clients from one set of databases, one command at a time.

    While the file `refusal` exists, no write is taken: it holds MongoDB's number, name and text
    of the error, as a full disk (14031) gives it. With `users`, nothing is answered before a
    connection has said who it is. With a certificate, nothing is answered without TLS.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        databases: DurableDatabases,
        *,
        refusal: Path | None = None,
        users: Users | None = None,
        certificate: Path | None = None,
    ) -> None:
        super().__init__(address, _Connection)
        self.refusal = refusal
        self.users = users or Users()
        self.tls: ssl.SSLContext | None = None
        if certificate is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        self.databases = databases
        cursors = Cursors()
        self.rooms = (DataCommands(databases, cursors), ServerCommands(databases, cursors))
        self.turn = threading.Lock()

    def answer(self, command: dict[str, Any], login: Login) -> dict[str, Any]:
        asked = next(iter(command))
        name = command.get("$db", "admin")
        rooms = (*self.rooms, login)
        method = next((m for room in rooms if (m := getattr(room, asked.lower(), None))), None)
        try:
            answer = self._run(method, asked, name, command, login)
        except Exception as error:  # noqa: BLE001 it is the client's
            logging.info("%s on %s: %s: %s", asked, name, type(error).__name__, error)
            return command_failure(error)
        return {"ok": 1.0, **answer}

    def _run(
        self, method: Any, asked: str, name: str, command: dict[str, Any], login: Login
    ) -> dict[str, Any]:
        if "startTransaction" in command or "txnNumber" in command:
            raise CommandError(20, "IllegalOperation", "transactions need a replica set")
        if not callable(method) or asked.startswith("_"):
            raise CommandError(59, "CommandNotFound", f"no such command: '{asked}'")
        if self.users:
            refuse_unless_allowed(login.user, asked, name, command)
        if self.refusal and asked.lower() in _WRITES and self.refusal.exists():
            code, kind, text = self.refusal.read_text().split(maxsplit=2)
            raise CommandError(int(code), kind, text)
        with self.turn:
            try:
                answer: dict[str, Any] = method(name, command)
                if asked.lower() in ("hello", "ismaster"):
                    answer |= greeting(login, self.users, command)
                return answer
            finally:
                self.databases.write()


class _Connection(socketserver.BaseRequestHandler):
    server: MongoServer

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.login = Login(self.server.users)
        numbers = itertools.count(1)
        try:
            with self._secured() as self.talk:
                while True:
                    length, asked, _, code = struct.unpack("<iiii", self._read(16))
                    reply = self._reply(code, self._read(length - 16))
                    if reply is None:
                        continue
                    code, body = reply
                    head = struct.pack("<iiii", 16 + len(body), next(numbers), asked, code)
                    self.talk.sendall(head + body)
        except ssl.SSLError as error:
            logging.info("Error receiving request from client: SSLHandshakeFailed: %s", error)
        except OSError:  # the client has left
            return

    def _secured(self) -> socket.socket:
        """The connection itself, or what speaks TLS over it; refuse one for the other."""
        asks_for_tls = self.request.recv(2, socket.MSG_PEEK) == _TLS_HANDSHAKE
        if self.server.tls is not None:
            if not asks_for_tls:
                raise ssl.SSLError("The server is configured to only allow SSL connections")
            return self.server.tls.wrap_socket(self.request, server_side=True)
        if asks_for_tls:
            raise ssl.SSLError("SSL handshake received but server is started without SSL support")
        return self.request

    def _reply(self, code: int, body: bytes) -> tuple[int, bytes] | None:
        if code == _OP_MSG:
            flags, command = _read_message(body)
            answer = self.server.answer(command, self.login)
            if flags & _MORE_TO_COME:
                return None
            return _OP_MSG, struct.pack("<I", 0) + b"\0" + _encoded(answer)
        if code == _OP_QUERY:
            end = body.index(b"\0", 4)
            query = bson.decode(body[end + 9 :], CODEC)
            name = body[4:end].decode().partition(".")[0]
            answer = self.server.answer({**query.get("$query", query), "$db": name}, self.login)
            return _OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + _encoded(answer)
        raise ConnectionError(f"message of kind {code}")

    def _read(self, length: int) -> bytes:
        got = bytearray()
        while len(got) < length:
            part = self.talk.recv(min(length - len(got), 1 << 20))
            if not part:
                raise ConnectionError
            got += part
        return bytes(got)


def _read_message(body: bytes) -> tuple[int, dict[str, Any]]:
    """The command, with the documents that were sent beside it."""
    (flags,) = struct.unpack_from("<I", body)
    end = len(body) - (4 if flags & _CHECKSUM_PRESENT else 0)
    command: dict[str, Any] = {}
    beside: dict[str, list[Any]] = {}
    position = 4
    while position < end:
        kind = body[position]
        position += 1
        (size,) = struct.unpack_from("<i", body, position)
        section = body[position : position + size]
        if kind == 0:
            command = bson.decode(section, CODEC)
        else:
            zero = section.index(b"\0", 4)
            beside[section[4:zero].decode()] = bson.decode_all(section[zero + 1 :], CODEC)
        position += size
    return flags, {**command, **beside}


def _encoded(answer: dict[str, Any]) -> bytes:
    try:
        return bson.encode(answer)
    except (bson.errors.BSONError, OverflowError) as error:
        return bson.encode({"ok": 0.0, "code": 22, "errmsg": f"no answer: {error}"})
