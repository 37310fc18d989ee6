"""Consumers in SciPy that call objectives, equations and callbacks in forms of their own: many points at once, numbers, arrays, vectors alone."""

import numpy as np
import pytest
import scipy.optimize
import sympy as sp
from scipy.integrate import solve_bvp, solve_ivp
from scipy.optimize import minimize

import symgraph as sg

a, k, t, x, y = sp.symbols("a k t x y")
i = sp.Symbol("i", integer=True)


# --- many points at once


@pytest.mark.parametrize("limits", [x**2 + y**2 <= 1, [x**2 + y**2 <= 1, x >= 0]])
def test_differential_evolution_takes_constraints_of_many_points(limits):
    o, kept = sg.objective(-x - 2 * y, [x, y]), sg.constraint(limits, [x, y])
    population = np.random.default_rng(0).normal(size=(2, 7))
    assert kept.fun(population).shape == (len(kept.lb), 7)
    found = scipy.optimize.differential_evolution(
        o.fun,
        [(-2, 2)] * 2,
        constraints=kept,
        vectorized=True,
        updating="deferred",
        rng=np.random.default_rng(1),
        polish=False,
    )
    np.testing.assert_allclose(found.x, [5**-0.5, 2 * 5**-0.5], atol=0.05)


W = sp.MatrixSymbol("W", 2, 2)


@pytest.mark.parametrize(
    ("expr", "symbols", "data"),
    [
        (x * y, [x, y], {}),
        ([x * y, x - y, 3], [x, y], {}),
        (W * W + x * W.T, [x, W], {}),
        ([W * W, x * W[0, 1]], [x, W], {}),
        (x * t + y, [x, y], {t: np.arange(5.0)}),
        ([x * t + y, t], [x, y], {t: np.arange(5.0)}),
        (x * W * sp.MatrixSymbol("v", 2, 1), [x, W], {sp.MatrixSymbol("v", 2, 1): np.ones((5, 2, 1))}),
    ],
)
def test_residuals_of_many_points_are_those_of_each(expr, symbols, data):
    r = sg.residuals(expr, symbols, data)
    points = np.random.default_rng(0).normal(size=(r.layout.size, 5))
    np.testing.assert_allclose(r.fun(points), np.stack([r.fun(p) for p in points.T], axis=-1), rtol=1e-13)
    np.testing.assert_allclose(r.jac(points), np.stack([r.jac(p) for p in points.T], axis=-1), rtol=1e-13, atol=1e-15)


# --- numbers and arrays


def test_minimize_scalar_takes_an_objective():
    o = sg.objective((x - a) ** 2, x, [a])
    for method in ("brent", "golden"):
        assert scipy.optimize.minimize_scalar(o.fun, args=(1.5,), method=method).x == pytest.approx(1.5, rel=1e-6)
    assert scipy.optimize.minimize_scalar(o.fun, args=(1.5,), bounds=(0, 3)).x == pytest.approx(1.5, rel=1e-5)
    assert o.fun(2.0, 1.5) == 0.25 and o.jac(2.0, 1.5).shape == (1,)
    with pytest.raises(sg.ShapeError, match=r"shape is \(\)"):
        sg.objective(x + y, [x, y]).fun(2.0)


def test_many_equations_of_one_number():
    r, right = sg.root(x**3 - a, x, [a]), np.array([1.0, 8.0, 27.0])
    start = np.array([2.0, 2.0, 2.0])
    np.testing.assert_allclose(scipy.optimize.newton(r.fun, start, r.fprime, (right,)), [1, 2, 3])
    halley = scipy.optimize.newton(r.fun, start, r.fprime, (right,), fprime2=r.fprime2)
    np.testing.assert_allclose(halley, [1, 2, 3])
    elementwise = pytest.importorskip("scipy.optimize.elementwise")
    found = elementwise.find_root(r.fun, (np.zeros(3), np.full(3, 10.0)), args=(right,))
    np.testing.assert_allclose(found.x, [1, 2, 3])
    assert r.fun(np.zeros((2, 3)), right).shape == (2, 3)
    with pytest.raises(sg.ShapeError, match="args must have that shape too"):
        r.fun(np.zeros(1), right)


# --- callbacks


def test_histories_of_all_kinds_of_optimisers():
    o, r = sg.objective((x - 1) ** 2 + y**2, [x, y]), sg.root([x**2 + y - 2, y - x], [x, y])
    box, fresh = [(-2, 2)] * 2, sg.History
    for run in (
        lambda call: scipy.optimize.basinhopping(o.fun, [0, 1], niter=3, callback=call, rng=0),
        lambda call: scipy.optimize.dual_annealing(o.fun, box, maxiter=5, callback=call, rng=0),
        lambda call: scipy.optimize.root(r.fun, [2, 2], method="df-sane", callback=call),
        lambda call: scipy.optimize.root(r.fun, [2, 2], method="krylov", callback=call),
        lambda call: scipy.optimize.root(r.fun, [2, 2], method="broyden1", callback=call),
        lambda call: minimize(o.fun, [0, 1], jac=o.jac, hess=o.hess, method="trust-constr", callback=call),
        lambda call: minimize(o.fun, [0, 1], callback=call),
        lambda call: scipy.optimize.differential_evolution(o.fun, box, callback=call, rng=0),
    ):
        history = fresh()
        run(history)
        assert len(history) and history.points.shape == (len(history), 2) and np.isfinite(history.values).all()
    assert sg.History() and len(sg.History()) == 0
    minimize(o.fun, [0, 1], jac=o.jac, method="TNC", callback=(history := fresh()))
    assert len(history) and np.isnan(history.values).all()  # it tells the vector only


# --- constraints by relations


def test_joined_and_decided_relations():
    kept = sg.constraint(sp.And(x <= 1, y >= 2), [x, y])
    assert sorted(zip(kept.lb, kept.ub, strict=True)) == [(-np.inf, 0), (0, np.inf)]
    kept = sg.constraint([sp.And(x <= 1, y <= 1), sp.Eq(x, y)], [x, y])
    assert kept.fun(np.array([2.0, 5.0])).shape == (3,)
    p, r = sp.Symbol("p", positive=True), sp.Symbol("r", real=True)
    assert sg.constraint([p >= 0, p <= 2], p).ub.tolist() == [0]
    for relations, message in [
        (r**2 >= 0, "true whatever"),
        ([p >= -1, p <= -1], "false whatever"),
        (sp.Or(x <= 1, y <= 1), "no limit that can be kept"),
        ([x <= 1, sp.Ne(y, 1)], "no limit that can be kept"),
        ([x <= 1, y], "bring their own limits"),
    ]:
        with pytest.raises(sg.ArgumentError, match=message):
            sg.constraint(relations, [x, y, p, r])


def test_conditions_are_no_numbers():
    for make in (sg.objective, sg.residuals, sg.root):
        with pytest.raises(sg.ArgumentError, match="a condition, true or false"):
            make(x <= 1, x)
    with pytest.raises(sg.ArgumentError, match="a condition"):
        sg.objective(sp.Eq(x, 1), x)


# --- differential equations


def test_solve_bvp_takes_an_ode():
    o = sg.ode([y, -a * x], t, [x, y], [a])
    mesh = np.linspace(0, 1, 11)
    found = solve_bvp(
        lambda s, z: o.fun(s, z, 1.0),
        lambda left, right: np.array([left[0], right[0] - 1]),
        mesh,
        np.ones((2, 11)),
        fun_jac=lambda s, z: o.jac(s, z, 1.0),
        tol=1e-8,
    )
    assert found.success
    np.testing.assert_allclose(found.sol(mesh)[0], np.sin(mesh) / np.sin(1), atol=1e-7)


def test_jacobians_of_many_states_are_those_of_each():
    Y, A = sp.MatrixSymbol("Y", 2, 1), sp.MatrixSymbol("A", 2, 2)
    states = np.random.default_rng(0).normal(size=(2, 5))
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    for o, args in [
        (sg.ode([x * y, sp.Integer(3)], t, [x, y]), ()),
        (sg.ode([a * x * y, y + t], t, [x, y], [a]), (2.0,)),
        (sg.ode(A * Y, t, Y, [A]), (matrix,)),
        (sg.ode(A * Y, t, Y, {A: matrix}), ()),
    ]:
        for jac in (o.jac, o.jac_params):
            each = np.stack([jac(0.5, state, *args) for state in states.T], axis=-1)
            np.testing.assert_allclose(jac(0.5, states, *args), each, rtol=1e-14)


def test_values_of_odes_may_be_given():
    o = sg.ode([k * x], t, [x], {k: 2})
    assert o.fun(0, [3.0]) == [6] and o.fun(0, [3.0], 5) == [15]
    np.testing.assert_allclose(o.jac(0, [3.0]), [[2]])


def test_odes_with_too_few_sides():
    for o, args in ((sg.ode([x * a], t, [x, y], [a]), (1.0,)),):
        for function in (o.fun, o.jac, o.jac_params):
            with pytest.raises(sg.ShapeError, match="1 right-hand sides for a state of 2 entries"):
                function(0, [1, 2], *args)


def test_complex_states():
    o = sg.ode([sp.I * k * x], t, [x], [k], domain="complex")
    found = solve_ivp(o.fun, (0, 1), [1 + 0j], "BDF", jac=o.jac, vectorized=True, args=(2.0,), rtol=1e-8, atol=1e-8)
    assert found.y[0, -1] == pytest.approx(np.exp(2j), abs=1e-6)
    assert sg.ode([x**2], t, [x], domain="complex").jac(0, [1j]).tolist() == [[2j]]
    with pytest.raises(sg.FeedError, match="complex"):
        sg.ode([k * x], t, [x], [k]).fun(0, [1j], 1.0)
