"""The table of definitions: signs, what has a meaning, what was tried, what agrees."""

from __future__ import annotations

import pytest

from sulfox.analysis.electronic.alignment_definitions import orbital_name
from sulfox.analysis.electronic.band_alignment import align_band_centers
from sulfox.documents.band_alignment import PublishedDifference
from sulfox.documents.base import Status
from sulfox.documents.kinds import parse_document
from sulfox.errors import SulfoxError
from sulfox.materials.catalogue import load_material

PUBLISHED = PublishedDifference(difference_eV=-2.75, source="a paper, definition not stated")
#: Definition, reference -> CoO, LCO, difference, as the Gaussians are placed.
KNOWN = {
    ("occupied", "VBM"): (-4.0, -3.3, -0.7),
    ("occupied", "mid-gap"): (-5.0, -4.3, -0.7),
    ("occupied", "CBM"): (-6.0, -5.3, -0.7),
    ("occupied", "potential at O sites"): (55.5, 56.1, -0.6),
    ("occupied", "potential at Co sites"): (80.5, 80.0, 0.5),
    ("occupied", "O 2s level"): (13.7, 14.0, -0.3),
    ("full manifold up to 5 eV", "VBM"): (-2.75, -17 / 6 + 0.7, -2.75 + 17 / 6 - 0.7),
    ("occupied", "CBM and VBM"): (-6.0, -3.3, -2.7),
}


@pytest.fixture(scope="module")
def lco(make_variant):
    return make_variant("LCO", -4.0, edges=(-0.7, 1.3), potentials=(-60.1, -84.0), moment=0.0)


@pytest.fixture(scope="module")
def afm(make_variant):
    return make_variant(
        "CoO", -4.5, o2s=-18.2, edges=(-0.5, 1.5), potentials=(-60.0, -85.0), energy=-12.0
    )


@pytest.fixture(scope="module")
def nonmagnetic(make_variant):
    return make_variant(
        "CoO", -6.0, edges=None, potentials=(-60.0, -85.0), state="none", energy=-10.1, moment=0.0
    )


def align(*entries, published=PUBLISHED, **options):
    centers, runs = zip(*entries, strict=True)
    options = {"upper": "CoO", "lower": "LCO", "published": published, **options}
    return align_band_centers(centers, runs, **options)


def test_every_definition_has_the_value_of_its_gaussians(lco, afm):
    document = align(lco, afm)
    found = {(row.definition, row.reference): row for row in document.rows}
    for key, (upper, lower, apart) in KNOWN.items():
        row = found[key]
        assert (row.upper_eV, row.lower_eV) == pytest.approx((upper, lower), abs=1e-5)
        assert row.difference_eV == pytest.approx(apart, abs=1e-5)
    assert document.n_differences == len(document.rows) == document.n_definitions
    assert parse_document(document.model_dump(mode="json")) == document


@pytest.mark.parametrize(
    ("element", "orbital", "name"),
    [("O", "p", "O 2p"), ("O", "s", "O 2s"), ("Co", "d", "Co 3d"), ("S", "p", "S 3p")],
)
def test_orbitals_have_their_principal_quantum_number(element, orbital, name):
    assert orbital_name(element, orbital) == name


def test_a_mixed_reference_and_a_fermi_level_in_a_gap_are_named_as_such(lco, afm):
    kinds = {(row.definition, row.reference): row.kind for row in align(lco, afm).rows}
    assert kinds[("occupied", "CBM and VBM")] == "mixed"
    assert kinds[("occupied", "E_F")] == "undefined"
    assert kinds[("all energies of the file", "E_F")] == "undefined"
    sound = {key for key, kind in kinds.items() if kind == "consistent"}
    assert sound == set(KNOWN) - {("occupied", "CBM and VBM")}


def test_what_agrees_is_counted_and_told_with_what_is_wrong_with_it(lco, afm, nonmagnetic):
    document = align(lco, afm, nonmagnetic)
    agreeing = [(r.upper, r.reference, r.kind) for r in document.rows if r.agrees]
    assert agreeing == [
        ("CoO", "CBM and VBM", "mixed"),
        ("CoO (non-magnetic)", "E_F and VBM", "mixed"),
    ]
    assert (document.n_variants, document.n_pairs, document.n_agreeing) == (3, 2, 2)
    assert document.reproduced is False
    for words in (
        "3 calculations tried: CoO, CoO (non-magnetic), LCO.",
        f"2 of {document.n_differences} come within 0.25 eV of the published -2.75 eV",
        "two different references",
        "CoO (non-magnetic) is not the ground state, 1.90 eV per formula unit above",
        "none is a reproduction",
        "-0.70 to +0.50 eV in 7 numbers, 6 of them with the published sign",
    ):
        assert words in document.verdict


def test_the_verdict_turns_when_a_sound_number_agrees(lco, afm):
    document = align(lco, afm, published=PUBLISHED.model_copy(update={"difference_eV": -0.6}))
    assert document.reproduced is True
    assert "none is a reproduction" not in document.verdict
    narrow = align(
        lco,
        afm,
        published=PUBLISHED.model_copy(update={"difference_eV": -1.5}),
        tolerance_eV=0.05,
    )
    assert (narrow.n_agreeing, narrow.reproduced) == (0, False)
    assert "None comes within 0.05 eV" in narrow.verdict


def test_without_a_published_number_nothing_is_judged(lco, afm):
    document = align(lco, afm, published=None)
    assert document.reproduced is None
    assert {row.agrees for row in document.rows} == {None}


def test_the_ground_state_is_the_lowest_in_energy_and_another_order_is_said(lco, make_variant):
    afm = make_variant("CoO", -4.5, energy=-12.0)
    fm = make_variant("CoO", -4.4, state="ferromagnetic", energy=-12.2)
    document = align(lco, afm, fm)
    ground = {v.label: (v.is_ground_state, v.above_lowest_eV) for v in document.variants}
    assert ground["CoO"] == (False, pytest.approx(0.2))
    assert ground["CoO (ferromagnetic)"] == (True, 0.0)
    assert "CoO: the catalogue's magnetic order is 0.200 eV per formula unit above" in (
        document.verdict
    )


def test_energies_compare_at_the_same_u_only(lco, afm, make_variant):
    plain = make_variant("CoO", -4.2, hubbard=False, energy=-15.0)
    document = align(lco, afm, plain)
    assert [v.above_lowest_eV for v in document.variants] == [0.0, 0.0, 0.0]
    assert all(v.is_ground_state for v in document.variants)


def test_variants_pair_at_the_same_u_and_the_rest_is_told(lco, afm, make_variant):
    plain = make_variant("CoO", -4.2, hubbard=False)
    document = align(lco, afm, plain)
    assert (document.n_variants, document.n_pairs) == (3, 1)
    assert document.status is Status.PARTIAL
    (reason,) = document.reasons
    assert reason.code == "unpaired"
    assert "CoO (no U)" in reason.message
    both = align(lco, afm, plain, make_variant("LCO", -3.9, hubbard=False, moment=0.0))
    assert both.n_pairs == 2
    assert {(row.upper, row.lower) for row in both.rows} == {
        ("CoO", "LCO"),
        ("CoO (no U)", "LCO (no U)"),
    }


def test_numbers_without_u_do_not_count_as_a_reproduction(lco, afm, make_variant):
    plain = make_variant("CoO", -6.5, hubbard=False)
    bare = make_variant("LCO", -3.9, hubbard=False, moment=0.0)
    document = align(lco, afm, plain, bare)
    sound = [r for r in document.rows if r.agrees and r.kind == "consistent" and r.ground_states]
    assert sound
    assert not any(row.hubbard for row in sound)
    assert document.reproduced is False
    assert "ground states, without U" in document.verdict


def test_a_calculation_without_a_center_was_tried_too(lco, afm, nonmagnetic):
    run = nonmagnetic[1].model_copy(update={"status": Status.REFUSED, "energy_eV": None})
    document = align_band_centers(
        [lco[0], afm[0]], [lco[1], afm[1], run], upper="CoO", lower="LCO", published=PUBLISHED
    )
    assert (document.n_variants, document.n_pairs) == (3, 1)
    assert document.variants[1].status is Status.REFUSED
    assert [reason.code for reason in document.reasons] == ["no-band-center"]


def test_missing_potentials_and_metals_leave_empty_cells_with_the_reason(lco, make_variant):
    metal = make_variant("CoO", -6.0, edges=None)
    rows = {(r.definition, r.reference): r for r in align(lco, metal).rows}
    assert rows[("occupied", "VBM")].difference_eV is None
    assert rows[("occupied", "VBM")].remark == "CoO: a metal has no such level"
    assert rows[("occupied", "potential at O sites")].remark == "not known for CoO"
    assert rows[("occupied", "potential at O sites")].agrees is None


def test_other_settings_in_one_table_are_told(lco, afm):
    other = afm[1].model_copy(
        update={"settings": {**afm[1].settings, "cutoff_eV": 400.0, "hubbard": {"Co": {"u_eV": 5}}}}
    )
    document = align_band_centers(
        [lco[0], afm[0]], [lco[1], other], upper="CoO", lower="LCO", published=PUBLISHED
    )
    assert [reason.code for reason in document.reasons] == ["levels", "levels"]


def test_gap_and_moment_stand_beside_the_catalogues_measured_ones(lco, afm):
    measured = {name: load_material(name).measured for name in ("CoO", "LCO")}
    document = align(lco, afm, measured=measured)
    rows = [(r.label, r.computed_gap_eV, r.measured_gap_eV) for r in document.literature[:1]]
    assert rows == [("CoO", pytest.approx(2.0), 2.5)]
    moments = [r for r in document.literature if r.measured_moment_muB is not None]
    assert {r.computed_moment_muB for r in moments} == {2.6}
    assert {r.label for r in moments} == {"CoO"}
    assert {r.checked for r in document.literature} <= {"no", "abstract", "text"}


def test_what_cannot_be_aligned_is_refused(lco, afm):
    with pytest.raises(SulfoxError, match=r"SFX-714.*neither"):
        align_band_centers([], upper="CoO", lower="LCO")
    with pytest.raises(SulfoxError, match="SFX-714"):
        align_band_centers([lco[0]], upper="CoO", lower="LCO")
    with pytest.raises(SulfoxError, match=r"SFX-714.*two band centres"):
        align(lco, afm, afm)
    other = afm[0].model_copy(update={"orbital": "s"})
    with pytest.raises(SulfoxError, match=r"SFX-714.*O p, O s"):
        align_band_centers([lco[0], other], upper="CoO", lower="LCO")


def test_the_order_of_the_documents_changes_nothing(lco, afm, nonmagnetic):
    one, other = align(lco, afm, nonmagnetic), align(nonmagnetic, lco, afm)
    assert one.id == other.id
    assert one.rows == other.rows


def test_a_material_without_a_u_of_its_own_pairs_where_u_was_asked_for(lco, afm):
    """Its calculation says that no U acted, its centre that U was asked for: one variant."""
    plain = lco[1].model_copy(update={"hubbard": False})
    document = align(afm, (lco[0], plain))
    assert [v.label for v in document.variants] == ["CoO", "LCO"]
    assert document.n_pairs == 1
