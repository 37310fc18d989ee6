"""Faults of fits that were found in use, each with what it was found by: small units, false convergence, names, masks, crashes."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

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
    if method in _WITH_BOUNDS:
        assert sg.fit(MODEL, DATA, {a: 1, b: 3}, {b: (0, 3)}, method=method, max_nfev=1).nfev == 1


def test_exact_data_need_few_evaluations():
    at = np.linspace(0, 1, 12)
    for method in METHODS[:-2]:
        exact = sg.fit((a + c) * x + b, {x: at, y: 1 + 2 * at}, {a: 1, b: 1, c: 1}, method=method)
        nothing = sg.fit(a * x + b, {x: at, y: 0 * at}, {a: 1, b: 1}, method=method)
        assert exact.success and exact.nfev < 20 and exact.rss == 0
        assert nothing.success and nothing.rss < 1e-280


@pytest.mark.parametrize("method", ["lm", "BFGS", "trust-exact", "Powell"])
def test_models_that_overflow_on_the_way(method):
    """Of data that are no such curve; the derivative of the model, not its value, is nan where exp overflows."""
    at = np.linspace(0, 5, 40)
    values = np.random.default_rng(2).standard_cauchy(size=40)
    result = sg.fit(
        a / (1 + sp.exp(-b * (x - c))), {x: at, y: values}, {a: 5.2, b: 1.8, c: 1.8}, method=method, max_nfev=600
    )
    assert result.rss <= values @ values and "NOT CONVERGED" in result.summary()
    far = sg.fit(a / (1 + sp.exp(-b * (x - c))), {x: at, y: values}, {a: 1, b: 800, c: 3}, method="Powell", max_nfev=1)
    assert not far.success and np.isnan(far.prediction({x: 1.0}).errors)
    assert "derivative of the model is inf or nan" in far.message or "limit" in far.message


def test_small_residuals_of_losses_keep_their_digits():
    values = Y + 1e-6 * np.random.default_rng(0).normal(size=30)
    for loss in ("soft_l1", "huber", "cauchy", "arctan"):
        for method in ("trf", "BFGS", "Nelder-Mead"):
            result = sg.fit(MODEL, {x: X, y: values}, START, loss=loss, method=method)
            assert result.success
            np.testing.assert_allclose(result.x, sg.fit(MODEL, {x: X, y: values}, START).x, rtol=1e-9)


# --- what is kept, and what is meant


def test_float32_data_do_not_make_the_optimisers_numbers_narrow():
    s = sp.symbols("s:2")
    o = sg.objective((s[0] - y) ** 2 + s[1] * y, s, [y])
    p, narrow = np.array([1.0, 2.0]), np.float32(0.3)
    assert o.fun(p, narrow) == o.fun(p, float(narrow))
    for values in (o.jac(p, narrow), o.hess(p, narrow), o.hessp(p, p, narrow), o.fun_and_jac(p, narrow)[1]):
        assert values.dtype == np.float64
    xs, ys = (sp.IndexedBase(name, shape=(30,)) for name in ("xs", "ys"))
    i = sp.Symbol("i", integer=True)
    o = sg.objective(sp.Sum((a * sp.exp(-b * xs[i]) - ys[i]) ** 2, (i, 0, 29)), [a, b], [xs, ys])
    found = minimize(o.fun, [1, 1], args=(X.astype("f4"), Y.astype("f4")))  # by finite differences
    np.testing.assert_allclose(found.x, [2, 0.7], rtol=1e-4)
    r = sg.residuals(a * x - y, [a], [x, y])
    assert r.fun([1.0], X.astype("f4"), Y.astype("f4")).dtype == np.float64
    assert sg.ode([-a * x], y, [x], [a]).fun(0.0, [1.0], np.float32(0.1)).dtype == np.float64


def test_masks_are_not_lost():
    masked = np.ma.masked_where(X > 4, np.where(X > 4, 1e3, Y))
    for data, sigma in [({x: X, y: masked}, None), ({x: masked, y: Y}, None), (DATA, masked)]:
        with pytest.raises(sg.FeedError, match="masked array"):
            sg.fit(MODEL, data, START, sigma=sigma)


def test_a_known_sigma_means_the_normal_distribution():
    data = {x: [0.0, 1.0, 2.0], y: [1.0, 2.1, 2.9]}
    known = sg.fit(a + b * x, data, {a: 0, b: 0}, sigma=0.1, absolute_sigma=True)
    low, high = known.confidence_intervals(0.95)[a]
    assert (high - low) / 2 == pytest.approx(1.959963984540054 * known.standard_errors[a], rel=1e-12)
    found = known.prediction({x: 5.0})
    assert found.confidence[1] - found.values == pytest.approx(1.959963984540054 * found.errors, rel=1e-12)
    exact = sg.fit(a + b * x, {x: [0.0, 1.0], y: [1.0, 2.0]}, {a: 0, b: 0}, sigma=0.1, absolute_sigma=True)
    low, high = exact.confidence_intervals(0.95)[a]
    assert exact.dof == 0 and (high - low) / 2 == pytest.approx(0.1959963984540054, rel=1e-9)
    estimated = sg.fit(a + b * x, data, {a: 0, b: 0}, sigma=0.1)
    low, high = estimated.confidence_intervals(0.95)[a]
    assert (high - low) / 2 == pytest.approx(12.706204736 * estimated.standard_errors[a], rel=1e-9)


POSITIVE = sp.Symbol("a", positive=True)


def test_names_of_several_symbols_are_refused():
    model = a * x + POSITIVE * x**2
    result = sg.fit(model, {x: X, y: 3 * X + X**2}, {a: 1, POSITIVE: 1}, {POSITIVE: (0, 1.5)})
    np.testing.assert_allclose([result[a], result[POSITIVE]], [3, 1], rtol=1e-9)
    several = "'a' is the name of several symbols, .*positive=True.*: use the symbol itself"
    with pytest.raises(sg.ArgumentError, match=several):
        result["a"]
    with pytest.raises(sg.ArgumentError, match=several):
        sg.fit(model, {x: X, y: Y}, {a: 1, POSITIVE: 1}, {"a": (0, 1.5)})
    with pytest.raises(sg.ArgumentError, match=several):
        sg.fit(model, {x: X, y: Y}, {"a": 1, POSITIVE: 1})
    with pytest.raises(sg.ArgumentError, match=several):
        sg.fit(b * model, {x: X, y: Y, "a": X}, {b: 1})
    with pytest.raises(sg.ArgumentError, match="bounds for a twice"):
        sg.fit(MODEL, DATA, START, {a: (0, 5), "a": (0, 1)})
    with pytest.raises(sg.ArgumentError, match="a is given twice"):
        sg.fit(MODEL, DATA, {a: 1, "a": 2, b: 1})
    with pytest.raises(sg.ArgumentError, match="x is in data twice"):
        sg.fit(MODEL, {x: X, "x": X, y: Y}, START)


def test_params_have_an_order():
    result = sg.fit(MODEL, DATA, START, ([0, 0], [1, 5]), params=[b, a], x_scale=[1, 2])
    np.testing.assert_allclose(result.x, [0.7, 2], rtol=1e-9)
    assert result.names == ["b", "a"]


def test_sigma_is_copied():
    at, values = noisy()
    for sigma in (np.full(20, 0.1), np.diag(np.full(20, 0.01))):
        result = sg.fit(MODEL, {x: at, y: values}, START, sigma=sigma)
        before, bars = result.problem.residuals(result.x), result.problem.error_bars.copy()
        sigma[...] = 100
        np.testing.assert_array_equal(result.problem.residuals(result.x), before)
        np.testing.assert_array_equal(result.problem.error_bars, bars)
        np.testing.assert_allclose(bars, 0.1)


def test_entries_of_arrays_are_parameters():
    C, M = sp.IndexedBase("c"), sp.MatrixSymbol("M", 2, 1)
    for first, second in ((C[0], C[1]), (M[0, 0], M[1, 0])):
        result = sg.fit(first + second * x, {x: X, y: 1 + 2 * X}, {first: 0, second: 1}, {second: (0, 5)})
        np.testing.assert_allclose(result.x, [1, 2], rtol=1e-12)
        assert result[second] == result.x[1] and result.names == [str(first), str(second)]
    with pytest.raises(sg.ArgumentError, match=r"c\[2\] should vary, but the model"):
        sg.fit(C[0] + C[1] * x, DATA, {C[0]: 0, C[2]: 1})


def test_what_the_data_do_not_determine_takes_no_degree_of_freedom():
    at, values = noisy(points=10)
    one = sg.fit(a * x + b, {x: at, y: values}, START)
    two = sg.fit((a + c) * x + b, {x: at, y: values}, {**START, c: 0})
    assert one.dof == two.dof == 8 and "8 degrees of freedom" in two.summary()
    assert two.standard_errors[b] == pytest.approx(one.standard_errors[b], rel=1e-9)
    assert two.residual_deviation == pytest.approx(one.residual_deviation, rel=1e-9)


def test_dimensions_of_the_fitted_expression_are_numbers():
    i = sp.Symbol("i", integer=True)
    n = sp.Symbol("n", integer=True, positive=True)
    C, P, A = sp.IndexedBase("C", shape=(n,)), sp.MatrixSymbol("P", n, 1), sp.MatrixSymbol("A", 1, n)
    polynomial = sg.fit(sp.Sum(C[i] * x**i, (i, 0, n - 1)), {x: X, y: 1 + X + 3 * X**2}, {C: np.zeros(3)})
    assert sg.function(x, polynomial.expression)(2.0) == pytest.approx(15, rel=1e-9)
    column = sg.fit(
        sp.Eq(sp.MatrixSymbol("Y", n, 1), x * P), {x: X, "Y": X[:, None, None] * [[1.0], [2.0]]}, {P: np.zeros((2, 1))}
    )
    np.testing.assert_allclose(sg.function(x, column.expression)(2.0), [[2], [4]], rtol=1e-12)
    rows = np.random.default_rng(0).normal(size=(30, 1, 2))
    product = sg.fit(sp.Eq(sp.MatrixSymbol("Y", 1, 1), A * P), {A: rows, "Y": rows @ [[3.0], [4.0]]}, {P: [[0], [0]]})
    np.testing.assert_allclose(sg.function(A, product.expression)([[1.0, 2.0]]), [[11]], rtol=1e-12)


# --- pictures


def test_plots_of_responses_that_are_no_vectors():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    matrix = sp.Matrix([MODEL, 2 * MODEL])
    pairs = np.stack([Y, 2 * Y], -1)
    for model, values, sigma in [
        (MODEL, np.stack([Y, Y]), None),
        (MODEL, np.stack([Y, Y]), np.full((2, 30), 0.1)),
        (matrix, pairs[..., None], 0.1),
        (matrix, pairs[..., None], np.eye(60)),
        (sp.Array([MODEL, 2 * MODEL]), pairs, None),
    ]:
        ax = sg.fit(model, {x: X, y: values}, START, sigma=sigma).plot()
        assert ax.get_xlabel() == "fitted" and len(ax.lines[0].get_xdata()) == values.size
    plt.close("all")


# --- errors say what, where, and what to do


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"sigma": np.full((30, 30), np.nan)}, sg.FeedError, "covariance matrix has entries that are nan or inf"),
        ({"sigma": np.eye(30) + np.eye(30, k=1) / 4}, sg.FeedError, "covariance matrix is not symmetric"),
        ({"bounds": {a: ([0, 0], 1)}}, sg.ShapeError, r"bounds of a have shape \(2,\), but a has shape \(\)"),
        ({"max_nfev": 0}, sg.ArgumentError, "max_nfev must be at least 1"),
        (
            {"x_scale": [1, -1]},
            sg.ArgumentError,
            "x_scale must be 'jac', or finite numbers greater than 0, one for each of a, b",
        ),
        ({"x_scale": 0, "method": "BFGS"}, sg.ArgumentError, "x_scale must be"),
        ({"x_scale": [1, 2, 3]}, sg.ArgumentError, "x_scale must be"),
        (
            {"p0": {POSITIVE: 1, b: 1}},
            sg.ArgumentError,
            r"Symbol\('a', positive=True\) is not Symbol\('a'\)|Symbol\('a'\) is not",
        ),
        (
            {"data": {sp.Symbol("x", real=True): X, y: Y}, "expr": sp.Eq(y, MODEL)},
            sg.ArgumentError,
            r"Symbol\('x'\) is not Symbol\('x', real=True\)",
        ),
        ({"expr": sp.Eq(x, x)}, sg.ArgumentError, "SymPy has made True of the equation"),
    ],
)
def test_errors_of_fits(more, error, message):
    with pytest.raises(error, match=message):
        sg.fit(**{"expr": MODEL, "data": DATA, "p0": START, **more})


def test_errors_of_predictions():
    result = sg.fit(MODEL, DATA, START, sigma=np.full(30, 0.1))
    for sigma, error in ((-1.0, sg.FeedError), (np.nan, sg.FeedError), ([1.0, 2.0, 3.0], sg.ShapeError)):
        with pytest.raises(error, match="sigma"):
            result.prediction({x: [1.0, 2.0]}, sigma=sigma)


# --- models are compiled once


def test_equal_models_are_compiled_once():
    first, second = (sg.fit(a * sp.exp(-b * x), {x: X, y: k * Y}, START) for k in (1, 3))
    assert first.problem.model is second.problem.model
    np.testing.assert_allclose([first.x, second.x], [[2, 0.7], [6, 0.7]], rtol=1e-9)
    other = sg.fit(a * sp.exp(-b * x), {x: X, y: Y}, START, backend="numpy")
    ordered = sg.fit(a * sp.exp(-b * x), {x: X, y: Y}, START, params=[b, a])
    assert first.problem.model is not other.problem.model and first.problem.model is not ordered.problem.model


def test_functions_that_are_registered_again_have_their_new_meaning():
    f = sp.Function("registered_in_fits")
    try:
        for factor in (1.0, 2.0):
            sg.register(f, lambda v, factor=factor: factor * v)
            assert sg.fit(a * f(x), {x: X, y: 6 * X}, {a: 1}).x == pytest.approx([6 / factor], rel=1e-12)
    finally:
        sg.register(f, None)


def test_models_that_cannot_be_compared_are_compiled_each_time():
    mutable = sp.Matrix([a * x, b * x])
    for factor in (1, 2):
        mutable[1] = factor * b * x
        result = sg.fit(
            sp.Eq(sp.MatrixSymbol("Y", 2, 1), mutable), {x: X, "Y": X[:, None, None] * [[1.0], [4.0]]}, START
        )
        np.testing.assert_allclose(result.x, [1, 4 / factor], rtol=1e-12)
