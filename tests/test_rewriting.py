"""Rewrites keep every value, and give full accuracy where the plain form cancels or overflows."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st
from sympy import cos, exp, log, sqrt

import symgraph as sg
from symgraph.rewriting import EXACT, rewrite

x, y, z = sympy.symbols("x y z")

CASES = [
    (exp(x) - 1, {x: 1e-18}),
    (1 - exp(x), {x: 1e-18}),
    (y + exp(x) - 1, {x: 1e-18, y: 1e-19}),
    (1 - cos(x), {x: 1e-9}),
    (cos(x) - 1, {x: 1e-9}),
    (log(1 + x), {x: 1e-20}),
    (log(1 - x), {x: 1e-20}),
    (log(1 + exp(x)), {x: 800.0}),
    (log(1 + exp(x)), {x: -40.0}),
    (log(exp(x) + exp(y)), {x: 1000.0, y: 1000.0}),
    (log(exp(x) + exp(y) + exp(z)), {x: 1000.0, y: -1000.0, z: 1001.0}),
    (sqrt(x**2 + y**2), {x: 1e200, y: 1e-200}),
    (exp(x) / (1 + exp(x)), {x: 800.0}),
]


@pytest.mark.parametrize(("expr", "point"), CASES, ids=str)
def test_full_accuracy(expr, point):
    args = sorted(point, key=str)
    with mpmath.workdps(700):
        right = sympy.lambdify(args, expr, "mpmath")(*(mpmath.mpf(point[s]) for s in args))
        got = sg.function(args, expr)(*(point[s] for s in args))
        assert abs(mpmath.mpf(float(got)) - right) <= 2e-16 * abs(right) * 2


@pytest.mark.parametrize(("expr", "point"), CASES, ids=str)
@given(values=st.lists(st.floats(-20, 20), min_size=3, max_size=3))
def test_the_value_stays(expr, point, values):
    args = sorted(point, key=str)
    plain, better = (sg.function(args, expr, rewrite=flag)(*values[: len(args)]) for flag in (False, True))
    np.testing.assert_allclose(better, plain, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("expr", "point"), CASES, ids=str)
@given(values=st.lists(st.complex_numbers(max_magnitude=3, allow_nan=False), min_size=3, max_size=3))
def test_the_complex_value_stays(expr, point, values):
    args = sorted(point, key=str)
    values = [v + 0.01j if abs(v.imag) < 1e-3 else v for v in values]  # off the branch cuts
    plain, better = (
        sg.function(args, expr, rewrite=flag, domain="complex")(*values[: len(args)]) for flag in (False, True)
    )
    np.testing.assert_allclose(better, plain, rtol=1e-7, atol=1e-7)


def test_special_values_stay():
    values = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    for expr in (exp(x) - 1, log(1 + x), log(1 + exp(x))):
        plain, better = (sg.function(x, expr, rewrite=flag)(values) for flag in (False, True))
        np.testing.assert_array_equal(better, plain)


def test_nodes_of_the_original_do_not_change():
    with sg.Graph().as_default():
        p = sg.placeholder(name="p")
        q = sg.exp(p) - 1.0
        before = list(q.input_nodes)
        assert isinstance(rewrite([q])[0], sg.expm1)
        assert q.input_nodes == before
        assert rewrite([p + 1.0])[0].input_nodes[0] is p


def test_rules_are_found_by_their_operations():
    assert {sg.log, sg.sqrt, sg.subtract, sg.add, sg.divide} <= set(EXACT)
