"""Fitting: each object is given to the consumers in SciPy that it is made for; fits are compared with closed forms and with curve_fit."""

import inspect
import io
import pickle
import subprocess
import sys

import lmfit
import numpy as np
import pytest
import scipy.optimize
import sympy as sp
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import Bounds, curve_fit, least_squares, minimize, root_scalar

import symgraph as sg
from symgraph.fitting.layout import Layout
from symgraph.fitting.solver import METHODS

a, b, c, t, u, x, y, z = sp.symbols("a b c t u x y z")
i, n = sp.symbols("i n", integer=True)
rng = np.random.default_rng(0)

TIMES = np.linspace(0, 4, 25)
DECAY = 2.5 * np.exp(-1.3 * TIMES) + 0.5 + 0.05 * np.random.default_rng(5).normal(size=25)
MODEL = a * sp.exp(-b * t) + c
START = {a: 1.0, b: 1.0, c: 0.0}


def slopes(function, p, step=1e-6):
    """The derivatives of a function of a vector, by central differences: a last axis of length n."""
    p = np.asarray(p, float)
    columns = [(np.asarray(function(p + h)) - np.asarray(function(p - h))) / (2 * step) for h in step * np.eye(p.size)]
    return np.stack(columns, axis=-1)


# --- objective


def rosenbrock_of_symbols(size):
    s = sp.symbols(f"s:{size}")
    return sp.Add(*[100 * (s[k + 1] - s[k] ** 2) ** 2 + (1 - s[k]) ** 2 for k in range(size - 1)]), s


def rosenbrock_of_array(shape):
    s = sp.IndexedBase("s", shape=shape)
    length = shape[0] if shape else n
    return sp.Sum(100 * (s[i + 1] - s[i] ** 2) ** 2 + (1 - s[i]) ** 2, (i, 0, length - 2)), s


def rosenbrock_of_matrix(size):
    s = sp.MatrixSymbol("s", size, 1)
    return sp.Add(*[100 * (s[k + 1, 0] - s[k, 0] ** 2) ** 2 + (1 - s[k, 0]) ** 2 for k in range(size - 1)]), s


FORMS = {
    "symbols": rosenbrock_of_symbols(5),
    "array": rosenbrock_of_array((5,)),
    "array of any length": rosenbrock_of_array((n,)),
    "matrix": rosenbrock_of_matrix(5),
}


@pytest.mark.parametrize("form", FORMS)
def test_objective_is_scipys_rosenbrock(form):
    o = sg.objective(*FORMS[form])
    p, v = rng.normal(size=5), rng.normal(size=5)
    assert o.fun(p) == pytest.approx(scipy.optimize.rosen(p), rel=1e-14)
    assert isinstance(o.fun(p), float)
    np.testing.assert_allclose(o.jac(p), scipy.optimize.rosen_der(p), rtol=1e-12)
    np.testing.assert_allclose(o.hess(p), scipy.optimize.rosen_hess(p), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(o.hessp(p, v), scipy.optimize.rosen_hess_prod(p, v), rtol=1e-11)
    value, gradient = o.fun_and_jac(p)
    assert value == o.fun(p) and np.array_equal(gradient, o.jac(p))
    assert [array.shape for array in (gradient, o.hess(p), o.hessp(p, v))] == [(5,), (5, 5), (5,)]


@pytest.mark.parametrize(
    "how",
    [
        {"method": "BFGS", "jac": "jac"},
        {"method": "Newton-CG", "jac": "jac", "hessp": "hessp"},
        {"method": "trust-ncg", "jac": "jac", "hessp": "hessp"},
        {"method": "trust-exact", "jac": "jac", "hess": "hess"},
        {"method": "dogleg", "jac": "jac", "hess": "hess"},
        {"method": "trust-constr", "jac": "jac", "hess": "hess"},
        {"method": "SLSQP", "jac": "jac"},
        {"method": "Nelder-Mead"},
    ],
    ids=lambda how: how["method"],
)
def test_minimize_takes_an_objective(how):
    o = sg.objective((a - x) ** 2 + b * (y - x**2) ** 2, [x, y], [a, b])
    given = {key: getattr(o, value) if key != "method" else value for key, value in how.items()}
    start = [1.2, 1.3] if how["method"] == "dogleg" else [-1, 1]  # dogleg needs a convex place
    found = minimize(o.fun, start, args=(1.0, 100), **given)
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-3)


def test_value_and_gradient_together():
    o = sg.objective(*rosenbrock_of_array((n,)))
    found = minimize(o.fun_and_jac, np.zeros(8), jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
    np.testing.assert_allclose(found.x, 1, atol=1e-6)


def test_a_thousand_variables_with_trust_ncg():
    o = sg.objective(*rosenbrock_of_array((n,)))
    start = 1 + 0.1 * np.sin(np.arange(1000))
    history = sg.History()
    found = minimize(o.fun_and_jac, start, jac=True, hessp=o.hessp, method="trust-ncg", callback=history)
    assert found.success
    np.testing.assert_allclose(found.x, 1, atol=1e-4)
    assert history.values[-1] == found.fun < history.values[0]


def test_many_points_at_once_as_differential_evolution_gives_them():
    expr, s = rosenbrock_of_symbols(3)
    o = sg.objective(expr, s)
    population = rng.normal(size=(3, 7))
    np.testing.assert_allclose(o.fun(population), scipy.optimize.rosen(population), rtol=1e-13)
    found = scipy.optimize.differential_evolution(
        o.fun,
        [(-2, 2)] * 3,
        vectorized=True,
        updating="deferred",
        rng=np.random.default_rng(1),
        polish=False,
        maxiter=300,
    )
    np.testing.assert_allclose(found.x, 1, atol=1e-2)


def test_symbols_of_different_shapes_lie_one_after_the_other():
    W, v = sp.MatrixSymbol("W", 2, 3), sp.MatrixSymbol("v", 3, 1)
    o = sg.objective(a**2 + sp.Trace(W * v * v.T * W.T) + a * W[1, 2], [a, W, v])
    p, direction = rng.normal(size=10), rng.normal(size=10)

    def by_hand(p):
        s, M, w = p[0], p[1:7].reshape(2, 3), p[7:]
        return s**2 + (M @ w) @ (M @ w) + s * M[1, 2]

    assert o.fun(p) == pytest.approx(by_hand(p), rel=1e-13)
    np.testing.assert_allclose(o.jac(p), slopes(by_hand, p), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(o.hess(p), slopes(o.jac, p), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(o.hessp(p, direction), o.hess(p) @ direction, rtol=1e-10)
    assert o.layout.names()[:4] == ["a", "W[0, 0]", "W[0, 1]", "W[0, 2]"]


def test_a_matrix_of_one_entry_is_a_number():
    X, A = sp.MatrixSymbol("X", n, 1), sp.MatrixSymbol("A", n, n)
    matrix = np.array([[2.0, 1.0], [0.0, 3.0]])
    for expr in (X.T * A * X, sp.Trace(X.T * A * X)):
        o = sg.objective(expr, X, {A: matrix})
        np.testing.assert_allclose(o.jac([1.0, 2.0]), (matrix + matrix.T) @ [1, 2])
        np.testing.assert_allclose(o.hess([1.0, 2.0]), matrix + matrix.T)


def test_log_determinant_and_inverse():
    K = sp.MatrixSymbol("K", 3, 3)
    o = sg.objective(sp.log(sp.Determinant(K)) + sp.Trace(K.I), K)
    k = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, 0.0], [0.1, 0.4, 1.2]])
    inverse = np.linalg.inv(k)
    np.testing.assert_allclose(o.jac(k.ravel()).reshape(3, 3), (inverse - inverse @ inverse).T, rtol=1e-12, atol=1e-14)


def test_params_by_position_and_by_dict():
    o = sg.objective((x - a) ** 2, x, {a: 3.0})
    assert o.fun([1.0]) == 4 and o.fun([1.0], 2.0) == 1
    assert sg.objective(x**2, x).jac([3]).tolist() == [6.0]


def test_faults_of_objectives():
    o = sg.objective(x**2 + a * y, [x, y], [a])
    with pytest.raises(sg.ShapeError, match=r"3 entries, but x, y need 2"):
        o.fun([1, 2, 3], 1.0)
    with pytest.raises(sg.ArgumentError, match=r"values of a are needed.*args=.*0 values"):
        o.fun([1, 2])
    with pytest.raises(sg.FeedError, match="vary real ones"):
        o.fun([1j, 2], 1.0)
    with pytest.raises(sg.ShapeError, match=r"array of shape \(3,\).*symgraph.fit"):
        o.fun([1, 2], [1.0, 2.0, 3.0])
    with pytest.raises(sg.ShapeError, match=r"symgraph\.residuals"):
        sg.objective([x, y], [x, y])
    with pytest.raises(sg.ShapeError, match=r"shape \(2, 1\)"):
        sg.objective(sp.Matrix([x, y]), [x, y])
    with pytest.raises(sg.FeedError, match="is complex"):
        sg.objective(sp.I * x, x).fun([1.0])
    with pytest.raises(sg.ArgumentError, match="x is given twice"):
        sg.objective(x, [x], [x])
    with pytest.raises(sg.ArgumentError, match="empty"):
        sg.objective(x, [])
    with pytest.raises(sg.UnboundSymbolError, match="y"):
        sg.objective(x + y, x)
    X = sp.MatrixSymbol("X", n, i)
    with pytest.raises(sg.ArgumentError, match="settles one symbolic dimension"):
        sg.objective(sp.Trace(X.T * X), X)


def test_vectors_and_values_are_inverse():
    layout = Layout([a, sp.MatrixSymbol("M", 2, n), sp.IndexedBase("w", shape=(3,))])
    p = np.arange(10.0)
    values = layout.unpack(p)
    assert [np.shape(value) for value in values] == [(), (2, 3), (3,)]
    np.testing.assert_array_equal(layout.pack(values), p)
    assert [v.shape for v in layout.unpack(np.ones((12, 5)))] == [(5,), (5, 2, 4), (5, 3)]
    with pytest.raises(sg.ShapeError, match="does not fill"):
        layout.unpack(np.ones(9))
    with pytest.raises(sg.ShapeError, match=r"the shape is \(2, 2, 2\)"):
        layout.unpack(np.ones((2, 2, 2)))


def test_what_objects_show():
    assert repr(sg.objective(a * x**2, [x], [a])) == "<symgraph Objective of x, given a: a*x**2>"
    assert repr(sg.ode([y, -x], t, [x, y])) == "<symgraph Ode of x, y: [y, -x]>"
    assert repr(sg.residuals([x, y], [x, y])).startswith("<symgraph Residuals of x, y: Matrix")
    assert repr(sg.model(a * x, x, [a])) == "<symgraph Model model(x, a) = a*x>"
    assert repr(sg.objective(FORMS["array"][0], FORMS["array"][1])).startswith("<symgraph Objective of s (5,): Sum(")


# --- residuals


def test_least_squares_with_data_as_args():
    r = sg.residuals(MODEL - y, [a, b, c], [t, y])
    found = least_squares(r.fun, [1, 1, 0], jac=r.jac, args=(TIMES, DECAY), method="lm", xtol=1e-12, ftol=1e-12)
    expected, _ = curve_fit(lambda t, a, b, c: a * np.exp(-b * t) + c, TIMES, DECAY, [1, 1, 0], ftol=1e-12, xtol=1e-12)
    np.testing.assert_allclose(found.x, expected, rtol=1e-6)
    np.testing.assert_allclose(
        r.jac(found.x, TIMES, DECAY), slopes(lambda p: r.fun(p, TIMES, DECAY), found.x), atol=1e-8
    )


W = sp.MatrixSymbol("W", 2, 2)
CASES = {
    "list": ([x * y, x - y**2, x + 1], [x, y], {}),
    "matrix": (sp.Matrix([[x * y, x], [y, sp.sin(x)]]), [x, y], {}),
    "equations": ([sp.Eq(x * y, 1), sp.Eq(x, y)], [x, y], {}),
    "one expression": (x**2 - y, [x, y], {}),
    "matrix expression": (W * W + a * W.T, [a, W], {}),
    "list with a matrix": ([W * W, a * W[0, 1], sp.Matrix([a, 2])], [W, a], {}),
    "a row for each datum": (sp.exp(a * t) - y, [a], {t: TIMES, y: DECAY}),
    "rows of lists": ([a * t, b * y - t, sp.Integer(3)], [a, b], {t: TIMES, y: DECAY}),
    "rows of matrices": (W * sp.Matrix([t, y]), [W], {t: TIMES, y: DECAY}),
}


@pytest.mark.parametrize("case", CASES)
def test_residuals_and_their_jacobian(case):
    expr, variables, params = CASES[case]
    r = sg.residuals(expr, variables, params)
    p = rng.normal(size=sum(int(np.prod(s.shape)) if hasattr(s, "shape") else 1 for s in variables))
    values, jacobian = r.fun(p), r.jac(p)
    assert values.ndim == 1 and jacobian.shape == (values.size, p.size)
    np.testing.assert_allclose(jacobian, slopes(r.fun, p), rtol=1e-6, atol=1e-7)


def test_order_of_residuals():
    np.testing.assert_allclose(sg.residuals([x, sp.Eq(x, 1), 7], x).fun([3.0]), [3, 2, 7])
    np.testing.assert_allclose(sg.residuals([x * t, -x * t], x, {t: [1.0, 2.0]}).fun([3.0]), [3, -3, 6, -6])
    with pytest.raises(sg.ArgumentError, match="no expressions"):
        sg.residuals([], x)


# --- model


def test_curve_fit_takes_a_model():
    f = sg.model(MODEL, t, [a, b, c])
    assert str(inspect.signature(f)) == "(t, a, b, c)" and f.__name__ == "model"
    ours, covariance = curve_fit(f, TIMES, DECAY, p0=[1, 1, 0], jac=f.jac)
    theirs, their_covariance = curve_fit(lambda t, a, b, c: a * np.exp(-b * t) + c, TIMES, DECAY, p0=[1, 1, 0])
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(covariance, their_covariance, rtol=1e-3)
    assert curve_fit(f, TIMES, DECAY)[0].shape == (3,)  # the number of parameters comes from the signature


def test_lmfit_takes_a_model():
    model = lmfit.Model(sg.model(MODEL, t, [a, b, c], name="decay"))
    assert model.independent_vars == ["t"] and model.param_names == ["a", "b", "c"]
    result = model.fit(DECAY, t=TIMES, a=1, b=1, c=0)
    expected = sg.fit(MODEL, (TIMES, DECAY), START)
    for name in "abc":
        assert result.best_values[name] == pytest.approx(expected[name], rel=1e-4)
        assert result.params[name].stderr == pytest.approx(expected.standard_errors[sp.Symbol(name)], rel=1e-2)


def test_models_of_several_predictors_and_odd_names():
    odd = sp.symbols(r"\alpha_1 lambda")
    f = sg.model(odd[0] * t + odd[1] * u, [t, u], odd)
    assert str(inspect.signature(f)) == "(x, alpha_1, p_lambda)"
    data = np.stack([TIMES, TIMES**2])
    np.testing.assert_allclose(f(data, 2.0, 3.0), 2 * TIMES + 3 * TIMES**2)
    np.testing.assert_allclose(f(x=data, p_lambda=3.0, alpha_1=2.0), 2 * TIMES + 3 * TIMES**2)
    np.testing.assert_allclose(curve_fit(f, data, f(data, 2.0, 3.0), jac=f.jac)[0], [2, 3])
    with pytest.raises(sg.ShapeError, match=r"\(2, m\)"):
        f(TIMES, 1.0, 1.0)
    with pytest.raises(TypeError, match="p_lambda"):
        f(data, 1.0)


def test_models_that_are_flat():
    f = sg.model(a + 0 * t + 2 * b, t, [a, b])
    assert f(TIMES, 1, 2).shape == (25,)
    np.testing.assert_array_equal(f.jac(TIMES, 1, 2), np.tile([1.0, 2.0], (25, 1)))
    with pytest.raises(sg.ArgumentError, match=r"parameter W is an array; use symgraph.fit"):
        sg.model(sp.Trace(W) * t, t, [W])


# --- ode


@pytest.mark.parametrize("method", ["RK45", "DOP853", "Radau", "BDF", "LSODA"])
def test_solvers_take_an_ode(method):
    o = sg.ode([y, a * (1 - x**2) * y - x], t, [x, y], [a])  # van der Pol
    options = {"jac": o.jac} if method in ("Radau", "BDF", "LSODA") else {}
    span, start = (0, 5), [2, 0]
    found = solve_ivp(o.fun, span, start, method, vectorized=True, args=(3.0,), rtol=1e-7, atol=1e-9, **options)
    true = solve_ivp(
        lambda t, y: [y[1], 3 * (1 - y[0] ** 2) * y[1] - y[0]], span, start, "DOP853", rtol=1e-11, atol=1e-12
    )
    np.testing.assert_allclose(found.y[:, -1], true.y[:, -1], rtol=1e-3, atol=1e-4)


def test_the_forms_of_an_ode():
    state, k = rng.normal(size=(2, 6)), 0.7
    expected = np.array([state[1] * np.cos(0.3), -k * state[0]])
    f, g = sp.Function("f")(t), sp.Function("g")(t)
    Y = sp.MatrixSymbol("Y", 2, 1)
    systems = [
        sg.ode([y * sp.cos(t), -a * x], t, [x, y], [a]),
        sg.ode([sp.Eq(g.diff(t), -a * f), sp.Eq(f.diff(t), g * sp.cos(t))], t, [f, g], [a]),
        sg.ode(sp.Matrix([y * sp.cos(t), -a * x]), t, [x, y], [a]),
        sg.ode(sp.Matrix([[0, sp.cos(t)], [-a, 0]]) * Y, t, Y, [a]),
    ]
    for o in systems:
        np.testing.assert_allclose(o.fun(0.3, state, k), expected, rtol=1e-13)
        np.testing.assert_allclose(o.fun(0.3, state[:, 0], k), expected[:, 0], rtol=1e-13)
        np.testing.assert_allclose(o.fun(0.3, state[:, :1], k), expected[:, :1], rtol=1e-13)
        np.testing.assert_allclose(o.jac(0.3, state[:, 0], k), [[0, np.cos(0.3)], [-k, 0]], rtol=1e-13)
        np.testing.assert_allclose(o.jac_params(0.3, state[:, 0], k), [[0], [-state[0, 0]]], rtol=1e-13)
    assert sg.ode([y, -x], t, [x, y]).jac_params(0, [1, 2]).shape == (2, 0)


def test_a_linear_system_is_its_exponential():
    A, Y = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("Y", n, 1)
    matrix, start = rng.normal(size=(4, 4)), rng.normal(size=4)
    o = sg.ode(A * Y, t, Y, [A])
    found = solve_ivp(o.fun, (0, 1), start, "Radau", jac=o.jac, vectorized=True, args=(matrix,), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.y[:, -1], expm(matrix) @ start, rtol=1e-6, atol=1e-7)


def test_faults_of_odes():
    with pytest.raises(sg.ArgumentError, match="on their left sides"):
        sg.ode([sp.Eq(x, y), sp.Eq(y, x)], t, [x, y])
    with pytest.raises(sg.ShapeError, match="1 right-hand sides for a state of 2 entries"):
        sg.ode([x * y], t, [x, y]).fun(0, [1, 2])
    with pytest.raises(sg.ArgumentError, match=r"values of a are needed"):
        sg.ode([a * x], t, [x], [a]).fun(0, [1])


# --- root and constraint


def test_root_takes_equations():
    r = sg.root([sp.Eq(x**2 + y**2, a), sp.Eq(x, sp.exp(-y))], [x, y], [a])
    for method in ("hybr", "lm", "krylov"):
        jacobian = {} if method == "krylov" else {"jac": r.jac}
        found = scipy.optimize.root(r.fun, [1, 1], args=(4.0,), method=method, **jacobian)  # integers at first
        assert found.success
        np.testing.assert_allclose([found.x @ found.x, found.x[0] * np.exp(found.x[1])], [4, 1], rtol=1e-5)


def test_root_scalar_takes_an_equation():
    r = sg.root(sp.Eq(x**3, a), x, [a])
    for how in ({"fprime": r.fprime}, {"fprime": r.fprime, "fprime2": r.fprime2}, {"bracket": [0, 5]}):
        assert root_scalar(r.fun, args=(10.0,), x0=2, **how).root == pytest.approx(10 ** (1 / 3), rel=1e-9)
    found = root_scalar(r.fun_and_primes, args=(10.0,), x0=2, fprime=True, fprime2=True)
    assert found.root == pytest.approx(10 ** (1 / 3), rel=1e-12)
    assert (r.fun(2, 3.0), r.fprime(2, 3.0), r.fprime2(2, 3.0)) == (5, 12, 12)
    np.testing.assert_allclose(scipy.optimize.root(r.fun, [2], jac=r.jac, args=(10.0,)).x, 10 ** (1 / 3))


def test_faults_of_roots():
    with pytest.raises(sg.ShapeError, match="1 equations do not determine the 2 entries of x, y"):
        sg.root(x * y, [x, y]).fun([1.0, 2.0])
    with pytest.raises(sg.ArgumentError, match="this is a system"):
        sg.root([x, y], [x, y]).fprime(1.0)


def test_minimize_keeps_constraints():
    o = sg.objective((x - 1) ** 2 + (y - 2.5) ** 2, [x, y])
    limits = [x - 2 * y + 2 >= 0, -x - 2 * y + 6 >= 0, -x + 2 * y + 2 >= 0, x >= 0, y >= 0]  # SciPy's tutorial
    with_hessian, without = (sg.constraint(limits, [x, y], hess=hess) for hess in (True, False))
    slsqp = minimize(o.fun, [2, 0], jac=o.jac, method="SLSQP", constraints=without)
    np.testing.assert_allclose(slsqp.x, [1.4, 1.7], atol=1e-6)
    interior = minimize(o.fun, [2, 0.1], jac=o.jac, hess=o.hess, method="trust-constr", constraints=with_hessian)
    np.testing.assert_allclose(interior.x, [1.4, 1.7], atol=1e-3)


def test_constraints_have_their_derivatives():
    kept = sg.constraint(sp.Matrix([x * y**2 + a, sp.sin(x)]), [x, y], lb=[0, -1], ub=2, params={a: 1.0})
    p, v = np.array([0.3, 0.8]), np.array([2.0, -1.5])
    np.testing.assert_allclose(kept.fun(p), [0.3 * 0.64 + 1, np.sin(0.3)])
    np.testing.assert_allclose(kept.jac(p), slopes(kept.fun, p), atol=1e-8)
    np.testing.assert_allclose(kept.hess(p, v), slopes(lambda q: v @ kept.jac(q), p), atol=1e-8)
    both = sg.constraint([sp.Eq(x, 1), x <= y, x >= 2 * y], [x, y])
    assert both.lb.tolist() == [0, -np.inf, 0] and both.ub.tolist() == [0, 0, np.inf]


def test_faults_of_constraints():
    with pytest.raises(sg.ArgumentError, match="no limit that can be kept; use <=, >= or Eq"):
        sg.constraint(x < y, [x, y])
    with pytest.raises(sg.ArgumentError, match="bring their own limits"):
        sg.constraint(x <= y, [x, y], ub=2)
    with pytest.raises(sg.ArgumentError, match="SciPy passes no values on"):
        sg.constraint(x * a, [x], params=[a])


# --- fit: what it finds


def test_a_linear_fit_is_the_normal_equations():
    design = np.stack([TIMES, TIMES**2, np.ones_like(TIMES)], axis=1)
    result = sg.fit(a * t + b * t**2 + c, {t: TIMES, y: DECAY}, {a: 0, b: 0, c: 0})
    inverse = np.linalg.inv(design.T @ design)
    solution = inverse @ design.T @ DECAY
    residuals = DECAY - design @ solution
    np.testing.assert_allclose(result.x, solution, rtol=1e-10)
    np.testing.assert_allclose(result.residuals, residuals, atol=1e-12)
    assert result.rss == pytest.approx(residuals @ residuals, rel=1e-12)
    assert result.dof == 22 and result.residual_deviation == pytest.approx(np.sqrt(result.rss / 22))
    np.testing.assert_allclose(result.covariance, result.rss / 22 * inverse, rtol=1e-9)
    errors = np.sqrt(np.diag(result.covariance))
    np.testing.assert_allclose(list(result.standard_errors.values()), errors)
    np.testing.assert_allclose(result.correlation, result.covariance / np.outer(errors, errors))
    low, high = result.confidence_intervals(0.95)[a]
    assert (high - low) / (2 * errors[0]) == pytest.approx(2.0738730679, rel=1e-9)  # Student's t, 22 degrees of freedom


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("kind", ["none", "number", "array", "matrix"])
def test_sigma_means_what_curve_fit_means(kind, absolute):
    spread = 0.05 * (1 + TIMES)
    covariance = np.diag(spread**2) + 0.001
    sigma = {"none": None, "number": 0.05, "array": spread, "matrix": covariance}[kind]
    f = sg.model(MODEL, t, [a, b, c])
    given = np.full(25, 0.05) if kind == "number" else sigma
    x_scipy, covariance_scipy = curve_fit(
        f,
        TIMES,
        DECAY,
        [1, 1, 0],
        sigma=given,
        absolute_sigma=absolute and kind != "none",
        jac=f.jac,
        ftol=1e-13,
        xtol=1e-13,
    )
    result = sg.fit(MODEL, {t: TIMES, y: DECAY}, START, sigma=sigma, absolute_sigma=absolute and kind != "none")
    np.testing.assert_allclose(result.x, x_scipy, rtol=1e-6)
    np.testing.assert_allclose(result.covariance, covariance_scipy, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_all_methods_find_the_same(method):
    start = {a: 2.4, b: 1.2, c: 0.4} if method == "dogleg" else START
    expected = sg.fit(MODEL, {t: TIMES, y: DECAY}, START)
    result = sg.fit(MODEL, {t: TIMES, y: DECAY}, start, method=method)
    assert result.success and result.method == method
    np.testing.assert_allclose(result.x, expected.x, rtol=1e-9)
    assert len(result.history) > 1


class Table:
    """What a data frame has in common with other tables."""

    def __init__(self, **columns):
        self.columns = columns

    def keys(self):
        return self.columns.keys()

    def __getitem__(self, name):
        return self.columns[name]


@pytest.mark.parametrize(
    ("expr", "data", "p0", "more"),
    [
        (MODEL, {t: TIMES, y: DECAY}, START, {}),
        (MODEL, {"t": TIMES.tolist(), "anything": DECAY.tolist()}, {"a": 1, "b": 1, "c": 0}, {}),
        (MODEL, (TIMES, DECAY), START, {}),
        (sp.Eq(y, MODEL), (TIMES, DECAY), START, {}),
        (sp.Eq(y, MODEL), Table(t=TIMES, y=DECAY, other=TIMES), START, {}),
        (sp.Eq(sp.log(u), MODEL), {t: TIMES, u: np.exp(DECAY)}, START, {}),
        (MODEL, {t: TIMES, y: DECAY}, [1, 1, 0], {"params": [a, b, c]}),
        (MODEL, {t: TIMES.reshape(5, 5), y: DECAY.reshape(5, 5)}, START, {}),
        (sp.Matrix([MODEL, 2 * MODEL]), {t: TIMES, y: np.stack([DECAY, 2 * DECAY], -1)[..., None]}, START, {}),
    ],
    ids=[
        "symbols",
        "names",
        "tuple",
        "tuple and Eq",
        "table",
        "function of data",
        "vector",
        "grid",
        "matrix of models",
    ],
)
def test_the_forms_of_data(expr, data, p0, more):
    expected = sg.fit(MODEL, {t: TIMES, y: DECAY}, START)
    result = sg.fit(expr, data, p0, **more)
    np.testing.assert_allclose(result.x, expected.x, rtol=1e-8)
    assert result.names == ["a", "b", "c"]
    assert result["a"] == result[a] == result.x[0]


def test_two_predictors_and_a_constant_one():
    grid = rng.normal(size=(2, 40))
    result = sg.fit(a * x + b * y + c * u, {x: grid[0], y: grid[1], u: 2.0, z: 3 * grid[0] - grid[1] + 5}, START)
    np.testing.assert_allclose(result.x, [3, -1, 2.5], rtol=1e-12)
    np.testing.assert_allclose(result.predict({"x": [1.0, 0.0], "y": 0.0, "u": 0.0}), [3, 0], atol=1e-12)


def test_parameters_that_are_matrices():
    W, v = sp.MatrixSymbol("W", 2, 3), sp.MatrixSymbol("v", 3, 1)
    true, inputs = rng.normal(size=(2, 3)), rng.normal(size=(50, 3, 1))
    result = sg.fit(sp.Eq(sp.MatrixSymbol("Y", 2, 1), W * v), {"v": inputs, "Y": true @ inputs}, {W: np.zeros((2, 3))})
    np.testing.assert_allclose(result[W], true, rtol=1e-10)
    assert result.standard_errors[W].shape == (2, 3)
    assert result.names[4] == "W[1, 1]"
    np.testing.assert_allclose(
        np.array(result.expression.subs(v, sp.Matrix([1, 0, 0])).doit(), float)[:, 0], true[:, 0]
    )


def test_a_model_of_a_whole_series():
    """An IndexedBase is one datum: here the model is a moving average of it."""
    s, k = sp.IndexedBase("s", shape=(30,)), sp.Symbol("k", integer=True)
    signal = rng.normal(size=30)
    rows = sp.Matrix([a * s[j] + b * s[j + 1] for j in range(29)])
    result = sg.fit(
        sp.Eq(sp.MatrixSymbol("Y", 29, 1), rows), {s: signal, "Y": 2 * signal[:-1] - signal[1:]}, {a: 0, b: 0}
    )
    np.testing.assert_allclose(result.x, [2, -1], rtol=1e-12)
    assert k not in result.parameters


def test_the_fitted_expression():
    result = sg.fit(MODEL, (TIMES, DECAY), START)
    assert result.expression.free_symbols == {t}
    np.testing.assert_allclose(sp.lambdify(t, result.expression)(TIMES), result.fitted, rtol=1e-14)
    assert float(result.expression.subs(t, 0)) == pytest.approx(result[a] + result[c], rel=1e-15)


def test_bounds():
    free = sg.fit(MODEL, (TIMES, DECAY), START)
    for bounds in (
        {b: (0, 1), "c": (None, None)},
        ([-np.inf, 0, -np.inf], [np.inf, 1, np.inf]),
        Bounds([-np.inf, 0, -np.inf], [np.inf, 1, np.inf]),
    ):
        result = sg.fit(MODEL, (TIMES, DECAY), {**START, b: 0.5}, bounds)
        assert result[b] == pytest.approx(1, rel=1e-8) and result.rss > free.rss
        assert np.isnan(result.standard_errors[b]) and np.isfinite(result.standard_errors[a])
        assert "at its bound" in result.summary()
    line = np.exp(-TIMES)
    exact = np.linalg.lstsq(np.stack([line, np.ones(25)], 1), DECAY, rcond=None)[0]  # what is left with b = 1
    np.testing.assert_allclose([result[a], result[c]], exact, rtol=1e-7)
    inside = sg.fit(MODEL, (TIMES, DECAY), START, {b: (0, 10), a: (0, None)})
    np.testing.assert_allclose(inside.x, free.x, rtol=1e-10)


def test_what_the_data_do_not_determine():
    result = sg.fit(a * b * t + c, (TIMES, DECAY), START)  # only the product of a and b
    assert np.isinf(result.standard_errors[a]) and np.isinf(result.standard_errors[b])
    assert np.isfinite(result.standard_errors[c])
    assert result.summary().count("not determined") == 2
    exact = sg.fit(a * t + c, ([0.0, 1.0], [1.0, 3.0]), {a: 0, c: 0})  # as many parameters as points
    np.testing.assert_allclose(exact.x, [2, 1], rtol=1e-12)
    assert exact.dof == 0 and np.isinf(exact.standard_errors[a]) and np.isnan(exact.residual_deviation)


def test_scaling_by_hand_and_a_limit_of_evaluations():
    expected = sg.fit(MODEL, (TIMES, DECAY), START)
    for method in ("trf", "L-BFGS-B"):
        result = sg.fit(MODEL, (TIMES, DECAY), START, method=method, x_scale=[2, 1, 0.5])
        np.testing.assert_allclose(result.x, expected.x, rtol=1e-8)
    short = sg.fit(MODEL, (TIMES, DECAY), {a: 50, b: 9, c: -8}, max_nfev=3)
    assert not short.success and "NOT CONVERGED" in short.summary() and short.nfev <= 5


# --- fit: what it says


def test_summary_and_repr():
    result = sg.fit(sp.Eq(y, MODEL), {t: TIMES, y: DECAY}, START)
    text = str(result)
    assert text == result.summary() and text.startswith(
        "y = a*exp(-b*t) + c\n25 data points, 3 parameters, 22 degrees of freedom\n"
    )
    for name, value, error in zip("abc", result.x, result.standard_errors.values(), strict=True):
        (row,) = [line.split() for line in text.splitlines() if line.startswith(f"{name} ")]
        assert float(row[1]) == pytest.approx(value, rel=1e-9) and float(row[2]) == pytest.approx(error, rel=1e-3)
    assert f"{result.rss:.10g}" in text
    assert repr(result).startswith("<symgraph FitResult a=2.")


def test_callbacks_in_both_of_scipys_forms():
    vectors, results = [], []

    def by_result(intermediate_result):
        results.append(intermediate_result)

    by_vector = sg.fit(MODEL, (TIMES, DECAY), START, callback=vectors.append)
    sg.fit(MODEL, (TIMES, DECAY), START, callback=by_result)
    np.testing.assert_array_equal(vectors, by_vector.history.points)
    np.testing.assert_array_equal([r.x for r in results], vectors)
    assert [2 * r.cost for r in results] == by_vector.history.values.tolist()
    assert [r.nit for r in results] == list(range(len(results))) and results[0].fun.shape == (25,)


@pytest.mark.parametrize("method", METHODS)
def test_a_callback_stops_the_fit(method):
    seen = []

    def stop(p):
        seen.append(p)
        if len(seen) == 2:
            raise StopIteration

    result = sg.fit(MODEL, (TIMES, DECAY), {a: 2.4, b: 1.2, c: 0.4}, method=method, callback=stop)
    assert len(seen) == 2 and not result.success and result.message == "stopped by the callback"
    np.testing.assert_array_equal(result.x, seen[-1])


def test_errors_of_a_callback_come_through():
    def broken(p):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        sg.fit(MODEL, (TIMES, DECAY), START, callback=broken)


def test_history_of_a_fit():
    history = sg.fit(MODEL, (TIMES, DECAY), START).history
    assert history.points.shape == (len(history), 3)
    np.testing.assert_array_equal(history.points[0], [1, 1, 0])
    assert np.all(np.diff(history.values) <= 0)
    assert repr(history).startswith(f"<symgraph History of {len(history)} steps, last value")


def test_history_where_scipy_tells_the_vector_only():
    o, history = sg.objective((x - 1) ** 2, x), sg.History()
    minimize(o.fun, [3.0], jac=o.jac, method="SLSQP", callback=history)
    assert len(history) and history.points[-1] == pytest.approx(1)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_only(monkeypatch):
    silent, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stderr", silent)
    sg.fit(MODEL, (TIMES, DECAY), START, progress=True)
    assert silent.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", terminal)
    result = sg.fit(MODEL, (TIMES, DECAY), START, progress=True)
    assert (
        f"{len(result.history)} steps" in terminal.getvalue() and f"value {result.rss:.3g}"[:9] in terminal.getvalue()
    )
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    sg.fit(MODEL, (TIMES, DECAY), START, progress=True)


def test_results_can_be_pickled():
    result = sg.fit(MODEL, (TIMES, DECAY), START, progress=True)
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.x, result.x)
    assert again.summary() == result.summary()
    np.testing.assert_array_equal(again.predict({t: 1.5}), result.predict({t: 1.5}))


# --- pictures


@pytest.fixture
def figures(monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_plot_of_a_fit(figures):
    result = sg.fit(MODEL, (TIMES, DECAY), START, sigma=0.05)
    ax = result.plot()
    (curve,) = [line for line in ax.lines if line.get_label() == "fit"]
    np.testing.assert_allclose(curve.get_ydata(), result.predict({t: curve.get_xdata()}))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("t", "y")
    own = figures.figure().subplots()
    several = sg.fit(a * x + b * u, {x: TIMES, u: TIMES**2, y: DECAY}, {a: 0, b: 0})
    assert several.plot(own) is own and own.get_xlabel() == "fitted"


def test_plot_of_a_history(figures):
    history = sg.fit(MODEL, (TIMES, DECAY), START).history
    ax = history.plot()
    assert ax.get_yscale() == "log" and len(ax.lines[0].get_xdata()) == len(history)
    assert np.all(ax.lines[0].get_ydata() > 0)
    sg.History().plot()


def test_matplotlib_and_tqdm_wait_until_they_are_wanted():
    probe = (
        "import sys, symgraph as sg, sympy as sp\nx, a = sp.symbols('x a')\n"
        "sg.fit(a*x, ([1, 2, 3], [2, 4, 7]), {a: 1}).summary()\nassert not {'matplotlib', 'tqdm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", probe], check=True, timeout=120)


def test_plot_without_matplotlib(monkeypatch):
    result = sg.fit(MODEL, (TIMES, DECAY), START)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        result.plot()


# --- fit: what it refuses

WITH_NAN = np.where(np.arange(25) == 3, np.nan, DECAY)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: sg.fit(MODEL, {t: TIMES, y: WITH_NAN}, START),
            sg.FeedError,
            "y: 1 of 25 values are nan or inf, the first one at index 3",
        ),
        (lambda: sg.fit(MODEL, {t: [], y: []}, START), sg.FeedError, "there are no data"),
        (
            lambda: sg.fit(MODEL, {y: DECAY}, START),
            sg.ArgumentError,
            "t is in the model, but neither in data nor in p0",
        ),
        (
            lambda: sg.fit(MODEL, {t: TIMES}, START),
            sg.ArgumentError,
            r"the one key of data.*none\. Write the model as sympy.Eq",
        ),
        (lambda: sg.fit(MODEL, {t: TIMES, y: DECAY, z: DECAY}, START), sg.ArgumentError, r"these are: y, z"),
        (lambda: sg.fit(MODEL, {t: TIMES, y: DECAY[:5]}, START), sg.ShapeError, r"shape \(25,\).*y have shape \(5,\)"),
        (lambda: sg.fit(MODEL, {t: TIMES, y: DECAY, a: 1}, START), sg.ArgumentError, "a is both in p0 and in data"),
        (
            lambda: sg.fit(sp.Eq(a * y, b * t), {t: TIMES, y: DECAY}, {a: 1, b: 1}),
            sg.ArgumentError,
            "does not depend on it",
        ),
        (lambda: sg.fit(sp.Eq(a * y, a * t), {t: TIMES, y: DECAY}, {a: 1}), sg.ArgumentError, "stand on the right"),
        (lambda: sg.fit(sp.Eq(1, a * t), {t: TIMES}, {a: 1}), sg.ArgumentError, "depends on no data"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), {**START, z: 1}), sg.ArgumentError, "z should vary"),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), {**START, sp.Symbol("a", real=True): 1}),
            sg.ArgumentError,
            r"Symbol\('a', real=True\) should vary",
        ),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), {"a": 1, "q": 1}), sg.ArgumentError, "'q' is no symbol of the model"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), [1, 1, 0]), sg.ArgumentError, r"p0 must be a dict.*params=\[...\]"),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), [1, 1], params=[a, b, c]),
            sg.ArgumentError,
            "2 values for the 3 parameters a, b, c",
        ),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, params=[a]), sg.ArgumentError, "leave params out"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), {a: 1}), sg.ArgumentError, r"what is not in p0 is b, c, t"),
        (lambda: sg.fit(MODEL, (TIMES,), START), sg.ArgumentError, "there are 1 arrays"),
        (lambda: sg.fit(MODEL, 3, START), sg.ArgumentError, "data must be a dict"),
        (lambda: sg.fit("a*t", (TIMES, DECAY), START), sg.ArgumentError, "must be a SymPy expression"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), {}), sg.ArgumentError, "p0 is empty"),
        (
            lambda: sg.fit(MODEL, (TIMES[:2], DECAY[:2]), START),
            sg.ArgumentError,
            "2 data points do not determine 3 parameters",
        ),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), START, method="best"),
            sg.ArgumentError,
            "no method 'best'; there are trf, dogbox, lm",
        ),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), START, {a: (0, 1)}, method="lm"),
            sg.ArgumentError,
            "method='lm' takes no bounds",
        ),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), START, {a: (2, 3)}),
            sg.ArgumentError,
            "a starts at 1.0, which is not between its bounds 2.0 and 3.0",
        ),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, {a: (3, 2)}), sg.ArgumentError, "the first must be less"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, {a: 3}), sg.ArgumentError, r"must be \(low, high\)"),
        (
            lambda: sg.fit(MODEL, (TIMES, DECAY), START, {z: (0, 1)}),
            sg.ArgumentError,
            "bounds for z, which is not in p0",
        ),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, [(0, 1)] * 3), sg.ArgumentError, "a pair"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, sigma=0), sg.FeedError, "greater than 0"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, sigma=[1, 2]), sg.ShapeError, r"sigma has shape \(2,\)"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START, sigma=-np.eye(25)), sg.FeedError, "not positive definite"),
        (
            lambda: sg.fit(a * sp.log(b * t), (TIMES, DECAY), {a: 1, b: 1}),
            sg.FeedError,
            "nan or inf for 1 of 25 data points, the first of them number 0",
        ),
        (
            lambda: sg.fit(a * sp.sqrt(b * t), (TIMES, DECAY), {a: 1, b: 1}),
            sg.FeedError,
            "derivative of the model is inf or nan for 1 of 25 data points, the first of them number 0",
        ),
        (lambda: sg.fit(sp.I * a * t, (TIMES, DECAY), {a: 1}), sg.FeedError, "is complex"),
        (lambda: sg.fit(MODEL, (TIMES, 1j * DECAY), START), sg.FeedError, "complex"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), {**START, a: [1, 2]}), sg.ShapeError, r"value of a has shape \(2,\)"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START)["q"], KeyError, "q is not a parameter"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START).confidence_intervals(95), sg.ArgumentError, "between 0 and 1"),
        (lambda: sg.fit(MODEL, (TIMES, DECAY), START).predict({y: 1}), sg.ArgumentError, "t is in the model"),
    ],
)
def test_faults_of_fits(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_data_are_neither_changed_nor_kept():
    times, values = TIMES.copy(), DECAY.copy()
    result = sg.fit(MODEL, {t: times, y: values}, START)
    fitted = result.fitted
    np.testing.assert_array_equal(times, TIMES)
    np.testing.assert_array_equal(values, DECAY)
    times[:], values[:], fitted[:] = 0, 0, 0
    np.testing.assert_array_equal(result.observed, DECAY)
    assert result.residuals @ result.residuals == pytest.approx(result.rss)
    with pytest.raises(ValueError, match="read-only"):
        result.observed[0] = 1
