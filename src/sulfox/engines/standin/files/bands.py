"""The synthetic spectrum in VASP's files: EIGENVAL, DOSCAR, PROCAR, the end of vasprun.xml."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sulfox.engines.standin.files.poscar import FloatArray, rows
from sulfox.engines.standin.setup import RunSetup
from sulfox.engines.standin.spectrum import ORBITALS, Spectrum

__all__ = ["DensityTables", "doscar", "eigenval", "make_densities", "procar", "spectrum_xml"]

_MARGIN_EV = 1.0


class DensityTables:
    """Densities of states on the grid of a run.

    Parameters
    ----------
    setup : RunSetup
        EMIN, EMAX, NEDOS.
    spectrum : Spectrum
        Bands.
    """

    def __init__(self, setup: RunSetup, spectrum: Spectrum) -> None:
        incar = setup.incar
        low, high = incar.real("EMIN", 10.0), incar.real("EMAX", -10.0)
        if low >= high:
            low = float(spectrum.energies_eV.min()) - _MARGIN_EV
            high = float(spectrum.energies_eV.max()) + _MARGIN_EV
        self.grid: FloatArray = np.linspace(low, high, max(2, incar.integer("NEDOS", 301)))
        self.total, self.integrated, self.projected = spectrum.density(self.grid)


def make_densities(setup: RunSetup, spectrum: Spectrum) -> DensityTables:
    """Compute the densities of states of a run.

    Parameters
    ----------
    setup : RunSetup
        EMIN, EMAX, NEDOS.
    spectrum : Spectrum
        Bands.
    """
    return DensityTables(setup, spectrum)


def _head(setup: RunSetup, last: int) -> str:
    n_atoms = setup.poscar.n_atoms
    volume = abs(float(np.linalg.det(setup.poscar.lattice))) / n_atoms
    lengths = np.linalg.norm(setup.poscar.lattice, axis=1) * 1e-10
    numbers = (volume, *lengths.tolist(), 0.5e-15)
    return (
        f"{n_atoms:4d}{n_atoms:4d}{last:4d}{setup.n_spins:4d}\n"
        + "".join(f"{number:16.7E}" for number in numbers)
        + "\n  1.000000000000000E-004\n  CAR\n"
        + f" {setup.banner}\n"
    )


def eigenval(setup: RunSetup, spectrum: Spectrum) -> str:
    """Write EIGENVAL.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Bands.
    """
    n_spins, n_points, n_bands = spectrum.energies_eV.shape
    parts = [_head(setup, 1), f"{round(setup.n_electrons):7d}{n_points:7d}{n_bands:7d}\n"]
    line = "%5d  " + "%14.6f" * n_spins + "%11.6f" * n_spins + "\n"
    numbers = np.arange(1, n_bands + 1)
    for k, point in enumerate(spectrum.request.points.tolist()):
        weight = spectrum.request.weights[k]
        parts.append("\n" + "".join(f"{number:16.7E}" for number in (*point, weight)) + "\n")
        columns = [numbers, *spectrum.energies_eV[:, k], *spectrum.occupations[:, k]]
        parts.append(rows(line, np.stack(columns, axis=1)))
    return "".join(parts)


def doscar(setup: RunSetup, spectrum: Spectrum, tables: DensityTables) -> Iterator[str]:
    """Write DOSCAR, piece by piece.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Fermi level.
    tables : DensityTables
        Densities.

    Yields
    ------
    str
        The head with the total, then one ion each.
    """
    with_sites = setup.incar.integer("LORBIT", 0) >= 10
    grid = tables.grid
    head = f"{grid[-1]:16.8f}{grid[0]:16.8f}{grid.size:5d}{spectrum.fermi_eV:16.8f}{1.0:16.8f}\n"
    columns = np.vstack([grid, tables.total, tables.integrated]).T
    line = "%11.3f" + " %11.4E" * (columns.shape[1] - 1) + "\n"
    yield _head(setup, int(with_sites)) + head + rows(line, columns)
    if not with_sites:
        return
    for site in tables.projected:
        by_orbital = _columns(site, setup).transpose(1, 0, 2).reshape(-1, grid.size)
        columns = np.vstack([grid, by_orbital]).T
        yield head + rows("%11.3f" + " %11.4E" * (columns.shape[1] - 1) + "\n", columns)


def _columns(site: FloatArray, setup: RunSetup) -> FloatArray:
    """Orbitals as LORBIT asks for, shape (n_spins, n_columns, n_energies)."""
    if setup.incar.integer("LORBIT", 0) in (11, 12):
        return site
    return np.stack([site[:, 0], site[:, 1:4].sum(axis=1), site[:, 4:].sum(axis=1)], axis=1)


def _orbitals(setup: RunSetup) -> tuple[str, ...]:
    return ORBITALS if setup.incar.integer("LORBIT", 0) in (11, 12) else ("s", "p", "d")


def _weights(owner: int, names: tuple[str, ...]) -> list[float]:
    """Projection of a band on the orbitals of its own site."""
    orbital = owner % 9
    column = orbital if len(names) == 9 else (0 if orbital == 0 else 1 if orbital < 4 else 2)
    return [1.0 if index == column else 0.0 for index in range(len(names))]


def procar(setup: RunSetup, spectrum: Spectrum) -> Iterator[str]:
    """Write PROCAR, k-point by k-point.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Bands with their sites.

    Yields
    ------
    str
        A part.
    """
    names = _orbitals(setup)
    n_spins, n_points, n_bands = spectrum.energies_eV.shape
    n_atoms = setup.poscar.n_atoms
    titles = "ion " + "".join(f"{name:>7s}" for name in (*names, "tot")) + "\n"
    empty = [f"{ion + 1:5d}{'  0.000' * (len(names) + 1)}\n" for ion in range(n_atoms)]
    yield f"PROCAR lm decomposed   {setup.banner}\n"
    for spin in range(n_spins):
        counts = f"{n_points:4d}         # of bands: {n_bands:4d}         # of ions: {n_atoms:4d}"
        yield f"# of k-points: {counts}\n"
        for k, (x, y, z) in enumerate(spectrum.request.points.tolist()):
            weight = spectrum.request.weights[k]
            head = f"\n k-point {k + 1:5d} :   {x:11.8f}{y:11.8f}{z:11.8f}"
            parts = [f"{head}     weight = {weight:10.8f}\n\n"]
            for band in range(n_bands):
                energy = spectrum.energies_eV[spin, k, band]
                filled = spectrum.occupations[spin, k, band] * (2 if n_spins == 1 else 1)
                owner = int(spectrum.owners[spin, k, band])
                lines = list(empty)
                total = [0.0] * (len(names) + 1)
                if owner >= 0:
                    total = [*_weights(owner, names), 1.0]
                    text = "".join(f"{value:7.3f}" for value in total)
                    lines[owner // 9] = f"{owner // 9 + 1:5d}{text}\n"
                parts.append(
                    f"band {band + 1:5d} # energy {energy:13.8f} # occ. {filled:11.8f}\n \n"
                    f"{titles}{''.join(lines)}"
                    f"tot  {''.join(f'{value:7.3f}' for value in total)}\n \n"
                )
            yield "".join(parts)


def spectrum_xml(setup: RunSetup, spectrum: Spectrum, tables: DensityTables) -> Iterator[str]:
    """Write eigenvalues, density of states and projections of vasprun.xml.

    Parameters
    ----------
    setup : RunSetup
        The run.
    spectrum : Spectrum
        Bands.
    tables : DensityTables
        Densities.

    Yields
    ------
    str
        A part.
    """
    with_sites = setup.incar.integer("LORBIT", 0) >= 10
    yield "  <eigenvalues>\n" + _eigenvalues_xml(spectrum, "   ") + "  </eigenvalues>\n"
    yield f'  <dos>\n   <i name="efermi"> {spectrum.fermi_eV:15.8f} </i>\n   <total>\n'
    yield _array_head(("gridpoints", "spin"), ("energy", "total", "integrated"), "    ")
    for spin in range(setup.n_spins):
        columns = np.stack([tables.grid, tables.total[spin], tables.integrated[spin]], axis=1)
        lines = rows("       <r> %8.4f %8.4f %8.4f </r>\n", columns)
        yield f'      <set comment="spin {spin + 1}">\n{lines}      </set>\n'
    yield "     </set>\n    </array>\n   </total>\n"
    if with_sites:
        yield from _partial_xml(setup, tables)
    yield "  </dos>\n"
    if with_sites:
        yield from _projected_xml(setup, spectrum)


def _array_head(dimensions: tuple[str, ...], fields: tuple[str, ...], indent: str) -> str:
    text = f"{indent}<array>\n"
    for number, name in enumerate(dimensions):
        text += f'{indent} <dimension dim="{number + 1}">{name}</dimension>\n'
    return (
        text + "".join(f"{indent} <field>{f:>3s}</field>\n" for f in fields) + f"{indent} <set>\n"
    )


def _eigenvalues_xml(spectrum: Spectrum, indent: str) -> str:
    parts = [_array_head(("band", "kpoint", "spin"), ("eigene", "occ"), indent)]
    n_spins, n_points, _ = spectrum.energies_eV.shape
    for spin in range(n_spins):
        parts.append(f'     <set comment="spin {spin + 1}">\n')
        for k in range(n_points):
            columns = [spectrum.energies_eV[spin, k], spectrum.occupations[spin, k]]
            lines = rows("       <r> %9.4f %9.4f </r>\n", np.stack(columns, axis=1))
            parts.append(f'      <set comment="kpoint {k + 1}">\n{lines}      </set>\n')
        parts.append("     </set>\n")
    return "".join(parts) + f"{indent} </set>\n{indent}</array>\n"


def _partial_xml(setup: RunSetup, tables: DensityTables) -> Iterator[str]:
    names = _orbitals(setup)
    yield "   <partial>\n"
    yield _array_head(("gridpoints", "spin", "ion"), ("energy", *names), "    ")
    line = "        <r> %8.4f" + " %8.4f" * len(names) + " </r>\n"
    for number, site in enumerate(tables.projected):
        yield f'      <set comment="ion {number + 1}">\n'
        for spin, orbitals in enumerate(_columns(site, setup)):
            lines = rows(line, np.vstack([tables.grid, orbitals]).T)
            yield f'       <set comment="spin {spin + 1}">\n{lines}       </set>\n'
        yield "      </set>\n"
    yield "     </set>\n    </array>\n   </partial>\n"


def _projected_xml(setup: RunSetup, spectrum: Spectrum) -> Iterator[str]:
    names = _orbitals(setup)
    n_spins, n_points, n_bands = spectrum.energies_eV.shape
    zero = "         <r>" + "   0.0000" * len(names) + " </r>\n"
    nothing = [zero] * setup.poscar.n_atoms
    yield "  <projected>\n   <eigenvalues>\n" + _eigenvalues_xml(spectrum, "    ")
    yield "   </eigenvalues>\n" + _array_head(("ion", "band", "kpoint", "spin"), names, "   ")
    for spin in range(n_spins):
        yield f'     <set comment="spin{spin + 1}">\n'
        for k in range(n_points):
            parts = [f'      <set comment="kpoint {k + 1}">\n']
            for band in range(n_bands):
                owner = int(spectrum.owners[spin, k, band])
                lines = list(nothing)
                if owner >= 0:
                    text = "".join(f"{value:9.4f}" for value in _weights(owner, names))
                    lines[owner // 9] = f"         <r>{text} </r>\n"
                parts.append(
                    f'       <set comment="band {band + 1}">\n{"".join(lines)}       </set>\n'
                )
            yield "".join(parts) + "      </set>\n"
        yield "     </set>\n"
    yield "    </set>\n   </array>\n  </projected>\n"
