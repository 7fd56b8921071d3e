"""The experiment's formulas: units of Eq. 1, its printed constants, Arrhenius lines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit
from scipy.stats import linregress

from sulfox.analysis.transport.arrhenius import (
    BOLTZMANN_EV_PER_K,
    Measurements,
    arrhenius_fit,
    read_measurements,
)
from sulfox.analysis.transport.galvanostatic_titration import (
    TitrationStep,
    diffusivity,
    galvanostatic_titration,
)
from sulfox.errors import SulfoxError

STEP = TitrationStep(1800.0, 0.01, 0.1, 0.55)


def test_eq_1_in_si_units_by_hand():
    """D = 4/(pi tau) (V/S)^2 ratio^2 with V and S of one gram, in metres, then in cm^2/s."""
    volume_m3 = 19.37e-6 / 97.87
    area_m2 = 0.55
    by_hand = 4 / (math.pi * 1800) * (volume_m3 / area_m2) ** 2 * 0.01 * 1e4
    assert diffusivity(STEP, 97.87, 19.37) == pytest.approx(by_hand, rel=1e-12)


@given(st.floats(0.1, 1e4), st.floats(1e-3, 1.0), st.floats(1e-3, 1.0), st.floats(0.01, 100))
def test_eq_1_scales_as_it_must(tau, steady, transient, area):
    one = diffusivity(TitrationStep(tau, steady, transient, area), 100.0, 20.0)
    assert diffusivity(TitrationStep(2 * tau, steady, transient, area), 100, 20) == pytest.approx(
        one / 2
    )
    assert diffusivity(TitrationStep(tau, 3 * steady, transient, area), 100, 20) == pytest.approx(
        9 * one
    )
    assert diffusivity(TitrationStep(tau, -steady, transient, 2 * area), 100, 20) == pytest.approx(
        one / 4
    )
    assert diffusivity(TitrationStep(tau, steady, transient, area), 200, 40) == pytest.approx(one)


def test_the_printed_constants_are_questioned():
    """81.87 g/mol is LiCoO; 32.13 is the volume of LiCoO2 in Å^3: D comes out 3.9 times too big."""
    document = galvanostatic_titration(
        "LiCoO2",
        STEP,
        molar_mass_g_per_mol=81.87,
        molar_volume_cm3_per_mol=32.13,
        formula_volume_A3=32.16,
    )
    messages = {reason.code: reason.message for reason in document.reasons}
    assert "97.87" in messages["molar_mass"]
    assert "one O" in messages["molar_mass"]
    assert "Å^3" in messages["molar_volume"]
    assert document.ratio == pytest.approx((32.13 / 81.87) ** 2 / (19.37 / 97.87) ** 2, rel=1e-3)
    given_row, computed = document.inputs
    assert computed.density_g_per_cm3 == pytest.approx(5.05, abs=0.01)
    assert document.diffusivity_cm2_per_s == given_row.diffusivity_cm2_per_s


def test_right_constants_raise_no_question():
    document = galvanostatic_titration(
        "LiCoO2",
        STEP,
        molar_mass_g_per_mol=97.87,
        molar_volume_cm3_per_mol=19.4,
        formula_volume_A3=32.16,
    )
    assert document.reasons == ()
    assert document.ratio == pytest.approx(1.0, abs=0.01)


def test_a_pulse_that_is_too_long_is_told():
    """dE_t as small as dE_s: the profile has reached the end of the sheet."""
    document = galvanostatic_titration(
        "LiCoO2", TitrationStep(1800, 0.1, 0.1, 0.55), formula_volume_A3=32.16
    )
    assert [reason.code for reason in document.reasons] == ["long_pulse"]


@pytest.mark.parametrize("field", range(4))
@pytest.mark.parametrize("bad", [0.0, float("nan"), float("inf")])
def test_inputs_that_are_not_positive_are_refused(field, bad):
    numbers = [1800.0, 0.01, 0.1, 0.55]
    numbers[field] = bad
    with pytest.raises(SulfoxError, match=r"^SFX-745"):
        diffusivity(TitrationStep(*numbers), 97.87, 19.37)


def test_without_a_volume_there_is_no_number():
    with pytest.raises(SulfoxError, match=r"^SFX-745.*molar volume"):
        galvanostatic_titration("LiCoO2", STEP)


@given(st.floats(0.05, 1.5), st.floats(-8, 4), st.booleans())
def test_an_exact_line_is_found_again(energy, log10_prefactor, hopping):
    kelvin = np.array([280.0, 300.0, 340.0, 400.0])
    values = 10**log10_prefactor * np.exp(-energy / (BOLTZMANN_EV_PER_K * kelvin))
    values = values / (kelvin if hopping else 1)
    data = Measurements("conductivity", "S/cm", tuple(kelvin), tuple(values))
    document = arrhenius_fit(data, times_temperature=hopping, at_K=(298.15,))
    assert document.activation_energy_eV == pytest.approx(energy, rel=1e-8)
    assert document.log10_prefactor == pytest.approx(log10_prefactor, abs=1e-7)
    expected = 10**log10_prefactor * math.exp(-energy / (BOLTZMANN_EV_PER_K * 298.15))
    expected /= 298.15 if hopping else 1
    assert document.estimates[0].value == pytest.approx(expected, rel=1e-6)
    assert not document.estimates[0].extrapolated


NOISY = Measurements(
    "D", "cm^2/s", (300.0, 320.0, 350.0, 390.0, 450.0), (1.1e-9, 2.2e-9, 7.5e-9, 2.2e-8, 1.1e-7)
)


def test_errors_are_those_of_linear_regression():
    document = arrhenius_fit(NOISY)
    x = 1 / (BOLTZMANN_EV_PER_K * np.array(NOISY.temperatures_K))
    peer = linregress(x, np.log(NOISY.values))
    assert document.activation_energy_eV == pytest.approx(-peer.slope)
    assert document.activation_energy_error_eV == pytest.approx(peer.stderr)
    assert document.log10_prefactor_error == pytest.approx(peer.intercept_stderr / math.log(10))
    assert document.r_squared == pytest.approx(peer.rvalue**2)


def test_weighted_errors_are_those_of_scipys_curve_fit():
    relative = np.array([0.3, 0.1, 0.2, 0.05, 0.4])
    errors = tuple(relative * NOISY.values)
    data = Measurements("D", "cm^2/s", NOISY.temperatures_K, NOISY.values, errors)
    document = arrhenius_fit(data)
    x = 1 / (BOLTZMANN_EV_PER_K * np.array(NOISY.temperatures_K))
    best, spread = curve_fit(
        lambda x, a, b: a + b * x, x, np.log(NOISY.values), sigma=relative, absolute_sigma=True
    )
    assert document.weighted
    assert document.activation_energy_eV == pytest.approx(-best[1], rel=1e-6)
    assert document.activation_energy_error_eV == pytest.approx(math.sqrt(spread[1, 1]), rel=1e-4)


def test_an_extrapolation_is_wider_than_the_middle_and_says_so():
    document = arrhenius_fit(NOISY, at_K=(350.0, 200.0))
    middle, far = document.estimates
    assert math.log(far.high / far.low) > math.log(middle.high / middle.low)
    assert (middle.extrapolated, far.extrapolated) == (False, True)
    assert "extrapolated" in {reason.code for reason in document.reasons}


def test_two_points_give_a_line_without_an_error():
    document = arrhenius_fit(Measurements("D", "1", (300.0, 400.0), (1.0, 2.0)), at_K=(350.0,))
    assert document.activation_energy_error_eV is None
    assert document.estimates[0].low is None
    assert "two_points" in {reason.code for reason in document.reasons}


def test_a_value_that_falls_with_temperature_is_told():
    document = arrhenius_fit(Measurements("D", "1", (300.0, 350.0, 400.0), (3.0, 2.0, 1.0)))
    assert "not_activated" in {reason.code for reason in document.reasons}


@pytest.mark.parametrize(
    ("kelvin", "values"),
    [
        ((300.0, 300.0), (1.0, 2.0)),
        ((300.0, -5.0), (1.0, 2.0)),
        ((300.0, 400.0), (1.0, 0.0)),
        ((300.0, 400.0), (1.0, float("nan"))),
    ],
)
def test_measurements_that_a_fit_cannot_use_are_refused(kelvin, values):
    with pytest.raises(SulfoxError, match=r"^SFX-747"):
        arrhenius_fit(Measurements("D", "1", kelvin, values))


def test_a_table_in_celsius_and_one_in_kelvin_are_the_same(tmp_path):
    rows = [(25.0, 1e-4, 1e-5), (75.0, 5e-4, 2e-5), (125.0, 2e-3, 1e-4)]
    celsius, kelvin = tmp_path / "c.csv", tmp_path / "k.csv"
    celsius.write_text(
        "T (°C);conductivity_S_per_cm;standard_error\n"
        + "\n".join(";".join(map(str, row)) for row in rows)
    )
    kelvin.write_text(
        "temperature_K,conductivity_S_per_cm,standard_error\n"
        + "\n".join(f"{t + 273.15},{v},{e}" for t, v, e in rows)
    )
    one, two = read_measurements(celsius), read_measurements(kelvin)
    assert one.temperatures_K == pytest.approx(two.temperatures_K)
    assert (one.quantity, one.unit, one.errors) == ("conductivity", "S/cm", two.errors)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "temperature_K,D\n",
        "a,b\n300,1\n",
        "temperature_K,D\n300,x\n",
        "temperature_K,D\n300\n",
        "temperature_K\n300\n",
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(SulfoxError, match=r"^SFX-746"):
        read_measurements(path)
    with pytest.raises(SulfoxError, match=r"^SFX-746"):
        read_measurements(tmp_path / "absent.csv")
