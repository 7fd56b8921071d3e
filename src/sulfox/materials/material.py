"""What the catalogue knows of one material: facts with their sources, frozen."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record
from sulfox.errors import SulfoxError
from sulfox.materials.literature import Measurement, Reference
from sulfox.materials.ordering_cell import OrderingCell
from sulfox.units import Angle, Charge, Dimensionless, Energy, Length, Moment, Pressure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Lattice, Structure

__all__ = [
    "HubbardU",
    "LatticeParameters",
    "MagneticOrder",
    "Material",
    "Miller",
    "Polyanion",
    "Role",
    "Site",
    "SiteExchange",
    "SpaceGroup",
]

Role = Literal["cathode", "coating", "electrolyte", "unspecified"]
Miller = tuple[int, int, int]
Fractional = tuple[Dimensionless, Dimensionless, Dimensionless]


class SpaceGroup(Record):
    """Space group of the conventional cell.

    Attributes
    ----------
    symbol : str
        Hermann-Mauguin symbol, ``"R-3m"``.
    number : int
        1 to 230.
    setting : str
        Axes and origin, in words.
    """

    symbol: str
    number: int = Field(ge=1, le=230)
    setting: str


class LatticeParameters(Record):
    """Conventional cell.

    Attributes
    ----------
    a_A, b_A, c_A : float
        Edge lengths [Å].
    alpha_deg, beta_deg, gamma_deg : float
        Angles [deg].
    """

    a_A: Length = Field(gt=0)
    b_A: Length = Field(gt=0)
    c_A: Length = Field(gt=0)
    alpha_deg: Angle = Field(gt=0, lt=180)
    beta_deg: Angle = Field(gt=0, lt=180)
    gamma_deg: Angle = Field(gt=0, lt=180)


class Site(Record):
    """One Wyckoff position.

    Attributes
    ----------
    label : str
        Unique within the material.
    species : dict
        Element -> occupancy; a sum below one leaves vacancies.
    wyckoff : str
        Multiplicity and letter, ``"48h"``.
    xyz : tuple of float
        Fractional coordinates of one atom of the orbit.
    fill_group : str or None
        Partly filled sites of one group share their atoms; None means the site alone.
    """

    label: str
    species: dict[str, Annotated[Dimensionless, Field(gt=0, le=1)]] = Field(min_length=1)
    wyckoff: str = Field(pattern=r"^\d+[A-Za-z]$")
    xyz: Fractional
    fill_group: str | None = None

    @model_validator(mode="after")
    def _occupancy(self) -> Self:
        if sum(self.species.values()) > 1 + 1e-6:
            raise ValueError(f"site {self.label} is occupied more than once")
        return self

    @property
    def multiplicity(self) -> int:
        """Atoms of this orbit in the conventional cell."""
        return int(self.wyckoff[:-1])

    @property
    def is_disordered(self) -> bool:
        """True where an atom may or may not be, or where elements mix."""
        return len(self.species) > 1 or sum(self.species.values()) < 1 - 1e-6


class HubbardU(Record):
    """Hubbard U of one element.

    Attributes
    ----------
    orbital : str
        s, p, d or f.
    u_eV : float
        Effective U, U - J [eV].
    """

    orbital: Literal["s", "p", "d", "f"]
    u_eV: Energy


class MagneticOrder(Record):
    """Collinear order described by one propagation vector.

    The moment of an atom of `element` at r (conventional fractional coordinates) is
    ``moment_muB * cos(2 pi k . (r - origin))``.

    Attributes
    ----------
    label : str
        ``"AFM-II"``.
    element : str
        Who carries the moment.
    moment_muB : float
        Starting value of its size [µB].
    propagation : tuple of float
        k in reciprocal vectors of the conventional cell.
    origin : tuple of float
        Fractional coordinates of an atom with a positive moment.
    magnetic_cell : tuple
        (3, 3), rows are the vectors of the smallest cell that holds the order, in units
        of the conventional vectors. k times each row is a whole number.
    """

    label: str
    element: str
    moment_muB: Moment = Field(gt=0)
    propagation: Fractional
    origin: Fractional
    magnetic_cell: tuple[Fractional, Fractional, Fractional]

    @model_validator(mode="after")
    def _commensurate(self) -> Self:
        for row in self.magnetic_cell:
            phase = math.fsum(k * x for k, x in zip(self.propagation, row, strict=True))
            if abs(phase - round(phase)) > 1e-6:
                raise ValueError(f"the order does not repeat along {row}")
        return self


class SiteExchange(Record):
    """Two orbits of equal size that swap their elements (anti-site disorder).

    Attributes
    ----------
    sites : tuple of str
        Labels of the two sites.
    """

    sites: tuple[str, str]


class Polyanion(Record):
    """A unit that should stay whole when the crystal is cut.

    Attributes
    ----------
    central, ligand : str
        Elements.
    coordination : int
        Ligands of a whole unit.
    cutoff_A : float
        Largest bond length [Å].
    """

    central: str
    ligand: str
    coordination: int = Field(ge=1)
    cutoff_A: Length = Field(gt=0)


class Material(Record):
    """A catalogue entry, or a user's structure file read as one.

    Attributes
    ----------
    name, title, formula : str
        Short name, name in words, formula.
    aliases : tuple of str
        Other names, compared without regard to case.
    role : str
        cathode, coating, electrolyte or unspecified.
    space_group : SpaceGroup
        Of the conventional cell.
    lattice : LatticeParameters
        Of the conventional cell.
    sites : tuple of Site
        Wyckoff positions.
    oxidation_states : dict
        Element -> formal charge [e].
    hubbard_u : dict
        Element -> Hubbard U.
    magnetic_order : MagneticOrder or None
        None for a non-magnetic material.
    exchange : SiteExchange or None
        Which sites swap elements.
    min_separation_A : dict
        Element -> two atoms of it may not be closer where sites are partly filled [Å].
    ordering_cell : OrderingCell or None
        Where shared or partly filled sites are ordered; None for the conventional cell.
    facets : tuple
        Miller indices in the conventional cell; the first is the default.
    polyanions : tuple of Polyanion
        Units to keep whole.
    bulk_modulus_GPa : float or None
        Used to share strain between two sides [GPa].
    references : tuple of Reference
        Sources.
    measured : tuple of Measurement
        Numbers that a calculation is set beside; no calculation uses them.
    source : str
        ``"catalogue"``, or the file it was read from.
    """

    name: str
    title: str
    formula: str
    aliases: tuple[str, ...] = ()
    role: Role
    space_group: SpaceGroup
    lattice: LatticeParameters
    sites: tuple[Site, ...] = Field(min_length=1)
    oxidation_states: dict[str, Charge]
    hubbard_u: dict[str, HubbardU] = Field(default_factory=dict)
    magnetic_order: MagneticOrder | None = None
    exchange: SiteExchange | None = None
    min_separation_A: dict[str, Length] = Field(default_factory=dict)
    ordering_cell: OrderingCell | None = None
    facets: tuple[Miller, ...] = Field(min_length=1)
    polyanions: tuple[Polyanion, ...] = ()
    bulk_modulus_GPa: Annotated[Pressure, Field(gt=0)] | None = None
    references: tuple[Reference, ...] = ()
    measured: tuple[Measurement, ...] = ()
    source: str = "catalogue"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        labels = [site.label for site in self.sites]
        if len(set(labels)) != len(labels):
            raise ValueError("two sites share a label")
        foreign = self._elements_named() - self.elements
        if foreign:
            raise ValueError(f"{', '.join(sorted(foreign))}: not an element of the sites")
        if any(miller == (0, 0, 0) for miller in self.facets):
            raise ValueError("facet (0, 0, 0) is no plane")
        if self.exchange is not None:
            self._check_exchange(self.exchange)
        return self

    def _elements_named(self) -> set[str]:
        named = {*self.oxidation_states, *self.hubbard_u, *self.min_separation_A}
        if self.magnetic_order is not None:
            named.add(self.magnetic_order.element)
        return named | {element for p in self.polyanions for element in (p.central, p.ligand)}

    def _check_exchange(self, exchange: SiteExchange) -> None:
        pair = [site for site in self.sites if site.label in exchange.sites]
        if len(pair) != 2:
            raise ValueError("exchange must name two sites of this material")
        first, second = pair
        if first.is_disordered or second.is_disordered or first.species == second.species:
            raise ValueError("exchange needs two full sites of different elements")
        if first.multiplicity != second.multiplicity:
            raise ValueError("exchange needs two sites of the same multiplicity")

    @property
    def elements(self) -> set[str]:
        """Elements of the material."""
        return {element for site in self.sites for element in site.species}

    @property
    def is_disordered(self) -> bool:
        """True if some site is partly filled or shared."""
        return any(site.is_disordered for site in self.sites)

    def structure(self) -> Structure:
        """Build the conventional cell, partly filled sites included.

        Returns
        -------
        pymatgen.core.Structure
            With site property ``site_label``; fractional coordinates in [0, 1).

        Raises
        ------
        SulfoxError
            SFX-102 if an orbit has not the multiplicity its Wyckoff letter says, the
            space group's symbol and number disagree (standard setting of International
            Tables, hexagonal axes for R), or the lattice lacks its symmetry.
        """
        return _conventional_cell(self.model_dump_json()).copy()

    def _invalid(self, found: str) -> SulfoxError:
        return SulfoxError(
            "SFX-102",
            who=f"material {self.name}",
            found=found,
            expected="sites, Wyckoff letters and a space group that agree",
            next_step="correct space_group, wyckoff or xyz in its YAML file",
        )


@lru_cache(maxsize=32)
def _conventional_cell(entry: str) -> Structure:
    import numpy as np
    from pymatgen.core import Composition, Lattice, Structure

    material = Material.model_validate_json(entry)
    lattice = Lattice.from_parameters(*material.lattice.model_dump().values())
    orbits = _orbits(material, lattice)
    labels = [label for label, orbit in orbits.items() for _ in orbit]
    return Structure(
        lattice,
        [Composition(s.species) for s in material.sites for _ in orbits[s.label]],
        np.concatenate(list(orbits.values())).round(12) % 1.0,
        site_properties={"site_label": labels},
    )


def _orbits(material: Material, lattice: Lattice) -> dict[str, NDArray[np.float64]]:
    """Site label -> (multiplicity, 3) fractional coordinates.

    ASE's table of space groups is used: pymatgen's takes two seconds for Fm-3m.
    """
    import numpy as np
    from ase.spacegroup import Spacegroup

    stated = material.space_group
    group = Spacegroup(stated.number)
    symbol = group.symbol.replace(" ", "")
    if symbol != stated.symbol.replace(" ", ""):
        raise material._invalid(f"space group {stated.number} is {symbol}, not {stated.symbol}")
    metric = lattice.metric_tensor
    if any(not np.allclose(w.T @ metric @ w, metric, rtol=1e-5) for w in group.rotations):
        raise material._invalid(f"a lattice without the symmetry of {symbol}")
    orbits = {}
    for site in material.sites:
        orbit, _ = group.equivalent_sites([site.xyz], onduplicates="keep", symprec=1e-4)
        orbits[site.label] = np.asarray(orbit, dtype=float)
        if len(orbit) != site.multiplicity:
            found = f"site {site.label} has {len(orbit)} atoms"
            raise material._invalid(f"{found}, its Wyckoff letter {site.wyckoff}")
    return orbits
