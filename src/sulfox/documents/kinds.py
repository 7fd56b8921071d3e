"""The kinds of documents: one table from the word in a store to its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sulfox.documents.arrhenius import ArrheniusDoc
from sulfox.documents.band_alignment import BandAlignmentDoc
from sulfox.documents.band_center import BandCenterDoc
from sulfox.documents.base import Document
from sulfox.documents.coherent_interface import CoherentInterfaceDoc
from sulfox.documents.comparison import ComparisonDoc
from sulfox.documents.electronic_structure import ElectronicStructureDoc
from sulfox.documents.entry_set import ComputedEntrySetDoc
from sulfox.documents.galvanostatic_titration import GalvanostaticTitrationDoc
from sulfox.documents.gas_reduction import GasReductionDoc
from sulfox.documents.interface import InterfaceDoc
from sulfox.documents.layered_dos import LayeredBandCenterDoc
from sulfox.documents.pair_table import PairTableDoc
from sulfox.documents.reaction_energy import ReactionEnergyDoc
from sulfox.documents.relaxation import RelaxationDoc
from sulfox.documents.screening import ScreeningDoc
from sulfox.documents.stability_window import StabilityWindowDoc
from sulfox.documents.sulfur_bonds import SulfurBondRateDoc, SulfurBondsDoc
from sulfox.documents.trajectory import TrajectoryDoc
from sulfox.documents.voltage_curve import VoltageCurveDoc

__all__ = ["BULKY_FIELDS", "DOCUMENT_KINDS", "parse_document"]

#: ``kind`` in a store -> class.
DOCUMENT_KINDS: dict[str, type[Document]] = {
    "interface": InterfaceDoc,
    "coherent_interface": CoherentInterfaceDoc,
    "relaxation": RelaxationDoc,
    "trajectory": TrajectoryDoc,
    "sulfur_bonds": SulfurBondsDoc,
    "sulfur_bond_rate": SulfurBondRateDoc,
    "comparison": ComparisonDoc,
    "reaction_energy": ReactionEnergyDoc,
    "stability_window": StabilityWindowDoc,
    "band_center": BandCenterDoc,
    "band_alignment": BandAlignmentDoc,
    "layered_band_center": LayeredBandCenterDoc,
    "arrhenius": ArrheniusDoc,
    "galvanostatic_titration": GalvanostaticTitrationDoc,
    "gas_reduction": GasReductionDoc,
    "voltage_curve": VoltageCurveDoc,
    "electronic_structure": ElectronicStructureDoc,
    "entry_set": ComputedEntrySetDoc,
    "pair_table": PairTableDoc,
    "screening": ScreeningDoc,
}

#: Fields with a value per atom, per frame or per bond, left out of listings.
BULKY_FIELDS: dict[str, frozenset[str]] = {
    "entry_set": frozenset({"phases"}),
    "interface": frozenset({"structure"}),
    "coherent_interface": frozenset({"structure", "layers"}),
    "relaxation": frozenset({"initial", "final"}),
    "trajectory": frozenset({"species", "sides"}),
    "sulfur_bonds": frozenset({"times_ps", "counts", "lifetimes"}),
    "band_center": frozenset({"sites", "per_site"}),
    "band_alignment": frozenset({"rows", "variants", "literature"}),
    "layered_band_center": frozenset({"energies_eV", "layers"}),
    "gas_reduction": frozenset({"reactions", "steps", "predominance"}),
    "voltage_curve": frozenset({"points", "segments"}),
    "arrhenius": frozenset({"points"}),
    "electronic_structure": frozenset({"structure", "energies_eV", "curves"}),
}


def parse_document(content: Mapping[str, Any]) -> Document:
    """Make the typed document that a stored mapping holds.

    Parameters
    ----------
    content : mapping
        JSON form of a document, with ``kind``.

    Returns
    -------
    Document
        Of the class of its kind.

    Raises
    ------
    KeyError
        If the kind is not in :data:`DOCUMENT_KINDS`.
    pydantic.ValidationError
        If the content does not fit the class.
    """
    return DOCUMENT_KINDS[content["kind"]].model_validate(content)
