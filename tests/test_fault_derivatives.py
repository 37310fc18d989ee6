"""Faults that were found in derivatives and in training, each with the case that showed it."""

import itertools

import numpy as np
import pytest
import sympy as sp

import symgraph as sg
from symgraph.graph import postorder
from symgraph.testing import check_gradients

k, j = sp.symbols("k j", integer=True)
n = sp.Symbol("n", integer=True, positive=True)
x, y, t = sp.symbols("x y t")
p, q = sp.IndexedBase("p", shape=(n,)), sp.IndexedBase("q", shape=(n,))
A, X, Y = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("X", n, 1), sp.MatrixSymbol("Y", n, 1)
VECTOR = np.array([0.3, 1.1, -0.4, 0.9])
both_backends = pytest.mark.parametrize("backend", ["numpy", "llvm"])


# --- sums of sums

NESTED = {
    "double sum": sp.Sum(sp.exp(-((p[k] - p[j]) ** 2)), (k, 0, n - 1), (j, 0, n - 1)),
    "fixed length": sp.Sum(sp.cos(p[k] * p[j]), (k, 0, 3), (j, 0, 3)),
    "triangle": sp.Sum(sp.Sum(p[k] * p[j] ** 2, (k, 0, j - 1)), (j, 0, n - 1)),
    "product of sums": sp.Product(sp.Sum(1 + p[k] ** 2 * p[j], (k, 0, n - 1)), (j, 0, n - 1)),
    "sum of products": sp.Sum(sp.Product(1 + p[k] * p[j], (k, 0, n - 1)), (j, 0, n - 1)),
}


@both_backends
@pytest.mark.parametrize("name", NESTED)
def test_gradients_of_sums_of_sums(name, backend):
    f = sg.function(p, NESTED[name], backend=backend)
    check_gradients(f, [VECTOR], order=2)
    hess = f.hess(p)(VECTOR)
    np.testing.assert_allclose(f.hessp(p)(VECTOR, VECTOR[::-1]), hess @ VECTOR[::-1], rtol=1e-9, atol=1e-12)
    batch = np.stack([VECTOR, 2 * VECTOR])
    np.testing.assert_allclose(f.grad(p)(batch), [f.grad(p)(row) for row in batch], rtol=1e-12)


@both_backends
def test_a_quadratic_form_of_functions_of_entries_has_a_gradient(backend):
    f = sg.function([A, X], (X.T * A.applyfunc(sp.sin) * X)[0, 0], backend=backend)
    check_gradients(f, [np.outer(VECTOR, VECTOR) + np.eye(4), VECTOR[:, None]], order=2)


def test_the_loss_of_a_double_sum_is_trained():
    w = sg.Variable(VECTOR)
    loss = sg.translate(sp.Sum((p[k] - p[j]) ** 2, (k, 0, n - 1), (j, 0, n - 1)), {p: w})
    step, session = sg.train.AdamOptimizer(0.1).minimize(loss), sg.Session()
    first = session.run(loss)
    for _ in range(20):
        session.run(step)
    assert session.run(loss) < 0.1 * first


# --- derivatives of derivatives by several arguments

SEVERAL = {
    "matrix": ((A, X, Y), sp.Sum((Y[k, 0] - (A * X)[k, 0]) ** 2, (k, 0, n - 1))),
    "indexed": ((p, q, t), sp.Sum((p[k] - t * q[k]) ** 2, (k, 0, n - 1))),
    "inner sum": ((p, q, t), sp.Sum(sp.exp(t * p[k]) * q[k] * sp.Sum(p[j] * q[k], (j, 0, k)), (k, 0, n - 1))),
    "inner product": ((p, q, t), sp.Sum(t * p[k] * sp.Product(1 + p[j] * q[k], (j, 0, k)), (k, 0, n - 1))),
    "inner integral": ((p, q, t), sp.Sum(p[k] * sp.Integral(sp.sin(q[k] * x), (x, 0, t)), (k, 0, n - 1))),
}
VALUES = {A: np.outer(VECTOR, VECTOR) + np.eye(4), X: VECTOR[:, None], Y: 1 - VECTOR[:, None]} | {
    p: VECTOR,
    q: 1 - VECTOR,
    t: 0.6,
}


@both_backends
@pytest.mark.parametrize("name", SEVERAL)
def test_the_hessian_by_three_arguments(name, backend):
    symbols, expr = SEVERAL[name]
    f, at = sg.function(symbols, expr, backend=backend), [VALUES[symbol] for symbol in symbols]
    ways = [np.cos(np.arange(np.size(value))).reshape(np.shape(value)) for value in at]
    blocks, products = f.hess()(*at), f.hessp()(*at, *ways)
    for row, product in zip(blocks, products, strict=True):
        terms = [np.tensordot(block, way, np.ndim(way)) for block, way in zip(row, ways, strict=True)]
        np.testing.assert_allclose(sum(terms), product, rtol=1e-9, atol=1e-9)
    for i, symbol in enumerate(symbols):
        np.testing.assert_allclose(f.grad().jac(symbol)(*at)[i], blocks[i][i], rtol=1e-9, atol=1e-9)


def test_a_derivative_of_a_gradient_is_one_for_each_row_whatever_it_is_by():
    """Also in what the gradient is by and the derivative is not, whose values are the same in all rows."""
    symbols, expr = SEVERAL["inner sum"]
    f, at = sg.function(symbols, expr), [VALUES[symbol] for symbol in symbols]
    for batch, by in ((0, q), (1, t), (2, p)):
        rows = [[value * s if i == batch else value for i, value in enumerate(at)] for s in (1.0, -0.5, 2.0)]
        stacked = [np.stack([row[i] for row in rows]) if i == batch else value for i, value in enumerate(at)]
        for found, *expected in zip(f.grad().jac(by)(*stacked), *[f.grad().jac(by)(*row) for row in rows], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        dense = np.concatenate([np.reshape(a, (-1, np.size(VALUES[by]))) for a in f.grad().jac(by)(*at)])
        np.testing.assert_allclose(f.grad().jac(by, sparse=True)(*at).toarray(), dense, rtol=1e-10, atol=1e-12)


# --- what is not taken by maximum and the like

UNTAKEN = {
    "root": (sp.Max(sp.sqrt(x), 1), 0.0, 0.0),
    "root under a factor": (sp.Max(y * sp.sqrt(x) - 1, 1), 0.0, 0.0),
    "norm": (sp.Max(1, sp.sqrt(x**2 + y**2 - 4)), 0.0, 0.0),
    "x over norm": (x / sp.Max(1, sp.sqrt(x**2)), 0.0, 1.0),
    "pole": (sp.Min(5, 1 / x), 0.0, 0.0),
    "square of a pole": (sp.Min(5, 3 * y / x**2 + x), 0.0, 0.0),
    "overflow": (sp.Min(5, sp.exp(y * x)), 1000.0, 0.0),
    "logarithm of a determinant": (sp.Max(1, sp.log(sp.Abs(sp.Determinant(x * sp.MatrixSymbol("B", 2, 2))))), 0.0, 0.0),
}


@both_backends
@pytest.mark.parametrize("name", UNTAKEN)
def test_what_is_not_the_extreme_value_has_no_gradient(name, backend):
    expr, at, right = UNTAKEN[name]
    B = sp.MatrixSymbol("B", 2, 2)
    f = sg.function((x, y, B), expr, backend=backend)
    point = at, 2.0, np.eye(2)
    assert np.isfinite(f(*point))
    assert f.grad(x)(*point) == right
    assert f.jvp(x)(*point, 1.0)[1] == right
    np.testing.assert_array_equal(f.grad([y, B])(*point)[1], np.zeros((2, 2)))
    assert f.grad(y)(*point) == 0
    assert f.hess(x)(*point) == 0


def test_norms_of_zero_are_clipped_and_differentiated():
    w = sg.Variable(np.zeros(2))
    (clipped,), _ = sg.clip_by_global_norm([w], 1.0)
    for loss in (sg.clip_by_norm(w, 1.0), clipped):
        np.testing.assert_array_equal(sg.Session().run(sg.gradients(sg.reduce_sum(loss), w)[0]), [1.0, 1.0])


@pytest.mark.parametrize(
    ("choice", "right"), [(sg.reduce_max, [0, 0.25]), (lambda v: -sg.reduce_min(-v), [0, 0.25]), (sg.relu, [0, 0.25])]
)
def test_entries_that_are_not_the_largest_have_no_gradient(choice, right):
    v = sg.placeholder("float64", (2,))
    (grad,) = sg.gradients(sg.reduce_sum(choice(sg.sqrt(v))), v)
    np.testing.assert_array_equal(sg.Session().run(grad, {v: [0.0, 4.0]}), right)


@both_backends
@pytest.mark.parametrize(
    "expr", [sp.Min(1, sp.sqrt(x)), sp.Max(sp.acos(2 * x), y), sp.Max(y, sp.sqrt(x)) ** 2], ids=str
)
def test_where_the_value_is_nan_so_are_its_derivatives(expr, backend):
    f = sg.function((x, y), expr, backend=backend)
    assert np.isnan([f(-1.0, 2.0), f.grad(x)(-1.0, 2.0), f.jvp(x)(-1.0, 2.0, 1.0)[1]]).all()


def test_a_network_of_relu_is_not_longer_for_what_could_be_nan():
    w, b, v = sg.placeholder("float64", (3, 3)), sg.placeholder("float64", (3,)), sg.placeholder("float64", (5, 3))
    layer = sg.relu(sg.matmul(sg.relu(sg.matmul(v, w) + b), w) + b)
    order = postorder(sg.gradients(sg.reduce_sum(layer), [w, b]))
    assert not any(isinstance(node, sg.is_nan) for node in order)


# --- single precision

SINGLE = np.float32([0.3, 0.7])
IN_SINGLE = [
    x ** sp.Rational(5, 2),
    sp.Product(2 + x * sp.sin(t * k), (k, 0, 3)).subs(t, 2),
    sp.Sum(sp.Sum(x * k * j, (k, 0, 3)) ** sp.Rational(3, 2), (j, 1, 3)),
    sp.polygamma(1, x),
    sp.expint(2, x),
    sp.betainc(2, 3, 0, x),
    sp.polylog(2, x),
    sp.harmonic(x),
    sp.atan2(x, 1),
    sp.Max(x, sp.Rational(1, 2)) ** 3,
]


@both_backends
@pytest.mark.parametrize("expr", IN_SINGLE, ids=str)
def test_derivatives_of_single_precision_are_such(expr, backend):
    f = sg.function(x, expr, backend=backend)
    results = [f(SINGLE), f.grad(x)(SINGLE), f.hess(x)(SINGLE), f.jvp(x)(SINGLE, SINGLE)[1]]
    assert {each.dtype for each in results} == {np.dtype(np.float32)}
    np.testing.assert_allclose(results[1], f.grad(x)(SINGLE.astype(float)), rtol=1e-4)


@both_backends
@pytest.mark.parametrize("expr", [sp.Trace(A), sp.Trace(A.I), sp.Trace(A**5), sp.Determinant(A)], ids=str)
def test_derivatives_by_matrices_of_single_precision_are_such(expr, backend):
    f, at = sg.function(A, expr, backend=backend), np.float32([[2, 1], [0.5, 3]])
    assert {each.dtype for each in (f(at), f.grad(A)(at), f.hess(A)(at))} == {np.dtype(np.float32)}
    np.testing.assert_allclose(f.grad(A)(at), f.grad(A)(at.astype(float)), rtol=1e-5)


def test_a_loss_of_squares_is_differentiated_in_single_precision():
    w = sg.Variable(np.float32([2, 3]))
    for exponent in (2, 3, 0.5, -1, 2.5):
        nodes = [sg.gradients(w**exponent, w)[0], sg.tangents(w**exponent, w, 1.0)[0]]
        for found in sg.Session().run(nodes):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, exponent * np.array([2.0, 3.0]) ** (exponent - 1), rtol=1e-6)
    assert sg.Session().run(sg.eigenvalues(sg.constant(np.float32([[2, 1], [1, 3]])))).dtype == np.float32


# --- texts


def test_no_constant_integral_is_computed_for_the_text_of_a_function(monkeypatch):
    u = sp.Symbol("u")
    expr = x * y + sp.Integral(sp.sin(u) * sp.Integral(sp.exp(-(u**2)), (u, 0, 1)), (u, 0, 1))
    monkeypatch.setattr(
        "sympy.core.evalf.do_integral", lambda *_: pytest.fail("an integral was computed to be printed")
    )
    f = sg.function((x, y), expr)
    assert "Integral" in sg.lambdify((x, y), expr).__doc__
    for made in (f, f.grad(), f.hess(), f.hess(sparse=True)):
        assert "Integral(exp(-u**2), (u, 0, 1))" in repr(made)
    np.testing.assert_allclose(f.grad()(2.0, 3.0), [3.0, 2.0])


# --- training


def test_a_damaged_list_of_checkpoints_is_said_to_be_so(tmp_path):
    for line in (b"notjson", b"5", b'"\xff', b'"a\\u0000b"', b""):
        (tmp_path / "checkpoint").write_bytes(b"model_checkpoint_path: " + line)
        with pytest.raises(sg.CheckpointError, match="checkpoint, which lists"):
            sg.train.latest_checkpoint(tmp_path)
    (tmp_path / "checkpoint").write_bytes(b'model_checkpoint_path: "gone"')
    assert sg.train.latest_checkpoint(tmp_path) is None


def test_every_damaged_byte_of_a_checkpoint_is_noticed_or_does_no_harm(tmp_path):
    w = sg.Variable(np.arange(3.0), name="w")
    session, saver = sg.Session(), sg.train.Saver(w)
    path = saver.save(session, tmp_path / "model")
    whole = (tmp_path / "model.npz").read_bytes()
    noticed = 0
    for place in range(len(whole)):
        for flip in (0xFF, 0x01, 0x08):
            damaged = whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
            (tmp_path / "model.npz").write_bytes(damaged)
            try:
                saver.restore(session, path)
            except sg.CheckpointError:
                noticed += 1
            np.testing.assert_array_equal(session.run(w), np.arange(3.0))
    assert noticed > 1.5 * len(whole)


def test_what_does_not_fit_a_variable_is_named(tmp_path):
    session = sg.Session()
    path = sg.train.Saver({"w": sg.Variable([1.0, 2.0])}).save(session, tmp_path / "model")
    with pytest.raises(sg.ShapeError, match="'w' in the checkpoint has the shape"):
        sg.train.Saver({"w": sg.Variable(np.zeros((3, 1)))}, reshape=True).restore(session, path)


@pytest.mark.parametrize("name", ["", "folder/", ".", "folder/.."])
def test_a_checkpoint_has_a_name(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    sg.Variable(1.0)
    with pytest.raises(sg.ArgumentError, match="no file name"):
        sg.train.Saver().save(sg.Session(), name)
    assert [each.name for each in tmp_path.rglob("*")] == ["folder"]


def test_a_single_variable_is_a_list_of_variables(tmp_path):
    w, other = sg.Variable(3.0, name="w"), sg.Variable(1.0, name="other")
    session = sg.Session()
    session.run(sg.train.GradientDescentOptimizer(0.25).minimize(w * w + other, var_list=w))
    assert session.run([w, other]) == [1.5, 1.0]
    path = sg.train.Saver(w).save(session, tmp_path / "model")
    with np.load(f"{path}.npz") as saved:
        assert list(saved) == ["w"]


# --- messages


def test_checks_of_gradients_say_what_they_lack():
    f = sg.function((x, y), x * y)
    with pytest.raises(sg.ArgumentError, match="nothing to vary"):
        check_gradients(f, [1, 2])
    with pytest.raises(sg.ArgumentError, match="1 values were given for 2 arguments"):
        check_gradients(f, [1.0])


@pytest.mark.parametrize("sparse", [False, True])
def test_dimensions_that_assumptions_exclude_are_refused(sparse):
    with pytest.raises(sg.DimensionError, match="its assumptions exclude"):
        sg.function(X, (X.T * X)[0, 0]).hess(X, sparse=sparse)(np.zeros((0, 1)))


@both_backends
@pytest.mark.parametrize("function", [sg.gradients, sg.tangents])
def test_weights_and_directions_that_do_not_fit_are_refused(function, backend):
    v, known = sg.placeholder(), sg.placeholder(shape=(2,))
    late = function(v * v, v, [np.ones(3)])
    with pytest.raises(sg.ShapeError, match=r"\(3,\) does not fill one of the shape \(2,\)"):
        sg.Session(backend=backend).run(late, {v: np.ones(2)})
    with pytest.raises(sg.ShapeError):
        function(known * known, known, [np.ones(3)])
    np.testing.assert_array_equal(
        sg.Session().run(function(v * v, v, [np.array([1.0, 3.0])]), {v: [1.0, 1.0]}), [[2, 6]]
    )


def test_bindings_of_what_does_not_occur_are_refused():
    w = sg.Variable(1.0)
    with pytest.raises(sg.ArgumentError, match="bindings has y"):
        sg.translate(x**2, {x: 3.0, y: w})
    with pytest.raises(sg.ArgumentError, match="different assumptions"):
        sg.translate(x**2, {sp.Symbol("x", real=True): w})
    assert sg.Session().run(sg.translate([x**2, p[0]], {x: w, p: [5.0]})) == [1.0, 5.0]


# --- second derivatives of products and determinants


@both_backends
@pytest.mark.parametrize(
    "at", [[0.3, 0.0, 1.1], [0.3, 0, 0, 2], [0, 0, 0.0], [0, 0, 0, 1.0], [2.0, 3, 4], [0.0, 2]], ids=str
)
def test_second_derivatives_of_a_product_with_zeros(at, backend):
    f, at = sg.function(p, sp.Product(p[k], (k, 0, n - 1)), backend=backend), np.array(at)
    count = range(len(at))
    right = np.array([[np.prod(np.delete(at, [i, j])) if i != j else 0.0 for j in count] for i in count])
    np.testing.assert_allclose(f.hess(p)(at), right, atol=1e-15)
    np.testing.assert_allclose(f.hessp(p)(at, 1 + at), right @ (1 + at), atol=1e-14)


@both_backends
def test_second_derivatives_of_products_of_shared_symbols(backend):
    expr = sp.Product(x + t * k, (k, 0, 4))
    f, plain = sg.function([x, t], expr, backend=backend), expr.doit()
    for at in ((1.0, 0.0), (0.0, 2.0), (0.0, 0.0), (-2.0, 1.0), (1.0, 0.5)):
        right = [[float(plain.diff(a, b).subs({x: at[0], t: at[1]})) for b in (x, t)] for a in (x, t)]
        np.testing.assert_allclose(np.array(f.hess()(*at)), right, rtol=1e-12)
    reversed_range = sg.function(x, sp.Product(x - k, (k, 5, 1)), backend=backend)
    right = (1 / ((x - 2) * (x - 3) * (x - 4))).diff(x, 2).subs(x, 2.5)
    assert reversed_range.hess(x)(2.5) == pytest.approx(float(right), rel=1e-12)
    third = sg.function(x, sp.Product(x - k, (k, 0, 4)), backend=backend).hess(x).grad(x)
    for at in (0.0, 2.0, 2.5):
        right = float(sp.Product(x - k, (k, 0, 4)).doit().diff(x, 3).subs(x, at))
        assert third(at) == pytest.approx(right, rel=1e-12)


def second_derivative_of_determinant(matrix):
    """From the determinants of what is left without two rows and two columns."""
    order = range(len(matrix))
    result = np.zeros((len(matrix),) * 4)
    for i, k, j, m in itertools.product(order, repeat=4):
        if i != k and j != m:
            rest = np.delete(np.delete(matrix, [i, k], 0), [j, m], 1)
            sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
            result[i, j, k, m] = sign * np.linalg.det(rest)
    return result


SINGULAR = [
    np.ones((1, 1)),
    np.zeros((2, 2)),
    np.diag([1.0, 2, 0]),
    np.outer([1.0, 2, 3], [3.0, 1, 1]),
    np.diag([1.0, 2, 0, 0, 3]),
    np.outer(np.arange(4.0), [1.0, 2, 3, 4]),
    np.cos(np.arange(16.0)).reshape(4, 4) + np.eye(4),
]


@both_backends
@pytest.mark.parametrize("at", SINGULAR, ids=lambda m: f"{len(m)} of rank {np.linalg.matrix_rank(m)}")
def test_second_derivatives_of_determinants_of_singular_matrices(at, backend):
    f = sg.function(A, sp.Determinant(A), backend=backend)
    right, way = second_derivative_of_determinant(at), np.sin(np.arange(at.size)).reshape(at.shape)
    np.testing.assert_allclose(f.hess(A)(at), right, atol=1e-13)
    np.testing.assert_allclose(f.hessp(A)(at, way), np.tensordot(right, way, 2), atol=1e-13)
    np.testing.assert_allclose(f.hess(A)(np.stack([at, 2 * at]))[0], right, atol=1e-13)


def test_the_third_derivative_of_a_determinant():
    check_gradients(sg.function(A, sp.Determinant(A)), [SINGULAR[-1]], order=3)
    check_gradients(sg.determinant, [SINGULAR[-1] + 0.3j * np.outer(VECTOR, VECTOR)], order=2)
