"""How each kind of document is listed: its word on the command line and its columns."""

from __future__ import annotations

__all__ = ["FIRST_COLUMNS", "LAST_COLUMNS", "LISTINGS"]

#: Word of the command line -> kind, and columns: (head with unit, field).
LISTINGS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "interfaces": (
        "interface",
        (
            ("pair", "pair"),
            ("rank", "rank"),
            ("atoms", "n_atoms"),
            ("area [Å^2]", "area_A2"),
            ("strain max", "strain_max"),
            ("gap [Å]", "gap_A"),
            ("cathode", "cathode.termination"),
            ("electrolyte", "electrolyte.termination"),
        ),
    ),
    "relaxations": (
        "relaxation",
        (
            ("label", "label"),
            ("energy [eV]", "energy_eV"),
            ("max force [eV/Å]", "max_force_eV_A"),
            ("steps", "n_steps"),
            ("max displacement [Å]", "max_displacement_A"),
        ),
    ),
    "trajectories": (
        "trajectory",
        (
            ("pair", "pair"),
            ("variant", "variant"),
            ("stage", "stage"),
            ("T [K]", "temperature_K"),
            ("seed", "seed"),
            ("length [ps]", "length_ps"),
            ("steps", "n_steps_done"),
            ("T mean [K]", "temperature_mean_K"),
            ("frames", "archive.n_frames"),
        ),
    ),
    "sulfur-bonds": (
        "sulfur_bonds",
        (
            ("pair", "pair_of_materials"),
            ("variant", "variant"),
            ("T [K]", "temperature_K"),
            ("seed", "seed"),
            ("bonds", "criteria.pair"),
            ("length [ps]", "length_ps"),
            ("initial", "n_initial"),
            ("formed", "n_formed"),
            ("broken", "n_broken"),
            ("final", "n_final"),
            ("shortest [Å]", "min_distance_A"),
            ("robust", "robust"),
        ),
    ),
    "sulfur-bond-rates": (
        "sulfur_bond_rate",
        (
            ("pair", "pair_of_materials"),
            ("variant", "variant"),
            ("T [K]", "temperature_K"),
            ("seeds", "seeds"),
            ("formed", "n_formed"),
            ("rate [1/nm^2/ps]", "rate_per_nm2_ps"),
            ("95 % low", "rate_low_per_nm2_ps"),
            ("95 % high", "rate_high_per_nm2_ps"),
        ),
    ),
    "electronic-structures": (
        "electronic_structure",
        (
            ("label", "label"),
            ("energy [eV]", "energy_eV"),
            ("gap [eV]", "gap_eV"),
            ("metal", "is_metal"),
            ("moment of the cell [µB]", "total_moment_muB"),
            ("wall time [s]", "wall_time_s"),
            ("memory [MB]", "peak_memory_MB"),
        ),
    ),
    "band-centers": (
        "band_center",
        (
            ("material", "material"),
            ("magnetic state", "magnetic_state"),
            ("U", "hubbard"),
            ("element", "element"),
            ("orbital", "orbital"),
            ("occupied re VBM [eV]", "occupied_re_vbm_eV"),
            ("full re VBM [eV]", "full_re_vbm_eV"),
            ("occupied re E_F [eV]", "occupied_re_fermi_eV"),
            ("all re E_F [eV]", "all_re_fermi_eV"),
            ("gap [eV]", "gap_eV"),
        ),
    ),
    "band-alignments": (
        "band_alignment",
        (
            ("upper", "upper"),
            ("lower", "lower"),
            ("variants", "n_variants"),
            ("differences", "n_differences"),
            ("agreeing", "n_agreeing"),
            ("reproduced", "reproduced"),
            ("verdict", "verdict"),
        ),
    ),
    "comparisons": ("comparison", (("study", "study"), ("rows", "rows"))),
}
FIRST_COLUMNS = (("id", "id"),)
LAST_COLUMNS = (("status", "status"), ("level of theory", "provenance.level_of_theory"))
