"""Promise: the database of the tests means what MongoDB means, through real sockets.

The same list runs against the server of SULFOX_TEST_MONGO_URI, a mongod, or the wire server of
tests/support, so that what passes there is what the workflow engines meet on a cluster. Users
and TLS are tried at the wire server only: a test makes no users on somebody's server.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import threading

import gridfs
import pymongo.errors
import pytest
from bson import Decimal128, Int64, ObjectId
from mongo_fixture import make_guarded_mongo, make_mongo
from pymongo import InsertOne, ReplaceOne, ReturnDocument, UpdateOne, WriteConcern


@pytest.fixture
def docs(database):
    return database["docs"]


def fill(docs, *contents):
    docs.insert_many([{"_id": i, **content} for i, content in enumerate(contents)])


def test_values_come_back_with_their_types_and_order(docs):
    sent = {
        "_id": ObjectId(),
        "z": 1,
        "a": 1.0,
        "when": dt.datetime(2024, 1, 2, 3, 4, 5, 678000),
        "big": Int64(2**40),
        "raw": b"\x00\x01\xff" * 100,
        "none": None,
        "yes": True,
        "exact": Decimal128("1.10"),
        "lists": [[1, 2], [3, [4.5, "x"]]],
        "inf": math.inf,
        "nested": {"a": [1, {"b": 2}], "oid": ObjectId()},
    }
    docs.insert_one(dict(sent))
    got = docs.find_one({"_id": sent["_id"]})
    assert got == sent
    assert list(got) == list(sent)
    assert [type(got[name]) for name in ("z", "a")] == [int, float]


def test_databases_are_apart(mongo, database):
    database["x"].insert_one({"v": 1})
    other = mongo.client()[database.name + "-other"]
    assert other.list_collection_names() == []
    assert database.list_collection_names() == ["x"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"$or": [{"_id": 1}, {"_id": 2}]}, 2),
        ({"$and": [{"_id": {"$gt": 3}}, {"_id": {"$lt": 5}}]}, 1),
        ({"_id": {"$nin": [1, 2]}}, 8),
        ({"odd": {"$exists": True}}, 5),
        ({"odd": None}, 5),
        ({"_id": {"$ne": 3}}, 9),
        ({"name": {"$regex": "^name7"}}, 1),
        ({"parts": {"$elemMatch": {"a": 3, "b": 1}}}, 1),
        ({"list": {"$all": [3, 4]}}, 1),
        ({"list": 3}, 2),
        ({"parts.a": 3}, 1),
        ({"_id": {"$not": {"$lt": 6}}}, 4),
        ({"when": {"$gte": dt.datetime(2024, 1, 5), "$lt": dt.datetime(2024, 1, 8)}}, 3),
    ],
)
def test_operators(docs, query, expected):
    for i in range(10):
        odd = {"odd": 1} if i % 2 else {}
        more = {"list": [i, i + 1], "parts": [{"a": i, "b": i % 2}], **odd}
        docs.insert_one({"_id": i, "name": f"name{i}", "when": dt.datetime(2024, 1, i + 1), **more})
    assert docs.count_documents(query) == expected


def test_projection_sort_skip_limit(docs):
    fill(docs, *({"a": {"b": i, "c": -i}, "even": i % 2 == 0} for i in range(20)))
    found = docs.find({"_id": {"$gte": 5}}, {"a.b": 1, "_id": 0}).sort("_id", -1).skip(2).limit(3)
    assert list(found) == [{"a": {"b": i}} for i in (17, 16, 15)]
    found = docs.find({"_id": {"$lt": 4}}).sort([("even", -1), ("a.c", 1)])
    assert [d["_id"] for d in found] == [2, 0, 3, 1]
    assert sorted(docs.distinct("a.b", {"_id": {"$lt": 3}})) == [0, 1, 2]


def test_a_long_answer_comes_in_batches(docs):
    fill(docs, *({"p": "x" * 100} for _ in range(3000)))
    assert len(list(docs.find().batch_size(500))) == 3000


def test_updates(docs):
    docs.insert_one({"_id": 1, "a": {"b": 1}, "l": [1], "n": 1, "u": 1})
    more = {"$inc": {"n": 5}, "$push": {"l": 2}, "$unset": {"u": ""}}
    docs.update_one({"_id": 1}, {"$set": {"a.c": 2, "new.x": 3}, **more})
    docs.update_one({"_id": 1}, {"$addToSet": {"l": 2}})
    docs.update_one({"_id": 1}, {"$pull": {"l": 1}})
    expected = {"_id": 1, "a": {"b": 1, "c": 2}, "l": [2], "n": 6, "new": {"x": 3}}
    assert docs.find_one() == expected


def test_updates_inside_arrays(docs):
    docs.insert_one({"_id": 1, "l": [{"i": 1, "s": 1}, {"i": 2, "s": 2}]})
    docs.update_one({"_id": 1, "l.i": 2}, {"$set": {"l.$.s": 7}})
    docs.update_one({"_id": 1}, {"$set": {"l.$[e].s": 8}}, array_filters=[{"e.i": 1}])
    docs.update_one({"_id": 1}, {"$set": {"l.0.k": 9}})
    docs.update_one({"_id": 1}, {"$push": {"l": {"$each": [{"s": 3}, {"s": 4}]}}})
    listed = docs.find_one()["l"]
    assert [x["s"] for x in listed] == [8, 7, 3, 4]
    assert listed[0]["k"] == 9


def test_counts_of_updates(docs):
    docs.insert_one({"_id": 1, "x": 1})
    same = docs.update_one({"_id": 1}, {"$set": {"x": 1}})
    new = docs.update_one({"_id": 2}, {"$set": {"x": 1}, "$setOnInsert": {"c": 1}}, upsert=True)
    both = docs.update_many({}, {"$set": {"y": 1}})
    assert (same.matched_count, same.modified_count) == (1, 0)
    assert (new.matched_count, new.upserted_id, both.matched_count) == (0, 2, 2)
    assert docs.find_one({"_id": 2}) == {"_id": 2, "x": 1, "c": 1, "y": 1}


def test_bulk_and_replace(docs):
    writes = [
        InsertOne({"_id": 1}),
        UpdateOne({"_id": 1}, {"$set": {"x": 1}}),
        ReplaceOne({"u": 2}, {"u": 2}, upsert=True),
        UpdateOne({"u": 3}, {"$set": {"y": 1}}, upsert=True),
    ]
    done = docs.bulk_write(writes, ordered=False)
    assert (done.inserted_count, done.modified_count, done.upserted_count) == (1, 1, 2)
    docs.replace_one({"u": 2}, {"u": 2, "v": 1}, upsert=True)
    assert docs.find_one({"u": 2})["v"] == 1
    assert docs.count_documents({}) == 3


def test_find_and_modify(docs):
    after = {"upsert": True, "return_document": ReturnDocument.AFTER}
    count = [docs.find_one_and_update({"_id": "c"}, {"$inc": {"n": 1}}, **after) for _ in range(2)]
    assert [c["n"] for c in count] == [1, 2]
    fill(docs, *({"p": 10 - i, "state": "R"} for i in range(5)))
    taken = docs.find_one_and_update(
        {"state": "R"}, {"$set": {"state": "X"}}, sort=[("p", 1)], projection={"p": 1}
    )
    assert (taken, docs.find_one({"state": "X"})["_id"]) == ({"_id": 4, "p": 6}, 4)
    assert docs.find_one_and_update({"q": 1}, {"$set": {"x": 1}}) is None
    assert docs.find_one_and_delete({"_id": 4})["p"] == 6


def test_an_update_that_fails_is_an_error_and_leaves_nothing(docs):
    docs.insert_one({"_id": 1, "a": "text", "b": 1})
    with pytest.raises(pymongo.errors.PyMongoError):
        docs.update_one({"_id": 1}, {"$set": {"b": 2}, "$inc": {"a": 1}})
    assert docs.find_one() == {"_id": 1, "a": "text", "b": 1}


def test_unique_keys(docs):
    docs.create_index([("uuid", 1), ("index", 1)], unique=True)
    fill(docs, {"uuid": "u", "index": 1}, {"uuid": "u", "index": 2})
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        docs.insert_one({"uuid": "u", "index": 1})
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        docs.update_one({"_id": 1}, {"$set": {"index": 1}})
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        docs.insert_one({"_id": 0})
    assert docs.count_documents({}) == 2
    assert sorted(docs.index_information()) == ["_id_", "uuid_1_index_1"]


def test_only_one_of_many_wins_a_lock(mongo, docs):
    docs.insert_one({"_id": "lock", "owner": None})
    won = []

    def take(number):
        own = mongo.client()[docs.database.name][docs.name]
        if own.find_one_and_update({"_id": "lock", "owner": None}, {"$set": {"owner": number}}):
            won.append(number)

    threads = [threading.Thread(target=take, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_aggregation(database, docs):
    fill(docs, *({"f": "A" if i % 2 else "B", "e": i, "l": [1, 2]} for i in range(10)))
    groups = docs.aggregate(
        [
            {"$match": {"e": {"$gte": 2}}},
            {"$group": {"_id": "$f", "n": {"$sum": 1}, "most": {"$max": "$e"}}},
            {"$sort": {"_id": 1}},
        ]
    )
    assert list(groups) == [{"_id": "A", "n": 4, "most": 9}, {"_id": "B", "n": 4, "most": 8}]
    database["names"].insert_many([{"_id": 1, "name": "x"}, {"_id": 2, "name": "y"}])
    lookup = {"from": "names", "localField": "l", "foreignField": "_id", "as": "o"}
    joined = [{"$match": {"_id": 0}}, {"$unwind": "$l"}, {"$lookup": lookup}]
    assert [d["o"][0]["name"] for d in docs.aggregate(joined)] == ["x", "y"]


def test_counting_and_deleting(docs):
    fill(docs, *({"x": i % 2} for i in range(6)))
    assert docs.estimated_document_count() == 6
    assert docs.delete_one({"x": 0}).deleted_count == 1
    assert docs.delete_many({"x": 1}).deleted_count == 3
    assert docs.count_documents({}) == 2


def test_large_documents(docs):
    docs.insert_one({"_id": 1, "text": "x" * 15_000_000})
    assert len(docs.find_one({"_id": 1})["text"]) == 15_000_000
    with pytest.raises(pymongo.errors.DocumentTooLarge):
        docs.insert_one({"text": "x" * (17 << 20)})


def test_gridfs(database):
    content = os.urandom(3_000_000)
    files = gridfs.GridFS(database, "frames")
    number = files.put(content, filename="f", metadata={"uuid": "u1"})
    assert files.exists({"metadata.uuid": "u1"})
    assert files.get(number).read() == content
    files.delete(number)
    assert database["frames.chunks"].count_documents({}) == 0


def test_sessions_and_write_concern(database):
    docs = database.get_collection("docs", write_concern=WriteConcern("majority"))
    docs.insert_one({"x": 1})
    with database.client.start_session() as session:
        assert docs.find_one({"x": 1}, session=session)["x"] == 1


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    mongo = make_mongo(tmp_path)
    if mongo.process is None:
        pytest.skip("the server is not ours to kill")
    docs = mongo.client()["lab"]["docs"]
    docs.create_index("k", unique=True)
    docs.insert_one({"k": 1, "n": 0})
    for _ in range(5):
        docs.update_one({"k": 1}, {"$inc": {"n": 1}})
    docs.insert_one({"k": 2})
    docs.delete_one({"k": 2})
    mongo.kill()
    mongo.start()
    docs = mongo.client()["lab"]["docs"]
    assert [(d["k"], d["n"]) for d in docs.find()] == [(1, 5)]
    with pytest.raises(pymongo.errors.DuplicateKeyError):
        docs.insert_one({"k": 1})
    mongo.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The wire server with users: what a mongod says of them, to the same client."""
    pytest.importorskip("scramp", reason="needs sulfox[dev]")
    users = ("w:p:s s/ß:readWrite@lab", "r:read-pass:read@lab", "admin.a:a-pass:readWrite@lab")
    mongo = make_guarded_mongo(tmp_path_factory.mktemp("guarded"), *users, "root:root-pass:root")
    yield mongo
    mongo.stop()


def entered(mongo, name=None, password=None, source="lab", **more):
    who = {"username": name, "password": password, "authSource": source} if name else {}
    return pymongo.MongoClient(mongo.uri, serverSelectionTimeoutMS=1500, **who, **more)["lab"]


@pytest.mark.parametrize("mechanism", ["DEFAULT", "SCRAM-SHA-256", "SCRAM-SHA-1"])
def test_scram_lets_in_who_knows_the_password_and_nobody_else(guarded, mechanism):
    lab = entered(guarded, "w", "p:s s/ß", authMechanism=mechanism)
    lab["docs"].insert_one({"x": mechanism})
    assert lab["docs"].count_documents({"x": mechanism}) == 1
    info = lab.command("connectionStatus")["authInfo"]
    assert info["authenticatedUsers"] == [{"user": "w", "db": "lab"}]
    for name, password, source in (
        ("w", "another", "lab"),
        ("w", "p:s s/ß", "admin"),
        ("nobody", "p:s s/ß", "lab"),
    ):
        with pytest.raises(pymongo.errors.OperationFailure, match=r"Authentication failed\.") as no:
            entered(guarded, name, password, source, authMechanism=mechanism)["docs"].find_one()
        assert no.value.code == 18


def test_who_did_not_say_who_he_is_may_greet_only(guarded):
    nobody = entered(guarded)
    assert nobody.command("ping")["ok"] == 1
    with pytest.raises(pymongo.errors.OperationFailure, match="find requires authentication") as no:
        nobody["docs"].find_one()
    assert no.value.code == 13


READS = {
    "find": lambda lab: lab["docs"].find_one(),
    "count": lambda lab: lab["docs"].count_documents({}),
    "indexes": lambda lab: list(lab["docs"].list_indexes()),
    "collections": lambda lab: lab.list_collection_names(),
}
WRITES = {
    "insert": lambda lab: lab["docs"].insert_one({"x": 1}),
    "update": lambda lab: lab["docs"].update_one({"x": 1}, {"$set": {"y": 1}}),
    "find and modify": lambda lab: lab["docs"].find_one_and_delete({"x": 1}),
    "index": lambda lab: lab["docs"].create_index("x"),
    "out": lambda lab: lab["docs"].aggregate([{"$match": {}}, {"$out": "copy"}]),
    "rename": lambda lab: lab["copy"].rename("moved", dropTarget=True),
    "drop": lambda lab: lab["moved"].drop(),
}


def test_a_role_allows_what_it_allows(guarded):
    writer, reader = entered(guarded, "w", "p:s s/ß"), entered(guarded, "r", "read-pass")
    made_elsewhere = entered(guarded, "a", "a-pass", "admin")
    for may in (writer, made_elsewhere):
        for do in (*WRITES.values(), *READS.values()):
            do(may)
    writer.create_collection("copy")
    for do in READS.values():
        do(reader)
    for do in WRITES.values():
        with pytest.raises(pymongo.errors.OperationFailure, match=r"^not authorized on ") as no:
            do(reader)
        assert no.value.code == 13
        assert no.value.details["codeName"] == "Unauthorized"
    with pytest.raises(pymongo.errors.OperationFailure, match="not authorized on another to exec"):
        writer.client["another"]["docs"].find_one()
    with pytest.raises(pymongo.errors.OperationFailure, match="not authorized on lab to execute"):
        writer.client.drop_database("lab")
    entered(guarded, "root", "root-pass", "admin").client.drop_database("lab")
    assert writer.list_collection_names() == []


def test_tls_or_nothing(tmp_path):
    trustme = pytest.importorskip("trustme", reason="needs sulfox[dev]")
    own, other = trustme.CA(), trustme.CA()
    own.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "key.pem")
    own.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    mongo = make_guarded_mongo(tmp_path, certificate=tmp_path / "key.pem")
    try:
        secure = entered(mongo, tls=True, tlsCAFile=str(tmp_path / "ca.pem"))
        secure["docs"].insert_one({"x": "y" * 3_000_000})
        assert len(secure["docs"].find_one()["x"]) == 3_000_000
        for options, cause in (
            ({}, "connection closed"),
            ({"tls": True, "tlsCAFile": str(tmp_path / "other.pem")}, "CERTIFICATE_VERIFY_FAILED"),
        ):
            with pytest.raises(pymongo.errors.ServerSelectionTimeoutError, match=cause):
                entered(mongo, **options)["docs"].find_one()
    finally:
        mongo.stop()
