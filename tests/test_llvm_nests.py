"""Kernels over arrays that are parts of others, or broadcast: the same results, bit for bit, as of whole arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symgraph as sg
from symgraph import backends
from symgraph.program import Program

pytest.importorskip("llvmlite")

a, b = sympy.symbols("a b")
EXPR = sympy.exp(-a) * b + sympy.sin(b)
FUNCTIONS = {threads: sg.function((a, b), EXPR, backend="llvm", threads=threads) for threads in (1, 3)}


def _agrees(x: np.ndarray, y: np.ndarray) -> None:
    whole = [np.array(v) for v in np.broadcast_arrays(x, y)]
    right = FUNCTIONS[1](*whole)
    for function in FUNCTIONS.values():
        np.testing.assert_array_equal(function(x, y), right, strict=True)


@pytest.mark.parametrize("shape", [(3, 70), (70, 3), (2, 3, 65), (65, 2, 3), (5, 4, 3), (300, 700), (2, 70_000)])
def test_parts_and_broadcast_axes(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    large = rng.uniform(size=[2 * n + 3 for n in shape])
    part = large[tuple(slice(1, 1 + 2 * n, 2) for n in shape)]
    near = large[tuple(slice(2, 2 + n) for n in shape)]
    for axis in range(len(shape)):
        one = rng.uniform(size=[n if k == axis else 1 for k, n in enumerate(shape)])
        _agrees(near, one)
        _agrees(one, part)
    _agrees(part, near)
    _agrees(part[::-1], np.flip(near))
    _agrees(near.T, part.T)


@settings(max_examples=30)
@given(st.data())
def test_any_axes(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.sampled_from([1, 2, 3, 31, 66, 130]), min_size=1, max_size=3))
    sides = [[n if data.draw(st.booleans()) else 1 for n in shape] for _ in range(2)]
    rng = np.random.default_rng(1)
    x, y = (rng.uniform(size=side) for side in sides)
    order = data.draw(st.permutations(range(len(shape))))
    _agrees(x.transpose(order), y.transpose(order))


def test_a_stencil() -> None:
    n, m = sympy.symbols("n m", integer=True, positive=True)
    u = sympy.MatrixSymbol("u", n, m)
    f = sg.function([u], u[0 : n - 2, 1 : m - 1] + u[2:n, 1 : m - 1] - 2 * u[1 : n - 1, 1 : m - 1], backend="llvm")
    x = np.random.default_rng(2).uniform(size=(90, 111))
    np.testing.assert_allclose(f(x), x[:-2, 1:-1] + x[2:, 1:-1] - 2 * x[1:-1, 1:-1], rtol=1e-14, atol=1e-14)


REDUCTIONS = {name: getattr(sg, f"reduce_{name}") for name in ("sum", "prod", "max", "min")}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, -1])
@pytest.mark.parametrize(
    "shapes",
    [
        ((7,), (7,)),
        ((513,), ()),
        ((5000,), (5000,)),
        ((3, 3), (3,)),
        ((100, 10), (100, 1)),
        ((2, 3, 700), (3, 1)),
        ((1, 9000), (4, 1)),
        ((40_000, 40), (40,)),
        ((), ()),
        ((4, 0), (4, 1)),
    ],
)
def test_reductions_while_rows_are_computed(name: str, keepdims: bool, axis: int | None, shapes: tuple) -> None:
    if axis and not any(shapes):
        return
    rng = np.random.default_rng(3)
    values = [rng.uniform(0.9, 1.1, shape) for shape in shapes]
    with sg.Graph().as_default():
        x, y = sg.placeholder(), sg.placeholder()
        total = REDUCTIONS[name](sg.sqrt(x * y + 0.01 * y), axis, keepdims)
        program, leaves = Program.of([total])
    feeds = dict(zip([x, y], values, strict=True))
    if 0 in shapes[0] and name in ("max", "min"):
        with pytest.raises(ValueError, match="zero-size"):
            backends.get("llvm")(program)([feeds[leaf] for leaf in leaves])
        return
    right, one, many = (
        backends.get(backend, threads)(program)([feeds[leaf] for leaf in leaves])[0]
        for backend, threads in (("numpy", None), ("llvm", 1), ("llvm", 3))
    )
    np.testing.assert_allclose(one, right, rtol=1e-11, strict=True)
    np.testing.assert_array_equal(one, many)


@settings(max_examples=30)
@given(
    st.integers(1, 2000), st.integers(1, 40), st.sampled_from(["float64", "float32"]), st.sampled_from([*REDUCTIONS])
)
def test_a_row_is_reduced_the_same_in_any_batch(terms: int, rows: int, dtype: str, name: str) -> None:
    values = np.random.default_rng(terms).uniform(0.5, 1.5, (rows, terms)).astype(dtype)
    with sg.Graph().as_default():
        x = sg.placeholder(dtype)
        run = backends.get("llvm")(Program.of([REDUCTIONS[name](sg.sqrt(x) * x, -1)])[0])
    together = run([values])[0]
    for row in {0, rows - 1}:
        np.testing.assert_array_equal(together[row], run([values[row]])[0])
        np.testing.assert_array_equal(together[row : row + 1], run([values[row : row + 1]])[0])


def test_sums_are_as_accurate_as_those_of_numpy() -> None:
    rng = np.random.default_rng(4)
    with sg.Graph().as_default():
        x, y = sg.placeholder(), sg.placeholder()
        run = backends.get("llvm", contract=False)(Program.of([sg.reduce_sum(x - y)])[0])
    for length in (100, 10_000, 1_000_000):
        a, b = rng.uniform(size=length), rng.uniform(size=length) * 1e-3
        exact = math.fsum(a - b)
        assert abs(run([a, b])[0] - exact) <= max(abs(np.sum(a - b) - exact), 4 * np.spacing(exact))


def test_a_nan_is_the_largest_and_the_smallest() -> None:
    values = np.ones(700)
    values[[3, 600]] = np.nan
    with sg.Graph().as_default():
        x = sg.placeholder()
        nodes = [REDUCTIONS[name](sg.sqrt(x) + 1) for name in ("max", "min")]
    assert np.isnan(backends.get("llvm")(Program.of(nodes)[0])([values])).all()


def test_a_column_whose_single_entries_have_any_stride_is_reduced() -> None:
    with sg.Graph().as_default():
        x, y = sg.placeholder(), sg.placeholder()
        run = backends.get("llvm")(Program.of([sg.reduce_sum(sg.sqrt(x) * y)])[0])
    column = np.lib.stride_tricks.as_strided(np.array([1.0, 4.0, 9.0]), (3, 1), (8, 24))
    assert column.flags.c_contiguous
    assert run([column, np.array([[1.0], [2.0], [3.0]])]) == [14.0]
