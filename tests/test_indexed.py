"""Indexed, MatrixElement, ArrayElement, slices with symbolic bounds, and sums that are contractions, against NumPy's own indexing."""

import itertools
import pickle

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import Idx, IndexedBase, MatrixSymbol, Sum, Symbol, symbols
from sympy.tensor.array.expressions import ArrayElement, ArraySymbol

import symgraph as sg
from symgraph.errors import OutOfRangeError, UnboundSymbolError, UnsupportedExpressionError
from symgraph.ops.contraction import einsum
from symgraph.ops.indexing import INDEX, KEPT, element
from symgraph.ops.windows import window
from symgraph.testing import check_gradients
from symgraph.translation.bases import index_shape
from symgraph.translation.indexed import as_contraction

i, j, k = symbols("i j k", integer=True)
n, m = symbols("n m", integer=True, positive=True)
alpha = Symbol("alpha")
u, x, w = IndexedBase("u"), IndexedBase("x"), IndexedBase("w")
A, B = IndexedBase("A", shape=(n, n)), IndexedBase("B", shape=(n, n))
M, N = MatrixSymbol("M", n, n), MatrixSymbol("N", n, m)
rng = np.random.default_rng(3)
a, b, c = rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 6))
v = rng.normal(size=9)


# --- entries


def test_heat_stencil():
    step = u[i, j] + alpha * (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - 4 * u[i, j])
    f = sg.function([u, i, j, alpha], step)
    grid = rng.random((8, 9))
    rows, columns = np.meshgrid(np.arange(1, 7), np.arange(1, 8), indexing="ij")

    def expected(grid):
        inner = grid[1:-1, 1:-1]
        return inner + 0.1 * (grid[2:, 1:-1] + grid[:-2, 1:-1] + grid[1:-1, 2:] + grid[1:-1, :-2] - 4 * inner)

    np.testing.assert_allclose(f(grid, rows, columns, 0.1), expected(grid), rtol=1e-14)
    np.testing.assert_allclose(f(grid, rows.astype(float), columns.astype(np.int8), 0.1), expected(grid), rtol=1e-14)
    grids = np.stack([grid, grid[::-1], 2 * grid])
    got = f(grids[:, None, None], rows, columns, 0.1)
    np.testing.assert_allclose(got, [expected(one) for one in grids], rtol=1e-14)


def test_one_index_for_each_row_of_a_batch():
    f = sg.function([x, i], x[i] * 2)
    vectors = rng.normal(size=(3, 5))
    np.testing.assert_array_equal(f(vectors, [0, 4, 2]), 2 * vectors[[0, 1, 2], [0, 4, 2]])
    np.testing.assert_array_equal(f(vectors, 1), 2 * vectors[:, 1])
    assert f(vectors[0], 3) == 2 * vectors[0, 3]
    assert f.signature.count("(") == 3


@pytest.mark.parametrize(
    ("expr", "args", "values", "want"),
    [
        (x[0] + x[2], [x], [v], v[0] + v[2]),
        (x[i + 2 * j], [x, i, j], [v, [0, 1], 3], v[[6, 7]]),
        (x[w[i]], [x, w, i], [v, [3, 1], [0, 1]], v[[3, 1]]),
        (M[i, j], [M, i, j], [a, [0, 1, 3], 2], a[[0, 1, 3], 2]),
        (M[n - 1, 0], [M], [a], a[3, 0]),
        (N[i, m - 1], [N, i], [c, 1], c[1, 5]),
        ((M * M)[i, 1], [M, i], [a, [0, 2]], (a @ a)[[0, 2], 1]),
        (ArrayElement(ArraySymbol("S", (4, 4)), (i, 1)), [ArraySymbol("S", (4, 4)), i], [a, 2], a[2, 1]),
        (ArraySymbol("S", (4, 4))[1, 2], [ArraySymbol("S", (4, 4))], [a], a[1, 2]),
        (sympy.Array([1, 4, 9])[i], [i], [[0, 2]], [1, 9]),
        (sympy.Matrix([[1, alpha], [3, 4]])[i, 1], [i, alpha], [[0, 1], 7], [7, 4]),
        (sympy.Indexed(sympy.Tuple(1, 4, alpha), i), [i, alpha], [2, 5], 5),
        (IndexedBase("y", shape=(n, n))[i, i], [IndexedBase("y", shape=(n, n)), i], [a, [1, 2]], a[[1, 2], [1, 2]]),
        (x[Idx("q")], [x, Idx("q")], [v, 3], v[3]),
        (x[Idx("i")], [x, i], [v, 3], v[3]),
        (x[Idx("i", 5)], [x, Idx("i", 5)], [v, 3], v[3]),
        (2 * IndexedBase("y", shape=(3,)) ** 2, [IndexedBase("y", shape=(3,))], [v[:3]], 2 * v[:3] ** 2),
        (sympy.sin(u) + 1, [u], [a], np.sin(a) + 1),
        (sympy.diff(x[i] ** 2, x[1]), [x, i], [v, [0, 1]], [0, 2 * v[1]]),
        (x[0] + 2 * x[1], [x[0], x[1]], [1, 2], 5),
        (x[i] ** 2, [x[i]], [[1, 2]], [1, 4]),
    ],
    ids=str,
)
def test_entries(expr, args, values, want):
    np.testing.assert_allclose(sg.function(args, expr)(*values), want, rtol=1e-13)


def test_indices_through_both_doors():
    assert sg.Session().run(x[i] + x[Idx("i")], {x: v, i: 2}) == 2 * v[2]
    graph = sg.Graph()
    with graph.as_default():
        node = sg.translate(x[i], {x: v})
    np.testing.assert_array_equal(sg.Session(graph).run(node, {i: [0, 2]}), v[[0, 2]])
    f = sg.function([x, i], x[i] * 2)
    assert pickle.loads(pickle.dumps(f))(v, 2) == 2 * v[2]
    assert f(v.astype(np.float32), 2).dtype == np.float32
    assert sg.lambdify((x, Idx("i")), x[Idx("i")])(np.arange(10), 3) == 3


@pytest.mark.parametrize("place", [-1, 9, 0.5, np.nan, -np.inf, [0, 3, -2]])
def test_indices_that_do_not_exist(place):
    f = sg.function([x, i], x[i])
    with pytest.raises(IndexError, match=r"x\[i\]: (the|an) index") as error:
        f(v, place)
    assert isinstance(error.value, OutOfRangeError)


def test_indices_that_cannot_exist_are_refused_early():
    with pytest.raises(OutOfRangeError, match=r"x\[-1\]: the index -1"):
        sg.function([x], x[-1])
    with pytest.raises(OutOfRangeError, match=r"the index 4 is not in \[0, 4\)"):
        y = IndexedBase("y", shape=(4,))
        sg.function([y], y[4])
    with pytest.raises(sg.errors.ShapeError, match="with 1 and with 2 indices"):
        sg.function([x], x[1] + x[1, 2])
    with pytest.raises(UnboundSymbolError, match="i"):
        sg.function([x], x[Idx("i")])
    with pytest.raises(UnsupportedExpressionError, match="scalar symbol"):
        sg.function([i], ArrayElement("S", (0, i)))
    with pytest.raises(sg.errors.ShapeError, match="2 indices for an array with 1"):
        sg.function([IndexedBase("y", shape=(3,)), i], sympy.Indexed(IndexedBase("y", shape=(3,)), i, i))
    with pytest.raises(OutOfRangeError, match="the index 5"):
        sg.function([x], x[5])(v[:5])


def test_places_in_branches_that_are_not_taken():
    shifted = sympy.Piecewise((x[i - 1] * alpha, i > 0), (x[i + 1], i < 2), (0, True))
    f = sg.function([x, i, alpha], shifted)
    np.testing.assert_array_equal(f([1, 2, 3], [0, 1, 2, 3], 10), [2, 10, 20, 30])
    with pytest.raises(IndexError, match=r"x\[i - 1\]: the index 4"):
        f([1, 2, 3], [0, 5], 10)
    nested = sympy.Piecewise((sympy.Piecewise((x[i - 2], i > 1), (x[i - 1], True)), i > 0), (alpha, True))
    np.testing.assert_array_equal(sg.function([x, i, alpha], nested)([1, 2, 3], [0, 1, 2, 3], -1), [-1, 1, 1, 2])


def test_gradients_of_entries():
    point, rows = np.array([0, 2, 0]), np.array([1, 1, 1])
    check_gradients(lambda q: element(q, [point, rows]), [a], order=2)
    check_gradients(lambda q: element(q, [point, rows]), [rng.normal(size=(3, 4, 4))])
    check_gradients(lambda q: element(q, [1], [KEPT, INDEX]), [rng.normal(size=(2, 4, 4))])
    check_gradients(lambda q: element(q, [rows], [INDEX, KEPT]), [a], order=2)
    check_gradients(lambda q: element(q, [], [2, KEPT]), [rng.normal(size=(2, 4, 4))])
    check_gradients(lambda q: window(q, 1, 3.0, axis=-2), [rng.normal(size=(2, 4, 4))], order=2)


def test_gradient_adds_up_where_an_entry_is_read_again():
    with sg.Graph().as_default() as graph:
        node = sg.translate(M[i, j] ** 2)
        places = {p.symbol: p for p in graph.placeholders}
        [grad] = sg.gradients(node, [places[M]])
    got = sg.Session(graph).run(grad, {places[M]: a, places[i]: [0, 1, 0], places[j]: 1})
    want = np.zeros((4, 4))
    want[0, 1], want[1, 1] = 4 * a[0, 1], 2 * a[1, 1]
    np.testing.assert_allclose(got, want)


@given(st.data())
def test_element_broadcasts_like_numpy(data):
    """Against a loop over all batches, each with indices of its own."""
    loops = data.draw(st.sampled_from([(), (3,), (1,), (2, 1)]))
    pattern = data.draw(st.lists(st.sampled_from([INDEX, KEPT, 0, 1]), min_size=1, max_size=3))
    core = data.draw(st.tuples(*[st.integers(2, 4)] * len(pattern)))
    shapes = [data.draw(st.sampled_from([(), (3,), (2, 3)])) for part in pattern if part == INDEX]
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    array = random.normal(size=(*loops, *core))
    lengths = [length for length, part in zip(core, pattern, strict=True) if part == INDEX]
    indices = [random.integers(0, length, size=shape) for length, shape in zip(lengths, shapes, strict=True)]
    got = element(array, indices, pattern).eval()
    batch = np.broadcast_shapes(loops, *shapes)
    arrays = np.broadcast_to(array, (*batch, *core))
    want = []
    for place in itertools.product(*map(range, batch)):
        rest = iter(np.broadcast_to(index, batch)[place] for index in indices)
        want.append(
            arrays[place][tuple(next(rest) if p == INDEX else slice(None) if p == KEPT else p for p in pattern)]
        )
    kept = tuple(length for length, part in zip(core, pattern, strict=True) if part == KEPT)
    np.testing.assert_array_equal(got, np.reshape(want, (*batch, *kept)))
    check_gradients(lambda q: element(q, indices, pattern), [array])


# --- slices


@pytest.mark.parametrize(
    ("expr", "want"),
    [
        (M[1:n, 0 : n - 1], a[1:, :-1]),
        (M[: n - 1, :], a[:-1]),
        (M[1:3, 2], a[1:3, 2:]),
        (M[n - 2 :, 1:], a[2:, 1:]),
        (M[:, n - 1], a[:, 3:]),
        (M[: n - 1, :] * M[:, 1:], a[:-1] @ a[:, 1:]),
    ],
    ids=str,
)
def test_slices_with_symbolic_bounds(expr, want):
    want = want[:, :1] if expr.shape[1] == 1 else want
    f = sg.function([M], expr)
    np.testing.assert_allclose(f(a), want)
    np.testing.assert_allclose(f(np.stack([a, b]))[0], want)


def test_slices_with_steps_and_beyond_the_end():
    P = MatrixSymbol("P", 6, 6)
    p = rng.normal(size=(6, 6))
    np.testing.assert_array_equal(sg.function(P, P[0:6:2, 1:5:2])(p), p[0:6:2, 1:5:2])
    with pytest.raises(UnsupportedExpressionError, match="step of a slice"):
        sg.function([P, i], sympy.MatrixSlice(P, (0, 6, i), (0, 6)))
    with pytest.raises(OutOfRangeError, match=r"range \[0, 5\) is not within an axis of length 4"):
        sg.function([M, N], M[: m - 1, :])(a, c)


# --- sums that are contractions


def contraction_of(args, expr, *values):
    """The value, and the einsum step if there is one."""
    f = sg.function(args, expr)
    steps = [step.operation for step in f.program.steps if isinstance(step.operation, einsum)]
    return f(*values), steps


@pytest.mark.parametrize(
    ("args", "expr", "values", "want"),
    [
        ([A, B, i, j], Sum(A[i, k] * B[k, j], (k, 0, n - 1)), [a, b, [0, 1], 2], (a @ b)[[0, 1], 2]),
        ([A, B], Sum(2 * A[i, j] ** 2 * B[j, i], (i, 0, n - 1), (j, 0, n - 1)), [a, b], 2 * (a**2 * b.T).sum()),
        ([A], Sum(A[i, i], (i, 0, n - 1)), [a], np.trace(a)),
        ([M], Sum(M[i, i], (i, 0, n - 1)), [a], np.trace(a)),
        ([M, alpha], Sum(alpha * M[i, 0] * M[i, 1], (i, 1, n - 1)), [a, 3.0], 3 * (a[1:, 0] @ a[1:, 1])),
        ([x], Sum(x[i] * x[i + 1], (i, 0, 7)), [v], v[:-1] @ v[1:]),
        ([x], Sum(x[Idx("l")], (Idx("l"), 0, 8)), [v], v.sum()),
        ([x], Sum(x[i], (i, 2, 5)), [v], v[2:6].sum()),
        ([x], Sum(x[i], (i, 2, 1)), [v], 0.0),
        ([M], (M * M)[1, 2], [a], (a @ a)[1, 2]),
        (
            [ArraySymbol("S", (4, 4)), M],
            Sum(ArraySymbol("S", (4, 4))[i, j] * M[j, i], (i, 0, 3), (j, 0, n - 1)),
            [a, b],
            np.trace(a @ b),
        ),
    ],
    ids=str,
)
def test_contractions(args, expr, values, want):
    got, steps = contraction_of(args, expr, *values)
    assert len(steps) == 1
    np.testing.assert_allclose(got, want, rtol=1e-13)
    first = args[0]
    stacked = [
        np.stack([value, 2 * np.asarray(value)])[:, None] if s is first else value
        for s, value in zip(args, values, strict=True)
    ]
    doubled = [2 * np.asarray(value) if s is first else value for s, value in zip(args, values, strict=True)]
    rows = sg.function(args, expr)(*stacked)
    np.testing.assert_allclose(rows[0], np.broadcast_to(want, rows[0].shape), rtol=1e-13)
    second = sg.function(args, expr)(*doubled)
    np.testing.assert_allclose(rows[1], np.broadcast_to(second, rows[1].shape), rtol=1e-13)


@pytest.mark.parametrize(
    "expr",
    [
        Sum(x[i] * i, (i, 0, 3)),
        Sum(sympy.exp(x[i]), (i, 0, 3)),
        Sum(x[i] + x[i + 1], (i, 0, 3)),
        Sum(x[2 * i], (i, 0, 3)),
        Sum(A[i, j], (j, 0, i), (i, 0, n - 1)),
        Sum(x[0], (i, 0, 3)),
    ],
    ids=str,
)
def test_other_sums_are_no_contractions(expr):
    assert as_contraction(expr) is None


def test_ranges_that_a_contraction_leaves_to_the_general_sum():
    """Bounds that are fed may differ from row to row; reversed bounds follow Karr's convention."""
    count = Symbol("count", integer=True)
    for expr, values, want in [
        (Sum(x[i], (i, 0, count)), [v, 3], v[:4].sum()),
        (Sum(x[i], (i, 0, count)), [np.stack([v, v]), [3, 5]], [v[:4].sum(), v[:6].sum()]),
        (Sum(x[i], (i, 5, 2)), [v, 0], -(v[3:5].sum())),
    ]:
        got, steps = contraction_of([x, count], expr, *values)
        assert not steps
        np.testing.assert_allclose(got, want)


def test_a_range_beyond_the_axis():
    f = sg.function(x, Sum(x[i] ** 2, (i, 0, 9)))
    assert f(np.arange(10.0)) == 285
    with pytest.raises(OutOfRangeError, match=r"x\[i\]: the range \[0, 10\) is not within an axis of length 9"):
        f(np.arange(9.0))


def test_gradient_of_a_contraction():
    with sg.Graph().as_default() as graph:
        node = sg.translate(Sum(A[i, k] * B[k, i] * A[k, 0], (k, 1, n - 1), (i, 0, n - 1)))
        feeds = {p: {A: a, B: b}[p.symbol] for p in graph.placeholders}
    check_gradients(node, feeds, order=2)


# --- the rank of an IndexedBase


def test_rank_is_looked_up_everywhere():
    inside = sympy.Piecewise((Sum(sympy.exp(x[i, j]), (i, 0, 2)), j > 0), (0, True))
    assert len(index_shape(x, [alpha, sympy.ImmutableMatrix([[1, inside]])])) == 2
    assert index_shape(w, [inside]) == ()
    body = sympy.Lambda(alpha, alpha * x[i])
    assert len(index_shape(x, [sympy.MatrixSymbol("P", 2, 2).applyfunc(body)])) == 1
