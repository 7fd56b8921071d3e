"""A CIF or POSCAR of the user's, read as if it were a catalogue entry."""

from __future__ import annotations

import gzip
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sulfox.errors import SulfoxError
from sulfox.materials.literature import Reference
from sulfox.materials.material import (
    LatticeParameters,
    Material,
    Polyanion,
    Site,
    SpaceGroup,
)

if TYPE_CHECKING:
    from pymatgen.core import Composition, PeriodicSite, Structure

__all__ = ["find_polyanions", "guess_oxidation_states", "read_structure_file"]

#: Polyanions looked for: central, ligand, coordination, largest bond length [Å].
KNOWN_POLYANIONS = (
    Polyanion(central="P", ligand="S", coordination=4, cutoff_A=2.5),
    Polyanion(central="P", ligand="O", coordination=4, cutoff_A=1.9),
    Polyanion(central="C", ligand="O", coordination=3, cutoff_A=1.6),
    Polyanion(central="S", ligand="O", coordination=4, cutoff_A=1.8),
)
#: Smallest distance of two mobile ions on partly filled sites [Å].
MOBILE_SEPARATION_A = {"Li": 2.0, "Na": 2.3}
#: Two fully occupied sites closer than this are a mistake in the file [Å].
SMALLEST_DISTANCE_A = 0.7
MAX_ATOMS = 2000
MAX_GUESS_ATOMS = 30
_ANIONS = frozenset({"N", "O", "F", "S", "Cl", "Se", "Br", "I"})
_PARSE_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    StopIteration,
    NotImplementedError,
    EOFError,
    RecursionError,
)


def read_structure_file(path: Path) -> Material:
    """Read a CIF or POSCAR (also gzipped) as a material.

    The cell is taken as the file gives it: Miller indices refer to it. Every atom is a
    site of its own (space group P1). Oxidation states are pymatgen's guess, polyanions
    are found by their geometry.

    Parameters
    ----------
    path : Path
        The format is told by the content, not by the name.

    Returns
    -------
    Material
        With role ``"unspecified"``; ``oxidation_states`` is empty where no balanced
        guess exists.

    Raises
    ------
    SulfoxError
        SFX-103 if the file is missing, empty, no CIF or POSCAR, holds numbers that are
        not finite, overlapping atoms or too many atoms.
    """
    structure = _parse(path, _read_text(path))
    _check(path, structure)
    disordered = {
        element.symbol
        for site in structure
        for element in site.species.elements
        if not site.is_ordered
    }
    return Material(
        name=path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name,
        title=f"{structure.composition.reduced_formula} from {path.name}",
        formula=structure.composition.reduced_formula,
        role="unspecified",
        space_group=SpaceGroup(symbol="P1", number=1, setting="cell as given in the file"),
        lattice=LatticeParameters(
            **dict(
                zip(LatticeParameters.model_fields, structure.lattice.parameters, strict=True),
            )
        ),
        sites=_sites(structure),
        oxidation_states=guess_oxidation_states(structure),
        min_separation_A={e: d for e, d in MOBILE_SEPARATION_A.items() if e in disordered},
        facets=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        polyanions=find_polyanions(structure),
        references=(Reference(what="structure", citation=f"file {path.name}", checked="text"),),
        source=str(path),
    )


def guess_oxidation_states(structure: Structure) -> dict[str, float]:
    """Formal charges from the composition.

    pymatgen's guess for formulas up to :data:`MAX_GUESS_ATOMS`, beyond which its search
    takes minutes; there all elements but one take their usual state and that one, a
    transition metal first, the mean that makes the formula neutral.

    Parameters
    ----------
    structure : pymatgen.core.Structure
        Ordered or not.

    Returns
    -------
    dict
        Element -> formal charge [e]; the mean where an element has two. Empty if no
        charge-balanced guess exists.
    """
    from pymatgen.core import Composition

    amounts = structure.composition.element_composition
    try:
        formula, _ = amounts.get_integer_formula_and_factor(max_denominator=100)
        guesses = Composition(formula).oxi_state_guesses(max_sites=MAX_GUESS_ATOMS)
        best = guesses[0] if guesses else {}
    except ValueError:
        best = _mean_states(amounts)
    return {element: round(float(state), 6) for element, state in best.items()}


def _mean_states(amounts: Composition) -> dict[str, float]:
    usual = {
        e: min(e.common_oxidation_states) if e.symbol in _ANIONS else max(e.common_oxidation_states)
        for e in amounts.elements
        if e.common_oxidation_states
    }
    if len(usual) < len(amounts.elements):
        return {}
    adjustable = sorted(
        usual, key=lambda e: (e.symbol in _ANIONS, not e.is_transition_metal, -amounts[e], e.symbol)
    )
    for element in adjustable:
        rest = sum(usual[e] * amounts[e] for e in usual if e != element)
        state = -rest / amounts[element]
        if min(element.common_oxidation_states) - 1e-9 <= state <= element.max_oxidation_state:
            return {e.symbol: float(state if e == element else usual[e]) for e in usual}
    return {}


def find_polyanions(structure: Structure) -> tuple[Polyanion, ...]:
    """Find which of PS4, PO4, CO3, SO4 a structure holds.

    Parameters
    ----------
    structure : pymatgen.core.Structure
        Ordered or not.

    Returns
    -------
    tuple of Polyanion
        Those of which at least one central atom has the full coordination.
    """
    present = {element.symbol for element in structure.composition.elements}
    return tuple(
        kind
        for kind in KNOWN_POLYANIONS
        if {kind.central, kind.ligand} <= present and _any_whole(structure, kind)
    )


def _any_whole(structure: Structure, kind: Polyanion) -> bool:
    def holds(site: PeriodicSite, element: str) -> bool:
        return element in {e.symbol for e in site.species.elements}

    for site in structure:
        if holds(site, kind.central):
            near = structure.get_neighbors(site, kind.cutoff_A)
            if sum(holds(other, kind.ligand) for other in near) == kind.coordination:
                return True
    return False


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    except FileNotFoundError:
        raise _unusable(path, "no such file") from None
    except OSError as error:
        raise _unusable(path, f"it cannot be read ({error.strerror or error})") from error
    except (EOFError, UnicodeDecodeError) as error:
        raise _unusable(path, "it is no text") from error
    if not text.strip():
        raise _unusable(path, "it is empty")
    return text


def _parse(path: Path, text: str) -> Structure:
    from pymatgen.core import Structure
    from pymatgen.core.structure import StructureError

    is_cif = "_cell_length_a" in text.lower()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if is_cif:
                return Structure.from_str(text, fmt="cif", primitive=False)
            return Structure.from_str(text, fmt="poscar")
        except (*_PARSE_ERRORS, StructureError) as error:
            kind = "CIF" if is_cif else "POSCAR"
            raise _unusable(path, f"it is no valid {kind} ({error})") from error


def _check(path: Path, structure: Structure) -> None:
    numbers = np.concatenate([structure.lattice.matrix, structure.frac_coords])
    if not np.isfinite(numbers).all():
        raise _unusable(path, "a lattice vector or coordinate is not a finite number")
    parameters = structure.lattice.parameters
    if not all(map(math.isfinite, parameters)) or structure.lattice.volume < 1.0:
        raise _unusable(path, f"a cell of {structure.lattice.volume:g} Å^3")
    if not 0 < len(structure) <= MAX_ATOMS:
        raise _unusable(path, f"{len(structure)} sites, more than {MAX_ATOMS}")
    strange = {str(e) for e in structure.composition.elements if not hasattr(e, "symbol")}
    strange |= {e.symbol for e in structure.composition.elements} - _real_elements()
    if strange:
        raise _unusable(path, f"{', '.join(sorted(strange))} is no element")
    full = [i for i, site in enumerate(structure) if site.is_ordered]
    distances = structure.distance_matrix[np.ix_(full, full)]
    close = np.argwhere(np.triu(distances < SMALLEST_DISTANCE_A, 1))
    if close.size:
        i, j = (full[k] for k in close[0])
        raise _unusable(
            path,
            f"atoms {i + 1} and {j + 1} are {structure.distance_matrix[i, j]:.2f} Å apart",
        )


def _real_elements() -> set[str]:
    from pymatgen.core import Element

    return {element.symbol for element in Element}


def _sites(structure: Structure) -> tuple[Site, ...]:
    """Every atom a site; partly filled ones of equal occupancy share their atoms."""
    sites = []
    for index, site in enumerate(structure):
        species = {e.symbol: float(x) for e, x in site.species.items()}
        xyz = tuple(float(x) for x in np.round(site.frac_coords, 12) % 1.0)
        label = f"{next(iter(species))}{index + 1}"
        group = None if site.is_ordered else site.species_string
        sites.append(Site(label=label, species=species, wyckoff="1a", xyz=xyz, fill_group=group))
    return tuple(sites)


def _unusable(path: Path, found: str) -> SulfoxError:
    return SulfoxError(
        "SFX-103",
        who=str(path),
        found=found,
        expected="a CIF or POSCAR of a periodic crystal with finite numbers",
        next_step="check the file, for example in VESTA, or give another one",
    )
