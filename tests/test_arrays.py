"""Array expressions and contractions, against numpy.einsum, SymPy's explicit arrays and finite differences."""

import math
import sys
import types

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy.tensor.array.expressions import (
    ArrayAdd,
    ArrayContraction,
    ArrayDiagonal,
    ArrayElementwiseApplyFunc,
    ArraySymbol,
    ArrayTensorProduct,
    OneArray,
    PermuteDims,
    Reshape,
    ZeroArray,
)

import symgraph as sg
from symgraph.ops import contraction
from symgraph.ops.contraction import contraction_order, einsum, reshape_core
from symgraph.testing import check_gradients

n = sympy.Symbol("n", integer=True, positive=True)
x, y = sympy.symbols("x y")
A, B, T = ArraySymbol("A", (3, 3)), ArraySymbol("B", (3, 3)), ArraySymbol("T", (2, 3, 4))
M, V = sympy.MatrixSymbol("M", 3, 3), ArraySymbol("V", (n,))
EXPLICIT = sympy.Array([[x, 1, 2], [3, 4, x], [1, 0, 0]])
SPARSE = sympy.ImmutableSparseNDimArray({(0, 1): x, (2, 2): 5}, (3, 3))

rng = np.random.default_rng(7)
a, b, t, m = (rng.normal(size=shape) for shape in ((3, 3), (3, 3), (2, 3, 4), (3, 3)))
VALUES = {A: a, B: b, T: t, M: m, x: 1.7}
explicit = np.array([[1.7, 1, 2], [3, 4, 1.7], [1, 0, 0]])
sparse = np.array([[0, 1.7, 0], [0, 0, 0], [0, 0, 5]])

product, contract, diagonal = ArrayTensorProduct, ArrayContraction, ArrayDiagonal
CASES = {
    "tensor product": (product(A, B), np.einsum("ij,kl->ijkl", a, b)),
    "with a scalar": (product(x, A), 1.7 * a),
    "with a matrix": (product(A, M), np.einsum("ij,kl->ijkl", a, m)),
    "matrix product": (contract(product(A, B), (1, 2)), a @ b),
    "chain": (contract(product(A, B, M), (1, 2), (3, 4)), a @ b @ m),
    "trace": (contract(A, (0, 1)), np.trace(a)),
    "sum over one axis": (contract(T, (1,)), t.sum(1)),
    "three axes of one label": (contract(product(A, B, M), (0, 2, 4)), np.einsum("ij,ik,il->jkl", a, b, m)),
    "diagonal": (diagonal(A, (0, 1)), np.diag(a)),
    "diagonal of a product": (diagonal(product(A, B), (1, 2)), np.einsum("ij,jk->ikj", a, b)),
    "two diagonals": (diagonal(product(A, B), (0, 3), (1, 2)), np.einsum("ij,ji->ij", a, b)),
    "permutation": (PermuteDims(T, [2, 0, 1]), t.transpose(2, 0, 1)),
    "nest": (
        contract(PermuteDims(product(T, A), [1, 0, 2, 4, 3]), (0, 3)),
        np.einsum("ijk,lj->ikl", t, a),
    ),
    "diagonal in a contraction": (contract(diagonal(product(A, T), (1, 3)), (0,)), np.einsum("ij,kjl->klj", a, t)),
    "sum": (ArrayAdd(A, B, M), a + b + m),
    "reshape": (Reshape(T, (6, 4)), t.reshape(6, 4)),
    "reshape of a matrix": (Reshape(M, (9,)), m.reshape(9)),
    "function of entries": (ArrayElementwiseApplyFunc(sympy.sin, A), np.sin(a)),
    "lambda of entries": (ArrayElementwiseApplyFunc(sympy.Lambda(y, y**2 + x), T), t**2 + 1.7),
    "constant lambda": (ArrayElementwiseApplyFunc(sympy.Lambda(y, x), T), np.full(t.shape, 1.7)),
    "ones": (ArrayAdd(A, OneArray(3, 3)), a + 1),
    "zeros": (ZeroArray(2, 3), np.zeros((2, 3))),
    "explicit array inside": (contract(product(A, EXPLICIT), (1, 2)), a @ explicit),
    "sparse array inside": (ArrayAdd(A, SPARSE), a + sparse),
    "product of explicit arrays": (
        sympy.tensorcontraction(sympy.tensorproduct(EXPLICIT, SPARSE), (1, 2)),
        explicit @ sparse,
    ),
    "whole array": (A, a),
    "arithmetic by entries": (sympy.exp(A) ** 2 / A + 1, np.exp(a) ** 2 / a + 1),
    "product by entries": (x * A * B, 1.7 * a * b),
    "derivative of a trace by SymPy": (sympy.Trace(M * M * M).diff(M), 3 * (m @ m).T),
    "derivative of a matrix by itself": ((M.T * M).diff(M), None),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_batches(name):
    expr, want = CASES[name]
    f = sg.function(list(VALUES), expr)
    got = f(*VALUES.values())
    if want is None:  # d(M.T M)_kl / dM_ij = delta_jk m_il + delta_jl m_ik
        want = np.einsum("jk,il->ijkl", np.eye(3), m) + np.einsum("jl,ik->ijkl", np.eye(3), m)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
    rows = f(*[np.stack([value, 2 * np.asarray(value)]) for value in VALUES.values()])
    twice = f(*[2 * np.asarray(value) for value in VALUES.values()])
    np.testing.assert_allclose(rows, np.stack([got, twice]), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", [name for name, (expr, _) in CASES.items() if expr.free_symbols])
def test_gradients(name):
    with sg.Graph().as_default() as graph:
        node = sg.translate(CASES[name][0])
        feeds = {p: VALUES[p.symbol] for p in graph.placeholders}
    check_gradients(node, feeds, rtol=1e-7)
    stacked = {p: np.stack([value, np.asarray(value) + 0.1]) for p, value in feeds.items()}
    check_gradients(node, stacked, rtol=1e-7)


def test_explicit_forms_of_sympy():
    names = [name for name, (expr, _) in CASES.items() if hasattr(expr, "as_explicit") and not expr.has(M)]
    assert len(names) > 15
    for name in names:
        expr, want = CASES[name]
        entries = sympy.Array(expr.as_explicit())
        values = {A[i, j]: a[i, j] for i in range(3) for j in range(3)}
        values |= {B[i, j]: b[i, j] for i in range(3) for j in range(3)}
        values |= {T[index]: t[index] for index in np.ndindex(*t.shape)} | {x: 1.7}
        explicit_values = (
            [float(entry.xreplace(values)) for entry in sympy.flatten(entries)] if entries.rank() else None
        )
        if explicit_values is None:
            explicit_values = [float(entries[()].xreplace(values))]
        np.testing.assert_allclose(np.reshape(explicit_values, np.shape(want)), want, rtol=1e-12, atol=1e-12)


def test_symbolic_lengths():
    f = sg.function([V, M], Reshape(product(V, M), (3, 3 * n)))
    v = np.arange(4.0)
    np.testing.assert_allclose(f(v, m), np.multiply.outer(v, m).reshape(3, 12))
    total = sg.function(V, contract(product(V, OneArray(n)), (0, 1)))
    assert total(v) == 6
    with pytest.raises(sg.errors.DimensionError):
        sg.function([V, ArraySymbol("W", (n,))], contract(product(V, ArraySymbol("W", (n,))), (0, 1)))(v, v[:3])


def test_no_product_is_larger_than_it_has_to_be():
    u, v, w, z = (ArraySymbol(name, (20_000,)) for name in "uvwz")
    f = sg.function([u, v, w, z], contract(product(u, v, w, z), (0, 1), (2, 3)))  # the outer product has 1.6e17 entries
    ones = np.ones(20_000)
    assert f(ones, 2 * ones, ones, ones) == 8e8
    [step] = f.program.steps
    assert type(step.operation) is einsum


# --- einsum itself

SIZES = {"i": 2, "j": 3, "k": 4, "l": 1}


@st.composite
def equations(draw):
    terms = draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=4))
    letters = sorted(set("".join(terms)))
    output = draw(st.permutations(letters))[: draw(st.integers(0, len(letters)))]
    batched = draw(st.booleans())
    dots = "..." if batched else ""
    loops = [draw(st.sampled_from([(), (5,), (1,), (2, 5)])) if batched else () for _ in terms]
    shapes = [(*loop, *[SIZES[letter] for letter in term]) for loop, term in zip(loops, terms, strict=True)]
    return f"{','.join(dots + term for term in terms)}->{dots}{''.join(output)}", shapes


@given(equations(), st.integers(0, 2**32 - 1))
def test_einsum_is_numpys(case, seed):
    equation, shapes = case
    random = np.random.default_rng(seed)
    values = [random.normal(size=shape) for shape in shapes]
    got = einsum(equation, *values).eval()
    np.testing.assert_allclose(got, np.einsum(equation, *values), rtol=1e-12, atol=1e-12)
    check_gradients(lambda *nodes: einsum(equation, *nodes), values, rtol=1e-6)


def test_einsum_second_derivatives_and_complex():
    check_gradients(
        lambda p, q: einsum("iij,jk->ki", p, q), [rng.normal(size=(2, 2, 3)), rng.normal(size=(3, 2))], order=2
    )
    z = rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3))
    check_gradients(lambda p, q: einsum("ij,kj->ik", p, q), [z, rng.normal(size=(2, 3))])


def test_einsum_without_arrow_and_dtypes():
    np.testing.assert_array_equal(einsum("ba", [[1, 2], [3, 4]]).eval(), [[1, 3], [2, 4]])
    single = np.ones((2, 2), np.float32)
    assert einsum("ij,jk,->ik", single, single, 2.0).eval().dtype == np.float32
    assert einsum("ij,jk->ik", [[1, 2]], [[3], [4]]).eval().dtype.kind == "i"


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)]),
        ("ij->ii", [(2, 2)]),
        ("ij->k", [(2, 2)]),
        ("i1->i", [(2, 2)]),
        ("...i->i", [(2, 2)]),
        ("ij->i", [(2,)]),
        ("ij,jk->ik", [(2, 2)]),
    ],
)
def test_einsum_refuses(equation, shapes):
    with pytest.raises(ValueError, match=r"einsum|label|is for|must be in"):
        einsum(equation, *[np.ones(shape) for shape in shapes])


def test_lengths_are_compared_at_a_run_too():
    p, q = sg.placeholder(), sg.placeholder()
    node = einsum("ij,jk->ik", p, q)
    with pytest.raises(sg.errors.ShapeError, match="lengths 3 and 4"):
        sg.Session().run(node, {p: np.ones((2, 3)), q: np.ones((4, 5))})


def _cost(terms, output, sizes, order):
    """The number of multiplications of a contraction in pairs."""
    terms, total = [set(term) for term in terms], 0
    for group in order:
        rest = [term for place, term in enumerate(terms) if place not in group]
        joined = set().union(*[terms[place] for place in group])
        total += math.prod(sizes[letter] for letter in joined)
        terms = [*rest, joined & set(output).union(*rest)]
    return total


def test_order_of_a_chain():
    sizes = {"a": 2, "b": 100, "c": 100, "d": 100, "e": 2}
    terms = ("ab", "bc", "cd", "de")
    order = contraction_order(terms, "ae", tuple(sizes.items()))
    assert (
        _cost(terms, "ae", sizes, order)
        <= 2 * (2 * 100 * 100) + 2 * 100 * 2
        < _cost(terms, "ae", sizes, [(1, 2), (0, 2), (0, 1)])
    )


def test_opt_einsum_is_asked_if_it_is_there(monkeypatch):
    asked = []

    def contract_path(equation, *shapes, **options):
        asked.append((equation, shapes, options["shapes"]))
        return [(0, 2), (0, 1)], None

    monkeypatch.setitem(sys.modules, "opt_einsum", types.SimpleNamespace(contract_path=contract_path))
    contraction.contraction_order.cache_clear()
    try:
        values = [rng.normal(size=shape) for shape in ((2, 3), (3, 4), (4, 5))]
        np.testing.assert_allclose(einsum("ij,jk,kl->il", *values).eval(), values[0] @ values[1] @ values[2])
        assert asked == [("ab,bc,cd->ad", ((2, 3), (3, 4), (4, 5)), True)]
    finally:
        contraction.contraction_order.cache_clear()


def test_more_labels_than_the_alphabet():
    vectors = [ArraySymbol(f"v{i}", (1,)) for i in range(60)]
    f = sg.function(vectors, contract(product(*vectors), *[(i,) for i in range(60)]))
    assert f(*[[1.1]] * 60) == pytest.approx(1.1**60)


def test_reshape_needs_the_same_number_of_entries():
    size = sg.placeholder()
    node = reshape_core(np.ones((2, 6)), [size, 2], rank=1)
    assert sg.Session().run(node, {size: 3.0}).shape == (2, 3, 2)
    with pytest.raises(sg.errors.ShapeError, match=r"\(6,\) cannot be reshaped to \(4, 2\)"):
        sg.Session().run(node, {size: 4})
    check_gradients(lambda p: reshape_core(p, [3, 2], rank=1), [rng.normal(size=(2, 6))])


def test_ranks_that_sympy_counts_wrongly_are_refused():
    scalar_taken_for_a_matrix = product(M[0, 0], A)  # SymPy: rank 4
    with pytest.raises(sg.errors.UnsupportedExpressionError, match="takes 2 axes for 0"):
        sg.function([M, A], scalar_taken_for_a_matrix)
