"""Promise: what servers of other makers and states say is told by its likely cause."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure
from pymongo.errors import ServerSelectionTimeoutError as Timeout

from sulfox.stores.server_failures import explain_server_failure

QUOTA = "you are over your space quota, using 513 MB of 512 MB"


@pytest.mark.parametrize(
    ("error", "code", "found"),
    [
        (OperationFailure("bad auth : authentication failed", 8000), "SFX-501", "let this user in"),
        (OperationFailure(QUOTA, 8000), "SFX-503", "over your space quota"),
        (OperationFailure("not primary", 10107), "SFX-503", "not primary"),
        (OperationFailure("planner returned error", 2), "SFX-501", "failed: planner returned"),
        (
            BulkWriteError({"writeErrors": [{"code": 14031, "errmsg": "available disk space is"}]}),
            "SFX-503",
            "available disk space is",
        ),
        (
            OperationFailure('not authorized on a to execute command { update: "x", q: 1 }', 13),
            "SFX-503",
            "to execute command update",
        ),
        (
            OperationFailure('not authorized on a to execute command { find: "x", filter: 1 }', 13),
            "SFX-501",
            "but not read: not authorized on a to execute command find",
        ),
        (
            Timeout("h:1: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                    "certificate has expired (_ssl.c:1006) (configured timeouts: 5 s)"),
            "SFX-501",
            "not trusted: certificate has expired",
        ),
        (
            Timeout("SSL handshake failed: h:1: [SSL: WRONG_VERSION_NUMBER] wrong version number"),
            "SFX-501",
            "may have none",
        ),
        (AutoReconnect("h:1: connection closed (configured"), "SFX-501", "may want TLS"),
        (
            Timeout("h:1: [Errno 111] Connection refused (configured timeouts: 5 s), Timeout: 5 s"),
            "SFX-501",
            "ServerSelectionTimeoutError: Connection refused",
        ),
        (
            Timeout("h:1: [Errno -2] Name or service not known (configured timeouts: 5 s)"),
            "SFX-501",
            "ServerSelectionTimeoutError: Name or service not known",
        ),
        (Timeout("No servers found yet"), "SFX-501", "ServerSelectionTimeoutError"),
    ],
)  # fmt: skip
def test_likely_causes(error, code, found):
    failure = explain_server_failure(error)
    assert failure.code == code
    assert found in failure.found
    line = failure.error("database").line
    assert "h:1" not in line
    assert "filter" not in line
