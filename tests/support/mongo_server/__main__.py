"""``python -m mongo_server --file DB --port N``: for tests; stops on SIGTERM."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from mongo_server.storage import DurableDatabases
from mongo_server.wire import MongoServer


def main() -> None:
    options = argparse.ArgumentParser(prog="mongo_server")
    options.add_argument("--file", type=Path, required=True)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--refusal", type=Path, help="no write while this file exists")
    asked = options.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    databases = DurableDatabases(asked.file)
    server = MongoServer(("127.0.0.1", asked.port), databases, asked.refusal)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    logging.info("listening on port %s", server.server_address[1])
    server.serve_forever()
    server.databases.file.close()


if __name__ == "__main__":
    main()
