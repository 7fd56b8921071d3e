"""A specification in neutral terms as GPAW's keywords."""

from __future__ import annotations

import math
from typing import Any

from sulfox.materials.material import HubbardU
from sulfox.protocols.electronic import ElectronicSpec, KMesh, Smearing

__all__ = [
    "band_numbers",
    "density_of_states_parameters",
    "dos_mesh",
    "ground_state_parameters",
    "hubbard_setups",
]

#: Bands above the converged ones: the iterative solver converges its last bands late.
_MIN_BUFFER_BANDS = 4
_BUFFER = 0.1
#: Residual of the states of the density of states, per valence electron [eV^2]: errors of
#: eigenvalues are of second order in it, far below 1 meV.
_DOS_EIGENSTATES_EV2 = 1e-7


def hubbard_setups(hubbard: dict[str, HubbardU]) -> dict[str, str]:
    """Name the PAW sets with U, in Dudarev's form.

    GPAW's text is ``type:orbital,U,scale``. The scale 0 takes U as it is: by default GPAW
    divides the occupations by the part of the orbital that lies inside the augmentation
    sphere, which makes another U of the same number.

    Parameters
    ----------
    hubbard : dict
        Element -> U.

    Returns
    -------
    dict
        Element -> ``":d,3.9,0"``.
    """
    return {element: f":{u.orbital},{u.u_eV:g},0" for element, u in hubbard.items() if u.u_eV != 0}


def ground_state_parameters(spec: ElectronicSpec, mesh: KMesh, n_atoms: int) -> dict[str, Any]:
    """Give the keywords of the self-consistent run.

    Parameters
    ----------
    spec : ElectronicSpec
        Functional, U, cutoff, smearing, thresholds.
    mesh : KMesh
        Of the cell that GPAW gets.
    n_atoms : int
        The energy threshold is per atom.

    Returns
    -------
    dict
        JSON values only.
    """
    return {
        "mode": {"name": "pw", "ecut": spec.cutoff_eV},
        "xc": spec.functional,
        "kpts": _k_points(mesh),
        "spinpol": spec.spin_polarized,
        "setups": hubbard_setups(spec.hubbard),
        "occupations": _occupations(spec.smearing),
        "convergence": {
            "energy": {
                "name": "energy",
                "tol": spec.energy_threshold_eV_per_atom * n_atoms,
                "relative": False,
            }
        },
        "maxiter": spec.max_scf_steps,
    }


def density_of_states_parameters(
    spec: ElectronicSpec, mesh: KMesh, n_occupied: int
) -> dict[str, Any]:
    """Give the keywords that differ for the states on the finer mesh, at fixed density.

    Parameters
    ----------
    spec : ElectronicSpec
        Its ``dos`` gives mesh factor and empty bands.
    mesh : KMesh
        Self-consistent mesh of the cell that GPAW gets.
    n_occupied : int
        Occupied bands of the spin that has more.

    Returns
    -------
    dict
        JSON values only.
    """
    converged, all_bands = band_numbers(n_occupied, spec.dos.empty_bands)
    return {
        "kpts": _k_points(dos_mesh(mesh, spec.dos.mesh_factor)),
        "nbands": all_bands,
        "convergence": {"bands": converged, "eigenstates": _DOS_EIGENSTATES_EV2},
        "maxiter": spec.max_scf_steps,
    }


def band_numbers(n_occupied: int, empty_bands: float) -> tuple[int, int]:
    """Say how many bands are converged and how many are carried.

    Parameters
    ----------
    n_occupied : int
        Occupied bands.
    empty_bands : float
        Empty per occupied one.

    Returns
    -------
    converged, carried : int
        The carried ones above the converged ones speed them up and are not used.
    """
    converged = math.ceil(n_occupied * (1 + empty_bands))
    return converged, converged + max(_MIN_BUFFER_BANDS, math.ceil(_BUFFER * converged))


def dos_mesh(mesh: KMesh, factor: int) -> KMesh:
    """Multiply the divisions of a mesh.

    Parameters
    ----------
    mesh : KMesh
        Self-consistent mesh.
    factor : int
        1 keeps it.

    Returns
    -------
    KMesh
        Holds the points of `mesh` if that is centred on the zone centre.
    """
    first, second, third = mesh.divisions
    divisions = (first * factor, second * factor, third * factor)
    return mesh.model_copy(update={"divisions": divisions})


def _k_points(mesh: KMesh) -> dict[str, Any]:
    return {"size": list(mesh.divisions), "gamma": mesh.gamma_centred}


def _occupations(smearing: Smearing) -> dict[str, Any]:
    if smearing.kind == "tetrahedron":
        return {"name": "improved-tetrahedron-method"}
    if smearing.kind == "fermi-dirac" or smearing.width_eV == 0:
        return {"name": "fermi-dirac", "width": smearing.width_eV}
    # Methfessel and Paxton's order 0 is a Gaussian: f = erfc((e - E_F) / width) / 2
    return {"name": "methfessel-paxton", "order": 0, "width": smearing.width_eV}
