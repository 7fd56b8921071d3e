"""How each kind of document is listed: its word on the command line and its columns."""

from __future__ import annotations

__all__ = ["FIRST_COLUMNS", "LAST_COLUMNS", "LISTINGS", "TOLD_ONCE"]

#: What tells two counts of the same run apart.
_CRITERIA = (
    ("bonds", "criteria.pair"),
    ("formed, broken at [Å]", "criteria.form_A|criteria.break_A"),
    ("lasting [fs]", "criteria.min_lifetime_fs"),
)

#: Word of the command line -> kind, and columns: (head with unit, field). A number in a field
#: counts in a list, ``|`` joins two fields: as in :mod:`sulfox.stores.search.values`.
LISTINGS: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "interfaces": (
        "interface",
        (
            ("pair", "pair"),
            ("rank", "rank"),
            ("atoms", "n_atoms"),
            ("area [Å^2]", "area_A2"),
            ("strain max [1]", "strain_max"),
            ("gap [Å]", "gap_A"),
            ("cathode", "cathode.termination"),
            ("facet", "cathode.miller"),
            ("electrolyte", "electrolyte.termination"),
            ("facet", "electrolyte.miller"),
        ),
    ),
    "coherent-interfaces": (
        "coherent_interface",
        (
            ("pair", "pair"),
            ("epitaxy", "epitaxy"),
            ("geometry", "geometry"),
            ("atoms", "n_atoms"),
            ("area [Å^2]", "area_A2"),
            ("charge [e/Å^2]", "interface_charge"),
            ("polar", "is_polar"),
        ),
    ),
    "relaxations": (
        "relaxation",
        (
            ("label", "label"),
            ("interface", "interface_id"),
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
            ("interface", "interface_id"),
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
            ("interface", "interface_id"),
            ("T [K]", "temperature_K"),
            ("seed", "seed"),
            *_CRITERIA,
            ("length [ps]", "length_ps"),
            ("initial", "n_initial"),
            ("formed", "n_formed"),
            ("broken", "n_broken"),
            ("final", "n_final"),
            ("shortest [Å]", "min_distance_A"),
            ("robust", "robust"),
            ("version", "method_version"),
        ),
    ),
    "sulfur-bond-rates": (
        "sulfur_bond_rate",
        (
            ("pair", "pair_of_materials"),
            ("variant", "variant"),
            ("T [K]", "temperature_K"),
            ("seeds", "seeds"),
            *_CRITERIA,
            ("formed", "n_formed"),
            ("rate [1/nm^2/ps]", "rate_per_nm2_ps"),
            ("95 % low [1/nm^2/ps]", "rate_low_per_nm2_ps"),
            ("95 % high [1/nm^2/ps]", "rate_high_per_nm2_ps"),
            ("version", "method_version"),
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
            ("element", "element"),
            ("orbital", "orbital"),
            ("variants", "n_variants"),
            ("differences", "n_differences"),
            ("agreeing", "n_agreeing"),
            ("reproduced", "reproduced"),
            ("verdict", "verdict"),
        ),
    ),
    "layered-band-centers": (
        "layered_band_center",
        (
            ("label", "label"),
            ("element", "element"),
            ("orbital", "orbital"),
            ("layers", "layers"),
            ("upper", "difference.upper"),
            ("lower", "difference.lower"),
            ("occupied, upper - lower [eV]", "difference.occupied_eV"),
            ("metal", "is_metal"),
        ),
    ),
    "reaction-energies": (
        "reaction_energy",
        (
            ("reactants", "reactants.0.formula|reactants.1.formula"),
            ("open element", "open.element"),
            ("its potential [eV]", "open.chemical_potential_eV"),
            ("energy [eV/atom]", "minimum.energy_eV_per_atom"),
            ("reaction", "minimum.reaction"),
            ("own energies [eV/atom]", "minimum_own_energy.energy_eV_per_atom"),
            ("kinks", "kinks"),
            ("entry set", "entries.name"),
        ),
    ),
    "stability-windows": (
        "stability_window",
        (
            ("formula", "formula"),
            ("ion", "ion"),
            ("reduction [V]", "reduction_V"),
            ("oxidation [V]", "oxidation_V"),
            ("convention", "convention"),
            ("above hull [eV/atom]", "e_above_hull_eV"),
            ("entry set", "entries.name"),
        ),
    ),
    "voltage-curves": (
        "voltage_curve",
        (
            ("reactants", "reactants.0|reactants.1"),
            ("open element", "open_element"),
            ("scale", "scale"),
            ("points", "points"),
            ("entry set", "entries.name"),
        ),
    ),
    "gas-reductions": (
        "gas_reduction",
        (
            ("cathode", "cathode"),
            ("gas", "gas"),
            ("T [K]", "temperature_K"),
            ("pressure [bar]", "pressure_bar"),
            ("of products [bar]", "product_pressure_bar"),
            ("first skin", "first_skin"),
            ("in excess gas", "excess"),
            ("data", "data.name"),
        ),
    ),
    "arrhenius-fits": (
        "arrhenius",
        (
            ("quantity", "quantity"),
            ("unit", "unit"),
            ("points", "n"),
            ("E_a [eV]", "activation_energy_eV"),
            ("error [eV]", "activation_energy_error_eV"),
            ("R^2 [1]", "r_squared"),
        ),
    ),
    "titrations": (
        "galvanostatic_titration",
        (
            ("formula", "formula"),
            ("D [cm^2/s]", "diffusivity_cm2_per_s"),
            ("pulse [s]", "pulse_time_s"),
            ("area [m^2/g]", "specific_area_m2_per_g"),
            ("D given / computed [1]", "ratio"),
        ),
    ),
    "entry-sets": (
        "entry_set",
        (
            ("name", "name"),
            ("phases", "phases"),
            ("threshold [eV/Å]", "force_threshold_eV_A"),
        ),
    ),
    "pair-tables": (
        "pair_table",
        (
            ("title", "title"),
            ("pairs", "pairs"),
            ("windows", "windows"),
            ("scheme", "scheme"),
            ("entry set", "entries.name"),
        ),
    ),
    "screenings": (
        "screening",
        (
            ("cathode", "cathode"),
            ("electrolyte", "electrolyte"),
            ("lower [V]", "lower_V"),
            ("upper [V]", "upper_V"),
            ("bare, mutual [eV/atom]", "bare.mutual_eV_per_atom"),
            ("coatings", "coatings"),
            ("best", "coatings.0.formula"),
            ("its worst [eV/atom]", "coatings.0.worst_eV_per_atom"),
            ("entry set", "entries.name"),
        ),
    ),
    "comparisons": (
        "comparison",
        (("study", "study"), ("rows", "rows"), ("made (UTC)", "provenance.created_at")),
    ),
}
#: Fields that a table tells below it where all of its rows have the same value.
TOLD_ONCE = frozenset({*(path for _, path in _CRITERIA[1:]), "method_version"})
FIRST_COLUMNS = (("id", "id"),)
LAST_COLUMNS = (("status", "status"), ("level of theory", "provenance.level_of_theory"))
