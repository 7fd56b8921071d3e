"""``python -m mongo_server --file DB --port N``: for tests; stops on SIGTERM."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from mongo_server.storage import DurableDatabases
from mongo_server.users import User, Users
from mongo_server.wire import MongoServer


def main() -> None:
    options = argparse.ArgumentParser(prog="mongo_server")
    options.add_argument("--file", type=Path, required=True)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--refusal", type=Path, help="no write while this file exists")
    options.add_argument("--tls-cert", type=Path, help="PEM with key and chain; then TLS only")
    options.add_argument(
        "--user",
        type=User.parse,
        action="append",
        default=[],
        help="[SOURCE.]NAME:PASSWORD:read|readWrite@DATABASE or NAME:PASSWORD:root; repeatable",
    )
    asked = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    databases = DurableDatabases(asked.file)
    server = MongoServer(
        ("127.0.0.1", asked.port),
        databases,
        refusal=asked.refusal,
        users=Users(asked.user),
        certificate=asked.tls_cert,
    )
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    logging.info("listening on port %s", server.server_address[1])
    server.serve_forever()
    server.databases.file.close()


if __name__ == "__main__":
    main()
