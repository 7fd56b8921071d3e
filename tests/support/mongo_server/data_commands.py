"""Commands that read and change documents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import bson
import mongomock_ng
from mongo_server.cursors import MAX_BSON_BYTES, Cursors
from mongo_server.failures import CommandError, write_failure
from mongo_server.storage import DurableDatabases
from pymongo.errors import DuplicateKeyError

__all__ = ["DataCommands"]

Command = dict[str, Any]


class DataCommands:
    """One method per command, named as the protocol names it in lower case."""

    def __init__(self, databases: DurableDatabases, cursors: Cursors) -> None:
        self.databases = databases
        self.cursors = cursors

    def insert(self, name: str, command: Command) -> Command:
        collection = self.databases.collection(name, command["insert"])

        def one(document: Command) -> int:
            if len(bson.encode(document)) > MAX_BSON_BYTES:
                raise CommandError(10334, "BSONObjectTooLarge", "object to insert too large")
            collection._insert({"_id": document["_id"], **document})
            return 1

        counts, failed = self._each(name, command["insert"], command, "documents", one)
        return {"n": sum(counts), **failed}

    def update(self, name: str, command: Command) -> Command:
        collection = self.databases.collection(name, command["update"])
        results = []

        def one(asked: Command) -> Any:
            change, upsert = asked["u"], asked.get("upsert", False)
            if isinstance(change, dict) and not any(key.startswith("$") for key in change):
                return collection.replace_one(asked["q"], change, upsert=upsert)
            more = {"array_filters": asked["arrayFilters"]} if asked.get("arrayFilters") else {}
            run = collection.update_many if asked.get("multi") else collection.update_one
            return run(asked["q"], change, upsert=upsert, **more)

        results, failed = self._each(name, command["update"], command, "updates", one)
        upserted = [
            {"index": place, "_id": result.upserted_id}
            for place, result in enumerate(results)
            if result is not None and result.upserted_id is not None
        ]
        done = [result for result in results if result is not None]
        matched = sum(r.matched_count for r in done if r.upserted_id is None)
        answer = {"n": matched + len(upserted), "nModified": sum(r.modified_count for r in done)}
        return answer | ({"upserted": upserted} if upserted else {}) | failed

    def _each(
        self, name: str, collection: str, command: Command, field: str, run: Callable[..., Any]
    ) -> tuple[list[Any], Command]:
        """Run each write; what failed, and the rest where the client wants it in order, is not."""
        done, failed = [], []
        for place, asked in enumerate(command[field]):
            try:
                done.append(run(asked))
            except Exception as error:  # noqa: BLE001 it is the client's
                logging.info("write to %s.%s: %s", name, collection, error)
                if field == "updates" and not isinstance(error, DuplicateKeyError):
                    self.databases.write()
                    self.databases.restore(name, collection)
                failed.append(write_failure(place, error))
                done.append(None if field == "updates" else 0)
                if command.get("ordered", True):
                    break
        return done, {"writeErrors": failed} if failed else {}

    def delete(self, name: str, command: Command) -> Command:
        collection = self.databases.collection(name, command["delete"])
        n = 0
        for asked in command["deletes"]:
            run = collection.delete_one if asked.get("limit") == 1 else collection.delete_many
            n += run(asked["q"]).deleted_count
        return {"n": n}

    def findandmodify(self, name: str, command: Command) -> Command:
        place = command.get("findAndModify") or command["findandmodify"]
        collection = self.databases.collection(name, place)
        query, fields = command.get("query") or {}, command.get("fields")
        old = collection.find_one(query, sort=list((command.get("sort") or {}).items()) or None)
        state: Command = {"n": 1 if old else 0}
        if command.get("remove"):
            if old:
                collection.delete_one({"_id": old["_id"]})
            return {"lastErrorObject": state, "value": _projected(old, fields)}
        state["updatedExisting"] = bool(old)
        upsert = bool(command.get("upsert"))
        if old is None and not upsert:
            return {"lastErrorObject": state, "value": None}
        # the query stays beside the identity: the positional operator needs it
        chosen = {**query, "_id": old["_id"]} if old else query
        try:
            result = collection._update(
                chosen, command["update"], upsert=upsert, array_filters=command.get("arrayFilters")
            )
        except Exception as error:
            if not isinstance(error, DuplicateKeyError):
                self.databases.restore(name, place)
            raise
        identity = old["_id"] if old else result["upserted"]
        if not old:
            state |= {"n": 1, "upserted": identity}
        value = collection.find_one({"_id": identity}) if command.get("new") else old
        return {"lastErrorObject": state, "value": _projected(value, fields)}

    def find(self, name: str, command: Command) -> Command:
        collection = self.databases.collection(name, command["find"])
        found = collection.find(command.get("filter") or {}, command.get("projection") or None)
        if command.get("sort"):
            found = found.sort(list(command["sort"].items()))
        if command.get("skip"):
            found = found.skip(int(command["skip"]))
        if command.get("limit"):
            found = found.limit(abs(int(command["limit"])))
        place, single = f"{name}.{command['find']}", bool(command.get("singleBatch"))
        return self.cursors.first(place, found, command.get("batchSize"), single=single)

    def getmore(self, name: str, command: Command) -> Command:
        return self.cursors.more(int(command["getMore"]), command.get("batchSize"))

    def killcursors(self, name: str, command: Command) -> Command:
        return self.cursors.close(command["cursors"])

    def aggregate(self, name: str, command: Command) -> Command:
        pipeline = command["pipeline"]
        if pipeline and "$changeStream" in pipeline[0]:
            raise CommandError(40573, "Location40573", "$changeStream needs a replica set")
        place = command["aggregate"] if isinstance(command["aggregate"], str) else "$cmd"
        found = self.databases.collection(name, place).aggregate(pipeline)
        batch = (command.get("cursor") or {}).get("batchSize")
        return self.cursors.first(f"{name}.{place}", found, batch, single=False)

    def count(self, name: str, command: Command) -> Command:
        limits = {key: command[key] for key in ("limit", "skip") if command.get(key)}
        collection = self.databases.collection(name, command["count"])
        return {"n": collection.count_documents(command.get("query") or {}, **limits)}

    def distinct(self, name: str, command: Command) -> Command:
        collection = self.databases.collection(name, command["distinct"])
        return {"values": collection.distinct(command["key"], command.get("query") or {})}


def _projected(document: Any, fields: Any) -> Any:
    if document is None or not fields:
        return document
    one = mongomock_ng.MongoClient()["one"]["one"]
    one.insert_one(dict(document))
    return one.find_one({}, fields)
