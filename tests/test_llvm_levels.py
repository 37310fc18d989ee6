"""Machine code of long programs: compiled fast at first, better when it runs often, and the same values always."""

import numpy as np
import pytest
import sympy as sp

import symgraph as sg

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import engine
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
