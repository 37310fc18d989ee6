"""`gradients` as TensorFlow 1 has it, on graphs of operations and of SymPy expressions.

What is right comes from outside: closed forms, SymPy's derivatives, or finite differences (`check_gradients`).
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import sympy as sp

import symgraph as sg
from symgraph import Session, Variable, constant, gradients, placeholder
from symgraph.testing import check_gradients

RNG = np.random.default_rng(7)
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
OTHER = RNG.normal(size=(3, 3))
WIDE = RNG.normal(size=(3, 4))
VECTOR = RNG.normal(size=(3, 1))


def grads_of(expr, feeds, *by, **options):
    """The values of the gradients of a SymPy expression with respect to symbols (by default to all that are fed)."""
    with sg.Graph().as_default():
        nodes = {symbol: placeholder(symbol) for symbol in feeds}
        xs = [nodes[symbol] for symbol in by or feeds]
        grads = gradients(sg.translate(expr), xs, **options)
        return Session().run(grads, {nodes[symbol]: value for symbol, value in feeds.items()})


def grad_of(expr, feeds, by, **options):
    return grads_of(expr, feeds, by, **options)[0]


# --- cases from outside


def _cases():
    path = Path(__file__).parent / "data" / "matrix_gradients.py"
    spec = importlib.util.spec_from_file_location("matrix_gradients", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MATRICES = _cases()


@pytest.mark.parametrize(("name", "expr", "right"), MATRICES.CASES, ids=[case[0] for case in MATRICES.CASES])
def test_scalar_functions_of_matrices(name, expr, right):
    feeds = {symbol: value for symbol, value in MATRICES.VALUES.items() if expr.has(symbol)}
    np.testing.assert_allclose(grad_of(expr, feeds, MATRICES.A), right, rtol=1e-12, atol=1e-13)
    batch = {symbol: np.stack([value, value]) for symbol, value in feeds.items()}
    np.testing.assert_allclose(grad_of(expr, batch, MATRICES.A), [right, right], rtol=1e-12, atol=1e-13)


# --- the graph: shared nodes, diamonds, depth


def test_a_matrix_times_itself():
    a = placeholder(shape=(3, 3))
    weights = np.arange(9.0).reshape(3, 3)
    (grad,) = gradients(a @ a, a, [constant(weights)])
    np.testing.assert_allclose(Session().run(grad, {a: SQUARE}), weights @ SQUARE.T + SQUARE.T @ weights, rtol=1e-14)
    A = sp.MatrixSymbol("A", 3, 3)
    np.testing.assert_allclose(grad_of(sp.Trace(A**3), {A: SQUARE}, A), 3 * (SQUARE @ SQUARE).T, rtol=1e-13)


def test_diamonds():
    x = placeholder()
    left, right = sg.sin(x), sg.exp(x)
    bottom = left * right + left - right * right
    (grad,) = gradients(bottom, x)
    v = 0.7
    want = np.cos(v) * np.exp(v) + np.sin(v) * np.exp(v) + np.cos(v) - 2 * np.exp(2 * v)
    assert Session().run(grad, {x: v}) == pytest.approx(want, rel=1e-14)


def test_thirty_doublings_are_thirty_nodes():
    x = y = placeholder()
    for _ in range(30):
        y = y + y
    before = len(x.graph.operations)
    (grad,) = gradients(y, x)
    assert Session().run(grad, {x: 1.5}) == 2.0**30
    assert len(x.graph.operations) - before < 200


def test_the_same_input_twice_and_a_node_that_is_both_y_and_x():
    x = placeholder()
    y = x * x
    assert Session().run(gradients(y, [x, x, y]), {x: 3.0}) == [6.0, 6.0, 1.0]
    assert Session().run(gradients([y, x], [x, y]), {x: 3.0}) == [7.0, 1.0]


def test_a_node_that_is_used_thousands_of_times():
    x = y = placeholder()
    for _ in range(2_000):
        y = y + x
    assert Session().run(gradients(y, x)[0], {x: 2.0}) == 2_001.0


def test_twenty_thousand_deep():
    x = y = placeholder()
    for _ in range(20_000):
        y = sg.sin(y)
    value, slope = 1.0, 1.0
    for _ in range(20_000):
        value, slope = np.sin(value), slope * np.cos(value)
    assert Session().run(gradients(y, x)[0], {x: 1.0}) == pytest.approx(slope, rel=1e-9)


# --- TensorFlow's manners


def test_the_result_is_a_list_and_ys_are_summed():
    x, y = placeholder(), placeholder()
    assert Session().run(gradients([x * y, x], [x, y]), {x: 3.0, y: 5.0}) == [6.0, 3.0]
    assert isinstance(gradients(x, x), list)
    assert gradients(x, []) == [] and gradients([], [x]) == [None]


def test_unconnected_inputs():
    x, other = placeholder(), placeholder(shape=(2,))
    assert gradients(x * 2, [other]) == [None]
    zero, one = gradients(x * 2, [other, x], unconnected_gradients="zero")
    np.testing.assert_array_equal(Session().run(zero, {other: [7.0, 8.0]}), [0.0, 0.0])
    assert Session().run(one, {x: 1.0}) == 2.0
    assert gradients(sg.stop_gradient(x) * 3, x) == [None]
    assert gradients(sg.floor(x), x) == [None] and gradients(sg.greater(x, 0), x) == [None]
    with pytest.raises(ValueError, match="'none' or 'zero'"):
        gradients(x, x, unconnected_gradients="None")


def test_integer_inputs_have_no_gradient():
    n, x = placeholder(np.int64), placeholder(float)
    by_n, by_x = gradients(x * n, [n, x])
    assert by_n is None
    assert Session().run(by_x, {x: 1.5, n: 4}) == 4.0
    (zero,) = gradients(x * n, n, unconnected_gradients="zero")
    assert Session().run(zero, {n: 4}) == 0.0
    assert gradients(x * sg.cast(n, float), n) == [None]


def test_what_is_no_node():
    x = placeholder()
    with pytest.raises(TypeError, match="xs must be nodes, but 3 is a int"):
        gradients(x, [3])
    with pytest.raises(TypeError, match=r"use symgraph\.translate"):
        gradients(sp.Symbol("x"), x)
    with sg.Graph().as_default():
        stranger = placeholder()
    with pytest.raises(sg.GraphMismatchError):
        gradients(x, stranger)


def test_weights():
    x = placeholder(shape=(3,))
    feed = {x: [1.0, 2.0, 3.0]}
    (grad,) = gradients(x * x, x, [constant([1.0, 10.0, 100.0])])
    np.testing.assert_array_equal(Session().run(grad, feed), [2.0, 40.0, 600.0])
    (grad,) = gradients([x * x, x], x, [None, constant(5.0)])
    np.testing.assert_array_equal(Session().run(grad, feed), [7.0, 9.0, 11.0])
    (grad,) = gradients(x * x, x, [2.0])
    np.testing.assert_array_equal(Session().run(grad, feed), [4.0, 8.0, 12.0])
    weight = placeholder()
    (grad,) = gradients(gradients(x * x, x, [weight])[0], weight)
    np.testing.assert_array_equal(Session().run(grad, {**feed, weight: np.ones(3)}), [2.0, 4.0, 6.0])
    with pytest.raises(ValueError, match="1 ys need as many grad_ys, but there are 2"):
        gradients(x, x, [None, None])


def test_stop_gradients():
    x = placeholder()
    y = sg.exp(x)
    z = y * x + y
    assert Session().run(gradients(z, [x, y], stop_gradients=[y]), {x: 0.0}) == [1.0, 1.0]
    assert Session().run(gradients(z, x), {x: 0.0}) == [2.0]
    assert gradients(y, x, stop_gradients=y) == [None]
    assert Session().run(gradients(x * x, x, stop_gradients=x), {x: 3.0}) == [6.0]


def test_by_an_intermediate_node_a_variable_and_a_constant():
    v, c, x = Variable([1.0, 2.0]), constant([3.0, 4.0]), placeholder()
    inner = v * c
    grads = gradients(inner * x, [v, c, inner])
    for grad, want in zip(Session().run(grads, {x: 2.0}), ([6.0, 8.0], [2.0, 4.0], [2.0, 2.0]), strict=True):
        np.testing.assert_array_equal(grad, want)


# --- broadcasting


@pytest.mark.parametrize("operation", [sg.add, sg.subtract, sg.multiply, sg.divide, sg.maximum, sg.power, sg.atan2])
@pytest.mark.parametrize(
    "shapes", [((), (3,)), ((2, 1), (3,)), ((2, 1, 4), (3, 1)), ((1,), (1, 1)), ((0, 2), (1, 2))], ids=str
)
@pytest.mark.parametrize("known", [True, False], ids=["static", "unknown"])
def test_broadcast_axes_are_summed(operation, shapes, known):
    rng = np.random.default_rng(0)  # all values differ by more than the steps of finite differences
    steps = [2 * rng.permutation(int(np.prod(shape))).reshape(shape) + place for place, shape in enumerate(shapes)]
    values = [0.5 + 0.05 * step for step in steps]
    nodes = [placeholder(float, shape if known else None) for shape in shapes]
    y = operation(*nodes)
    grads = Session().run(gradients(y, nodes), dict(zip(nodes, values, strict=True)))
    assert [grad.shape for grad in grads] == list(shapes)
    full = np.broadcast_shapes(*shapes)
    wide = [placeholder(float, full) for _ in shapes]
    entries = Session().run(
        gradients(operation(*wide), wide),
        {node: np.broadcast_to(value, full) for node, value in zip(wide, values, strict=True)},
    )
    for grad, entry, shape in zip(grads, entries, shapes, strict=True):
        extra = len(full) - len(shape)
        axes = tuple(i for i in range(len(full)) if i < extra or (shape[i - extra] == 1 and full[i] != 1))
        np.testing.assert_allclose(grad, entry.sum(axis=axes).reshape(shape), rtol=1e-13)
    if 0 not in full:
        check_gradients(operation, values)


def test_a_scalar_symbol_among_matrices():
    s, A = sp.Symbol("s"), sp.MatrixSymbol("A", 2, 3)
    a = RNG.normal(size=(5, 2, 3))
    grad = grad_of(sp.sin(s) * A, {s: np.full(5, 0.3), A: a}, s)
    np.testing.assert_allclose(grad, np.cos(0.3) * a.sum(axis=(1, 2)), rtol=1e-13)
    assert grad_of(sp.sin(s) * A, {s: 0.3, A: a}, s) == pytest.approx(np.cos(0.3) * a.sum(), rel=1e-13)


# --- matrices


A, B, v, s = sp.MatrixSymbol("A", 3, 3), sp.MatrixSymbol("B", 3, 3), sp.MatrixSymbol("v", 3, 1), sp.Symbol("s")
n = sp.Symbol("n", integer=True, positive=True)
inv = np.linalg.inv


@pytest.mark.parametrize(
    ("expr", "right"),
    [
        (sp.Trace(A.inv() * B), -(inv(SQUARE) @ OTHER @ inv(SQUARE)).T),
        ((v.T * A.inv() * v)[0, 0], -inv(SQUARE).T @ VECTOR @ (inv(SQUARE) @ VECTOR).T),
        (sp.Trace(B * A * B.T), OTHER.T @ OTHER),
        (sp.Trace(A.T * B), OTHER),
        (sp.Determinant(A) ** 2, 2 * np.linalg.det(SQUARE) ** 2 * inv(SQUARE).T),
        (sp.log(sp.Determinant(A * A.T)), 2 * inv(SQUARE).T),
        (sp.Determinant(A.inv()), -inv(SQUARE).T / np.linalg.det(SQUARE)),
        (sp.Trace(A**-2), -2 * (inv(SQUARE) @ inv(SQUARE) @ inv(SQUARE)).T),
        (sp.Trace(sp.KroneckerProduct(A, B)), np.trace(OTHER) * np.eye(3)),
        (A[0:2, 1:3][1, 0], np.eye(9)[4].reshape(3, 3)),
        (A[1, 2] * A[2, 1], None),
        (sp.Trace(sp.BlockMatrix([[A, B], [B, A * A]])), np.eye(3) + 2 * SQUARE.T),
        (sp.Determinant(sp.BlockDiagMatrix(A, B)), np.linalg.det(OTHER) * np.linalg.det(SQUARE) * inv(SQUARE).T),
        (sp.Trace(sp.DiagMatrix(A * v) * B), np.diag(OTHER)[:, None] @ VECTOR.T),
        (sp.sqrt(sp.Trace((A - B).T * (A - B))), (SQUARE - OTHER) / np.linalg.norm(SQUARE - OTHER)),
        (sp.DotProduct(v, A * v), VECTOR @ VECTOR.T),
        (sp.Trace(sp.HadamardPower(A, 3) * B), 3 * SQUARE**2 * OTHER.T),
    ],
    ids=lambda case: str(case)[:30],
)
def test_matrix_operations(expr, right):
    values = {A: SQUARE, B: OTHER, v: VECTOR}
    feeds = {symbol: value for symbol, value in values.items() if expr.has(symbol)}
    grad = grad_of(expr, feeds, A)
    if right is not None:
        np.testing.assert_allclose(grad, right, rtol=1e-11, atol=1e-12)
    with sg.Graph().as_default():
        nodes = {symbol: placeholder(symbol) for symbol in feeds}
        check_gradients(sg.translate(expr), {nodes[symbol]: value for symbol, value in feeds.items()}, order=2)


def test_operations_on_matrices_of_the_graph():
    check_gradients(sg.matmul, [WIDE, WIDE.T], order=2)
    check_gradients(sg.matmul, [WIDE, WIDE[0]], order=2)
    check_gradients(sg.matmul, [WIDE[:, 0], WIDE], order=2)
    check_gradients(sg.matmul, [np.stack([WIDE, 2 * WIDE]), WIDE.T], order=2)
    check_gradients(sg.solve, [SQUARE, OTHER], order=2)
    check_gradients(sg.solve, [SQUARE, OTHER[0]])
    check_gradients(sg.solve, [np.stack([SQUARE, SQUARE.T]), VECTOR])
    check_gradients(sg.matrix_inverse, [SQUARE], order=2)
    check_gradients(sg.logdet, [SQUARE @ SQUARE.T], order=2)
    check_gradients(sg.slogdet, [SQUARE])
    check_gradients(lambda a: sg.matrix_power(a, 3), [SQUARE], order=2)
    check_gradients(lambda a: sg.matrix_power(a, -2), [SQUARE])
    check_gradients(sg.kron, [WIDE, OTHER], order=2)
    check_gradients(sg.expm, [OTHER])
    a = placeholder(shape=(3, 3))
    (grad,) = gradients(sg.trace(sg.expm(a)), a)
    np.testing.assert_allclose(Session().run(grad, {a: OTHER}), scipy.linalg.expm(OTHER).T, rtol=1e-12, atol=1e-13)


def test_the_determinant_of_a_singular_matrix_has_its_cofactors():
    a = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]])
    exact = np.array(sp.Matrix(a.astype(int)).cofactor_matrix(), dtype=float)
    np.testing.assert_allclose(grad_of(sp.Determinant(A), {A: a}, A), exact, atol=1e-13)


def test_symbolic_dimensions():
    X, w = sp.MatrixSymbol("X", n, n), sp.MatrixSymbol("w", n, 1)
    grad = grad_of((w.T * X * w)[0, 0] / n, {X: SQUARE, w: VECTOR}, X)
    np.testing.assert_allclose(grad, VECTOR @ VECTOR.T / 3, rtol=1e-13)


# --- reductions, selection, joining


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, -2)], ids=str)
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(axis, keepdims):
    x = 0.5 + 0.05 * np.random.default_rng(0).permutation(24).reshape(2, 3, 4)  # no two are near to being equal
    for reduction in (sg.reduce_sum, sg.reduce_mean, sg.reduce_prod, sg.reduce_max, sg.reduce_min, sg.reduce_logsumexp):
        check_gradients(lambda node, of=reduction: of(node, axis, keepdims), [x])


def test_the_mean_divides_by_the_number_of_entries_of_one_mean():
    x = placeholder(shape=(None, 4))
    feed = {x: np.ones((3, 4))}
    for axis, count in ((None, 12), (0, 3), (1, 4), ((0, 1), 12), ((), 1)):
        (grad,) = gradients(sg.reduce_mean(x, axis), x)
        np.testing.assert_allclose(Session().run(grad, feed), np.full((3, 4), 1 / count), rtol=1e-15)
    kinds = {type(node).__name__ for node in sg.graph.postorder([gradients(sg.reduce_mean(x, 0), x)[0]])}
    assert "reduce_sum" not in kinds


def test_a_product_with_zeros():
    x = placeholder()
    (grad,) = gradients(sg.reduce_prod(x, -1), x)
    rows = [[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 0.0, 4.0]]
    np.testing.assert_array_equal(Session().run(grad, {x: rows}), [[12, 8, 6], [12, 0, 0], [0, 0, 0]])


def test_selection_and_joining():
    x, y = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3))
    check_gradients(lambda a: sg.gather(a, [2, 0, 2]), [x])  # an entry taken twice gets both gradients
    check_gradients(lambda a: sg.gather(a, [[0, 1], [1, 1]], axis=1), [x])
    check_gradients(lambda a: a[1:3, ::2], [x])
    check_gradients(lambda a: a[..., None, 1], [x])
    check_gradients(lambda a: a[::-1][0], [x])
    check_gradients(lambda a, b: sg.concat([a, b], axis=0), [x, y])
    check_gradients(lambda a, b: sg.stack([a, b, a], axis=1), [y, 2 * y])
    check_gradients(lambda a: sg.transpose(sg.reshape(a, (2, 6))), [x])
    check_gradients(lambda a: sg.squeeze(sg.expand_dims(a, 0), 0), [x])
    check_gradients(lambda a: sg.broadcast_to(a, (5, 4, 3)), [x])
    twice = placeholder(shape=(3,))
    (grad,) = gradients(sg.gather(twice, [1, 1, 0]), twice, [constant([1.0, 10.0, 100.0])])
    np.testing.assert_array_equal(Session().run(grad, {twice: np.zeros(3)}), [100.0, 11.0, 0.0])


# --- choices


X = x, y = sp.symbols("x y", real=True)


def test_where_and_piecewise_give_the_gradient_to_what_was_chosen():
    check_gradients(lambda a, b: sg.where([True, False, True], a * b, a), [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    expr = sp.Piecewise((x**2, x < 1), (sp.exp(y * x), x < 2), (y, True))
    by_x, by_y = grads_of(expr, {x: [0.5, 1.5, 3.0], y: [1.0, 0.5, 2.0]})
    np.testing.assert_allclose(by_x, [1.0, 0.5 * np.exp(0.75), 0.0], rtol=1e-14)
    np.testing.assert_allclose(by_y, [0.0, 1.5 * np.exp(0.75), 1.0], rtol=1e-14)


@pytest.mark.parametrize(
    ("branch", "at"),
    [
        (1 / x, 0.0),
        (sp.log(x), 0.0),
        (sp.log(x), -1.0),
        (sp.sqrt(x), 0.0),
        (sp.sqrt(sp.sin(x) ** 2), 0.0),
        (x * sp.log(x), 0.0),
        (sp.sin(x) / x, 0.0),
        (sp.asin(x), 2.0),
        (sp.exp(x**2), 1e3),
        (x ** sp.Rational(1, 3), 0.0),
        (sp.exp(-1 / x**2) / x**3, 0.0),
        (sp.gamma(x), -1.0),
    ],
    ids=str,
)
def test_a_branch_not_taken_has_no_gradient_even_where_it_is_infinite_or_undefined(branch, at):
    expr = sp.Piecewise((branch * y, sp.Ne(x, at)), (3 * x * y, True))
    by_x, by_y = grads_of(expr, {x: [at, 0.75], y: [2.0, 2.0]})
    assert (by_x[0], by_y[0]) == (6.0, 3 * at)
    right = sp.lambdify([x, y], [sp.diff(branch * y, x), branch], "mpmath")(0.75, 2)
    assert [by_x[1], by_y[1]] == pytest.approx([float(value) for value in right], rel=1e-12)


def test_a_singular_matrix_in_a_branch_not_taken():
    stack = np.stack([2 * np.eye(3), np.ones((3, 3)), SQUARE])
    inverse_form = (v.T * A.inv() * v)[0, 0]
    expr = sp.Piecewise((inverse_form, sp.Abs(sp.Determinant(A)) > 1e-9), (sp.Trace(A) * s, True))
    by_a, by_v, by_s = grads_of(expr, {A: stack, v: np.stack([VECTOR] * 3), s: [5.0, 5.0, 5.0]})
    for row in (0, 2):
        inverse = inv(stack[row])
        np.testing.assert_allclose(by_a[row], -inverse.T @ VECTOR @ (inverse @ VECTOR).T, rtol=1e-12)
        np.testing.assert_allclose(by_v[row], (inverse + inverse.T) @ VECTOR, rtol=1e-12)
    np.testing.assert_array_equal(by_a[1], 5 * np.eye(3))
    np.testing.assert_array_equal(by_v[1], np.zeros((3, 1)))
    np.testing.assert_array_equal(by_s, [0.0, 3.0, 0.0])


def test_a_nan_in_a_branch_that_is_taken_is_not_hidden():
    assert np.isnan(grad_of(sp.Piecewise((sp.log(x) * sp.sqrt(x), x < 5), (0, True)), {x: -1.0}, x))


# --- kinks: the documented conventions


@pytest.mark.parametrize(
    ("expr", "at", "right"),
    [
        (sp.Abs(x), 0.0, 0.0),
        (sp.Abs(x), -0.0, 0.0),
        (sp.sign(x) * x, 0.0, 0.0),
        (sp.Max(x, 0), 0.0, 0.5),
        (sp.Min(x, 0), 0.0, 0.5),
        (sp.Max(x, 2 * x), 0.0, 1.5),
        (sp.Max(x, 1), 2.0, 1.0),
        (sp.sqrt(x), 0.0, np.inf),
        (1 / x, 0.0, -np.inf),
        (x**2, 0.0, 0.0),
        (sp.Pow(x, 0, evaluate=False), 0.0, 0.0),
        (x ** sp.Rational(3, 2), 0.0, 0.0),
        (sp.floor(x), 1.0, 0.0),
        (sp.frac(x), 1.0, 1.0),
        (sp.Heaviside(x, 1), 0.0, 0.0),
        (sp.log(x), 0.0, np.inf),
    ],
    ids=str,
)
def test_kinks(expr, at, right):
    (got,) = grads_of(expr, {x: at}, unconnected_gradients="zero")
    assert got == right


def test_powers_of_zero():
    by_x, by_y = grads_of(x**y, {x: [0.0, 0.0, 0.0], y: [0.0, 1.0, 2.0]})
    np.testing.assert_array_equal(by_x, [0.0, 1.0, 0.0])
    np.testing.assert_array_equal(by_y, [0.0, 0.0, 0.0])
    # the value of x log x at 0 is nan, as in NumPy, and so is its gradient: guard it, and both are 0
    guarded = sp.Piecewise((x * sp.log(x), x > 0), (0, True))
    assert grad_of(guarded, {x: 0.0}, x) == 0.0
    assert np.isnan(grad_of(x * sp.log(x), {x: 0.0}, x))


def test_of_equal_entries_each_gets_its_part():
    node = placeholder()
    (grad,) = gradients(sg.reduce_max(node), node)
    np.testing.assert_allclose(Session().run(grad, {node: [3.0, 1.0, 3.0]}), [0.5, 0.0, 0.5])
    both = placeholder(), placeholder()
    assert Session().run(gradients(sg.maximum(*both), both), {both[0]: 2.0, both[1]: 2.0}) == [0.5, 0.5]
    assert Session().run(gradients(sg.relu(node), node)[0], {node: 0.0}) == 0.0


def test_a_step_passes_nothing_on_even_where_the_gradient_that_meets_it_is_nan():
    assert grad_of(x ** sp.sign(x), {x: -2.0}, x) == -0.25  # d/dsign is log(-2)


# --- higher derivatives


@pytest.mark.parametrize(
    "expr",
    [
        sp.sin(x) * sp.exp(x * y),
        x**y,
        sp.log(x**2 + y**2),
        sp.atan2(y, x),
        sp.Piecewise((x**3 * y, x > 0), (y, True)),
        sp.sqrt(x / y),
        sp.erf(x * y),
        1 / (1 + sp.exp(-x * y)),
    ],
    ids=str,
)
def test_second_derivatives_against_sympy(expr):
    at = {x: 0.7, y: 1.3}
    with sg.Graph().as_default():
        nodes = [placeholder(symbol) for symbol in X]
        first = gradients(sg.translate(expr), nodes)
        second = [gradients(grad, nodes, unconnected_gradients="zero") for grad in first]
        got = Session().run(second, dict(zip(nodes, at.values(), strict=True)))
    right = np.array(sp.hessian(expr, X).subs(at).evalf(30), dtype=float)
    np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-13)


def test_fifth_derivative():
    node = y_ = placeholder()
    y_ = sg.sin(2 * node)
    for _ in range(5):
        (y_,) = gradients(y_, node)
    assert Session().run(y_, {node: 0.3}) == pytest.approx(32 * np.cos(0.6), rel=1e-14)


# --- complex numbers: dL = Re(g dz)


@pytest.mark.parametrize("function", [sg.exp, sg.sin, sg.log, sg.sqrt, sg.tanh, lambda z: z * z * z, lambda z: 1 / z])
def test_the_gradient_of_a_holomorphic_function_is_its_derivative(function):
    z, h = 0.6 + 0.8j, 1e-5
    node = placeholder(complex)
    (grad,) = gradients(function(node), node)
    run = Session().run
    slope = (run(function(node), {node: z + h}) - run(function(node), {node: z - h})) / (2 * h)
    assert run(grad, {node: z}) == pytest.approx(slope, rel=1e-8)


def test_gradients_of_parts():
    node = placeholder(complex)
    for function, right in (
        (sg.real, 1),
        (sg.imag, -1j),
        (sg.abs, (3 - 4j) / 5),
        (lambda z: sg.real(z * sg.conjugate(z)), 2 * (3 - 4j)),
    ):
        assert Session().run(gradients(function(node), node)[0], {node: 3 + 4j}) == pytest.approx(right, rel=1e-14)


def test_the_gradient_by_a_real_input_is_real():
    t = placeholder(float)
    (grad,) = gradients(sg.abs(sg.exp(1j * t) + 2), t)
    got = Session().run(grad, {t: 0.5})
    assert isinstance(got, np.float64)
    assert got == pytest.approx(-2 * np.sin(0.5) / abs(np.exp(0.5j) + 2), rel=1e-13)
    check_gradients(lambda a, b: sg.abs(a * b) + sg.real(sg.exp(a)), [1.0, 0.5 + 2j])
    check_gradients(sg.matmul, [OTHER + 1j * SQUARE, SQUARE], order=2)
    check_gradients(sg.matrix_inverse, [SQUARE + 1j * OTHER])
    check_gradients(lambda a: sg.real(sg.determinant(a)), [SQUARE + 1j * OTHER])


def test_single_precision_stays_single():
    node = placeholder(np.float32, shape=(2,))
    (grad,) = gradients(sg.reduce_mean(sg.sin(node) * 2 + sg.abs(node)), node)
    assert Session().run(grad, {node: np.ones(2, "f4")}).dtype == np.float32


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_one_session_takes_batches_that_are_equal_and_batches_that_are_repeated(backend):
    """Whether anything was broadcast is known from the shapes that are fed: each kind of them has a program of its own."""
    x, y = sg.placeholder("float64", (None, 3)), sg.placeholder("float64", (None, None))
    loss = sg.reduce_sum(sg.exp(x) * y)
    session, rng = sg.Session(backend=backend), np.random.default_rng(0)
    for rows, shape in [(5, (5, 3)), (1, (5, 3)), (5, (1, 3)), (3, (3, 1)), (1, (1, 1)), (4, (4, 3)), (1, (7, 3))]:
        feeds = {x: rng.normal(size=(rows, 3)), y: rng.normal(size=shape)}
        by_x, by_y = session.run(sg.gradients(loss, [x, y]), feeds)
        both = np.broadcast_shapes((rows, 3), shape)
        full = np.broadcast_to(np.exp(feeds[x]), both)
        summed = np.broadcast_to(feeds[y] * np.exp(feeds[x]), both)
        if rows == 1:
            summed = summed.sum(0, keepdims=True)
        for axis in (0, 1):
            full = full.sum(axis, keepdims=True) if shape[axis] == 1 else full
        np.testing.assert_allclose(by_x, summed, rtol=1e-12, strict=True)
        np.testing.assert_allclose(by_y, full, rtol=1e-12, strict=True)
