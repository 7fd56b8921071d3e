"""Rank coatings between a cathode and an electrolyte.

A coating has to live with both sides and with the cell's voltages. Four energies per atom say
so: its reaction with the cathode, with the electrolyte (both on the hull: what they do to each
other), and its own decomposition with lithium at the lower and the upper cut-off. The lowest
of the four decides the rank. The window and the triple junction of all three stand beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sulfox.analysis.thermodynamics.entries.entry_set import read_composition
from sulfox.analysis.thermodynamics.phase_hull import HullLibrary
from sulfox.analysis.thermodynamics.reaction_energy import parse_open_element, reaction_energy
from sulfox.analysis.thermodynamics.stability_window import stability_window
from sulfox.documents.base import Provenance, Status, content_hash
from sulfox.documents.screening import Contact, ScreenedCoating, ScreeningDoc, TripleJunction
from sulfox.errors import SulfoxError

if TYPE_CHECKING:
    from sulfox.documents.reaction_energy import ReactionEnergyDoc

__all__ = ["candidate_coatings", "screen_coatings", "triple_junction"]

_VERSION = 1
_ZERO_EV = 1e-9
#: Phases farther above the hull than this are not proposed as coatings [eV/atom].
_LARGEST_ABOVE_HULL_EV = 0.05
_ANIONS = frozenset({"O", "S", "Cl"})


@dataclass(frozen=True)
class _Cell:
    """What every coating is set against."""

    library: HullLibrary
    cathode: str
    electrolyte: str
    lower_V: float
    upper_V: float


def screen_coatings(
    library: HullLibrary,
    cathode: str,
    electrolyte: str,
    coatings: Sequence[str],
    cut_offs_V: tuple[float, float] = (2.6, 4.3),
) -> ScreeningDoc:
    """Rank coatings.

    Parameters
    ----------
    library : HullLibrary
        The phases.
    cathode, electrolyte : str
        Formulas.
    coatings : sequence of str
        Formulas; one without an entry counts as its equilibrium phases.
    cut_offs_V : tuple of float
        Lower and upper cut-off of the cell [V against Li/Li+].

    Returns
    -------
    ScreeningDoc
        Partial where the set cannot judge a coating.

    Raises
    ------
    SulfoxError
        SFX-722 for an element of cathode or electrolyte without entries, SFX-723 for a bad
        formula of theirs, SFX-741 without coatings or for cut-offs in the wrong order.
    """
    lower, upper = cut_offs_V
    if not 0 <= lower < upper or not np.isfinite(upper):
        raise _unfit(f"cut-offs {lower:g} and {upper:g} V", "0 V <= lower < upper")
    if not coatings:
        raise _unfit("no coatings", "at least one formula")
    cell = _Cell(library, cathode, electrolyte, lower, upper)
    bare = _contact(reaction_energy(library, (cathode, electrolyte)))
    rows, left_out = [], []
    for coating in dict.fromkeys(coatings):
        try:
            rows.append(_screen(cell, coating))
        except SulfoxError as error:
            if error.code not in ("SFX-722", "SFX-723", "SFX-724"):
                raise
            left_out.append(f"{coating}: {error.found}")
    rows.sort(key=lambda row: (-row.worst_eV_per_atom, row.formula))
    reference = library.entry_set.reference
    question = [cathode, electrolyte, [row.formula for row in rows], left_out, lower, upper]
    inputs_hash = content_hash([reference.hash, *question])
    return ScreeningDoc(
        id="sc-" + content_hash([_VERSION, inputs_hash])[:16],
        status=Status.PARTIAL if left_out else Status.COMPLETE,
        reasons=library.entry_set.remarks,
        provenance=Provenance(
            engine="sulfox",
            level_of_theory=reference.described,
            inputs_hash=inputs_hash,
        ),
        entries=reference,
        cathode=cathode,
        electrolyte=electrolyte,
        lower_V=lower,
        upper_V=upper,
        bare=bare,
        coatings=tuple(row.model_copy(update={"rank": k}) for k, row in enumerate(rows, 1)),
        left_out=tuple(left_out),
    )


def candidate_coatings(library: HullLibrary, cathode: str, electrolyte: str) -> tuple[str, ...]:
    """Propose coatings: lithium compounds of the set near the hull.

    Parameters
    ----------
    library : HullLibrary
        The phases.
    cathode, electrolyte : str
        Formulas, which are left out.

    Returns
    -------
    tuple of str
        Formulas with lithium and oxygen, sulfur or chlorine, by name.
    """
    given = {read_composition(text, "a side")[0] for text in (cathode, electrolyte)}
    found = []
    for entry in library.entry_set.entries:
        formula, composition = read_composition(entry.formula, "an entry")
        symbols = {element.symbol for element in composition}
        is_solution = (entry.entry_id or "").startswith("solid solution")
        if "Li" not in symbols or not symbols & _ANIONS or formula in given or is_solution:
            continue
        hull = library.hull(symbols)
        on_hull = hull.energy(hull.vector(composition)) / composition.num_atoms
        if entry.formation_energy_eV_per_atom - on_hull <= _LARGEST_ABOVE_HULL_EV:
            found.append(formula)
    return tuple(dict.fromkeys(found))


def triple_junction(library: HullLibrary, formulas: tuple[str, str, str]) -> TripleJunction:
    """Find the mixture of three phases that gains most by reacting.

    The hull energy is the highest of its tangent planes, so the most reactive mixture is the
    solution of a linear programme in three fractions and that height.

    Parameters
    ----------
    library : HullLibrary
        The phases.
    formulas : tuple of str
        Three formulas; each counts as on the hull.

    Returns
    -------
    TripleJunction
        Energy per atom of the mixture.

    Raises
    ------
    SulfoxError
        SFX-722 and SFX-723 as :func:`screen_coatings`.
    """
    from scipy.optimize import linprog

    parts = [read_composition(text, "a phase of the junction")[1] for text in formulas]
    system = {element.symbol for part in parts for element in part}
    library.require(system, " + ".join(formulas))
    hull = library.hull(system)
    units = np.array([hull.vector(part) / part.num_atoms for part in parts])
    alone = np.array([hull.energy(unit) for unit in units])
    heights = hull.planes @ units.T
    slack = np.hstack([heights, -np.ones((len(heights), 1))])
    answer = linprog(
        np.append(-alone, 1.0),
        A_ub=slack,
        b_ub=np.zeros(len(heights)),
        A_eq=[[1, 1, 1, 0]],
        b_eq=[1],
        bounds=[(0, 1)] * 3 + [(None, None)],
    )
    x = np.clip(answer.x[:3], 0, 1)
    pairs = (
        reaction_energy(library, (formulas[a], formulas[b])).minimum_hull.mutual_eV_per_atom
        for a, b in ((0, 1), (0, 2), (1, 2))
    )
    return TripleJunction(
        energy_eV_per_atom=_clean(min(float(answer.fun), 0.0)),
        fractions=(float(x[0]), float(x[1]), float(x[2])),
        worst_pair_eV_per_atom=min(pairs),
    )


def _screen(cell: _Cell, coating: str) -> ScreenedCoating:
    formula, _ = read_composition(coating, "coating")
    library = cell.library
    cathode = reaction_energy(library, (coating, cell.cathode))
    electrolyte = reaction_energy(library, (coating, cell.electrolyte))
    window = stability_window(library, coating)
    at_lower, at_upper = (_alone(cell, coating, volt) for volt in (cell.lower_V, cell.upper_V))
    energies = {
        "contact with the cathode": cathode.minimum_hull.mutual_eV_per_atom,
        "contact with the electrolyte": electrolyte.minimum_hull.mutual_eV_per_atom,
        f"decomposition at {cell.lower_V:g} V": at_lower,
        f"decomposition at {cell.upper_V:g} V": at_upper,
    }
    worst = min(energies, key=lambda key: energies[key])
    top = window.oxidation_V
    covers = window.reduction_V <= cell.lower_V and (top is None or top >= cell.upper_V)
    remarks = []
    if window.e_above_hull_eV is None:
        remarks.append("no entry of its own: counted as its equilibrium phases")
    return ScreenedCoating(
        rank=0,
        asked=coating,
        formula=formula,
        e_above_hull_eV=window.e_above_hull_eV,
        worst_eV_per_atom=energies[worst],
        worst_is=worst,
        cathode=_contact(cathode),
        electrolyte=_contact(electrolyte),
        reduction_V=window.reduction_V,
        oxidation_V=top,
        at_lower_eV_per_atom=at_lower,
        at_upper_eV_per_atom=at_upper,
        covers_cell_window=covers,
        triple_junction=triple_junction(library, (cell.cathode, coating, cell.electrolyte)),
        remarks=tuple(remarks),
    )


def _alone(cell: _Cell, coating: str, volt: float) -> float:
    """Energy of the coating's own decomposition at a voltage [eV per atom that is not Li]."""
    opened = parse_open_element(f"Li={volt:.6f}V")
    document = reaction_energy(cell.library, (coating, coating), opened, use_hull_energy=False)
    return document.reactants[0].self_decomposition_eV_per_atom


def _contact(document: ReactionEnergyDoc) -> Contact:
    return Contact(
        mutual_eV_per_atom=document.minimum_hull.mutual_eV_per_atom,
        own_energy_eV_per_atom=document.minimum_own_energy.own_energy_eV_per_atom,
        reaction=document.minimum_hull.reaction,
    )


def _clean(energy_eV: float) -> float:
    return 0.0 if abs(energy_eV) < _ZERO_EV else energy_eV


def _unfit(found: str, expected: str) -> SulfoxError:
    return SulfoxError(
        "SFX-741",
        who="screening",
        found=found,
        expected=expected,
        next_step="correct --coatings, --lower or --upper",
    )
