"""Materials of the catalogue, read once."""

from __future__ import annotations

import pytest

from sulfox.materials.catalogue import Material, load_material
from sulfox.materials.ordering import OrderedMaterial, ordered_representative


@pytest.fixture(scope="session")
def lco() -> Material:
    return load_material("LCO")


@pytest.fixture(scope="session")
def coo() -> Material:
    return load_material("CoO")


@pytest.fixture(scope="session")
def lpscl() -> Material:
    return load_material("LPSCl")


@pytest.fixture(scope="session")
def lpscl_representative(lpscl: Material) -> OrderedMaterial:
    return ordered_representative(lpscl)
