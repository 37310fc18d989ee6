"""Kernels over arrays that are parts of others, or broadcast: the same results, bit for bit, as of whole arrays."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symgraph as sg

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
