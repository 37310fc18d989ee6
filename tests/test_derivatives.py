"""Derivatives of Functions and of nodes, against SymPy's, closed forms, SciPy's and finite differences."""

import importlib.util
import itertools
import os
import pickle
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import symgraph as sg
from symgraph.testing import check_gradients, expressions, values_for

x, y, z = sp.symbols("x y z", real=True)
n, m = sp.symbols("n m", integer=True, positive=True)
k = sp.Symbol("k", integer=True)
RNG = np.random.default_rng(5)


def by_differences(f, point, h=1e-5):
    """All derivatives of f (from an array to an array) in the shape value + point."""
    point = np.asarray(point, dtype=float)
    columns = []
    for place in np.ndindex(*point.shape):
        step = np.zeros_like(point)
        step[place] = h
        first = (f(point + step) - f(point - step)) / (2 * h)
        second = (f(point + 2 * step) - f(point - 2 * step)) / (4 * h)
        columns.append((4 * first - second) / 3)
    value = np.shape(f(point))
    return np.moveaxis(np.array(columns).reshape(*point.shape, *value), range(point.ndim), range(-point.ndim, 0))


# --- scalars

SCALARS = [
    sp.sin(x) * sp.exp(y * x) + y**3,
    sp.log(1 + x**2) / (2 + sp.cos(y)),
    x**y + sp.sqrt(x + y),
    sp.Piecewise((sp.sin(x) ** 2 * y, x < y), (x / y, True)),
    sp.Max(x, y) ** 2 + sp.Abs(x - 3 * y),
    sp.gamma(x + 1) * sp.erf(y) + sp.besselj(1, x * y),
    sp.Integer(3),
    y,
]
every_scalar = pytest.mark.parametrize("expr", SCALARS, ids=str)
POINTS = np.array([0.3, 1.25, 2.0]), np.array([0.75])


def expected(expr, *symbols):
    """SymPy's derivative at the points."""
    slope = expr.diff(*symbols)
    return np.array([float(slope.subs({x: a, y: b}).evalf(25)) for a, b in np.broadcast(*POINTS)])


@every_scalar
def test_gradient_is_sympys(expr):
    f = sg.function((x, y), expr)
    value, grads = f.value_and_grad()(*POINTS)
    np.testing.assert_array_equal(value, f(*POINTS))
    for symbol, grad, again in zip((x, y), grads, f.grad()(*POINTS), strict=True):
        assert grad.shape == (3,)
        np.testing.assert_allclose(grad, expected(expr, symbol), rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(again, grad)
        np.testing.assert_array_equal(f.grad(symbol)(*POINTS), grad)


@every_scalar
def test_second_derivatives_are_sympys(expr):
    f = sg.function((x, y), expr)
    blocks = f.hess()(*POINTS)
    for i, a in enumerate((x, y)):
        for j, b in enumerate((x, y)):
            assert blocks[i][j].shape == (3,)
            np.testing.assert_allclose(blocks[i][j], expected(expr, a, b), rtol=1e-11, atol=1e-12)
    way = np.array([1.0, -2.0, 0.5]), 3.0
    for i, product in enumerate(f.hessp()(*POINTS, *way)):
        np.testing.assert_allclose(product, blocks[i][0] * way[0] + blocks[i][1] * way[1], rtol=1e-12, atol=1e-13)


@every_scalar
def test_products_with_the_jacobian(expr):
    f = sg.function((x, y), expr)
    slopes = [expected(expr, symbol) for symbol in (x, y)]
    way = np.array([1.0, -2.0, 0.5]), 3.0
    value, change = f.jvp()(*POINTS, *way)
    np.testing.assert_array_equal(value, f(*POINTS))
    np.testing.assert_allclose(change, slopes[0] * way[0] + slopes[1] * way[1], rtol=1e-12, atol=1e-13)
    value, grads = f.vjp()(*POINTS, way[0])
    np.testing.assert_array_equal(value, f(*POINTS))
    for grad, slope in zip(grads, slopes, strict=True):
        np.testing.assert_allclose(grad, slope * way[0], rtol=1e-12, atol=1e-13)


def test_a_derivative_is_a_function_too():
    f = sg.function((x, y), sp.sin(x) * y**2)
    third = f.grad(x).grad(x).grad(y)
    assert third(0.5, 2.0) == pytest.approx(float(-2 * 2 * sp.sin(0.5)))
    again = pickle.loads(pickle.dumps(third))
    assert again(0.5, 2.0) == third(0.5, 2.0)
    assert f.grad(x) is f.grad(x)
    assert third.args == (x, y) and third.graph is not f.graph
    assert f.grad(x)(y=2.0, x=0.5) == f.grad(x)(0.5, 2.0)
    assert repr(f.grad(x)) == "<symgraph Function grad_f(x, y): (),()->() = grad of y**2*sin(x)>"


def test_numbers_arrays_and_single_precision():
    grad = sg.function((x, y), x * y**2).grad()
    assert grad(2, 3) == (9, 12)
    assert all(type(g) is np.float64 for g in grad(2, 3))
    first, second = grad(np.float32([1, 2]), np.float32(3))
    assert first.dtype == second.dtype == np.float32 and first.tolist() == [9, 9]


def test_dtype_and_nested_arguments_carry_over():
    f = sg.function((x, [y, z]), x * y * z, dtype=np.float32)
    grads = f.grad()(1.0, (2.0, 3.0))
    assert grads == (6, 3, 2) and all(g.dtype == np.float32 for g in grads)
    assert f.hessp(y)(1.0, (2.0, 3.0), 5.0) == 0


def test_structures_of_outputs_and_of_wrt():
    f = sg.function((x, y), {"a": x * y, "b": [x, sp.Integer(1)]})
    single = f.jac(x)([1.0, 2.0], 3.0)
    assert {"a": single["a"].tolist(), "b": [v.tolist() for v in single["b"]]} == {"a": [3, 3], "b": [[1, 1], [0, 0]]}
    assert f.jac()(1.0, 3.0) == {"a": (3, 1), "b": [(1, 0), (0, 0)]}
    assert f.jac([y])(1.0, 3.0) == {"a": (1,), "b": [(0,), (0,)]}
    values, changes = f.jvp(y)(1.0, 3.0, 10.0)
    assert values == {"a": 3, "b": [1, 1]} and changes == {"a": 10, "b": [0, 0]}
    values, grads = f.vjp()(1.0, 3.0, 1.0, 10.0, 100.0)
    assert grads == (13, 1)


def test_what_cannot_be_asked_for():
    f = sg.function((x, y), [x, y])
    with pytest.raises(sg.ShapeError, match=r"use jac, jvp or vjp"):
        f.grad()
    with pytest.raises(sg.ArgumentError, match="not an argument"):
        f.jac(z)
    with pytest.raises(sg.ArgumentError, match="twice"):
        f.jac([x, x])


def test_names_of_further_arguments_are_free():
    d_x = sp.Symbol("d_x", real=True)
    f = sg.function((x, d_x), x**2 * d_x)
    assert f.hessp(x)(3.0, 5.0, 7.0) == 70
    assert f.hessp(x)(x=3.0, d_x=5.0, d_x_=7.0) == 70


def test_every_argument_has_a_gradient_in_each_row():
    """Also an argument that is fed once for the whole batch."""
    f = sg.function((x, y), x * y)
    first, second = f.grad()(2.0, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(first, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(second, np.full((2, 3), 2.0))
    assert f.grad(x)(np.ones((4, 1)), np.ones((0,))).shape == (4, 0)


def test_no_digits_are_lost_where_a_function_is_nearly_constant():
    f = sg.function(x, sp.coth(x))
    np.testing.assert_allclose(f.grad(x)([20.0, -30.0]), [-1 / np.sinh(20.0) ** 2, -1 / np.sinh(30.0) ** 2], rtol=1e-13)


# --- branches that are not taken, and zeros by accident


def test_second_derivatives_where_a_gradient_is_zero_by_accident():
    """sin(x)**2 has the slope 0 at 0, but not the second derivative 0."""
    f = sg.function(x, sp.Piecewise((sp.sin(x) ** 2, x < 1), (sp.Integer(0), True)))
    assert f.hess(x)(0.0) == 2 and f.grad(x)(0.0) == 0
    g = sg.function(x, sp.Piecewise((sp.cos(x), x < 1), (0, True)))
    assert g.hess(x)(0.0) == -1 and g.jac(x).jac(x)(0.0) == -1


UNTAKEN = [
    (sp.Piecewise((sp.sqrt(x), x > 0), (x, True)), [-1.0, 0.0, 4.0]),
    (sp.Piecewise((sp.log(x), x > 0), (x**2, True)), [-1.0, 0.0, 4.0]),
    (sp.Piecewise((1 / x, sp.Ne(x, 0)), (x, True)), [-1.0, 0.0, 4.0]),
    (sp.Piecewise((x * sp.exp(1 / x), x < 0), (x**3, True)), [-1.0, 0.0, 4.0]),
    (sp.Piecewise((sp.asin(x) ** 2, sp.Abs(x) < 1), (sp.Abs(x), True)), [-1.0, 0.5, 4.0]),
]


@pytest.mark.parametrize(("expr", "points"), UNTAKEN, ids=lambda v: str(v))
def test_branches_not_taken_have_no_derivatives(expr, points):
    f = sg.function(x, expr)
    for order, derived in [(1, f.grad(x)), (2, f.hess(x)), (2, f.grad(x).jac(x)), (3, f.hess(x).grad(x))]:
        for point in points:
            branch = next(e for e, condition in expr.args if condition.subs(x, point) == True)  # noqa: E712
            right = float(branch.diff(x, order).subs(x, sp.Float(point, 30)))
            assert derived(point) == pytest.approx(right, rel=1e-12, abs=1e-12), (order, point)


# --- matrices

A, B = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("B", n, m)
v = sp.MatrixSymbol("v", n, 1)
POSITIVE = np.array([[2.0, 0.5, 0.25], [0.5, 3.0, -0.5], [0.25, -0.5, 1.5]])
VECTOR = np.array([[0.5], [-1.0], [2.0]])
CASES = [
    (sp.log(sp.Determinant(A)) + sp.Trace(A * A), A),
    ((v.T * sp.Inverse(A) * v)[0, 0], A),
    ((v.T * sp.Inverse(A) * v)[0, 0], v),
    (sp.Trace(A.applyfunc(sp.exp)) * sp.Determinant(A), A),
    (sp.Trace(A * A.T) + sp.Sum(v[k, 0] ** 3, (k, 0, n - 1)), v),
    (sp.Trace(A[0:2, 0:2] * A[1:3, 1:3]) * A[0, 1], A),
]


@pytest.mark.parametrize(("expr", "wrt"), CASES, ids=lambda e: str(e))
def test_matrix_derivatives_by_differences(expr, wrt):
    f = sg.function([A, v], expr)
    at = {A: POSITIVE, v: VECTOR}

    def moved(value):
        return f(*{**at, wrt: value}.values())

    grad = f.grad(wrt)(POSITIVE, VECTOR)
    np.testing.assert_allclose(grad, by_differences(moved, at[wrt]), rtol=1e-7, atol=1e-8)
    hess = f.hess(wrt)(POSITIVE, VECTOR)
    assert hess.shape == grad.shape * 2
    np.testing.assert_allclose(
        hess,
        by_differences(lambda value: f.grad(wrt)(*{**at, wrt: value}.values()), at[wrt]),
        rtol=1e-7,
        atol=1e-7,
    )
    way = RNG.normal(size=grad.shape)
    axes = list(range(grad.ndim))
    product = np.tensordot(hess, way, (np.add(axes, grad.ndim), axes))
    np.testing.assert_allclose(f.hessp(wrt)(POSITIVE, VECTOR, way), product, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(f.jvp(wrt)(POSITIVE, VECTOR, way)[1], np.sum(grad * way), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(f.jac(wrt)(POSITIVE, VECTOR), grad, rtol=1e-12, atol=1e-13)


def test_mixed_hessian_blocks_of_matrices_scalars_and_batches():
    f = sg.function([A, v, x], x**2 * (v.T * A * v)[0, 0])
    matrices, vectors = RNG.normal(size=(4, 1, 3, 3)), RNG.normal(size=(5, 3, 1))
    blocks = f.hess()(matrices, vectors, 2.0)
    cores = [(3, 3), (3, 1), ()]
    for i, first in enumerate(cores):
        for j, second in enumerate(cores):
            assert blocks[i][j].shape == (4, 5, *first, *second)
            turned = np.moveaxis(blocks[j][i], range(2, 2 + len(second)), range(-len(second), 0))
            np.testing.assert_allclose(blocks[i][j], turned, rtol=1e-13)
    both = matrices + np.swapaxes(matrices, -1, -2)
    np.testing.assert_allclose(blocks[1][1][..., 0, :, 0], np.broadcast_to(4 * both, (4, 5, 3, 3)), rtol=1e-13)
    entries, unit = vectors[..., 0], np.eye(3)
    mixed = 4 * (np.einsum("ac,nb->nabc", unit, entries) + np.einsum("na,bc->nabc", entries, unit))
    np.testing.assert_allclose(blocks[0][1][..., 0], np.broadcast_to(mixed, (4, 5, 3, 3, 3)), rtol=1e-13)
    outer = 4 * entries[:, :, None] * entries[:, None, :]
    np.testing.assert_allclose(blocks[0][2], np.broadcast_to(outer, (4, 5, 3, 3)), rtol=1e-13)
    assert f.grad(v)(matrices, vectors, 2.0).shape == (4, 5, 3, 1)


JACOBIANS = [
    (A * v, [A, v]),
    (sp.HadamardProduct(v, v) + A * v, [v]),
    (sp.Inverse(A) * v, [A, v]),
    (A * A.T, [A]),
    (v.applyfunc(sp.tanh), [v]),
    (sp.BlockMatrix([[A, v]]), [A, v]),
    (sp.Matrix([[x * y, sp.sin(x)], [y, 1]]), [x, y]),
]


@pytest.mark.parametrize(("expr", "wrt"), JACOBIANS, ids=lambda e: str(e))
def test_jacobians_by_differences(expr, wrt):
    f = sg.function([A, v, x, y], expr)
    at = {A: POSITIVE, v: VECTOR, x: 0.5, y: 0.25}
    jacs = f.jac(wrt)(*at.values())
    for symbol, jac in zip(wrt, jacs, strict=True):
        want = by_differences(lambda value: f(*{**at, symbol: value}.values()), at[symbol])  # noqa: B023
        assert jac.shape == want.shape
        np.testing.assert_allclose(jac, want, rtol=1e-8, atol=1e-9)
        np.testing.assert_array_equal(f.jac(symbol)(*at.values()), jac)


def test_reverse_and_forward_mode_give_the_same_jacobian():
    """Few outputs of many inputs go by reverse mode, many outputs of few inputs by forward mode."""
    C, w = sp.MatrixSymbol("C", 2, 30), sp.MatrixSymbol("w", 30, 1)
    wide = sg.function([C, w], (C * w).applyfunc(sp.sin))
    c, point = RNG.normal(size=(2, 30)), RNG.normal(size=(30, 1))
    np.testing.assert_allclose(wide.jac(w)(c, point)[:, 0, :, 0], np.cos(c @ point) * c, rtol=1e-13)
    assert wide.jac(w)(np.stack([c, 2 * c]), point).shape == (2, 2, 1, 30, 1)
    tall = sg.function([C, x], C.T * sp.Matrix([x**2, sp.exp(x)]))
    np.testing.assert_allclose(tall.jac(x)(c, 0.5), c.T @ [[1.0], [np.exp(0.5)]], rtol=1e-14)


# --- Rosenbrock's function, in three forms

N = 12
X, u = sp.MatrixSymbol("X", N, 1), sp.IndexedBase("u", shape=(n,))


def rosenbrock(entry, upper):
    term = 100 * (entry(k + 1) - entry(k) ** 2) ** 2 + (1 - entry(k)) ** 2
    return sp.Sum(term, (k, 0, upper))


ROSENBROCK = {
    "matrix": (X, rosenbrock(lambda i: X[i, 0], N - 2)),
    "indexed": (u, rosenbrock(lambda i: u[i], n - 2)),
    "entries": (X, rosenbrock(lambda i: X[i, 0], N - 2).doit()),
}


@pytest.mark.parametrize("form", ROSENBROCK)
def test_rosenbrock(form):
    symbol, expr = ROSENBROCK[form]
    f = sg.function(symbol, expr)
    point, way = RNG.normal(size=(2, N))
    flat = (lambda a: a) if form == "indexed" else (lambda a: a[:, 0])
    assert f(point) == pytest.approx(scipy.optimize.rosen(point), rel=1e-13)
    np.testing.assert_allclose(flat(f.grad(symbol)(point)), scipy.optimize.rosen_der(point), rtol=1e-11)
    product = scipy.optimize.rosen_hess_prod(point, way)
    np.testing.assert_allclose(flat(f.hessp(symbol)(point, way)), product, rtol=1e-11, atol=1e-9)
    hess = f.hess(symbol)(point).reshape(N, N)
    np.testing.assert_allclose(hess, scipy.optimize.rosen_hess(point), rtol=1e-11, atol=1e-9)
    batch = RNG.normal(size=(3, N)) if form == "indexed" else RNG.normal(size=(3, N, 1))
    for row, grad in zip(batch, f.grad(symbol)(batch), strict=True):
        np.testing.assert_allclose(grad, f.grad(symbol)(row), rtol=1e-13)


def test_a_hessian_vector_product_of_entries_needs_no_arrays_of_them():
    """The gradient is only passed on, so that nothing but the product leaves the kernel."""
    partition = pytest.importorskip("symgraph.backends.llvm.partition")
    product = sg.function(*ROSENBROCK["entries"], backend="llvm").hessp(X)
    kernels = [item for stage in partition.partition(product.program) for item in stage]
    assert [len(kernel.outputs) for kernel in kernels if isinstance(kernel, partition.Kernel)] == [1]
    points, ways = RNG.normal(size=(2, 5, N, 1))
    for row in range(5):
        expected = scipy.optimize.rosen_hess_prod(points[row, :, 0], ways[row, :, 0])
        np.testing.assert_allclose(product(points, ways)[row, :, 0], expected, rtol=1e-11, atol=1e-9)


def steps(function):
    return len(function.program.steps)


def test_programs_of_derivatives_are_short():
    """A gradient of a thousand variables is a few times as many steps as the value: no time is measured here."""
    symbols = sp.symbols("x:300", real=True)
    expr = sp.Add(*[100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in itertools.pairwise(symbols)])
    f = sg.function([symbols], expr)
    assert steps(f.value_and_grad()) < 4 * steps(f)
    assert steps(f.hessp()) < 8 * steps(f)
    point = RNG.normal(size=300)
    _, grads = f.value_and_grad()(point)
    np.testing.assert_allclose(grads, scipy.optimize.rosen_der(point), rtol=1e-11)


def test_depth_is_no_limit():
    deep = x
    with sp.evaluate(False):
        for _ in range(2_000):
            deep = sp.sin(2 * sp.Add(deep, 1))
    f = sg.function(x, deep)
    value, slope = 0.3, 1.0
    for _ in range(2_000):
        slope *= 2 * np.cos(2 * value + 2)
        value = np.sin(2 * value + 2)
    assert f.grad(x)(0.3) == pytest.approx(slope, rel=1e-9, abs=1e-300)
    assert f.jvp(x)(0.3, 1.0)[1] == pytest.approx(slope, rel=1e-9, abs=1e-300)


def test_derivatives_from_several_threads():
    f = sg.function((x, y), sp.sin(x * y))
    results = []
    threads = [threading.Thread(target=lambda: results.append(f.hess()(0.5, 2.0))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and len(set(results)) == 1


# --- complex values


def test_the_derivative_of_a_holomorphic_function():
    f = sg.function(x, sp.exp(x**2) / (x + 2))
    point = np.array([0.5 + 1j, -1 + 0.25j])
    right = np.exp(point**2) * (2 * point / (point + 2) - 1 / (point + 2) ** 2)
    for derived in (f.grad(x), f.jac(x)):
        np.testing.assert_allclose(derived(point), right, rtol=1e-13)


def test_complex_values_of_a_real_argument():
    f = sg.function(x, sp.exp(sp.I * x))
    assert f.jac(x)(0.5) == pytest.approx(1j * np.exp(0.5j))
    assert f.jvp(x)(0.5, 2.0)[1] == pytest.approx(2j * np.exp(0.5j))
    assert f.grad(x)(0.5) == pytest.approx(-np.sin(0.5))  # of the real part, which is what dL = Re(g dz) says


def test_complex_jacobians_of_many_real_arguments():
    """Reverse mode would give their real parts."""
    w = sp.MatrixSymbol("w", 5, 1)
    c = sp.Symbol("c")
    point = RNG.normal(size=(5, 1))
    wave = sg.function(w, sp.Matrix([sp.exp(sp.I * sp.Add(*[w[i, 0] ** 2 for i in range(5)]))]))
    right = np.exp(1j * np.sum(point**2)) * 2j * point
    np.testing.assert_allclose(wave.jac(w)(point)[0, 0], right, rtol=1e-13)
    np.testing.assert_allclose(wave.jac(w, sparse=True)(point).toarray()[0], right[:, 0], rtol=1e-13)
    scaled = sg.function([c, w], sp.Matrix([c * sp.Add(*[w[i, 0] ** 2 for i in range(5)])]))
    np.testing.assert_allclose(scaled.jac(w)(2 - 1j, point)[0, 0], (2 - 1j) * 2 * point, rtol=1e-13)
    np.testing.assert_allclose(scaled.jac(w)(c=2 - 1j, w=point)[0, 0], (2 - 1j) * 2 * point, rtol=1e-13)
    np.testing.assert_allclose(scaled.jac(w)(2.0, point)[0, 0], 4 * point, rtol=1e-13)
    np.testing.assert_allclose(scaled.jac(w, sparse=True)(1j, point).toarray()[0], 2j * point[:, 0], rtol=1e-13)


WIRTINGER = [sp.Abs(z), sp.conjugate(z) * z, sp.re(z) * sp.im(z), sp.arg(z), sp.sign(z), sp.Abs(z) ** 2 * z]


@pytest.mark.parametrize("expr", [e.subs(z, sp.Symbol("z")) for e in WIRTINGER], ids=str)
def test_changes_of_functions_that_are_not_holomorphic(expr):
    (symbol,) = expr.free_symbols or {z}
    f = sg.function(symbol, expr)
    point, way, h = 0.75 - 0.5j, 0.3 + 1.1j, 1e-5
    slope = (f(point + h * way) - f(point - h * way)) / (2 * h)
    assert f.jvp(symbol)(point, way)[1] == pytest.approx(slope, rel=1e-8)


# --- nodes

OPERATIONS = {
    "matmul": lambda a: sg.matmul(a, sg.tanh(a)),
    "inverse": sg.matrix_inverse,
    "reduce": lambda a: sg.reduce_sum(sg.abs(a), axis=0) * sg.reduce_max(a),
    "determinant": lambda a: sg.logdet(a) * sg.determinant(a),
    "expm": sg.expm,
    "stack": lambda a: sg.stack([a, a * 2, sg.reduce_mean(a) * a]),
    "where": lambda a: sg.where(sg.greater(a, 0.3), a * a, sg.sin(a)),
    "product": lambda a: sg.reduce_prod(a, axis=1),
    "elementwise": lambda a: sg.sigmoid(a) * sg.atan2(a, 2.0) - sg.sign(a) * a / (1 + a**2),
    "cholesky": lambda a: sg.cholesky(sg.matmul(a, sg.matrix_transpose(a))),
    "solve": lambda a: sg.solve(a, a * a),
    "slices": lambda a: a[1:] * a[:2],
    "einsum": lambda a: sg.einsum("ij,kj->ik", a, a),
    "logsumexp": lambda a: sg.reduce_logsumexp(a, axis=1),
    "concat": lambda a: sg.concat([a, a * a], axis=0),
    "gather": lambda a: sg.gather(a, [2, 0, 0], axis=0),
    "stopped": lambda a: a * sg.stop_gradient(a),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_forward_mode_by_differences(name):
    build = OPERATIONS[name]
    a = sg.placeholder(np.float64, (3, 3))
    node, way = build(a), RNG.normal(size=(3, 3))
    (change,) = sg.tangents(node, a, way)
    session, h = sg.Session(), 1e-5
    if name == "stopped":
        np.testing.assert_array_equal(session.run(change, {a: POSITIVE}), POSITIVE * way)
        return
    values = [session.run(node, {a: POSITIVE + s * h * way}) for s in (2, 1, -1, -2)]
    slope = (4 * (values[1] - values[2]) / (2 * h) - (values[0] - values[3]) / (4 * h)) / 3
    found = session.run(change, {a: POSITIVE})
    assert found.shape == slope.shape
    np.testing.assert_allclose(found, slope, rtol=1e-7, atol=1e-8)


def test_tangents_of_several():
    a, b = sg.placeholder(), sg.placeholder()
    first, second, third = sg.tangents([a * b, a + 1, sg.sin(a)], [b, a], [10.0, None])
    assert first.eval({a: 2.0, b: 3.0}) == 20 and second is None and third is None
    with pytest.raises(sg.ShapeError):
        sg.tangents(a, [a, b], [1.0])
    with pytest.raises(TypeError):
        sg.tangents(a, 3, 1.0)


def test_jacobian_and_hessians_of_nodes():
    a = sg.placeholder(np.float64, (2, 3))
    point = RNG.normal(size=(2, 3))
    cubes = sg.jacobian(a**3, a).eval({a: point})
    assert cubes.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(cubes.reshape(6, 6), np.diag(3 * point.ravel() ** 2), rtol=1e-15)
    loss = sg.reduce_sum(a[0] * a[1] ** 2)
    (hess,) = sg.hessians(loss, a)
    want = by_differences(lambda p: np.array([p[1] ** 2, 2 * p[0] * p[1]]), point)
    np.testing.assert_allclose(hess.eval({a: point}), want, atol=1e-9)
    np.testing.assert_array_equal(sg.jacobian(sg.constant([1.0, 2.0]), a).eval({a: point}), np.zeros((2, 2, 3)))
    with pytest.raises(sg.ShapeError, match="known shapes"):
        sg.jacobian(sg.placeholder() * 2, a)


def test_gradients_of_forward_mode_and_the_other_way_round():
    a = sg.placeholder(np.float64, (3,))
    loss = sg.reduce_sum(sg.sin(a) * a[::-1] ** 2)
    way, point = np.array([1.0, -0.5, 2.0]), np.array([0.5, 1.5, -0.25])
    (change,) = sg.tangents(loss, a, way)
    (first,) = sg.gradients(change, a)  # reverse over forward
    (second,) = sg.tangents(sg.gradients(loss, a), a, way)  # forward over reverse
    (hess,) = sg.hessians(loss, a)
    one, two, matrix = sg.Session().run([first, second, hess], {a: point})
    np.testing.assert_allclose(one, matrix @ way, rtol=1e-13)
    np.testing.assert_allclose(two, matrix @ way, rtol=1e-13)
    check_gradients(loss, {a: point}, order=2)


# --- random expressions


@given(expressions([x, y]), values_for([x, y]), st.floats(-2, 2), st.floats(-2, 2))
def test_forward_and_reverse_mode_agree(expr, values, first, second):
    try:
        f = sg.function((x, y), expr)
    except sg.ConstantError:
        return
    at = [values[x], values[y]]
    grads = f.grad()(*at)
    _, change = f.jvp()(*at, first, second)
    with np.errstate(all="ignore"):
        parts = np.asarray(grads[0]) * first, np.asarray(grads[1]) * second
        total, size = parts[0] + parts[1], np.abs(parts[0]) + np.abs(parts[1])
        decided = np.isfinite(total) & np.isfinite(change) & (size < 1e200)
        assert np.all(np.abs(total - change)[decided] <= 1e-7 * size[decided] + 1e-290)


def gradient_script():
    path = Path(__file__).parents[1] / "scripts" / "check_gradients.py"
    spec = importlib.util.spec_from_file_location("check_gradients", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs SIGALRM")
def test_gradients_of_random_expressions_are_sympys_by_mpmath(capsys):
    """Nightly ten thousand pairs of an expression and a point; `scripts/check_gradients.py` takes any number."""
    nightly = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
    assert gradient_script().main(10_000 if nightly else 300, number=2) == 0
    assert re.search(r"equal \d{3,}", capsys.readouterr().out)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs SIGALRM")
def test_a_wrong_gradient_is_noticed(monkeypatch, capsys):
    def wrong(self, grad):
        first, second = self.input_nodes
        return [grad * second, 1.001 * grad * first]

    monkeypatch.setattr(sg.multiply, "gradient", wrong)
    assert gradient_script().main(300, number=3) > 0
    assert "WRONG" in capsys.readouterr().out


# --- sparse matrices

P, Q = sp.MatrixSymbol("P", 6, 1), sp.MatrixSymbol("Q", 6, 6)
BAND = sp.ImmutableDenseMatrix(6, 6, lambda i, j: max(0, 2 - abs(i - j)))
SPARSE_JACOBIANS = {
    "elementwise": (P.applyfunc(sp.sin), [P], 6, 1),
    "neighbours": (sp.Matrix([P[i, 0] * P[i + 1, 0] for i in range(5)]), [P], 10, 2),
    "band matrix": (BAND * P.applyfunc(sp.exp), [P], 16, 3),
    "slices": (P[1:, 0:1].applyfunc(sp.tanh) + P[:5, 0:1], [P], 10, 2),
    "blocks": (sp.BlockMatrix([[P], [2 * P]]), [P], 12, 1),
    "one row": (sp.Matrix([[x * y + P[2, 0]]]), [x, y, P], 3, 1),
    "two outputs": ([P * x, y**2], [x, y, P], 13, 2),
    "transposed": (sp.HadamardProduct(Q.T, Q), [Q], 66, 2),
    "dense": (Q.inv() * P, [P], 36, 6),
    "constant": (sp.Matrix([1, y]), [P], 0, 1),
    "steps": (P.applyfunc(sp.floor) + P, [P], 6, 1),
    "sum": (sp.Sum(P[k, 0] ** 2, (k, 1, 3)), [P], 3, 1),
}
AT = {P: RNG.normal(size=(6, 1)), Q: RNG.normal(size=(6, 6)) + 4 * np.eye(6), x: 0.5, y: 1.5}


def flat_jacobian(f, wrt):
    """The dense Jacobian as one matrix."""
    leaves = f.jac(wrt)(*AT.values())
    rows = leaves if isinstance(leaves, list) else [leaves]
    sizes = [np.size(AT[symbol]) for symbol in wrt]
    return np.vstack(
        [np.hstack([np.reshape(b, (-1, size)) for b, size in zip(row, sizes, strict=True)]) for row in rows]
    )


@pytest.mark.parametrize("name", SPARSE_JACOBIANS)
def test_sparse_jacobians(name):
    expr, wrt, entries, count = SPARSE_JACOBIANS[name]
    f = sg.function(list(AT), expr)
    jac = f.jac(wrt, sparse=True)
    found = jac(*AT.values())
    assert found.format == "csr"
    np.testing.assert_allclose(found.toarray(), flat_jacobian(f, wrt), rtol=1e-12, atol=1e-14)
    assert jac.sparsity(*AT.values()).nnz == entries
    assert jac.number_of_colours(*AT.values()) == count


def test_rows_are_put_together_where_that_is_cheaper():
    """An arrow: one dense row, and a diagonal. All columns meet in the row."""
    arrow = sp.Matrix([sp.Add(*[P[i, 0] ** 2 for i in range(6)]), *[sp.sin(P[i, 0]) for i in range(6)]])
    f = sg.function(P, arrow)
    jac = f.jac(P, sparse=True)
    assert jac.number_of_colours(AT[P]) == 2
    dense = f.jac(P)(AT[P])[:, 0, :, 0]
    np.testing.assert_allclose(jac(AT[P]).toarray(), dense, rtol=1e-13)
    again = pickle.loads(pickle.dumps(jac))
    np.testing.assert_array_equal(again(AT[P]).toarray(), jac(AT[P]).toarray())


@pytest.mark.parametrize("form", ["matrix", "indexed"])
def test_sparse_hessian_of_rosenbrocks_function(form):
    symbol, expr = ROSENBROCK[form]
    hess = sg.function(symbol, expr).hess(symbol, sparse=True)
    point = RNG.normal(size=N)
    assert hess.number_of_colours(point) == 3 and hess.sparsity(point).nnz == 3 * N - 2
    np.testing.assert_allclose(hess(point).toarray(), scipy.optimize.rosen_hess(point), rtol=1e-10, atol=1e-9)


def test_sparse_hessian_of_symbols():
    f = sg.function([x, (y, z)], x**2 * y + sp.exp(z))
    hess = f.hess(sparse=True)
    np.testing.assert_allclose(hess(2.0, (3.0, 0.0)).toarray(), [[6, 4, 0], [4, 0, 0], [0, 0, 1]])
    assert f.hess([z, x], sparse=True)(2.0, (3.0, 0.0)).toarray().tolist() == [[1, 0], [0, 6]]


def test_other_shapes_have_a_sparsity_of_their_own():
    symbol, expr = ROSENBROCK["indexed"]
    hess = sg.function(symbol, expr).hess(symbol, sparse=True)
    for length in (3, 7):
        point = RNG.normal(size=length)
        np.testing.assert_allclose(hess(point).toarray(), scipy.optimize.rosen_hess(point), rtol=1e-10, atol=1e-9)


def test_places_that_depend_on_arguments_count_as_all_places():
    i = sp.Symbol("i", integer=True)
    f = sg.function([P, i], sp.Matrix([P[i, 0] ** 2, P[i + 1, 0]]))
    jac = f.jac(P, sparse=True)
    for place in (0, 3):
        found = jac(AT[P], place)
        assert found.nnz == 12
        np.testing.assert_allclose(found.toarray(), f.jac(P)(AT[P], place)[:, 0, :, 0], rtol=1e-13)


def test_sparse_matrices_have_no_batch():
    f = sg.function(P, P.applyfunc(sp.sin))
    with pytest.raises(sg.ShapeError, match="batch"):
        f.jac(P, sparse=True)(np.ones((2, 6, 1)))


def test_check_gradients_takes_functions():
    f = sg.function([Q, x], [Q.inv() * x, sp.Trace(Q) ** 2])
    check_gradients(f, [AT[Q], 0.5], order=2)


def test_a_sparse_jacobian_of_many_scalars_is_as_long_as_what_is_not_zero():
    n = 60
    xs = sp.symbols(f"x:{n}")
    expressions = [sp.sin(xs[i]) * xs[(i + 1) % n] for i in range(n)]
    jac = sg.function(xs, expressions).jac()
    assert len(jac.program.steps) <= 15 * n
    values = np.linspace(-1.0, 1.0, n)
    expected = np.diag(np.cos(values) * np.roll(values, -1))
    expected[np.arange(n), (np.arange(n) + 1) % n] = np.sin(values)
    np.testing.assert_allclose(jac(*values), expected, rtol=1e-14)
    rows = jac(*[np.array([v, 2 * v]) for v in values])
    np.testing.assert_allclose(np.array(rows)[..., 0], expected, rtol=1e-14)


def test_zeros_of_a_jacobian_of_scalars_have_all_batch_axes_and_belong_to_the_caller():
    x, y = sp.symbols("x y")
    rows = sg.function((x, y), [x**2, sp.sin(x), y, sp.Integer(3)]).jac()([1.0, 2.0], [[1.0], [2.0], [3.0]])
    assert {np.shape(entry) for row in rows for entry in row} == {(3, 2)}
    rows[0][1][:] = 7.0
    assert not rows[1][1].any() and not rows[2][0].any() and not rows[3][0].any()


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_the_gradient_by_a_matrix_of_many_entries_is_one_array(backend):
    n = 40
    m = sp.MatrixSymbol("m", n, 2)
    expression = sp.Add(*[m[i, 0] ** 2 * m[(7 * i) % n, 0] for i in range(n)]) + sp.Trace(m.T * m) + 3 * m[n - 1, 1]
    f = sg.function(m, expression, backend=backend)
    assert len(f.grad().program.steps) < 14 * n
    values = np.random.default_rng(0).normal(size=(3, n, 2))
    columns, places = values[..., 0], (7 * np.arange(n)) % n
    expected = 2 * values
    expected[..., 0] += 2 * columns * columns[:, places]
    for row in range(3):
        np.add.at(expected[row, :, 0], places, columns[row] ** 2)
    expected[:, n - 1, 1] += 3
    np.testing.assert_allclose(f.grad(m)(values), expected, rtol=1e-12, atol=1e-12)
    check_gradients(f, (values[0],))
    dense = f.hess(m)(values[0]).reshape(2 * n, 2 * n)
    np.testing.assert_allclose(f.hessp(m)(values[0], values[1]).reshape(-1), dense @ values[1].reshape(-1), rtol=1e-10)
