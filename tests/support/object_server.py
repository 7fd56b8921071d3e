"""As much of S3 as maggma's S3Store asks for, for tests: buckets and objects in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

__all__ = ["ObjectServer", "running_object_server"]


class ObjectServer(ThreadingHTTPServer):
    """Objects by ``bucket/key``; `key_ids` holds whose requests are taken, None takes all."""

    daemon_threads = True

    def __init__(self, buckets: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.buckets = buckets
        self.objects: dict[str, bytes] = {}
        self.key_ids: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ObjectServer

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(200 if self._is_there() else 404)

    def do_GET(self) -> None:
        if self._name in self.server.objects:
            self._answer(200, self.server.objects[self._name])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>")

    def do_PUT(self) -> None:
        self._note_user()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            body = _from_chunks(body)
        self.server.objects[self._name] = body
        self._answer(200)

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).strip("/")

    def _is_there(self) -> bool:
        self._note_user()
        return self._name in self.server.buckets or self._name in self.server.objects

    def _note_user(self) -> None:
        signed = self.headers.get("Authorization", "").partition("Credential=")[2]
        self.server.key_ids.add(signed.partition("/")[0])

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _from_chunks(body: bytes) -> bytes:
    found = b""
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.partition(b";")[0], 16)
        if size == 0:
            break
        found, body = found + rest[:size], rest[size + 2 :]
    return found


@contextmanager
def running_object_server(*buckets: str) -> Iterator[ObjectServer]:
    """A server on a free port of this machine."""
    server = ObjectServer(buckets)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
