"""Materials of the catalogue, ordered once for all tests of the room."""

from __future__ import annotations

import pytest

from sulfox.materials.catalogue import load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative


@pytest.fixture(scope="session")
def lco() -> OrderedMaterial:
    return ordered_representative(load_material("LCO"))


@pytest.fixture(scope="session")
def coo() -> OrderedMaterial:
    return ordered_representative(load_material("CoO"))


@pytest.fixture(scope="session")
def lpscl() -> OrderedMaterial:
    return ordered_representative(load_material("LPSCl"))


@pytest.fixture(scope="session")
def carbonate() -> OrderedMaterial:
    return ordered_representative(load_material("Li2CO3"))
