"""Sums, products, integrals, series, derivatives and limits: values against closed forms, SymPy and mpmath, gradients against SymPy's derivatives."""

import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from sympy import Derivative, Integral, Product, Sum, cos, exp, log, oo, sin, sqrt

import symgraph as sg
from symgraph.errors import BoundError, ConvergenceError, UnboundSymbolError, UnsupportedExpressionError
from symgraph.ops.functional_body import Body
from symgraph.ops.functional_limits import epsilon, levin_sidi
from symgraph.ops.functional_panels import panel
from symgraph.ops.functional_quadrature import integrate
from symgraph.ops.functional_sums import other_factors, sum_over

x, y, z, t, a, b = sp.symbols("x y z t a b")
i, j, k, m, n = sp.symbols("i j k m n", integer=True)
A = sp.MatrixSymbol("A", 2, 2)
f = sp.Function("f")
u = sp.IndexedBase("u")


def value(expr, **values):
    """An expression at values for its symbols, given by name."""
    symbols = {s.name: s for s in (x, y, z, t, a, b, i, j, k, m, n, A)} | {"u": u}
    return sg.function([symbols[name] for name in values], expr)(*values.values())


def derivatives(expr, by, order=1, **values):
    """Derivatives by reverse mode, of the sum of all rows."""
    symbols = {s.name: s for s in (x, y, z, t, a, b, i, j, k, m, n, A)} | {"u": u}
    with sg.Graph().as_default():
        node = sg.translate(expr)
        nodes = {p.symbol: p for p in sg.get_default_graph().placeholders}
        for _ in range(order):
            (node,) = sg.gradients(node, nodes[by])
        fed = {nodes[symbols[name]]: v for name, v in values.items() if symbols[name] in nodes}
        return sg.Session().run(node, fed)


# --- finite sums and products

CLOSED = [  # the summand, and the value of its sum from a to b by SymPy
    k,
    k**2 * x - 3,
    x**k,
    sin(k) * x,
    x / (k + sp.Rational(1, 2)),
    (-1) ** k * x**2,
    sp.Piecewise((x, k > 1), (k, True)),
    x + y,
    sp.Integer(2),
]


@pytest.mark.parametrize("body", CLOSED, ids=str)
@pytest.mark.parametrize("kind", [Sum, Product])
def test_all_ranges_are_those_of_sympy(kind, body):
    """Also where the upper bound is below the lower one."""
    first, last = (bound.ravel() for bound in np.meshgrid(np.arange(-4, 5), np.arange(-5, 5)))
    got = value(kind(body, (k, a, b)), x=-1.25, y=0.75, a=first, b=last.astype(float))
    want = [complex(kind(body, (k, p, q)).doit().subs({x: -1.25, y: 0.75})) for p, q in zip(first, last, strict=True)]
    known = np.isfinite(want)  # not 1/0
    assert known.sum() > 30
    np.testing.assert_allclose(got[known], np.real(want)[known], rtol=1e-12, atol=1e-12)


POLYNOMIAL = sg.function((x, y, z, t, a, b), Sum(x + y * k + z * k**2 + t * k**3, (k, a, b)))


@given(
    coefficients=st.lists(st.floats(-2, 2, width=16), min_size=4, max_size=4),
    ranges=st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 300)), min_size=1, max_size=4),
)
def test_sums_of_polynomials(coefficients, ranges):
    c = np.array(coefficients)
    first, count = np.array(ranges).T
    numbers = [np.arange(p, p + q) for p, q in ranges]
    want = [np.sum(c[:, None] * terms ** np.arange(4.0)[:, None]) for terms in numbers]
    got = POLYNOMIAL(*c, first, first + count - 1)
    assert np.all(np.abs(got - want) <= 1e-14 * 350**3 * count)


def test_karr():
    assert value(Sum(k, (k, 1, -5))) == 10
    assert value(Sum(i, (i, 5, m)), m=2) == -7
    assert value(Product(i, (i, 5, m)), m=2) == pytest.approx(1 / 12, rel=1e-15)
    np.testing.assert_array_equal(value(Sum(i, (i, 3, m)), m=[2, 3, 1, 0, -1]), [0, 3, -2, -3, -3])


def test_bounds_of_each_row():
    first, last = np.array([[1], [4]]), np.array([5.0, 3.0, 2.0])
    want = [[sum(range(p, int(q) + 1)) - sum(range(int(q) + 1, p)) for q in last] for p in first[:, 0]]
    np.testing.assert_array_equal(value(Sum(k, (k, a, b)), a=first, b=last), want)


def test_a_batch_equals_its_rows():
    rng = np.random.default_rng(1)
    at, last = rng.uniform(0.5, 1.5, 40), rng.integers(-5, 30, 40)
    for kind in (Sum, Product):
        rows = [value(kind(x**k + k / 7, (k, 2, n)), x=p, n=q) for p, q in zip(at, last, strict=True)]
        np.testing.assert_allclose(value(kind(x**k + k / 7, (k, 2, n)), x=at, n=last), rows, rtol=1e-13)


def test_nested_and_dependent_limits():
    def double(last):
        return sum(p * q**2 for q in range(last + 1) for p in range(q + 1))

    np.testing.assert_array_equal(
        value(Sum(j * i**2, (j, 0, i), (i, 0, n)), n=[0, 1, 7]), [double(q) for q in (0, 1, 7)]
    )
    assert value(Sum(Product(j + x, (j, 1, i)), (i, 0, 3)), x=0.0) == 1 + 1 + 2 + 6
    assert value(Sum(x, (i, 1, 3), (k, j, n), (j, 1, n)), x=0.5, n=4) == 0.5 * 3 * 10
    assert value(Sum(Sum(i, (i, 0, k)), (k, 0, 3)) + Sum(i, (i, 0, 3))) == 16  # one name, two variables


def test_sums_of_matrices():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(value(Sum(k * A, (k, 1, n)), A=values, n=[2, 3])[1], 6 * values)
    np.testing.assert_allclose(value(Sum(sp.Matrix([[k, x]]), (k, 1, 3)), x=[1.0, 2.0]), [[[6, 3]], [[6, 6]]])
    powers = value(Sum(x**k * A * A, (k, 0, 2)), x=np.array([0.5, 2.0]), A=np.stack([values, 2 * values]))
    np.testing.assert_allclose(powers, [1.75 * values @ values, 28 * values @ values])


def test_results_have_all_batch_axes():
    assert value(Sum(k, (k, 1, n)), n=[3, 3, 3]).shape == (3,)
    assert value(Sum(x, (k, 1, 3)), x=np.ones((2, 3))).shape == (2, 3)
    assert value(Sum(x * k, (k, 1, n)), x=np.ones((4, 1)), n=[1, 2]).shape == (4, 2)
    assert value(Sum(x * k, (k, 1, n)), x=np.ones((0, 1)), n=[1, 2]).shape == (0, 2)
    assert value(Sum(k * A, (k, 1, 0)), A=np.eye(2)).shape == (2, 2)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"b": 2.5}, "upper bound of a sum is 2.5"),
        ({"b": [1.0, 0.5]}, "upper bound of a sum is 0.5"),
        ({"b": np.inf}, "write oo in the expression"),
        ({"b": 1 + 2j}, "must be an integer"),
        ({"b": 1e15}, "terms"),
    ],
)
def test_bounds_that_are_none(bounds, message):
    with pytest.raises(BoundError, match=message):
        value(Sum(k, (k, 1, b)), **bounds)


def test_a_bound_that_is_nan_gives_nan():
    np.testing.assert_array_equal(value(Sum(k, (k, 1, b)), b=[2.0, np.nan, 3.0]), [3, np.nan, 6])
    assert np.isnan(value(Product(k, (k, 1, b)), b=np.nan))


def test_long_sums_keep_their_digits():
    count = 10**6
    want = mpmath.zeta(2) - mpmath.zeta(2, count + 1)
    assert abs(value(Sum(1 / k**2, (k, 1, n)), n=count) - want) <= 1e-15
    assert value(Sum(x, (k, 1, count)), x=0.1) == pytest.approx(1e5, rel=4e-16)
    assert value(Sum((-1) ** k * k, (k, 1, count))) == count / 2


def test_memory_does_not_grow_with_the_number_of_terms():
    function = sg.function((x, n), Sum(sin(k * x) / k**2, (k, 1, n)))
    at = np.linspace(0.1, 3, 100)
    function(at, 10)
    tracemalloc.start()
    try:
        result = function(at, 10**5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**21  # one value of all terms at once would be 80 MB
    want = [float(mpmath.clsin(2, p)) for p in at[::33]]
    np.testing.assert_allclose(result[::33], want, atol=1e-9)


def test_memory_with_matrices_in_the_body():
    function = sg.function((A, n), Sum(A * k, (k, 1, n)))
    tracemalloc.start()
    try:
        result = function(np.ones((200, 2, 2)), 10**4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**21  # 64 MB at once
    assert np.all(result == 5000 * 10001)


def test_dtypes():
    single = sg.function((x, n), Sum(x**k / k, (k, 1, n)))(np.float32([0.5, 0.25]), 3)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, [0.5 + 0.125 + 0.125 / 3, 0.25 + 1 / 32 + 1 / 192], rtol=1e-6)
    assert value(Sum(x**k, (k, 0, 2)), x=1j) == 1j
    assert value(Sum(sp.I * k, (k, 1, 3))) == 6j
    assert sg.function(x, Sum(sqrt(k), (k, -1, x)), domain="complex")(1) == 1 + 1j
    assert sg.function(x, Integral(y + x, (y, 0, 1)))(np.float32(1)).dtype == np.float32


def test_equal_expressions_are_one_node_and_functions_pickle():
    with sg.Graph().as_default():
        for expr in (
            Sum(x**k, (k, 0, n)),
            Product(x + k, (k, 0, n)),
            Integral(x**y, (y, 0, 1)),
            Sum(1 / k**x, (k, 1, oo)),
        ):
            assert sg.translate(expr) is sg.translate(expr)
            assert sg.translate(expr) is not sg.translate(expr.subs(x, 2 * x))
    function = pickle.loads(pickle.dumps(sg.function((x, n), Sum(x**k, (k, 0, n)))))
    assert function(2.0, 3) == 15


def test_many_threads():
    function = sg.function((x, n), Sum(sin(k * x), (k, 1, n)) + Integral(exp(-x * y), (y, 0, 1)))
    at = np.linspace(0.1, 1, 16)
    want = [function(p, 50) for p in at]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda p: function(p, 50), at)) == want


def test_names_are_only_labels():
    hostile = sp.Symbol("__import__('os').abort()", integer=True)
    assert value(Sum(hostile * x, (hostile, 1, 3)), x=2.0) == 12


# --- entries of arrays


def mixture(count):
    p, mu, s = (sp.symbols(f"{c}0:{count}") for c in ("p", "mu", "s"))
    density = sp.Add(
        *[p[q] / sqrt(2 * sp.pi) / s[q] * exp(-((u[i] - mu[q]) ** 2) / 2 / s[q] ** 2) for q in range(count)]
    )
    return (*p, *mu, *s), Sum(log(density), (i, 0, n - 1))


def test_gaussian_mixture():
    """Value and all gradients, against formulas written out in NumPy."""
    parameters, expr = mixture(3)
    p, mu, s = np.array([[0.3, 0.3, 0.4], [-1.0, 0.0, 1.0], [1.0, 2.0, 0.5]])
    data = np.random.default_rng(0).normal(size=100_000)
    terms = p[:, None] / np.sqrt(2 * np.pi) / s[:, None] * np.exp(-((data - mu[:, None]) ** 2) / 2 / s[:, None] ** 2)
    share, distance = terms / terms.sum(axis=0), (data - mu[:, None]) / s[:, None]
    with sg.Graph().as_default():
        node = sg.translate(expr)
        nodes = {q.symbol: q for q in sg.get_default_graph().placeholders}
        grads = sg.gradients(node, [nodes[q] for q in (*parameters, u)])
        fed = {nodes[q]: v for q, v in zip((*parameters, u, n), [*p, *mu, *s, data, 100_000], strict=True)}
        got, *grads = sg.Session().run([node, *grads], fed)
    assert got == pytest.approx(np.log(terms.sum(axis=0)).sum(), rel=1e-14)
    np.testing.assert_allclose(grads[:3], (share / p[:, None]).sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(grads[3:6], (share * distance / s[:, None]).sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(grads[6:9], (share * (distance**2 - 1) / s[:, None]).sum(axis=1), rtol=1e-10)
    np.testing.assert_allclose(grads[9], (-share * distance / s[:, None]).sum(axis=0), rtol=1e-10, atol=1e-14)


def test_entries_at_other_places():
    data = np.arange(10.0) ** 2
    assert value(Sum((u[i + 1] - u[i]) * x**i, (i, 0, n - 2)), u=data, n=10, x=1.0) == 81
    assert value(Sum(sin(u[2 * i]), (i, 0, 4)), u=data) == pytest.approx(np.sin(data[::2]).sum(), rel=1e-14)
    got = value(Sum(exp(-u[i]), (i, 0, m)), u=data, m=[-1, 0, 9])
    np.testing.assert_allclose(got, [0, 1, np.exp(-data).sum()], rtol=1e-14)
    with pytest.raises(IndexError, match="u"):
        value(Sum(sin(u[i]), (i, 0, m)), u=data, m=10)


@pytest.mark.parametrize(
    ("index", "places"),
    [
        (i + 1, slice(1, 9)),
        (2 * i, slice(0, 16, 2)),
        (9 - i, slice(9, 1, -1)),
        (sp.floor(i / 2), [0, 0, 1, 1, 2, 2, 3, 3]),
    ],
)
def test_gradient_by_entries(index, places):
    data = np.random.default_rng(0).normal(size=20)
    want = np.zeros(20)
    np.add.at(want, np.arange(20)[places], np.cos(data[places]))
    np.testing.assert_allclose(derivatives(Sum(sin(u[index]), (i, 0, 7)), u, u=data), want, rtol=1e-14)
    batch = np.stack([data, 2 * data])
    got = derivatives(Sum(sin(u[index]), (i, 0, 7)), u, u=batch)
    np.testing.assert_allclose(got[0], want, rtol=1e-14)


# --- gradients of sums and products

SMOOTH = [
    Sum(x**k, (k, 0, n)),
    Sum(sin(k * x) / (k + 10), (k, 1, n)),
    Sum(Sum(x**j * y, (j, 0, k)), (k, 0, n)),
    Product(x - k, (k, 1, n)),
    Product(x + y * k**2, (k, 1, n)),
    Sum(Product(x + j, (j, 0, k)), (k, 0, n)),
    Product(Sum(x**j + y, (j, 0, k + 2)), (k, 0, n)),
]


@pytest.mark.parametrize("expr", SMOOTH, ids=str)
@pytest.mark.parametrize("last", [4, 0, -3])
def test_gradients_are_sympys_derivatives(expr, last):
    at = {x: 1.3, y: 0.7}
    explicit = expr.subs(n, last).doit()
    for order in (1, 2, 3):
        got = derivatives(expr, x, order, x=1.3, y=0.7, n=last)  # one variable for all rows of inner sums
        assert got == pytest.approx(float(explicit.diff(x, order).subs(at)), rel=1e-11, abs=1e-11)


def test_gradients_of_a_batch_are_summed_over_rows():
    at, last = np.array([0.5, 2.0, -1.5]), np.array([3, 0, 5])
    each = [derivatives(Sum(y * x**k, (k, 0, n)), x, x=p, y=2.0, n=q) for p, q in zip(at, last, strict=True)]
    np.testing.assert_allclose(derivatives(Sum(y * x**k, (k, 0, n)), x, x=at, y=2.0, n=last), each, rtol=1e-13)
    by_y = derivatives(Sum(y * x**k, (k, 0, n)), y, x=at, y=2.0, n=last)
    assert by_y == pytest.approx(sum(sum(p**q for q in range(r + 1)) for p, r in zip(at, last, strict=True)))


def test_gradient_of_a_product_with_zeros():
    at = np.array([2.0, 2.5, 3.0, -1.0, 1.0])
    want = [float(Product(x - k, (k, 1, 4)).doit().diff(x).subs(x, p)) for p in at]
    np.testing.assert_allclose(derivatives(Product(x - k, (k, 1, 4)), x, x=at), want)
    assert derivatives(Product((x - k) * (x - 2), (k, 1, 3)), x, x=2.0) == 0  # several zeros
    curvature = float(Product(x - k, (k, 1, 4)).doit().diff(x, 2).subs(x, 2))
    assert derivatives(Product(x - k, (k, 1, 4)), x, order=2, x=2.0) == curvature


def test_second_derivative_of_a_product_without_zeros():
    want = float(Product(x - k, (k, 1, 4)).doit().diff(x, 2).subs(x, 2.5))
    assert derivatives(Product(x - k, (k, 1, 4)), x, order=2, x=2.5) == pytest.approx(want, rel=1e-13)


def test_rows_without_terms_have_no_gradient():
    """Not even where the terms of other rows have an infinite one."""
    got = derivatives(Sum(sqrt(x * k), (k, 0, m)), x, x=np.array([0.0, 1.0]), m=np.array([-1, 1]))
    np.testing.assert_array_equal(got[:1], [0.0])
    np.testing.assert_array_equal(
        derivatives(Product(x + k, (k, 1, m)), x, x=np.array([1.0, 1.0]), m=np.array([0, 2])), [0, 5]
    )


def test_gradient_by_a_matrix():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    got = derivatives(sp.Trace(A * A) * Sum(x**k, (k, 0, 2)), A, A=values, x=2.0)
    np.testing.assert_allclose(got, 7 * 2 * values.T)
    got = derivatives(Sum(sp.Trace(A * A) ** k, (k, 0, 2)), A, A=values)
    np.testing.assert_allclose(got, (1 + 2 * 29) * 2 * values.T)


def test_complex_gradient():
    at = 0.3 + 0.4j
    want = complex(Sum(x**k, (k, 0, 5)).doit().subs(n, 5).diff(x).subs(x, at).evalf())
    assert derivatives(Sum(x**k, (k, 0, 5)), x, x=at) == pytest.approx(want, rel=1e-14)


def test_other_factors():
    product, zeros, values = np.array([6.0, 6.0, 6.0]), np.array([0.0, 1.0, 2.0]), np.array([2.0, 0.0, 0.0])
    np.testing.assert_array_equal(other_factors(product, zeros, values).eval(), [3, 6, 0])


def test_a_users_own_operation_under_a_sum():
    class half(sg.Operation):
        def __init__(self, value):
            super().__init__([value])

        def compute(self, value):
            return (value / 2).tolist()

    body = Body.of_function(lambda k, x: half(k) * x, ranks=[0])
    assert sum_over(body.reduced(product=False), [1, 3, 10.0]).eval() == 30


# --- infinite sums and products


def lerch(q, s):
    return complex(mpmath.polylog(s, q))


@pytest.mark.parametrize(
    ("expr", "at", "want"),
    [
        (Sum(1 / k**x, (k, 1, oo)), [1.1, 1.5, 2, 3, 10], lambda p: mpmath.zeta(p)),
        (Sum(x**k, (k, 0, oo)), [0.5, -0.9, 0.99, 0.999], lambda p: 1 / (1 - mpmath.mpf(p))),
        (Sum(x**k / sp.factorial(k), (k, 0, oo)), [1, 10, 50], lambda p: mpmath.exp(p)),
        (Sum((-1) ** k / k**x, (k, 1, oo)), [0.5, 1, 2], lambda p: -mpmath.altzeta(p)),
        (Sum(log(k) / k**x, (k, 1, oo)), [1.5, 2], lambda p: -mpmath.zeta(p, derivative=1)),
        (Sum(1 / (k**2 + x**2), (k, -oo, oo)), [0.5, 3], lambda p: mpmath.pi / p * mpmath.coth(mpmath.pi * p)),
        (Sum(exp(k * x), (k, -oo, 3)), [0.5, 3], lambda p: mpmath.exp(3 * p) / (1 - mpmath.exp(-p))),
        (Sum(cos(k * x) / k, (k, 1, oo)), [0.5, 2, 3], lambda p: -mpmath.log(2 * mpmath.sin(p / 2))),
        (Sum(sin(k) ** 2 / k**x, (k, 1, oo)), [2.0], lambda p: (mpmath.pi - 1) / 2),
        (Sum(exp(sp.I * k * x) / k, (k, 1, oo)), [0.5, 2], lambda p: mpmath.polylog(1, mpmath.exp(1j * p))),
        (Product(1 + x / k**2, (k, 1, oo)), [1, 2.5], lambda p: mpmath.sinh(mpmath.pi * p**0.5) / mpmath.pi / p**0.5),
        (Product(1 - x**2 / k**2, (k, 1, oo)), [0.5, 2.5], lambda p: mpmath.sin(mpmath.pi * p) / mpmath.pi / p),
        (Product(1 / (1 + x ** abs(k)), (k, -oo, oo)), [0.5], lambda p: 0.5 / mpmath.qp(-0.5, 0.5) ** 2),
    ],
    ids=str,
)
def test_infinite_sums(expr, at, want):
    np.testing.assert_allclose(value(expr, x=np.array(at)), [complex(want(p)) for p in at], rtol=2e-11)


def test_an_infinite_sum_without_symbols():
    assert value(Sum(1 / (k * (k + 1)), (k, 1, oo))) == pytest.approx(1, rel=1e-14)
    assert value(Sum(x * 0.5**k, (k, 0, oo)), x=[1.0, 2.0]) == pytest.approx([2, 4], rel=1e-15)


@pytest.mark.parametrize(
    "body", [1 / k, sp.Integer(1), (-1) ** k, k, 1 / (k * log(k + 1) ** 2), sp.Float(1.001) ** k], ids=str
)
def test_series_without_a_value(body):
    with pytest.raises(ConvergenceError, match="infinite sum does not converge"):
        value(Sum(body, (k, 1, oo)))


def test_rows_without_a_value_are_nan_among_others():
    got = value(Sum(x**k, (k, 0, oo)), x=[0.5, 1.0, 1.5, -1.0])
    np.testing.assert_allclose(got, [2, np.nan, np.nan, np.nan])


def test_gradients_of_infinite_sums():
    at = np.array([1.5, 2.0, 4.0])
    want = [float(mpmath.zeta(p, derivative=1)) for p in at]
    np.testing.assert_allclose(derivatives(Sum(1 / k**x, (k, 1, oo)), x, x=at), want, rtol=1e-10)
    want = [float(mpmath.zeta(p, derivative=2)) for p in at]
    np.testing.assert_allclose(derivatives(Sum(1 / k**x, (k, 1, oo)), x, 2, x=at), want, rtol=1e-9)
    assert derivatives(Sum(y * x**k, (k, 0, oo)), x, x=0.5, y=3.0) == pytest.approx(12, rel=1e-13)
    assert derivatives(Product(1 - x**2 / k**2, (k, 1, oo)), x, x=0.5) == pytest.approx(-4 / np.pi, rel=1e-11)


def test_extrapolation():
    """The two algorithms by themselves, on sequences in a batch."""
    numbers = np.arange(1.0, 300)
    terms = np.stack([1 / numbers**2, (-1) ** numbers / numbers, np.cos(2 * numbers) / numbers**2])
    want = [np.pi**2 / 6, -np.log(2), np.pi**2 / 6 - np.pi + 1]
    limit, error = levin_sidi(terms[:, :, None])
    np.testing.assert_allclose(limit[:, 0], want, atol=1e-12)
    assert np.all(np.abs(limit[:, 0] - want) <= 10 * error[:, 0] + 1e-15)
    limit, error = levin_sidi(1 / numbers[None, :, None])
    assert error[0, 0] > 0.1  # no limit
    sums = np.cumsum(0.9 ** np.arange(12)) + 0.5 * np.cumsum((-0.5) ** np.arange(12))
    assert epsilon(sums[None, :, None])[0][0, 0] == pytest.approx(10 + 1 / 3, rel=1e-9)
    assert epsilon(np.arange(12.0)[None, :, None])[1][0, 0] == np.inf


# --- integrals

AT = np.linspace(0.1, 8, 50)


@pytest.mark.parametrize(
    ("expr", "want"),
    [
        (Integral(exp(-x * y), (y, 0, 1)), (1 - np.exp(-AT)) / AT),
        (Integral(exp(-x * y**2), (y, -oo, oo)), np.sqrt(np.pi / AT)),
        (Integral(exp(-((y - 10 * x) ** 2)), (y, -oo, oo)), np.full(50, np.sqrt(np.pi))),
        (Integral(y**x * exp(-y), (y, 0, oo)), [float(mpmath.gamma(p + 1)) for p in AT]),
        (Integral(exp(y) * x, (y, -oo, 0)), AT),
        (Integral(exp(-y) * x, (y, oo, 0)), -AT),
        (Integral(y ** (x / 10 - 1), (y, 0, 1)), 10 / AT),
        (Integral(log(y) * x, (y, 0, 2)), (2 * np.log(2) - 2) * AT),
        (Integral(x / sqrt(1 - y**2), (y, -1, 1)), np.pi * AT),
        (Integral(x / sqrt(y - 1), (y, 1, 2)), 2 * AT),
        (Integral(abs(y - x), (y, 0, 10)), (AT**2 + (10 - AT) ** 2) / 2),
        (Integral(sp.Heaviside(y - x), (y, 0, 10)), 10 - AT),
        (Integral(1 / (x**2 + y**2), (y, -oo, oo)), np.pi / AT),
        (Integral(sin(x * y) / y, (y, 0, oo)), np.full(50, np.pi / 2)),
        (Integral(cos(x * y) / (1 + y**2), (y, -oo, oo)), np.pi * np.exp(-AT)),
        (Integral(exp(sp.I * x * y), (y, 0, 1)), (np.exp(1j * AT) - 1) / (1j * AT)),
        (Integral(cos(100 * y) * x, (y, 0, 1)), np.sin(100) / 100 * AT),
        (Integral(y**2, (y, x, 2 * x)), 7 * AT**3 / 3),
        (Integral(exp(-((y - 5) ** 2) * 10**4) * x, (y, 0, 100)), np.sqrt(np.pi) / 100 * AT),
    ],
    ids=lambda item: str(item) if isinstance(item, sp.Basic) else "",
)
def test_integrals(expr, want):
    scale = np.abs(want)
    np.testing.assert_allclose(value(expr, x=AT) / scale, want / scale, atol=2e-10)


def test_ranges_of_each_row():
    last = np.array([1.0, 0.0, -2.0, np.inf])
    np.testing.assert_allclose(value(Integral(exp(-y), (y, 0, b)), b=last), 1 - np.exp(-last), rtol=1e-12)
    assert value(Integral(exp(-y), (y, b, b)), b=3.0) == 0
    assert np.isnan(value(Integral(exp(-y), (y, 0, b)), b=np.nan))
    assert value(Integral(y, (y, 0, b)), b=np.ones((0, 3))).shape == (0, 3)


def test_multiple_integrals():
    assert value(Integral(x * y, (x, 0, y), (y, 0, 1))) == pytest.approx(1 / 8, rel=1e-13)
    assert value(Integral(exp(-(x**2) - a * y**2), (x, -oo, oo), (y, -oo, oo)), a=2.0) == pytest.approx(
        np.pi / np.sqrt(2)
    )
    got = value(Integral(1, (z, 0, sqrt(1 - x**2 - y**2)), (y, 0, sqrt(1 - x**2)), (x, 0, 1)))
    assert got == pytest.approx(np.pi / 6, rel=1e-9)
    np.testing.assert_allclose(value(Integral(m * x * y, (x, 0, y), (y, 0, 1)), m=[0, 1, 2]), [0, 1 / 8, 1 / 4])


def test_integrals_of_matrices_and_of_sums():
    got = value(Integral(sp.Matrix([[y, 1], [x, y**2]]), (y, 0, 1)), x=[1.0, 2.0])
    np.testing.assert_allclose(got, [[[0.5, 1], [p, 1 / 3]] for p in (1, 2)])
    assert value(Integral(Sum(y**k, (k, 0, n)), (y, 0, 1)), n=3) == pytest.approx(25 / 12, rel=1e-14)
    assert value(Sum(Integral(y**k, (y, 0, 1)), (k, 0, n)), n=3) == pytest.approx(25 / 12, rel=1e-14)


def test_a_contour():
    assert value(Integral(z**2, (z, 0, 1 + sp.I))) == pytest.approx((1 + 1j) ** 3 / 3)
    circle = sum(value(Integral(1 / z, (z, sp.I**q, sp.I ** (q + 1)))) for q in range(4))
    assert circle == pytest.approx(2j * np.pi)


@pytest.mark.parametrize(
    "expr", [Integral(1 / y, (y, 0, 1)), Integral(1 / y, (y, 1, oo)), Integral(sin(y), (y, 0, oo))], ids=str
)
def test_integrals_without_a_value(expr):
    with pytest.raises(ConvergenceError, match="integral does not converge"):
        value(expr)


def test_rows_of_integrals_without_a_value():
    got = value(Integral(y**x, (y, 0, 1)), x=[1.0, -1.0, -0.5])
    np.testing.assert_allclose(got, [0.5, np.nan, 2])
    assert np.isnan(value(Integral(sqrt(x - y), (y, 0, 2)), x=1.0))  # not real on half of the range
    assert np.isnan(value(Integral(x * y, (y, 0, 2)), x=np.nan))


def test_singularities_of_inner_integrals():
    """The inner integrals lose digits close to the corner, where they hardly count."""
    assert value(Integral(1 / (1 - x**2 * y**2), (x, 0, 1), (y, 0, z)), z=1.0) == pytest.approx(np.pi**2 / 8, rel=1e-11)
    assert value(Integral(1 / sqrt(x**2 + y**2), (y, 0, 1), (x, 0, 1))) == pytest.approx(2 * np.arcsinh(1), rel=1e-11)
    assert value(Integral(1 / y**x, (y, 0, 1), (x, 0, 0.9))) == pytest.approx(np.log(10), rel=1e-11)
    assert value(Sum(Integral(exp(-k * y), (y, 0, oo)) / k, (k, 1, oo))) == pytest.approx(np.pi**2 / 6, rel=1e-11)


@pytest.mark.parametrize(
    "expr",
    [
        Integral(1 / (x * y), (y, 0, 1), (x, 1, 2)),
        Integral(1 / sqrt(abs(y - 0.3)), (y, 0, 1), (x, 0, 1)),  # not accurate enough
        Integral(Sum(x**k, (k, 0, oo)), (x, 0, 2)),
        Sum(Integral(1 / y, (y, 0, k)), (k, 1, 3)),
        Sum(Sum(1 / j, (j, k, oo)), (k, 1, 3)),
    ],
    ids=str,
)
def test_inner_integrals_and_sums_without_a_value(expr):
    with pytest.raises(ConvergenceError, match="does not converge"):
        value(expr)


def test_the_rule_is_exact_for_polynomials():
    """Kronrod's 21 points up to degree 31, Gauss's 10 points, of which the error is the difference, up to 19."""
    for degree in (0, 1, 10, 18, 30):
        part = panel(lambda rows, p, d=degree: p[..., None] ** d, np.zeros(1, int), np.array([-1.0]), np.array([2.0]))
        assert part.value[0, 0] == pytest.approx((2 ** (degree + 1) + (-1) ** degree) / (degree + 1), rel=1e-13)
        assert (part.error[0, 0] < 1e-12 * abs(part.value[0, 0])) == (degree < 30)


def test_estimated_errors_hold():
    """On integrands of all kinds, at once in a batch."""
    powers = np.array([-0.9, -0.5, 0.3, 1.7, 4.0])
    lower, upper = np.zeros(5), np.array([1.0, 2.0, 1.0, 3.0, 1.0])
    result = integrate(lambda rows, p: (p ** powers[rows][:, None])[..., None], lower, upper)
    want = upper ** (powers + 1) / (powers + 1)
    assert np.all(np.abs(result.value[:, 0] - want) <= result.error[:, 0] + 1e-14 * want)
    assert np.all(result.error[:, 0] <= 1e-11 * want)


@pytest.mark.parametrize(
    "expr",
    [
        Integral(exp(-x * y) * y, (y, 0, 1)),
        Integral(sin(x * y), (y, 0, x)),
        Integral(exp(-y / x), (y, x**2, 3)),
        Integral(exp(-x * y**2), (y, 0, oo)),
        Integral(x * y * z, (y, 0, x * z), (z, 1, 2)),
        x * Integral(Sum(x**k * y, (k, 0, 2)), (y, 0, x)),
    ],
    ids=str,
)
@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_integrals(expr, order):
    at = np.array([0.7, 1.9])
    want = [float(sp.N(expr.doit().diff(x, order).subs(x, sp.Float(p, 30)), 15)) for p in at]
    np.testing.assert_allclose(derivatives(expr, x, order, x=at), want, rtol=1e-9)


def test_gradient_of_a_matrix_integral_by_its_bound():
    got = derivatives(Integral(sp.Matrix([[y, 1], [x, y**2]]), (y, 0, b)), b, x=3.0, b=np.array([2.0, 0.0]))
    np.testing.assert_allclose(got, [2 + 1 + 3 + 4, 0 + 1 + 3 + 0])


# --- derivatives, substitutions, limits


def test_derivatives_that_sympy_finds():
    assert value(Derivative(sin(x), x), x=0.1) == np.cos(0.1)
    assert value(Derivative(x * y**3, x, y), x=2.0, y=3.0) == 27
    function = sg.function((t, f(t), Derivative(f(t), t)), Derivative(f(t) * sin(t), t))
    assert function(1.0, 2.0, 3.0) == pytest.approx(2 * np.cos(1) + 3 * np.sin(1))


def test_derivatives_by_automatic_differentiation():
    at = np.array([0.0, 2.0, 3.0])
    got = value(Derivative(Sum(x**k, (k, 0, n)), x), x=at, n=[3, 4, 2])
    np.testing.assert_allclose(got, [1, 1 + 4 + 12 + 32, 7])
    got = value(Derivative(Sum(x**k, (k, 0, 4)), (x, 2)), x=at)
    np.testing.assert_allclose(got, 2 + 6 * at + 12 * at**2)
    got = value(Derivative(Integral(exp(sp.I * x * y), (y, 0, 1)), x), x=[2.0])
    assert got == pytest.approx(((1j * 2 - 1) * np.exp(2j) + 1) / (1j * 4), rel=1e-11)
    got = value(Derivative(Integral(exp(sp.I * x * y), (y, 0, 1)), (x, 2)), x=2.0)
    assert got == pytest.approx(complex(-mpmath.quad(lambda q: q**2 * mpmath.exp(2j * q), [0, 1])), rel=1e-10)
    got = value(Derivative(Sum(x**k, (k, 0, 3)), x), x=1 + 1j)
    assert got == pytest.approx(1 + 2 * (1 + 1j) + 3 * (1 + 1j) ** 2)
    np.testing.assert_array_equal(value(Derivative(sp.Abs(x), x), x=[-2.0, 3.0]), [-1, 1])
    got = derivatives(Derivative(Sum(x**k, (k, 0, 4)), x), x, x=at)
    np.testing.assert_allclose(got, 2 + 6 * at + 12 * at**2)


def test_substitutions_and_limits():
    assert value(sp.Subs(x**2 + y, x, y + 1), y=1.0) == 5
    np.testing.assert_allclose(value(sp.Subs(Derivative(Sum(x**k, (k, 0, 3)), x), x, y), y=[1.0, 2.0]), [6, 17])
    assert value(sp.Subs(Derivative(Sum(x**k, (k, 0, 3)), x), x, 2)) == 17
    assert value(sp.Limit(sin(x) / x, x, 0)) == 1
    assert value(sp.Limit((1 + a / x) ** x, x, oo), a=2.0) == pytest.approx(np.exp(2))


def test_integrals_for_sympy():
    assert value(Integral(x**2, x), x=3.0) == 9
    assert value(Integral(x**2, (x, y)), y=3.0) == 9
    assert value(Integral(sp.DiracDelta(x - 1) * exp(x), (x, 0, 3))) == pytest.approx(np.e, rel=1e-15)


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (Sum(f(k), (k, 0, 3)), r"f\(k\): the function is undefined"),
        (Integral(Sum(f(k, y), (k, 0, 3)), (y, 0, 1)), "the function is undefined"),
        (Sum(k, (k, oo, 3)), "wrong order"),
        (Integral(x**x, x), "no closed form"),
        (Derivative(f(2 * x), x), r"f\(2\*x\)"),
        (Derivative(f(x), x), "the function f is undefined"),
        (Derivative(Sum(k * x, (k, 0, n)), n), "in a bound"),
        (sp.Subs(Derivative(f(x), x), x, 2), r"f\(x\)"),
        (sp.Limit(f(x), x, oo), "does not find this limit"),
    ],
    ids=str,
)
def test_what_cannot_be_computed_is_said_before(expr, message):
    with pytest.raises(UnsupportedExpressionError, match=message):
        sg.function(x, expr)


def test_all_unsupported_parts_are_listed_with_those_under_sums():
    with pytest.raises(UnsupportedExpressionError) as caught:
        sg.function(x, Sum(f(k), (k, 0, 3)) + sp.Function("g")(x) + Integral(f(y), (y, 0, 1)))
    assert all(part in str(caught.value) for part in ("f(k)", "g(x)", "f(y)"))


def test_symbols_under_a_sum_must_be_arguments():
    with pytest.raises(UnboundSymbolError, match="y"):
        sg.function(x, Sum(x * y * k, (k, 0, n)))


def test_functions_of_the_user_under_a_sum():
    function = sp.Function("tenfold")
    assert sg.lambdify(x, Sum(function(k) * x, (k, 1, 3)), modules=[{"tenfold": lambda v: 10 * v}])(2.0) == 120


def test_small_terms_are_not_lost_under_a_sum():
    """What is rewritten outside is rewritten in bodies as well."""
    assert value(Sum(exp(k * x) - 1, (k, 1, 2)), x=1e-20) == pytest.approx(3e-20, rel=1e-15)
    assert value(Product((exp(k * x) - 1) / x, (k, 1, 2)), x=1e-20) == pytest.approx(2, rel=1e-15)
    assert value(Integral((exp(y * x) - 1) / x, (y, 0, 1)), x=1e-20) == pytest.approx(0.5, rel=1e-14)
