"""A periodic structure as plain numbers, with the side of the interface each atom is on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from sulfox.documents.base import Record, content_hash
from sulfox.units import Length, Moment

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

__all__ = ["Side", "StructureRecord"]

Side = Literal["cathode", "electrolyte", "coating", "bulk"]


class StructureRecord(Record):
    """A periodic structure.

    Attributes
    ----------
    lattice : tuple
        (3, 3), rows are the lattice vectors [Å].
    species : tuple of str
        (n_atoms,) element symbols.
    positions : tuple
        (n_atoms, 3) Cartesian positions [Å].
    sides : tuple of str
        (n_atoms,) ``"cathode"``, ``"electrolyte"``, ``"coating"`` or ``"bulk"``.
    moments : tuple of float or None
        (n_atoms,) initial collinear moments [µB]; None where no order is set.
    """

    lattice: tuple[tuple[Length, Length, Length], ...]
    species: tuple[str, ...]
    positions: tuple[tuple[Length, Length, Length], ...]
    sides: tuple[Side, ...]
    moments: tuple[Moment, ...] | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        n = len(self.species)
        lengths = {"positions": len(self.positions), "sides": len(self.sides)}
        if self.moments is not None:
            lengths["moments"] = len(self.moments)
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong or len(self.lattice) != 3 or n == 0:
            raise ValueError(f"{n} species, but {wrong}, {len(self.lattice)} lattice vectors")
        return self

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.species)

    @property
    def composition(self) -> dict[str, int]:
        """Element -> number of atoms, in order of first appearance."""
        return dict(Counter(self.species))

    @property
    def hash(self) -> str:
        """Content hash with positions rounded to 1e-8 Å."""
        rounded = [[round(x, 8) + 0.0 for x in row] for row in (*self.lattice, *self.positions)]
        return content_hash([rounded, self.species, self.sides, self.moments])

    @classmethod
    def from_ase(cls, atoms: Atoms, sides: tuple[Side, ...] | None = None) -> StructureRecord:
        """Make a record from ASE atoms; initial moments are kept where any is non-zero.

        Parameters
        ----------
        atoms : ase.Atoms
            Atoms in a cell with three vectors; constraints and velocities are not kept.
        sides : tuple of str, optional
            (n_atoms,) side of each atom; by default all are ``"bulk"``.
        """
        moments = atoms.get_initial_magnetic_moments()
        return cls(
            lattice=tuple(map(tuple, atoms.cell.array.tolist())),
            species=tuple(atoms.get_chemical_symbols()),
            positions=tuple(map(tuple, atoms.positions.tolist())),
            sides=sides or ("bulk",) * len(atoms),
            moments=tuple(moments.tolist()) if moments.any() else None,
        )

    def to_ase(self) -> Atoms:
        """Return ASE atoms, periodic in all directions."""
        from ase import Atoms

        return Atoms(
            self.species,
            positions=self.positions,
            cell=self.lattice,
            pbc=True,
            magmoms=self.moments,
        )

    @classmethod
    def from_pymatgen(
        cls, structure: Structure, sides: tuple[Side, ...] | None = None
    ) -> StructureRecord:
        """Make a record from an ordered pymatgen structure; site property ``magmom`` is kept.

        Parameters
        ----------
        structure : pymatgen.core.Structure
            One species per site.
        sides : tuple of str, optional
            (n_atoms,) side of each atom; by default all are ``"bulk"``.
        """
        moments = structure.site_properties.get("magmom")
        return cls(
            lattice=tuple(map(tuple, structure.lattice.matrix.tolist())),
            species=tuple(site.specie.symbol for site in structure),
            positions=tuple(map(tuple, structure.cart_coords.tolist())),
            sides=sides or ("bulk",) * len(structure),
            moments=tuple(float(m or 0.0) for m in moments) if moments else None,
        )

    def to_pymatgen(self) -> Structure:
        """Return a pymatgen structure with site properties ``side`` and, if set, ``magmom``."""
        from pymatgen.core import Structure

        properties: dict[str, list[object]] = {"side": list(self.sides)}
        if self.moments is not None:
            properties["magmom"] = list(self.moments)
        return Structure(
            self.lattice,
            self.species,
            self.positions,
            coords_are_cartesian=True,
            site_properties=properties,
        )
