"""Ordered cells of a material: the representative, and seeded random samples."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sulfox.documents.base import Record, content_hash
from sulfox.documents.structure import StructureRecord
from sulfox.errors import SulfoxError
from sulfox.materials.electrostatics import VACANT, FillingProblem, State
from sulfox.materials.magnetic_order import assign_moments, magnetic_cell
from sulfox.materials.material import Material, Miller
from sulfox.materials.ordering_cell import OrderingCell
from sulfox.units import Dimensionless, Energy

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = ["Electrostatics", "OrderedMaterial", "ordered_representative", "random_sample"]

#: Vectors of cells are multiples of conventional vectors over this.
_PARTS = 60
#: Largest number of sites whose pairs are summed.
MAX_SITES = 600
#: Occupancy times multiplicity may miss a whole number by this much.
_WHOLE = 0.02


class Electrostatics(Record):
    """Ewald energy of a filling with formal charges.

    Attributes
    ----------
    energy_eV : float
        Of the whole cell [eV]; comparable between fillings of one material and cell.
    restarts, restarts_at_minimum : int
        Searches made, and how many ended at this energy; 0 where nothing was searched.
    """

    energy_eV: Energy
    restarts: int = 0
    restarts_at_minimum: int = 0


class OrderedMaterial(Record):
    """A material whose every site holds one atom or none.

    Attributes
    ----------
    id : str
        Identity of the cell: same inputs, same id.
    material : Material
        The entry it was made from.
    structure : StructureRecord
        Conventional cell (times `supercell`), or the material's ordering cell. Carries
        moments only if the cell can hold the magnetic order.
    magnetic_cell : StructureRecord or None
        Smallest cell that holds the magnetic order, with moments, in the same Cartesian
        frame; what a spin-polarised bulk calculation uses. None without order.
        Moments of slabs come from :func:`sulfox.materials.magnetic_order.assign_moments`.
    description : str
        How the sites were filled, in words.
    seed : int or None
        Of a random sample; None for the representative.
    exchange_fraction : float
        Share of the exchanging sites that hold the other's element.
    supercell : tuple of int
        Repeats of the conventional cell along a, b, c.
    electrostatics : Electrostatics or None
        None where nothing was to be filled.
    """

    id: str
    material: Material
    structure: StructureRecord
    magnetic_cell: StructureRecord | None
    description: str
    seed: int | None = None
    exchange_fraction: Dimensionless = 0.0
    supercell: tuple[int, int, int] = (1, 1, 1)
    electrostatics: Electrostatics | None = None

    @property
    def cell_rows(self) -> NDArray[np.float64]:
        """(3, 3) vectors of `structure` in units of the material's conventional vectors."""
        cell = self.material.ordering_cell
        if cell is not None and self.seed is None:
            return cell.matrix
        return np.diag(np.array(self.supercell, dtype=float))

    def miller_of_structure(self, miller: Miller) -> Miller:
        """Turn Miller indices of the conventional cell into those of `structure`.

        Parameters
        ----------
        miller : tuple of int
            (h, k, l)

        Returns
        -------
        tuple of int
            The same plane, indices in lowest terms unless the cell is the conventional one.
        """
        rows = self.cell_rows
        if np.array_equal(rows, np.eye(3)) or not any(miller):
            return miller
        indices = np.rint(_PARTS * rows @ np.array(miller)).astype(int)
        h, k, m = (int(x) for x in indices // math.gcd(*map(int, indices)))
        return h, k, m


def ordered_representative(material: Material) -> OrderedMaterial:
    """One ordered cell that stands for the material.

    An ordered material stands for itself. Partly filled sites are filled as the Ewald
    energy with formal charges is lowest, under the smallest distances of the entry, in
    the conventional cell and without site exchange. Deterministic.

    Parameters
    ----------
    material : Material
        From the catalogue or a file.

    Returns
    -------
    OrderedMaterial
        With the conventional cell in ``structure``.

    Raises
    ------
    SulfoxError
        SFX-104 if occupancies give no whole number of atoms in this cell, or an element
        has no oxidation state; SFX-102 if the entry contradicts itself.
    """
    return _representative(material.model_dump_json())


@lru_cache(maxsize=32)
def _representative(entry: str) -> OrderedMaterial:
    material = Material.model_validate_json(entry)
    frame = material.structure()
    if material.ordering_cell is not None:
        frame = _ordering_frame(material, material.ordering_cell, frame)
    if not material.is_disordered:
        ordered, words, energy = frame, "ordered as listed", None
    else:
        problem = _problem(material, frame)
        best = problem.minimise()
        ordered = _occupied(problem, best.state)
        words = (
            "partly filled sites ordered by lowest Ewald energy with formal charges, found by "
            f"{best.restarts_at_minimum} of {best.restarts} annealed searches; no site exchange"
        )
        energy = Electrostatics(
            energy_eV=round(best.energy_eV, 6),
            restarts=best.restarts,
            restarts_at_minimum=best.restarts_at_minimum,
        )
    return _ordered_material(material, ordered, description=words, electrostatics=energy)


def _ordering_frame(material: Material, cell: OrderingCell, conventional: Structure) -> Structure:
    try:
        return cell.cut_from(conventional)
    except ValueError as error:
        raise SulfoxError(
            "SFX-102",
            who=f"material {material.name}",
            found=f"ordering_cell: {error}",
            expected="rows that are translations of the crystal",
            next_step="correct ordering_cell in its YAML file",
        ) from error


def random_sample(
    material: Material,
    exchange_fraction: float = 0.0,
    seed: int = 0,
    supercell: tuple[int, int, int] = (1, 1, 1),
) -> OrderedMaterial:
    """Fill the disordered sites at random.

    Partly filled sites get their atoms at random under the smallest distances of the
    entry; of the two exchanging orbits a share `exchange_fraction` of each, chosen at
    random, holds the other's element.

    Parameters
    ----------
    material : Material
        With partly filled or exchanging sites.
    exchange_fraction : float
        0 to 1; times the number of sites of an orbit a whole number.
    seed : int
        Not negative. The same seed gives the same cell, another seed another id.
    supercell : tuple of int
        Repeats of the conventional cell along a, b, c.

    Returns
    -------
    OrderedMaterial
        With its own id.

    Raises
    ------
    SulfoxError
        SFX-104 if the material has no disorder, the fraction cannot be realised in this
        cell (the realisable ones are told), or seed or supercell are out of range.
    """
    _check_request(material, seed, supercell)
    frame = _repeated(material.structure(), supercell)
    exchanged = _exchanged_per_orbit(material, exchange_fraction, supercell)
    problem = _problem(material, frame, exchanged)
    state = problem.random(np.random.default_rng(seed))
    words = f"sites filled at random, seed {seed}, exchange {exchange_fraction:g}"
    if material.exchange is not None:
        words += f" ({exchanged} atoms on each of {' and '.join(material.exchange.sites)})"
    return _ordered_material(
        material,
        _occupied(problem, state),
        description=words,
        seed=seed,
        exchange_fraction=float(exchange_fraction),
        supercell=supercell,
        electrostatics=Electrostatics(energy_eV=round(problem.energy(state), 6)),
    )


def _repeated(cell: Structure, supercell: tuple[int, int, int]) -> Structure:
    """Supercell with fractional coordinates in [0, 1) without rounding noise."""
    from pymatgen.core import Structure

    whole = cell.make_supercell(supercell, in_place=False)
    return Structure(
        whole.lattice,
        whole.species_and_occu,
        whole.frac_coords.round(12) % 1.0,
        site_properties=whole.site_properties,
    )


def _check_request(material: Material, seed: int, supercell: tuple[int, int, int]) -> None:
    if not material.is_disordered and material.exchange is None:
        raise _unrealisable(
            material.name,
            "no partly filled and no exchanging sites",
            "a disordered material",
            "take its ordered representative",
        )
    if seed < 0:
        raise _unrealisable(material.name, f"seed {seed}", "a seed >= 0", "choose another seed")
    n_sites = math.prod(supercell) * sum(site.multiplicity for site in material.sites)
    if len(supercell) != 3 or min(supercell) < 1 or n_sites > MAX_SITES:
        raise _unrealisable(
            material.name,
            f"supercell {'x'.join(map(str, supercell))}",
            f"three repeats >= 1 and at most {MAX_SITES} sites",
            "choose a smaller supercell",
        )


def _exchanged_per_orbit(
    material: Material, fraction: float, supercell: tuple[int, int, int]
) -> int:
    """Sites of each exchanging orbit that hold the other's element."""
    n_sites = 0
    if material.exchange is not None:
        orbit = next(site for site in material.sites if site.label in material.exchange.sites)
        n_sites = orbit.multiplicity * math.prod(supercell)
    count = fraction * n_sites
    whole = math.isfinite(count) and abs(count - round(count)) < 1e-6 * max(n_sites, 1)
    if not 0 <= fraction <= 1 or not whole or (n_sites == 0 and fraction != 0):
        steps = [f"{k / n_sites:g}" for k in range(n_sites + 1)] if n_sites else ["0"]
        listed = ", ".join(steps) if len(steps) <= 17 else f"multiples of 1/{n_sites} up to 1"
        raise _unrealisable(
            f"{material.name} ({'x'.join(map(str, supercell))} cell)",
            f"exchange fraction {fraction:g}",
            f"one of {listed}",
            "take one of these, or a larger supercell for finer steps",
        )
    return round(count)


def _problem(material: Material, frame: Structure, exchanged: int = 0) -> FillingProblem:
    if len(frame) > MAX_SITES:
        raise _unrealisable(
            material.name,
            f"{len(frame)} sites",
            f"at most {MAX_SITES} sites for sums over pairs",
            "order this structure with your own tool and give the ordered file",
        )
    missing = material.elements - set(material.oxidation_states)
    if missing:
        raise _unrealisable(
            material.name,
            f"no oxidation state for {', '.join(sorted(missing))}",
            "formal charges for every element of a disordered material",
            "write a YAML entry with oxidation_states",
        )
    group_of = {site.label: site.fill_group or site.label for site in material.sites}
    labels = np.array([group_of[label] for label in frame.site_properties["site_label"]])
    repeats = len(frame) / sum(site.multiplicity for site in material.sites)
    counts = {group: _atoms(material, group, repeats) for group in dict.fromkeys(group_of.values())}
    if material.exchange is not None and exchanged:
        first, second = material.exchange.sites
        (a, n_a), (b, n_b) = *counts[first].items(), *counts[second].items()
        counts[first] = _without_zeros({a: n_a - exchanged, b: exchanged})
        counts[second] = _without_zeros({b: n_b - exchanged, a: exchanged})
    groups = tuple(
        (tuple(int(i) for i in np.flatnonzero(labels == label)), n) for label, n in counts.items()
    )
    full_first = tuple(sorted(groups, key=lambda g: sum(g[1].values()) < len(g[0])))
    return FillingProblem(
        who=material.name,
        frame=frame,
        groups=full_first,
        charges=material.oxidation_states,
        min_separation_A=material.min_separation_A,
    )


def _without_zeros(counts: dict[str, int]) -> dict[str, int]:
    return {element: n for element, n in counts.items() if n}


def _atoms(material: Material, group: str, repeats: float) -> dict[str, int]:
    """Atoms of each element on the sites of a group; whole numbers, or a refusal."""
    members = [site for site in material.sites if (site.fill_group or site.label) == group]
    counts: dict[str, float] = {}
    for site in members:
        for element, occupancy in site.species.items():
            more = occupancy * site.multiplicity * repeats
            counts[element] = counts.get(element, 0.0) + more
    n_sites = round(repeats * sum(site.multiplicity for site in members))
    broken = [e for e, n in counts.items() if abs(n - round(n)) > _WHOLE]
    if broken:
        raise _unrealisable(
            material.name,
            f"{counts[broken[0]]:g} atoms of {broken[0]} on the {n_sites} sites {group}",
            "a whole number of atoms in this cell",
            f"give a larger cell, or occupancies that are multiples of 1/{n_sites}",
        )
    return _without_zeros({element: round(n) for element, n in counts.items()})


def _occupied(problem: FillingProblem, state: State) -> Structure:
    ordered = problem.frame.copy()
    for index, kind in enumerate(state):
        if kind != VACANT:
            ordered.replace(index, problem.elements[kind], properties=ordered[index].properties)
    ordered.remove_sites([int(i) for i in np.flatnonzero(state == VACANT)])
    return ordered


def _ordered_material(
    material: Material,
    ordered: Structure,
    *,
    description: str,
    seed: int | None = None,
    exchange_fraction: float = 0.0,
    supercell: tuple[int, int, int] = (1, 1, 1),
    electrostatics: Electrostatics | None = None,
) -> OrderedMaterial:
    structure = StructureRecord.from_pymatgen(ordered)
    magnetic = None
    order = material.magnetic_order
    if order is not None:
        cell = material.ordering_cell if seed is None else None
        rows = np.diag(np.array(supercell, dtype=float)) if cell is None else cell.matrix
        if np.array_equal(rows, np.eye(3)):
            magnetic = StructureRecord.from_pymatgen(magnetic_cell(material, ordered))
        repeats = rows @ np.array(order.propagation)
        if all(abs(k - round(k)) < 1e-6 for k in repeats):
            frac = ordered.frac_coords @ rows
            moments = assign_moments(material, frac, structure.species)
            structure = structure.model_copy(update={"moments": tuple(moments.tolist())})
    parts = [structure.hash, magnetic and magnetic.hash, seed, exchange_fraction, supercell]
    return OrderedMaterial(
        id="mat-" + content_hash(parts)[:16],
        material=material,
        structure=structure,
        magnetic_cell=magnetic,
        description=description,
        seed=seed,
        exchange_fraction=exchange_fraction,
        supercell=supercell,
        electrostatics=electrostatics,
    )


def _unrealisable(who: str, found: str, expected: str, next_step: str) -> SulfoxError:
    return SulfoxError("SFX-104", who=who, found=found, expected=expected, next_step=next_step)
