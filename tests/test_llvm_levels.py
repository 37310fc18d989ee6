"""Machine code of long programs: compiled fast at first, better when it runs often, and the same values always."""

import numpy as np
import pytest
import sympy as sp

import symgraph as sg

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import engine, native
from symgraph.backends.llvm.code import Code
from symgraph.backends.llvm.emission import contracted, needed
from symgraph.backends.llvm.partition import partition
from symgraph.backends.llvm.runtime import NativeKernel

x, y = sp.symbols("x y", real=True)


def many_terms(count):
    """Functions of every kind, differences, and choices."""
    terms = [(-1) ** k * sp.sin(k * x + y) * sp.cos(x - k) + sp.exp(-k * x**2) / (k + y**2) for k in range(1, count)]
    return sp.Add(*terms) + sp.Piecewise((sp.log(1 + x**2), x > y), (sp.gamma(2 + y**2), True))


def kernel_of(f):
    ((kernel,),) = partition(f.program)
    return NativeKernel(kernel, f.program.constants, f.program.leaves, 1)


def loop_of(kernel):
    (variant,) = kernel._variants.values()
    (loop,) = variant.loops.values()
    return loop


def test_values_are_the_same_at_each_level(monkeypatch):
    values = [np.random.default_rng(k).normal(size=777) for k in range(2)]
    values[0][5], values[1][9] = 1e300, np.nan
    results = []
    for long in (0, 10**9):
        monkeypatch.setattr(engine, "_LONG", long)
        f = sg.function((x, y), [many_terms(20), x * y - 2 * sp.sin(x)], backend="llvm")
        rows = f(*values)
        numbers = np.array([f(float(a), float(b)) for a, b in zip(*[v[:40] for v in values], strict=True)]).T
        np.testing.assert_array_equal(numbers, [row[:40] for row in rows])
        results.append(rows)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_long_code_that_runs_often_is_compiled_once_more():
    kernel = kernel_of(sg.function((x, y), many_terms(90), backend="llvm"))
    values = [np.linspace(0, 1, 50), np.linspace(1, 2, 50)]
    first = kernel(values)[0]
    assert loop_of(kernel).level == 0 and kernel.direct(values, (0,)) is None
    for _ in range(10):
        np.testing.assert_array_equal(kernel(values)[0], first)
    assert loop_of(kernel).level == 1 and kernel.direct(values, (0,)) is not None


def test_a_function_that_occurs_often_is_one_function_of_machine_code():
    texts = []
    for count in (4, 12):
        f = sg.function((x, y), sp.Add(*[sp.exp(k * x) for k in range(1, count)]), backend="llvm")
        kernel, values = kernel_of(f), np.linspace(-1, 1, 50)
        result = kernel([values] * len(kernel._kernel.inputs))[0]
        np.testing.assert_allclose(result, sum(np.exp(k * values) for k in range(1, count)), rtol=1e-13)
        texts.append(loop_of(kernel).text)
    assert "@exp." not in texts[0] and texts[1].count("define internal") == 1


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda c, x, p: c.emit("add", "double", x, c.fneg(p)), ["leaf", "leaf", "leaf", "fnma"]),
        (lambda c, x, p: c.emit("add", "double", c.fneg(p), x), ["leaf", "leaf", "leaf", "fnma"]),
        (lambda c, x, p: c.emit("sub", "double", x, c.fneg(p)), ["leaf", "leaf", "leaf", "fma"]),
        (lambda c, x, p: c.emit("sub", "double", c.fneg(p), x), ["leaf", "leaf", "leaf", "mul", "fneg", "sub"]),
        (
            lambda c, x, p: c.fmul(c.emit("add", "double", x, c.fneg(p)), c.fneg(p)),
            ["leaf", "leaf", "leaf", "mul", "fneg", "sub", "fmul"],
        ),
    ],
)
def test_what_a_negative_is_added_to_it_is_subtracted_from(build, expected):
    code = Code()
    a, b, c = (code.leaf("double", place) for place in range(3))
    result = build(code, c, code.emit("mul", "double", a, b))
    items = contracted(code, needed(code, [result]), [result])
    assert [instruction[0] for _, instruction in items] == expected


def test_a_long_program_of_numbers_is_a_builtin(monkeypatch):
    expr = x
    for k in range(1500):  # each step reads the one before and x, so what passes between functions lives long
        expr = sp.Add(sp.Mul(expr, y, evaluate=False), sp.sin(x) if k % 400 == 7 else k % 3, evaluate=False)
    f = sg.function((x, y), [expr, sp.Matrix([[x, 0], [expr, x * y]])], backend="llvm")
    assert f.native is not f
    point, rows = (0.3, 0.9), [np.linspace(0.2, 0.4, 33), np.linspace(0.8, 1.0, 33)]
    rows[0][16], rows[1][16] = point
    on_numpy = sg.function((x, y), [expr, sp.Matrix([[x, 0], [expr, x * y]])], backend="numpy")
    for value, row, expected in zip(f(*point), f(*rows), on_numpy(*point), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_array_equal(value, row[16])
    assert f(1, 0.5)[1][0, 1] == 0 and f.native(0.3, 0.9)[0] == f(*point)[0]
    monkeypatch.setattr(native, "_MOST_SLOTS", 0)  # as for one with more values than a thread's stack should hold
    other = sg.function((x, y), [expr], backend="llvm")
    assert other.native is other and other(*point) == [f(*point)[0]]


def test_products_with_jacobians_of_large_matrices_are_one_kernel():
    matrix = sp.Matrix(9, 9, lambda i, j: x**i * y**j)
    f = sg.function((x, y), matrix, backend="llvm")
    product = f.vjp()
    ((kernel,),) = partition(product.program)
    assert len(kernel.steps) == len(product.program.steps)
    powers = [number ** np.arange(9) for number in (0.5, 0.75)]
    rising = [np.arange(9) * number ** (np.arange(9) - 1.0) for number in (0.5, 0.75)]
    for batch in ((), (5,), (3, 5)):
        weights = np.random.default_rng(1).normal(size=(*batch, 9, 9))
        value, slopes = product(0.5, 0.75, weights)
        np.testing.assert_allclose(
            np.broadcast_to(value, weights.shape), np.broadcast_to(np.outer(*powers), weights.shape)
        )
        np.testing.assert_allclose(slopes[0], np.einsum("...ij,i,j->...", weights, rising[0], powers[1]))
        np.testing.assert_allclose(slopes[1], np.einsum("...ij,i,j->...", weights, powers[0], rising[1]))
