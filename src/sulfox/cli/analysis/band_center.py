"""``sulfox analyze band-center``: where an orbital's states lie, by every definition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sulfox.cli.options import JsonOutput
from sulfox.cli.output import emit_json, emit_table, emit_text

if TYPE_CHECKING:
    from sulfox.documents.band_center import BandCenterDoc
    from sulfox.documents.projected_dos import ProjectedDos

__all__ = ["band_center"]

_FIRST = (
    "all_re_fermi_eV",
    "occupied_re_fermi_eV",
    "occupied_re_vbm_eV",
    "full_re_vbm_eV",
    "vbm_eV",
    "cbm_eV",
    "gap_eV",
    "fermi_eV",
    "is_metal",
    "spin_polarized",
    "n_sites",
    "window_eV",
    "status",
    "reasons",
)


def band_center(
    file: Annotated[
        Path,
        typer.Argument(
            help="vasprun.xml, vaspout.h5, DOSCAR or PROCAR (also .gz .xz .bz2) with projections, "
            "or the folder of a run. An OUTCAR beside it gives the potential at the sites."
        ),
    ],
    element: Annotated[str | None, typer.Option(help="Sites of this element. Default: O.")] = None,
    orbital: Annotated[str, typer.Option(help="s, p, d or f.")] = "p",
    sites: Annotated[
        str | None, typer.Option(help="Only these sites, counted from 0: 0,3,7.")
    ] = None,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Range of the full manifold, from the VBM (a metal: E_F) [eV]. "
            "Default: from the lowest energy to 5.",
            metavar="LO HI",
        ),
    ] = None,
    json_output: JsonOutput = False,
) -> None:
    """Say where an orbital's states lie, with the definition and the reference of each number.

    Of a non-collinear run only the density is summed, not its magnetisation; pymatgen adds m_z.
    """
    from sulfox.analysis.electronic.band_center import analyze_band_center
    from sulfox.engines.vasp.electronic_files import read_projected_dos

    indices = None if sites is None else _parse_sites(sites)
    wanted = None if indices is not None and element is None else (element or "O",)
    dos = read_projected_dos(file, wanted, ("s", orbital))
    element = element or _element_of(dos, indices)
    document = analyze_band_center(dos, element, orbital, indices, window)
    if json_output:
        content = document.model_dump(mode="json")
        emit_json({**{key: content[key] for key in _FIRST}, **content})
    else:
        _tell(document)


def _parse_sites(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        from sulfox.errors import SulfoxError

        raise SulfoxError(
            "SFX-901",
            who="--sites",
            found=repr(text),
            expected="integers parted by commas, counted from 0, such as 0,3,7",
            next_step="give the sites in the order of the file",
        ) from None


def _element_of(dos: ProjectedDos, indices: list[int] | None) -> str:
    if indices and 0 <= indices[0] < len(dos.species):
        return dos.species[indices[0]]
    return "O"


def _tell(document: BandCenterDoc) -> None:
    kind = {True: "a metal", False: "gapped", None: "gap not known"}[document.is_metal]
    spin = "spin-polarised" if document.spin_polarized else "one spin channel"
    low, high = document.window_eV
    emit_text(
        document.provenance.level_of_theory,
        f"{document.n_sites} {document.element} site(s), {document.orbital} states, {spin}, {kind}",
        f"E_F {document.fermi_eV:.4f}, VBM {_number(document.vbm_eV)}, CBM "
        f"{_number(document.cbm_eV)}, gap {_number(document.gap_eV)} eV",
    )
    window = f"window {low:.3f} to {high:.3f} eV re {document.window_reference}"
    emit_table(
        f"{document.element} {document.orbital} band centre",
        ["definition", "value (eV)", "reference"],
        [
            (definition, _number(value), reference)
            for definition, value, reference in (
                ("all energies (pymatgen's default)", document.all_re_fermi_eV, "E_F"),
                ("occupied", document.occupied_re_fermi_eV, "E_F"),
                ("occupied", document.occupied_re_vbm_eV, "VBM"),
                ("occupied", document.occupied_re_mid_gap_eV, "mid-gap"),
                ("occupied", document.occupied_re_cbm_eV, "CBM"),
                ("occupied", document.occupied_re_semicore_s_eV, "semicore s of the same sites"),
                (
                    "occupied",
                    document.occupied_re_site_potential_eV,
                    "electrostatic potential at the same sites",
                ),
                (window, document.full_re_vbm_eV, "VBM"),
                (window, document.window_re_fermi_eV, "E_F"),
            )
        ],
    )
    if len(document.per_coordination) > 1 or document.per_spin:
        emit_table("Split", ["part", "occupied re E_F", "occupied re VBM"], _parts(document))
    emit_text(*(f"{reason.code}: {reason.message}" for reason in document.reasons))
    emit_text(f"status: {document.status.value}")


def _parts(document: BandCenterDoc) -> list[tuple[Any, ...]]:
    named = [(f"spin {part.spin}", part) for part in document.per_spin]
    bonded = [
        (f"{len(part.sites)} {document.element} bonded to {part.coordination}", part)
        for part in document.per_coordination
    ]
    return [
        (name, _number(part.occupied_re_fermi_eV), _number(part.occupied_re_vbm_eV))
        for name, part in (*named, *bonded)
    ]


def _number(value: float | None) -> str | None:
    return "-" if value is None else f"{value:.4f}"
