"""Sums and products whose terms are rows of kernels: the values and gradients that NumPy gives, without NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import symgraph as sg
from symgraph.ops.array import broadcast_like, unbroadcast
from symgraph.ops.functional_body import Body
from symgraph.ops.functional_sums import product_over, sum_over
from symgraph.ops.indexing import element

pytest.importorskip("llvmlite")

k, n, lo, hi = sympy.symbols("k n lo hi", integer=True)
x, y = sympy.symbols("x y")
X, Y = sympy.IndexedBase("X", shape=(n,)), sympy.IndexedBase("Y", shape=(n,))

CASES = {
    "data": ([X, x, y], sympy.Sum(sympy.log(1 + sympy.exp(-x * X[k])) * y, (k, 0, n - 1)), [x, y, X]),
    "shifted": ([X, x], sympy.Sum(sympy.sin(X[k + 1] - X[k] * x) * X[k - 1], (k, 1, n - 2)), [x, X]),
    "two arrays": ([X, Y, x], sympy.Sum((Y[k] - sympy.exp(x * X[k])) ** 2, (k, 0, n - 1)), [x, X, Y]),
    "integers": ([lo, hi, x], sympy.Sum(x / (k + sympy.exp(k * y)), (k, lo, hi)).subs(y, 0.1), [x]),
    "no integers": ([x, y], sympy.Sum(sympy.exp(x) * y, (k, 1, 5)), [x, y]),
    "product": ([X, x], sympy.Product(1 + x * sympy.cos(X[k]) / 1000, (k, 0, n - 1)), [x, X]),
    "pieces": ([X, x], sympy.Sum(sympy.Piecewise((X[k] ** 2, X[k] > x), (x, True)), (k, 0, n - 1)), [x, X]),
}
SIZES = {X: None, Y: None}


def _functions(name: str, backend: str, **options: object) -> list:
    args, expr, wrt = CASES[name]
    f = sg.function(args, expr, backend=backend, **options)

    def product(*values):  # with vectors that differ from place to place
        ways = [
            0.5 + np.arange(np.size(v)).reshape(np.shape(v)) % 3 for a, v in zip(args, values, strict=True) if a in wrt
        ]
        return f.hessp([a for a in args if a in wrt])(*values, *ways)

    return [f, f.value_and_grad(wrt), product]


def _values(args: list, length: int, batch: tuple[int, ...] = ()) -> list:
    rng = np.random.default_rng(length)
    bounds = {lo: rng.integers(-3, 3, batch), hi: rng.integers(length // 2, length + 1, batch)}
    return [bounds[a] if a in bounds else rng.uniform(0.2, 1, (length,) if a in SIZES else batch) for a in args]


def _flat(result: object) -> list:
    return [leaf for part in result for leaf in _flat(part)] if isinstance(result, (tuple, list)) else [result]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("length", [3, 40, 700, 140_000])
def test_as_by_numpy(name: str, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = _values(CASES[name][0], length)
    right = [_flat(f(*values)) for f in _functions(name, "numpy")]
    for kind in (sum_over, product_over):  # there is no other way than the kernels'
        monkeypatch.setattr(kind, "compute", lambda *_: pytest.fail("left to NumPy"))
    for functions in (_functions(name, "llvm", threads=1), _functions(name, "llvm", threads=2)):
        for f, expected in zip(functions, right, strict=True):
            for got, value in zip(_flat(f(*values)), expected, strict=True):
                np.testing.assert_allclose(got, value, rtol=1e-10, atol=1e-10, strict=True)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8)
@given(st.sampled_from([(1,), (3,), (40,), (2, 3)]), st.sampled_from([1, 5, 90, 600]))
def test_batches(name: str, batch: tuple[int, ...], length: int) -> None:
    values = _values(CASES[name][0], length + 3, batch)
    for one, other in zip(BATCHED[name]["numpy"], BATCHED[name]["llvm"], strict=True):
        for got, value in zip(_flat(other(*values)), _flat(one(*values)), strict=True):
            np.testing.assert_allclose(got, value, rtol=1e-10, atol=1e-10, strict=True)


BATCHED = {name: {backend: _functions(name, backend) for backend in ("numpy", "llvm")} for name in CASES}


def test_second_derivatives() -> None:
    values = _values(CASES["two arrays"][0], 50)
    args, expr, _ = CASES["two arrays"]
    for one, other in zip(
        *[_flat(sg.function(args, expr, backend=b).hess([x, X])(*values)) for b in ("numpy", "llvm")], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-11)


def test_an_array_that_is_repeated_or_summed_before_it_is_read_is_not_read_as_it_is():
    arrays = {"x": np.array([1.0, 10.0, 100.0]), "y": np.ones((4, 3))}
    ways = [
        lambda k, x, y: element(broadcast_like(sg.reduce_sum(x, -1, True), x), [k]),
        lambda k, x, y: element(unbroadcast(broadcast_like(x, y), x), [k]) ** 2,
        lambda k, x, y: element(x, [k]) * element(y, [k]),
    ]
    for way in ways:
        body = Body.of_function(way, ranks=[1, 1]).reduced(product=False)
        total = sum_over(body, [0, 2, arrays["x"], arrays["y"]])
        found, expected = (sg.Session(backend=backend).run(total) for backend in ("llvm", "numpy"))
        np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_single_precision_stays() -> None:
    args, expr, _ = CASES["data"]
    f = sg.function(args, expr, dtype=np.float32, backend="llvm")
    assert f(np.ones(700, np.float32), 1, 2).dtype == np.float32


def test_what_is_not_there_cannot_be_read() -> None:
    f = sg.function([X, x], sympy.Sum(x * sympy.exp(X[k + 1]), (k, 0, n - 1)), backend="llvm")
    with pytest.raises(IndexError, match="X"):
        f(np.ones(5), 1.0)


@pytest.mark.parametrize("operation", ["max", "min"])
@pytest.mark.parametrize("length", [2, 5, 40, 600, 1300])
def test_zeros_have_the_same_sign_everywhere(operation, length):
    rng = np.random.default_rng(0)
    rows = rng.choice([0.0, -0.0], size=(7, length))
    rows[:3, 1:] = -rows[:3, :1]
    with sg.Graph().as_default():
        p = sg.placeholder()
        total = getattr(sg, f"reduce_{operation}")(p * 1.0, axis=-1)
        with sg.Session() as session:
            together = session.run(total, {p: rows})
            alone = [session.run(total, {p: row}) for row in rows]
    signs = np.signbit(rows).all(axis=1) if operation == "max" else np.signbit(rows).any(axis=1)
    np.testing.assert_array_equal(np.signbit(together), signs)
    np.testing.assert_array_equal(np.signbit(alone), signs)
