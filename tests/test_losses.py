"""Robust losses and prediction bands of fits, against SciPy, closed forms and simulation."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import symgraph as sg
from symgraph.errors import ArgumentError
from symgraph.fitting.losses import LOSSES, Loss

x, y, a, b, c = sp.symbols("x y a b c")
ROBUST = [name for name in LOSSES if name != "linear"]


def with_outliers(seed=0, m=40):
    rng = np.random.default_rng(seed)
    at = np.linspace(0, 4, m)
    values = 3 * np.exp(-0.7 * at) + 0.02 * rng.normal(size=m)
    values[[3, 17, 30]] += [2.0, -1.5, 3.0]
    return at, values


@pytest.mark.parametrize("loss", ROBUST)
@pytest.mark.parametrize("method", ["trf", "dogbox", "BFGS", "Newton-CG", "Nelder-Mead"])
def test_robust_fits_end_where_scipys_do(loss, method):
    at, values = with_outliers()
    result = sg.fit(a * sp.exp(-b * x), {x: at, y: values}, {a: 2, b: 1}, loss=loss, f_scale=0.1, method=method)

    def residuals(p):
        return p[0] * np.exp(-p[1] * at) - values

    def jacobian(p):
        return np.stack([np.exp(-p[1] * at), -p[0] * at * np.exp(-p[1] * at)], -1)

    tight = dict.fromkeys(("ftol", "xtol", "gtol"), 1e-14)
    found = scipy.optimize.least_squares(residuals, [2.0, 1.0], jacobian, loss=loss, f_scale=0.1, **tight)
    assert result.success
    np.testing.assert_allclose(result.x, found.x, rtol=1e-6)
    assert result.cost == pytest.approx(found.cost, rel=1e-10) and f"loss {loss}" in str(result)
    np.testing.assert_allclose(jacobian(result.x).T @ Loss(loss, 0.1).slope(residuals(result.x)), [0, 0], atol=1e-8)
    assert abs(result.x - [3, 0.7]).max() < 0.05 < abs(sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1}).x[0] - 3)


@given(st.sampled_from(list(LOSSES)), st.floats(0.1, 10), st.floats(-30, 30))
def test_slope_and_curvature_are_derivatives_of_half_the_cost(name, scale, residual):
    loss, r, h = Loss(name, scale), np.array([residual]), 1e-4 * scale
    if name == "huber" and abs(abs(residual) - scale) < 2 * h:
        return  # where its curvature jumps
    low, high = loss.cost(r - h), loss.cost(r + h)
    assert loss.slope(r)[0] == pytest.approx((high - low) / (4 * h), rel=1e-4, abs=1e-4 * scale)
    slope = loss.slope(r + h) - loss.slope(r - h)
    assert loss.curvature(r)[0] == pytest.approx(slope[0] / (2 * h), rel=1e-4, abs=1e-4)


def test_bounds_and_sigma_work_with_a_loss():
    at, values = with_outliers()
    options = {"loss": "soft_l1", "f_scale": 5.0, "sigma": 0.02}
    free = sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1}, **options)
    bounded = sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1}, bounds={a: (0, 2.5)}, **options)
    assert free["a"] == pytest.approx(3, abs=0.05) and bounded["a"] == 2.5 and bounded.cost > free.cost


def test_a_loss_of_ones_own():
    at, values = with_outliers()
    own = sg.fit(
        a * sp.exp(-b * x), (at, values), {a: 2, b: 1}, loss=lambda z: np.array(LOSSES["cauchy"](z)), f_scale=0.1
    )
    named = sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1}, loss="cauchy", f_scale=0.1)
    np.testing.assert_allclose(own.x, named.x, rtol=1e-12)
    np.testing.assert_allclose(own.covariance, named.covariance, rtol=1e-9)


def test_where_nothing_is_an_outlier_huber_is_least_squares():
    at, values = with_outliers()
    squares = sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1})
    huber = sg.fit(a * sp.exp(-b * x), (at, values), {a: 2, b: 1}, loss="huber", f_scale=100.0)
    np.testing.assert_allclose(huber.x, squares.x, rtol=1e-9)
    np.testing.assert_allclose(huber.covariance, squares.covariance, rtol=1e-9)


def test_standard_errors_of_a_robust_fit_are_how_far_estimates_spread():
    rng, at = np.random.default_rng(1), np.linspace(-1, 1, 60)
    found, errors = [], []
    for _ in range(150):
        noise = rng.normal(size=60) * np.where(rng.random(60) < 0.1, 10.0, 1.0)
        result = sg.fit(a + b * x, (at, 1 + 2 * at + noise), {a: 1, b: 2}, loss="huber", f_scale=1.345)
        found.append(result.x)
        errors.append(np.sqrt(np.diag(result.covariance)))
    np.testing.assert_allclose(np.mean(errors, axis=0), np.std(found, axis=0), rtol=0.15)


def test_what_losses_are_not_for():
    data = {x: [0.0, 1.0, 2.0], y: [1.0, 2.0, 3.5]}
    for options, message in [
        ({"loss": "huber", "method": "lm"}, "lm"),
        ({"loss": "huber", "absolute_sigma": True, "sigma": 1.0}, "absolute_sigma"),
        ({"loss": "hubert"}, "hubert"),
        ({"loss": "huber", "f_scale": 0.0}, "f_scale"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            sg.fit(a + b * x, data, {a: 0, b: 0}, **options)


# --- bands


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("sigma", [None, 0.3])
def test_bands_of_a_line_are_those_of_the_textbook(level, sigma):
    rng = np.random.default_rng(0)
    at, new = rng.uniform(0, 5, 12), np.array([-1.0, 2.0, 9.0])
    values = 1 + 2 * at + 0.3 * rng.normal(size=12)
    found = sg.fit(a + b * x, (at, values), {a: 0, b: 0}, sigma=sigma).prediction({x: new}, level)
    line = scipy.stats.linregress(at, values)
    s2 = np.sum((values - line.intercept - line.slope * at) ** 2) / 10
    leverage = 1 / 12 + (new - at.mean()) ** 2 / np.sum((at - at.mean()) ** 2)
    centre, reach = line.intercept + line.slope * new, scipy.stats.t(10).ppf((1 + level) / 2)
    np.testing.assert_allclose(found.values, centre, rtol=1e-10)
    np.testing.assert_allclose(found.errors, np.sqrt(s2 * leverage), rtol=1e-9)
    for (low, high), variance in [(found.confidence, s2 * leverage), (found.observation, s2 * (1 + leverage))]:
        np.testing.assert_allclose(low, centre - reach * np.sqrt(variance), rtol=1e-9)
        np.testing.assert_allclose(high, centre + reach * np.sqrt(variance), rtol=1e-9)


def test_known_deviations_and_those_of_new_observations():
    at, sigma = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 1.0, 2.0])
    result = sg.fit(a + b * x, (at, [1.0, 2.0, 2.5, 4.5]), {a: 0, b: 0}, sigma=sigma, absolute_sigma=True)
    inverse = np.linalg.inv(sum(np.outer([1, t], [1, t]) / s**2 for t, s in zip(at, sigma, strict=True)))
    found = result.prediction({x: [4.0, 5.0]}, sigma=[3.0, 4.0])
    errors = [np.sqrt(np.array([1, t]) @ inverse @ [1, t]) for t in (4.0, 5.0)]
    np.testing.assert_allclose(found.errors, errors, rtol=1e-10)
    reach = scipy.stats.norm.ppf(0.975)  # of what is known there is nothing to be estimated
    np.testing.assert_allclose(found.observation[1] - found.values, reach * np.hypot(errors, [3.0, 4.0]), rtol=1e-10)
    assert result.prediction({x: 4.0}).observation is None  # its standard deviation is not known


def test_a_model_is_known_where_its_parameters_are_not():
    at, values = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.1, 3.9, 6.2, 7.8])
    one = sg.fit(c * x, (at, values), {c: 1}).prediction({x: 5.0})
    result = sg.fit(a * b * x, (at, values), {a: 1, b: 1})
    two = result.prediction({x: 5.0})
    assert np.isinf(result.standard_errors[a]) and two.values == pytest.approx(one.values, rel=1e-9)
    assert two.errors == pytest.approx(
        one.errors, rel=1e-6
    )  # as many degrees of freedom: the data determine one number
    assert np.isinf(sg.fit(a * x + b * y, {x: at, y: 0 * at, c: values}, {a: 1, b: 1}).prediction({x: 1, y: 1}).errors)


def test_parameters_at_a_bound_count_as_known():
    at, values = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.1, 3.9, 6.2, 7.8])
    result = sg.fit(a + b * x, (at, values), {a: 1, b: 1}, bounds={a: (0.5, 2)})
    assert result["a"] == 0.5 and np.isnan(result.standard_errors[a])
    assert result.prediction({x: 0.0}).errors == 0
    assert result.prediction({x: 2.0}).errors == pytest.approx(2 * result.standard_errors[b])


def test_constant_models_and_no_freedom():
    found = sg.fit(sp.Eq(y, a), {y: [1.0, 3.0]}, {a: 0})
    np.testing.assert_allclose(found.prediction({}).errors, 1.0)
    exact = sg.fit(a + b * x, {x: [0.0, 1.0], y: [1.0, 3.0]}, {a: 0, b: 1}).prediction({x: 2.0})
    assert exact.values == pytest.approx(5) and np.isinf(exact.errors)


def test_bands_are_drawn():
    pytest.importorskip("matplotlib").use("Agg")
    result = sg.fit(a + b * x, ([0.0, 1.0, 2.0, 3.0], [1.0, 2.9, 5.1, 7.0]), {a: 0, b: 0})
    labels = [text.get_text() for text in result.plot(level=0.9).get_legend().get_texts()]
    assert {"90 % confidence", "90 % observations"} <= set(labels)
    assert len(result.plot(level=None).get_legend().get_texts()) == len(labels) - 2


# --- options


def test_options_reach_the_functions():
    options = {"backend": "numpy", "threads": 1, "contract": False}
    made = [
        sg.objective(a**2, [a], **options),
        sg.residuals([a - 1], [a], **options),
        sg.model(a * x, x, [a], **options),
        sg.ode([-a], x, [a], **options),
        sg.root(a**2 - 2, a, **options),
        sg.fit(a * x, ([1.0, 2.0], [1.0, 2.0]), {a: 2}, **options).problem.model,
    ]
    for each in made:
        assert {key: each.function._options[key] for key in options} == options
    limit = sg.constraint(a <= 1, [a], **options)
    assert limit.fun([3.0]) == [2.0]
