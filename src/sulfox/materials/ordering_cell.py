"""The cell in which a solid solution is ordered, where the conventional one is too small."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from sulfox.documents.base import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pymatgen.core import Structure

__all__ = ["OrderingCell"]

_EDGE = 1e-6


class OrderingCell(Record):
    """A cell of the crystal, in thirds (or other parts) of the conventional vectors.

    Attributes
    ----------
    rows : tuple
        (3, 3) integers, right-handed; row k over `parts` is a vector of the cell in units of
        the conventional vectors.
    parts : int
        3 for the rhombohedral lattice in hexagonal axes.
    """

    rows: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
    parts: int = Field(default=1, ge=1, le=6)

    @model_validator(mode="after")
    def _right_handed(self) -> Self:
        (a, b, c), (d, e, f), (g, h, i) = self.rows
        if a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 1:
            raise ValueError("ordering_cell: rows are dependent or left-handed")
        return self

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) rows in units of the conventional vectors."""
        import numpy as np

        return np.array(self.rows) / self.parts

    def cut_from(self, conventional: Structure) -> Structure:
        """Fill the cell with the sites of a crystal.

        Parameters
        ----------
        conventional : pymatgen.core.Structure
            The conventional cell, partly filled sites included.

        Returns
        -------
        pymatgen.core.Structure
            Same Cartesian frame, site properties kept.

        Raises
        ------
        ValueError
            If a vector is no translation of the crystal.
        """
        import numpy as np
        from pymatgen.core import Structure

        matrix = self.matrix
        corners = np.array(list(product((0, 1), repeat=3))) @ matrix
        low, high = np.floor(corners.min(axis=0)) - 1, np.ceil(corners.max(axis=0)) + 1
        ranges = (range(int(a), int(b)) for a, b in zip(low, high, strict=True))
        images = np.array(list(product(*ranges)))
        spread = (conventional.frac_coords[:, None, :] + images).reshape(-1, 3)
        inside = spread @ np.linalg.inv(matrix)
        keep = np.flatnonzero(np.all((inside > -_EDGE) & (inside < 1 - _EDGE), axis=1))
        expected = float(np.linalg.det(matrix)) * len(conventional)
        if abs(len(keep) - expected) > _EDGE:
            raise ValueError(f"{len(keep)} sites in a cell that should hold {expected:g}")
        sites = [conventional[int(k) // len(images)] for k in keep]
        return Structure(
            matrix @ conventional.lattice.matrix,
            [site.species for site in sites],
            inside[keep].round(12) % 1.0,
            site_properties={
                name: [site.properties[name] for site in sites]
                for name in conventional.site_properties
            },
        )
