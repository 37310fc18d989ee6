"""Faults of fits that were found in use, each with what it was found by: small units, false convergence, names, masks, crashes."""

import numpy as np
import pytest
import sympy as sp

import symgraph as sg
from symgraph.fitting.solver import _WITH_BOUNDS, METHODS

a, b, c, x, y = sp.symbols("a b c x y")
X = np.linspace(0, 5, 30)
Y = 2 * np.exp(-0.7 * X)
MODEL = a * sp.exp(-b * x)
DATA = {x: X, y: Y}
START = {a: 1, b: 1}
GRADIENTS = [method for method in METHODS if method not in ("Nelder-Mead", "Powell")]


def noisy(seed=3, points=20):
    at = np.linspace(0, 1, points)
    return at, np.exp(-at) + 0.01 * np.random.default_rng(seed).normal(size=points)


# --- units


@pytest.mark.parametrize("unit", [1e-3, 1e-9, 1e-30, 1e-160, 1e12])
@pytest.mark.parametrize("method", METHODS)
def test_the_unit_of_data_does_not_matter(method, unit):
    in_the_model = sg.fit(unit * MODEL, {x: X, y: unit * Y}, {a: 1, b: 2}, method=method)
    in_a_parameter = sg.fit(MODEL, {x: X, y: unit * Y}, {a: unit, b: 2}, method=method)
    assert in_the_model.success and in_a_parameter.success
    np.testing.assert_allclose(in_the_model.x, [2, 0.7], rtol=1e-8)
    np.testing.assert_allclose(in_a_parameter.x, [2 * unit, 0.7], rtol=1e-8)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy"])
def test_the_unit_of_data_does_not_matter_to_losses(loss):
    at, values = noisy()
    values[4] += 3.0
    expected = sg.fit(MODEL, {x: at, y: values}, {a: 1, b: 3}, loss=loss, f_scale=0.02)
    small = sg.fit(1e-9 * MODEL, {x: at, y: 1e-9 * values}, {a: 1, b: 3}, loss=loss, f_scale=2e-11)
    assert expected.success and small.success
    np.testing.assert_allclose(small.x, expected.x, rtol=1e-9)
    np.testing.assert_allclose(small.covariance, expected.covariance, rtol=1e-6)


def test_the_unit_of_a_parameter_does_not_matter():
    at, values = noisy()
    expected = sg.fit(MODEL, {x: at, y: values}, {a: 1, b: 2})
    for method in ("trf", "dogbox", "BFGS", "L-BFGS-B", "SLSQP"):
        scaled = sg.fit(1e12 * a * sp.exp(-1e-9 * b * x), {x: at, y: values}, {a: 1e-12, b: 2e9}, method=method)
        assert scaled.success
        np.testing.assert_allclose(scaled.x * [1e12, 1e-9], expected.x, rtol=1e-9)


def test_squares_that_overflow():
    large = sg.fit(MODEL, {x: X, y: 1e200 * Y}, {a: 1e200, b: 2})
    assert large.success
    np.testing.assert_allclose(large.x, [2e200, 0.7], rtol=1e-10)
    assert sg.fit(MODEL, DATA, {a: 1, b: -100}, method="Nelder-Mead").x == pytest.approx([2, 0.7], rel=1e-8)
    far = sg.fit(MODEL, DATA, {a: 1, b: -100})  # no warning, whatever is found
    assert far.nfev < 1000 and far.summary()


# --- convergence


@pytest.mark.parametrize("method", ["trf", "lm", "dogbox", "BFGS", "Nelder-Mead"])
def test_no_convergence_where_the_gradient_is_not_0(method):
    result = sg.fit(MODEL, DATA, {a: 1, b: 1e3}, method=method)
    assert not result.success
    assert "NOT CONVERGED" in result.summary() and "but the gradient is not 0 there" in result.message


def test_convergence_that_the_optimiser_does_not_see():
    result = sg.fit(a * sp.log(x + b), {x: X, y: 2 * np.log(X + 1.5)}, {a: 1, b: 50}, method="BFGS")
    assert result.success and "although the optimiser ended with" in result.message
    np.testing.assert_allclose(result.x, [2, 1.5], rtol=1e-9)


@pytest.mark.parametrize("seed", range(3, 7))
@pytest.mark.parametrize("method", _WITH_BOUNDS)
def test_bounds_are_reached_by_all_methods(method, seed):
    at, values = noisy(seed)
    bounds, start = {c: (0.05, 0.5), a: (0, 2)}, {a: 1, b: 1.2, c: 0.1}
    result = sg.fit(MODEL + c, {x: at, y: values}, start, bounds, method=method)
    expected = sg.fit(MODEL + c, {x: at, y: values}, start, bounds, method="dogbox")
    assert result.success and expected.success
    np.testing.assert_allclose(result.x, expected.x, rtol=1e-8)
    on_bound = seed != 6
    assert (result[c] == 0.05) == on_bound == ("at its bound" in result.summary())
    assert np.isnan(result.standard_errors[c]) == on_bound
    small = {c: (0.05e-12, 0.5e-12), a: (0, 2e-12)}
    result = sg.fit(MODEL + c, {x: at, y: 1e-12 * values}, {a: 1e-12, b: 1.2, c: 1e-13}, small, method=method)
    np.testing.assert_allclose(result.x * [1e12, 1, 1e12], expected.x, rtol=1e-8)
    assert (result[c] == 0.05e-12) == on_bound


def test_parameters_come_off_their_bounds():
    at, values = noisy()
    expected = sg.fit(MODEL, {x: at, y: values}, {a: 1, b: 2})
    for method in _WITH_BOUNDS:
        result = sg.fit(MODEL, {x: at, y: values}, {a: 0.5, b: 2}, {a: (0.5, 3), b: (0, 2)}, method=method)
        assert result.success
        np.testing.assert_allclose(result.x, expected.x, rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_optimisers_turn_back_where_the_model_is_nan(method):
    root = sg.fit(a * sp.sqrt(b - x), {x: X, y: 2 * np.sqrt(5.5 - X)}, {a: 1, b: 9}, method=method)
    logarithm = sg.fit(a * sp.log(x + b), {x: X, y: 2 * np.log(X + 1.5)}, {a: 1, b: 50}, method=method)
    assert root.success and logarithm.success
    np.testing.assert_allclose([root.x, logarithm.x], [[2, 5.5], [2, 1.5]], rtol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_of_evaluations_is_kept(method):
    result = sg.fit(MODEL, DATA, {a: 1, b: 3}, method=method, max_nfev=4)
    assert result.nfev <= 4 and not result.success and "NOT CONVERGED" in result.summary()
    assert result.rss <= sg.fit(MODEL, DATA, {a: 1, b: 3}, method=method, max_nfev=1).rss
