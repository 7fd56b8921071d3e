"""Promises that every document keeps: units, required fields, frozen, unknown keys refused."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import typing

import pytest
from pydantic import BaseModel, ValidationError

import sulfox.documents
import sulfox.materials
import sulfox.protocols
from sulfox.documents.base import Document, Provenance, Record, Status, content_hash
from sulfox.documents.kinds import DOCUMENT_KINDS
from sulfox.documents.structure import StructureRecord
from sulfox.units import Unit


def records():
    found = set()
    for package in (sulfox.documents, sulfox.materials, sulfox.protocols):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            for _, member in inspect.getmembers(
                importlib.import_module(module.name), inspect.isclass
            ):
                if issubclass(member, Record) and member is not Record:
                    found.add(member)
    return sorted(found, key=lambda model: model.__name__)


def bare_floats(hint, metadata=()):
    """Yield every float inside a type hint that has no unit beside it."""
    if hint is float:
        yield from () if any(isinstance(m, Unit) for m in metadata) else (hint,)
    elif typing.get_origin(hint) is typing.Annotated:
        inner, *extra = typing.get_args(hint)
        yield from bare_floats(inner, (*metadata, *extra))
    else:
        for argument in typing.get_args(hint):
            yield from bare_floats(argument, metadata)


@pytest.mark.parametrize("model", records(), ids=lambda model: model.__name__)
def test_every_float_says_its_unit(model):
    hints = typing.get_type_hints(model, include_extras=True)
    bare = [name for name in model.model_fields if list(bare_floats(hints[name]))]
    assert bare == []


@pytest.mark.parametrize("model", DOCUMENT_KINDS.values(), ids=lambda model: model.__name__)
def test_no_document_validates_with_nothing_or_with_an_unknown_key(model):
    with pytest.raises(ValidationError):
        model()
    with pytest.raises(ValidationError, match="Extra inputs"):
        model(temprature_K=300)


def test_kinds_and_classes_agree():
    for kind, model in DOCUMENT_KINDS.items():
        assert issubclass(model, Document)
        assert model.model_fields["kind"].default == kind


def test_units_reach_the_json_schema():
    schema = json.dumps(DOCUMENT_KINDS["trajectory"].model_json_schema())
    for unit in ('"K"', '"fs"', '"ps"', '"eV/atom/ps"'):
        assert f'"unit": {unit}' in schema


def make_structure(**changes):
    content = {
        "lattice": ((4.0, 0, 0), (0, 5.0, 0), (0, 0, 6.0)),
        "species": ("Li", "S"),
        "positions": ((0, 0, 0), (1.0, 1.0, 1.0)),
        "sides": ("bulk", "bulk"),
    }
    return StructureRecord(**(content | changes))


def test_documents_are_frozen_and_finite():
    structure = make_structure()
    with pytest.raises(ValidationError):
        structure.species = ("O", "O")
    with pytest.raises(ValidationError):
        make_structure(positions=((0, 0, 0), (float("nan"), 0, 0)))
    with pytest.raises(ValidationError, match="positions"):
        make_structure(positions=((0, 0, 0),))


def test_structures_survive_ase_and_pymatgen():
    structure = make_structure(moments=(0.0, 2.5), sides=("cathode", "electrolyte"))
    for back in (
        StructureRecord.from_ase(structure.to_ase(), sides=structure.sides),
        StructureRecord.from_pymatgen(structure.to_pymatgen(), sides=structure.sides),
    ):
        assert back.hash == structure.hash


def test_the_hash_sees_content_not_order_or_noise():
    assert content_hash({"a": 1, "b": 2.0}) == content_hash({"b": 2.0, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    structure = make_structure()
    assert make_structure(positions=((1e-12, 0, 0), (1, 1, 1))).hash == structure.hash
    assert make_structure(positions=((1e-3, 0, 0), (1, 1, 1))).hash != structure.hash
    assert make_structure(sides=("bulk", "cathode")).hash != structure.hash


def test_provenance_is_required():
    with pytest.raises(ValidationError, match="provenance"):
        Document(kind="x", id="x", status=Status.COMPLETE)
    with pytest.raises(ValidationError, match="level_of_theory"):
        Provenance(engine="mlip", inputs_hash="0")


def test_every_model_of_the_package_forbids_unknown_keys():
    for model in records():
        assert issubclass(model, BaseModel)
        assert model.model_config["extra"] == "forbid"
        assert model.model_config["frozen"]
