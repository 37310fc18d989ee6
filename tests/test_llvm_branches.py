"""Branches of kernels: what is skipped, and that no value depends on it."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import symgraph as sg
from symgraph.backends import llvm
from symgraph.backends.llvm import branches, loops, symbols
from symgraph.backends.llvm import rows as machine_rows
from symgraph.ops import OPERATIONS
from symgraph.program import Program

x, y, z = X = sp.symbols("x y z", real=True)
ROWS = 37


def function(expr, **options):
    return sg.function(X, expr, backend="llvm", **options)


def with_all_computed(monkeypatch):
    monkeypatch.setattr(branches, "WORTH", math.inf)


def batch_of(*levels):
    return [np.linspace(level, level + 3.5, ROWS) for level in levels]


def expressions_of(leaves):
    inner = st.sampled_from([sp.exp, sp.sin, sp.gamma, sp.atan, lambda a: 1 / (a**2 + 2), lambda a: a + 1])
    return st.recursive(
        st.sampled_from(leaves),
        lambda parts: (
            st.builds(lambda f, a: f(a), inner, parts)
            | st.builds(lambda a, b: a * b - a, parts, parts)
            | st.builds(
                lambda a, b, c, d: sp.Piecewise((a, c < d), (b, True)), parts, parts, st.sampled_from(leaves), parts
            )
        ),
        max_leaves=12,
    )


@given(expressions_of(X), st.lists(st.lists(st.floats(-5, 5), min_size=ROWS, max_size=ROWS), min_size=3, max_size=3))
def test_no_value_depends_on_it(expr, columns):
    columns = [np.array(column) for column in columns]
    f = function(expr)
    values = f(*columns)
    rows = list(zip(*[column.tolist() for column in columns], strict=True))
    np.testing.assert_array_equal([f(*row) for row in rows], np.broadcast_to(values, ROWS))
    with pytest.MonkeyPatch.context() as patch:
        with_all_computed(patch)
        np.testing.assert_array_equal(values, function(expr)(*columns))


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_of_rows_go_different_ways(threads, monkeypatch):
    monkeypatch.setattr(loops, "rows", lambda: machine_rows.rows(64, 0, 0))
    expr = sp.Piecewise(
        (sp.exp(x) * sp.sin(y), x < 1),
        (sp.Piecewise((sp.gamma(x), y < 2), (sp.log(x), True)), x < 2),
        (sp.tan(z), True),
    )
    columns = [np.repeat(np.random.default_rng(k).uniform(0.1, 3, 30), 64) for k in range(3)]
    f = function(expr, threads=threads)
    values = f(*columns)
    np.testing.assert_array_equal(
        values, [f(*row) for row in zip(*[column.tolist() for column in columns], strict=True)]
    )
    with_all_computed(monkeypatch)
    np.testing.assert_array_equal(values, function(expr)(*columns))


def test_what_is_skipped():
    def jumps(expr):
        return function(expr).llvm().count("taken:")

    assert jumps(sp.Piecewise((sp.exp(x), y < 0), (x, True))) == 1
    assert jumps(sp.Piecewise((sp.exp(x), y < 0), (sp.sin(x), True))) == 2
    assert jumps(sp.Piecewise((sp.exp(x), y < 0), (sp.sin(x), y < 1), (1, True))) == 2
    assert jumps(sp.Piecewise((sp.exp(x), y < 0), (sp.exp(x) + x, True))) == 1  # but where y is nan
    assert jumps(sp.Piecewise((sp.exp(x), y < 0), (x, True)) + sp.exp(x)) == 0
    assert jumps(sp.Piecewise((x * y + 1, y < 0), (x, True))) == 0  # too cheap
    assert jumps(sp.Piecewise((1, sp.exp(x) < y), (x, True))) == 0  # the condition is always needed


def test_functions_of_scipy_and_python_are_called_for_their_rows(monkeypatch):
    calls = []
    monkeypatch.setattr(symbols, "_callbacks", {})
    monkeypatch.setattr(OPERATIONS["lowergamma"], "row", lambda self, *numbers: calls.append(numbers) or 0.5)
    node = sp.Piecewise((sp.lowergamma(x, sp.Rational(5, 3)) * sp.besselj(0, y), z < 0), (y, True))
    f = function(node, threads=1)
    a, b, c = -np.linspace(0.1, 0.9, ROWS), np.linspace(1, 2, ROWS), np.where(np.arange(ROWS) % 5 == 0, -1.0, 1.0)
    values = f(a, b, c)
    assert {number for number, _ in calls} == set(a[c < 0])
    np.testing.assert_array_equal(values[c > 0], b[c > 0])
    np.testing.assert_array_equal(values, [f(*row) for row in zip(a.tolist(), b.tolist(), c.tolist(), strict=True)])


def test_uniform_branches():
    """What does not depend on the row is computed before the loop, also in a branch."""
    f = function(sp.Piecewise((sp.exp(x) * sp.sin(x), x < 1), (sp.log(x), True)) * y)
    rows = np.linspace(1, 2, ROWS)
    for number in (0.5, 1.5):
        np.testing.assert_array_equal(f(number, rows, 0.0), [f(number, row, 0.0) for row in rows.tolist()])


def test_conditions_that_are_constant():
    a = sg.placeholder(shape=(None,))
    node = sg.where(sg.constant(True), sg.exp(a) * sg.sin(a), sg.tan(a))
    program, _ = Program.of([node])
    (value,) = llvm.compile_program(program)([np.arange(40.0)])
    np.testing.assert_allclose(value, np.exp(np.arange(40.0)) * np.sin(np.arange(40.0)), rtol=1e-15)
