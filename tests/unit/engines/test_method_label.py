"""The level of theory names functional, U of each element in the file's order, cutoff."""

from __future__ import annotations

import pytest

from sulfox.engines.vasp.method_label import method_label

PLUS_U = {"GGA": "PE", "LDAU": ".TRUE.", "LDAUTYPE": "2", "ENCUT": "500"}


@pytest.mark.parametrize(
    ("types", "values", "orbitals"),
    [
        (("Li", "Co", "O"), "0 3.9 0", "-1 2 -1"),
        (("Co", "O", "Li"), "3.9 0 0", "2 -1 -1"),
        (("O", "Li", "Co"), "0 0 3.9", "-1 -1 2"),
    ],
)
def test_u_goes_with_its_element_whatever_the_order(types, values, orbitals):
    settings = PLUS_U | {"LDAUU": values, "LDAUJ": "0 0 0", "LDAUL": orbitals}
    assert method_label(settings, types, version="6.4.2") == (
        "PBE+U (Co d 3.9 eV), 500 eV (VASP 6.4.2)"
    )


def test_dudarev_states_the_difference_and_other_forms_both_numbers():
    settings = PLUS_U | {"LDAUU": "5.0 0", "LDAUJ": "1.0 0", "LDAUL": "2 -1"}
    assert "Co d 4 eV" in method_label(settings, ("Co", "O"))
    assert "Co d U 5 J 1 eV" in method_label(settings | {"LDAUTYPE": "1"}, ("Co", "O"))


@pytest.mark.parametrize("values", ["3.9", "3.9 x 0", ""])
def test_a_list_that_does_not_fit_the_types_is_not_guessed(values):
    settings = PLUS_U | {"LDAUU": values, "LDAUL": "-1 2 -1"}
    assert "U of each element not in the file" in method_label(settings, ("Li", "Co", "O"))


@pytest.mark.parametrize(
    ("settings", "potential", "label"),
    [
        ({}, "PAW_PBE O 08Apr2002", "PBE (VASP)"),
        ({}, "", "DFT (VASP)"),
        ({"GGA": "PS"}, "PAW_PBE O", "PBEsol (VASP)"),
        ({"METAGGA": "R2SCAN"}, "PAW_PBE O", "R2SCAN (VASP)"),
        ({"LHFCALC": "T"}, "PAW_PBE O", "hybrid functional on PBE (VASP)"),
        ({"LDAU": "F", "LDAUU": "3.9", "LDAUL": "2"}, "PAW_PBE O", "PBE (VASP)"),
        ({"LDAU": "T", "LDAUU": "0", "LDAUL": "2"}, "PAW_PBE O", "PBE (VASP)"),
        ({"LSORBIT": "T", "ENMAX": "400"}, "PAW_PBE O", "PBE, spin-orbit, 400 eV (VASP)"),
    ],
)
def test_other_functionals_and_no_u(settings, potential, label):
    assert method_label(settings, ("O",), potential) == label


def test_a_list_of_j_that_ends_before_elements_without_u():
    """VASP prints only as many values as it needs; where U acts, J has to be known."""
    settings = PLUS_U | {"LDAUU": "5.0 0", "LDAUJ": "1.0", "LDAUL": "2 0"}
    assert "PBE+U (Mn d 4 eV)" in method_label(settings, ("Mn", "O"))
    unknown = method_label(settings | {"LDAUU": "5.0 3.0"}, ("Mn", "O"))
    assert "U of each element not in the file" in unknown
