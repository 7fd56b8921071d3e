"""What a ``vasprun.xml`` says about electrons, section by section as the XML parser meets them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from sulfox.documents.projected_dos import FloatArray, ProjectedDos
from sulfox.engines.vasp.dos_tables import (
    DosTables,
    damaged,
    no_projection,
    orbital_letter,
    parse_table,
)
from sulfox.engines.vasp.method_label import method_label
from sulfox.errors import SulfoxError

__all__ = ["VasprunSections"]

_CALCULATION = "modeling/calculation"
_EIGENVALUES = f"{_CALCULATION}/eigenvalues"
_EIGEN_SPIN = f"{_EIGENVALUES}/array/set/set"
_KPOINT = f"{_EIGEN_SPIN}/set"
_DOS = f"{_CALCULATION}/dos"
_FERMI = f"{_DOS}/i"
_TOTAL_FIELD = f"{_DOS}/total/array/field"
_TOTAL = f"{_DOS}/total/array/set/set"
_PARTIAL_FIELD = f"{_DOS}/partial/array/field"
_PARTIAL_SETS = f"{_DOS}/partial/array/set"
_ION = f"{_PARTIAL_SETS}/set"
_PROJECTION = f"{_ION}/set"
_ATOM_CELL = "modeling/atominfo/array/set/rc/c"
_VERSION = "modeling/generator/i"
_HEADS = ("modeling/incar/", "modeling/parameters/")
_WEIGHTS = "modeling/kpoints/varray"
_VECTORS = (
    "modeling/structure/crystal/varray",
    "modeling/structure/varray",
    f"{_CALCULATION}/structure/crystal/varray",
    f"{_CALCULATION}/structure/varray",
)
_TEXTS = frozenset(
    (_KPOINT, _FERMI, _TOTAL_FIELD, _TOTAL, _PARTIAL_FIELD, _PROJECTION, _ATOM_CELL)
) | {_VERSION, _WEIGHTS, *_VECTORS}
#: One value per atom type; VASP's own list of parameters may cut them short.
_PER_TYPE = frozenset(("LDAUU", "LDAUJ", "LDAUL", "LDAUTYPE"))
_SETTINGS = _PER_TYPE | {
    *("GGA", "METAGGA", "ISMEAR", "SIGMA", "NELECT", "LHFCALC", "LDAU", "LSORBIT"),
    *("ENCUT", "ENMAX"),
}
#: What old versions of VASP write for elements they cut short.
_SHORTENED = {"r": "Zr", "X": "Xe"}


class VasprunSections:
    """Called by the XML parser; keeps the last ionic step only.

    Parameters
    ----------
    who : str
        Name of the file, for messages.
    elements, orbitals : tuple of str or None
        What is kept of the projections; None for all.

    Attributes
    ----------
    path : list of str
        Paths of the open elements, the innermost last.
    """

    def __init__(
        self, who: str, elements: tuple[str, ...] | None, orbitals: tuple[str, ...] | None
    ) -> None:
        self.who = who
        self.path: list[str] = []
        self._kept = (elements, orbitals)
        self._settings: dict[str, str] = {}
        self._version = ""
        self._atoms: list[str] = []
        self._potential = ""
        self._array = ""
        self._weights = ""
        self._vectors: dict[str, str] = {}
        self._eigenvalues: list[list[str]] = []
        self._fermi: float | None = None
        self._fields: list[str] = []
        self._tables: DosTables | None = None
        self._site = self._spin = -1
        self._name = ""
        self._pieces: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Enter an element.

        Parameters
        ----------
        tag : str
            Its name.
        attributes : dict
            Its attributes.

        Raises
        ------
        SulfoxError
            SFX-312 if the root is not a vasprun's.
        """
        if not self.path and tag != "modeling":
            raise SulfoxError(
                "SFX-312",
                who=self.who,
                found=f"an XML file with the root <{tag}>",
                expected="a vasprun.xml with the root <modeling>",
                next_step="give the vasprun.xml of the run",
            )
        if tag in ("dos", "eigenvalues") and "comment" in attributes:
            tag += ":" + attributes["comment"]  # on another set of k-points
        path = f"{self.path[-1]}/{tag}" if self.path else tag
        self.path.append(path)
        self._enter(path, attributes.get("name", ""))
        if path in _TEXTS or (
            tag in ("i", "v") and path.startswith(_HEADS) and attributes.get("name") in _SETTINGS
        ):
            self._pieces = []
            self._name = attributes.get("name", "")

    def _enter(self, path: str, name: str) -> None:
        if path == _CALCULATION:
            self._eigenvalues = []
            self._fermi = self._tables = None
        elif path == "modeling/atominfo/array":
            self._array = name
        elif path == _EIGEN_SPIN:
            self._eigenvalues.append([])
        elif path == _DOS:
            self._fermi = self._tables = None
        elif path in (f"{_DOS}/total/array", f"{_DOS}/partial/array"):
            self._fields = []
        elif path == _PARTIAL_SETS:
            self._site = -1
            self._need_tables().start_projections([orbital_letter(f) for f in self._fields[1:]])
        elif path == _ION:
            self._site, self._spin = self._site + 1, -1

    def text(self, piece: str) -> None:
        """Take text of the innermost open element.

        Parameters
        ----------
        piece : str
            A part of it.
        """
        if self._pieces is not None:
            self._pieces.append(piece)

    def rows(self, piece: bytes) -> None:
        """Take the rows of the innermost open set.

        Parameters
        ----------
        piece : bytes
            All of them, with their marks.
        """
        self.text(piece.decode("latin-1"))

    def end(self, _tag: str) -> None:
        """Leave an element.

        Parameters
        ----------
        _tag : str
            Its name.
        """
        path = self.path.pop()
        if self._pieces is None:
            return
        if path in _TEXTS or path.startswith(_HEADS):
            text, self._pieces = "".join(self._pieces), None
            self._take(path, text)

    def _take(self, path: str, text: str) -> None:
        if path == _PROJECTION:
            self._take_projection(text)
        elif path == _KPOINT:
            self._eigenvalues[-1].append(text)  # numbers are made of the last step's only
        elif path == _TOTAL:
            n_columns = max(len(self._fields), 2)
            table = parse_table(text, n_columns, self.who, "the total density")
            self._need_tables().add_total(table[:, 0], table[:, 1])
        elif path in (_TOTAL_FIELD, _PARTIAL_FIELD):
            self._fields.append(text)
        elif path == _FERMI and self._name == "efermi":
            self._fermi = float(parse_table(text, 1, self.who, "the Fermi level")[0, 0])
        elif path == _ATOM_CELL:
            self._take_atom(text.strip())
        else:
            self._take_head(path, text)

    def _take_head(self, path: str, text: str) -> None:
        if path == _WEIGHTS and self._name == "weights":
            self._weights = text
        elif path in _VECTORS and self._name in ("basis", "positions"):
            before_run = path.startswith("modeling/structure") and len(self._vectors) == 2
            if not before_run:  # the first structure, then the one of each step
                self._vectors[self._name] = text
        elif path == _VERSION and self._name == "version":
            self._version = text.strip()
        elif path.startswith(_HEADS) and not self._is_stated(self._name):
            self._settings[self._name] = text.strip()  # what was asked for, then what ran

    def _is_stated(self, name: str) -> bool:
        return name in _PER_TYPE and name in self._settings

    def _take_atom(self, cell: str) -> None:
        if self._array == "atoms":
            self._atoms.append(cell)
        elif "_" in cell and not self._potential:
            self._potential = cell

    def _take_projection(self, text: str) -> None:
        self._spin += 1
        tables = self._need_tables()
        if self._spin >= tables.n_spins:
            tables.leave_magnetisation_out()
            return
        what = f"the projections of ion {self._site + 1}"
        table = parse_table(text, len(self._fields), self.who, what)
        tables.add_projection(self._site, self._spin, table[:, 0], table[:, 1:])

    def _need_tables(self) -> DosTables:
        if self._tables is None:
            if self._fermi is None:
                raise damaged(self.who, "a density of states without a Fermi level", "efermi")
            species = [self._symbol(cell) for cell in self._atoms[::2]]
            self._tables = DosTables(self.who, species, self._fermi, *self._kept)
        return self._tables

    def _symbol(self, cell: str) -> str:
        symbol = _SHORTENED.get(cell, cell.split("_", maxsplit=1)[0])
        if symbol not in atomic_numbers or symbol == "X":
            raise damaged(self.who, f"an atom named {cell[:20]!r}", "element symbols")
        return symbol

    def refuse_doctype(self, *_: Any) -> None:
        """Refuse a document type: VASP writes none, and it can make a file explode.

        Parameters
        ----------
        *_ : object
            What the parser says about it.
        """
        raise damaged(self.who, "an XML document type", "a vasprun.xml, which has none")

    def finish(self) -> ProjectedDos:
        """Put the last ionic step together.

        Returns
        -------
        ProjectedDos
            Whole.

        Raises
        ------
        SulfoxError
            SFX-311 or SFX-313, as :func:`sulfox.engines.vasp.vasprun_dos.parse_vasprun`.
        """
        if self._tables is None:
            raise no_projection(self.who, "no density of states in the last ionic step")
        dos = self._tables.arrays()
        eigenvalues, occupations = self._bands()
        lattice, fractional = self._structure(len(dos.species))
        return replace(
            dos,
            lattice_A=lattice,
            fractional=fractional,
            eigenvalues_eV=eigenvalues,
            occupations=occupations,
            k_weights=self._k_weights(eigenvalues),
            n_electrons=self._setting("NELECT"),
            smearing_eV=None if (self._setting("ISMEAR") or 0) < -1 else self._setting("SIGMA"),
            code=f"VASP {self._version}".strip(),
            level_of_theory=self._level_of_theory(),
        )

    def _setting(self, name: str) -> float | None:
        text = self._settings.get(name)
        if text is None:
            return None
        return float(parse_table(text, 1, self.who, name)[0, 0])

    def _bands(self) -> tuple[FloatArray | None, FloatArray | None]:
        tables = [
            [
                parse_table(text, 2, self.who, f"the eigenvalues of k-point {k}")
                for k, text in enumerate(spin, start=1)
            ]
            for spin in self._eigenvalues
        ]
        shapes = {table.shape for spin in tables for table in spin}
        if not shapes:
            return None, None
        if len(shapes) > 1 or len({len(spin) for spin in tables}) > 1:
            raise damaged(self.who, "k-points with other numbers of bands", "the same at each")
        bands = np.array(tables)
        return bands[..., 0], bands[..., 1]

    def _k_weights(self, eigenvalues: FloatArray | None) -> FloatArray | None:
        if eigenvalues is None or not self._weights:
            return None
        weights = parse_table(self._weights, 1, self.who, "the weights of the k-points")[:, 0]
        if len(weights) != eigenvalues.shape[1]:
            found = f"{len(weights)} weights for {eigenvalues.shape[1]} k-points"
            raise damaged(self.who, found, "one weight for each")
        return weights

    def _structure(self, n_sites: int) -> tuple[FloatArray, FloatArray]:
        tables = [
            parse_table(self._vectors.get(name, ""), 3, self.who, f"the structure's {name}")
            for name in ("basis", "positions")
        ]
        if tables[0].shape != (3, 3) or len(tables[1]) != n_sites:
            found = f"{len(tables[0])} lattice vectors, {len(tables[1])} positions"
            raise damaged(self.who, found, f"3 and {n_sites}")
        return tables[0], tables[1]

    def _level_of_theory(self) -> str:
        types = {int(kind): symbol for symbol, kind in self._typed_atoms()}
        elements = [types[kind] for kind in sorted(types)]
        return method_label(self._settings, elements, self._potential, self._version)

    def _typed_atoms(self) -> list[tuple[str, str]]:
        pairs = zip(self._atoms[::2], self._atoms[1::2], strict=False)
        return [(self._symbol(cell), kind) for cell, kind in pairs if kind.isdigit()]
