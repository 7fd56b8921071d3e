"""Commands about the server, its databases, collections and indexes."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import bson
from bson import Binary, Int64
from mongo_server.cursors import MAX_BSON_BYTES, Cursors
from mongo_server.failures import CommandError
from mongo_server.storage import DurableDatabases
from mongomock_ng.filtering import filter_applies

__all__ = ["ServerCommands"]

Command = dict[str, Any]
_ALL = 100_000


class ServerCommands:
    """One method per command, named as the protocol names it in lower case."""

    def __init__(self, databases: DurableDatabases, cursors: Cursors) -> None:
        self.databases = databases
        self.cursors = cursors
        self.started = time.monotonic()

    def hello(self, name: str, command: Command) -> Command:
        return {
            "ismaster": True,
            "isWritablePrimary": True,
            "helloOk": True,
            "maxBsonObjectSize": MAX_BSON_BYTES,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "localTime": datetime.now(UTC),
            "logicalSessionTimeoutMinutes": 30,
            "connectionId": 1,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "readOnly": False,
        }

    ismaster = hello

    def ping(self, name: str, command: Command) -> Command:
        return {}

    endsessions = refreshsessions = getparameter = ping

    def buildinfo(self, name: str, command: Command) -> Command:
        return {
            "version": "7.0.0",
            "versionArray": [7, 0, 0, 0],
            "gitVersion": "mongo_server of sulfox's tests",
            "bits": 64,
            "maxBsonObjectSize": MAX_BSON_BYTES,
            "modules": [],
        }

    def startsession(self, name: str, command: Command) -> Command:
        return {"id": {"id": Binary(uuid.uuid4().bytes, 4)}, "timeoutMinutes": 30}

    def serverstatus(self, name: str, command: Command) -> Command:
        uptime = time.monotonic() - self.started
        now = datetime.now(UTC)
        return {"version": "7.0.0", "pid": os.getpid(), "uptime": uptime, "localTime": now}

    def listdatabases(self, name: str, command: Command) -> Command:
        names = self.databases.client.list_database_names()
        return {"databases": [{"name": n, "sizeOnDisk": Int64(0), "empty": False} for n in names]}

    def dbstats(self, name: str, command: Command) -> Command:
        collections = self.databases.collections(name)
        objects = sum(len(self.databases.content(name, c)) for c in collections)
        return {"db": name, "collections": len(collections), "objects": objects, "dataSize": 0.0}

    def collstats(self, name: str, command: Command) -> Command:
        content = self.databases.content(name, command["collStats"])
        size = sum(len(bson.encode(document)) for document in content.documents)
        place = f"{name}.{content.name}"
        counts = {"count": len(content), "nindexes": 1 + len(content.indexes)}
        return {"ns": place, "size": size, "storageSize": size, **counts}

    def create(self, name: str, command: Command) -> Command:
        if self.databases.content(name, command["create"]).is_created:
            raise CommandError(48, "NamespaceExists", "Collection already exists")
        self.databases.content(name, command["create"]).create()
        self.databases.write(created=(name, command["create"]))
        return {}

    def drop(self, name: str, command: Command) -> Command:
        content = self.databases.content(name, command["drop"])
        if not content.is_created:
            raise CommandError(26, "NamespaceNotFound", "ns not found")
        content.drop()
        return {"ns": f"{name}.{command['drop']}"}

    def dropdatabase(self, name: str, command: Command) -> Command:
        for collection in self.databases.collections(name):
            self.databases.content(name, collection).drop()
        return {"dropped": name}

    def renamecollection(self, name: str, command: Command) -> Command:
        database, _, source = command["renameCollection"].partition(".")
        other, _, target = command["to"].partition(".")
        if database != other:
            raise NotImplementedError("rename across databases")
        old, new = (self.databases.content(database, c) for c in (source, target))
        if not old.is_created:
            raise CommandError(26, "NamespaceNotFound", "source collection does not exist")
        if new.is_created and not command.get("dropTarget"):
            raise CommandError(48, "NamespaceExists", "target namespace exists")
        new.drop()
        for key, document in old._documents.items():
            new[key] = document
        new.indexes = dict(old.indexes)
        old.drop()
        self.databases.write(created=(database, target))
        return {}

    def listcollections(self, name: str, command: Command) -> Command:
        wanted = command.get("filter") or {}
        info = {"type": "collection", "options": {}, "info": {"readOnly": False}}
        found = [{"name": c, **info} for c in self.databases.collections(name)]
        found = [document for document in found if filter_applies(wanted, document)]
        return self.cursors.first(f"{name}.$cmd.listCollections", found, _ALL, single=True)

    def createindexes(self, name: str, command: Command) -> Command:
        place = (name, command["createIndexes"])
        content = self.databases.content(*place)
        before = 1 + len(content.indexes)
        for index in command["indexes"]:
            keys = list(index["key"].items())
            left_out = ("key", "v", "background", "ns")
            options = {k: v for k, v in index.items() if k not in left_out}
            if keys == [("_id", 1)]:
                continue
            if any(isinstance(way, str) for _, way in keys):  # text, hashed: only remembered
                content.create_index(index["name"], {"key": keys})
                continue
            self.databases.collection(*place).create_index(
                [(k, int(way)) for k, way in keys], **options
            )
        self.databases.write(created=place)
        return {"numIndexesBefore": before, "numIndexesAfter": 1 + len(content.indexes)}

    def listindexes(self, name: str, command: Command) -> Command:
        collection = command["listIndexes"]
        content = self.databases.content(name, collection)
        if not content.is_created:
            raise CommandError(26, "NamespaceNotFound", f"ns does not exist: {name}.{collection}")
        found = [{"v": 2, "key": {"_id": 1}, "name": "_id_"}]
        for index_name, index in content.indexes.items():
            options = {k: v for k, v in index.items() if k not in ("key", "v")}
            if index_name != "_id_":
                found.append({"v": 2, "key": dict(index["key"]), "name": index_name, **options})
        return self.cursors.first(f"{name}.{collection}", found, _ALL, single=True)

    def dropindexes(self, name: str, command: Command) -> Command:
        place = (name, command["dropIndexes"])
        content = self.databases.content(*place)
        wanted = command.get("index", "*")
        if wanted == "*":
            names = list(content.indexes)
        elif isinstance(wanted, dict):
            names = [n for n, i in content.indexes.items() if dict(i["key"]) == wanted]
        else:
            names = [wanted] if isinstance(wanted, str) else list(wanted)
        for index_name in names:
            if index_name not in content.indexes:
                raise CommandError(27, "IndexNotFound", f"index not found with name [{index_name}]")
            content.drop_index(index_name)
        self.databases.write(created=place)
        return {}
