"""From SymPy to nodes: every class of expressions, its value against SymPy's evalf or NumPy, its batches and symbolic dimensions; the options of
`translate` and `function`; and errors, which name everything that cannot be translated.
"""

import numpy as np
import pytest
import scipy.linalg
import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardPower
from sympy.physics.mechanics import dynamicsymbols
from sympy.utilities.lambdify import implemented_function

import symgraph as sg
from symgraph.graph import postorder
from symgraph.nodes import Operation

x, y, z = sp.symbols("x y z", real=True)
c = sp.Symbol("c")
m, n = sp.symbols("m n", integer=True, positive=True)
k = sp.Symbol("k", integer=True)
nan = float("nan")
RNG = np.random.default_rng(3)


def value(expr, feeds=None, **options):
    """The value of an expression, as a Function gives it."""
    feeds = feeds or {}
    return sg.function(list(feeds), expr, **options)(*feeds.values())


# --- scalars: values against SymPy's evalf, row by row and as a batch


AT = [sp.Rational(-7, 4), sp.Rational(-1, 3), sp.Rational(2, 5), sp.Rational(9, 4)]
ELEMENTARY = [
    *(sp.sin(x), sp.cos(x), sp.tan(x), sp.cot(x), sp.sec(x), sp.csc(x), sp.sinc(x)),
    *(sp.asin(x / 3), sp.acos(x / 3), sp.atan(x), sp.acot(x), sp.asec(3 + x**2), sp.acsc(3 + x**2), sp.atan2(x, y)),
    *(sp.sinh(x), sp.cosh(x), sp.tanh(x), sp.coth(x), sp.sech(x), sp.csch(x)),
    *(sp.asinh(x), sp.acosh(2 + x**2), sp.atanh(x / 3), sp.acoth(3 + x**2), sp.asech(1 / (2 + x**2)), sp.acsch(x)),
    *(sp.exp(x), sp.log(x**2), sp.sqrt(x**2 + 1), sp.cbrt(x**2), sp.log(x**2, 2), sp.real_root(x, 3)),
    *(x + y, x - y, x * y, x / y, x**2 * y**-3, -x, 2 * x - 3 * y / 7 + sp.pi, sp.Add(*[x**i for i in range(12)])),
    *(x**5, x**-7, x**23, (x**2) ** sp.Rational(5, 2), 2**x, (x**2 + 1) ** y, sp.E**x, 1 / sp.sqrt(1 + x**2)),
    *(sp.Abs(x), sp.sign(x), sp.floor(x), sp.ceiling(x), sp.frac(x), sp.Mod(x, y), sp.Mod(x, sp.Rational(1, 3))),
    *(sp.Min(x, y, 1), sp.Max(x, y, -1), sp.Heaviside(x), sp.Heaviside(x, 1), sp.Max(x, 0) ** 2),
    *(sp.re(x + sp.I * y), sp.im(x + sp.I * y), sp.Abs(x + sp.I * y), sp.arg(x + sp.I * y), sp.conjugate(x + sp.I * y)),
    *(sp.exp(sp.I * x), sp.sqrt(sp.I * x), sp.sign(x + sp.I), (x + sp.I) ** 3, sp.log(x + sp.I * y)),
    sp.Piecewise((x**2, x < 0), (sp.sin(x), x < 1), (y, True)),
]


@pytest.mark.parametrize("expr", ELEMENTARY, ids=str)
def test_elementary_functions(expr):
    rows = [(a, b) for a in AT for b in AT[::-1]]
    right = [complex(expr.subs({x: a, y: b}).evalf(30)) for a, b in rows]
    feeds = {x: [float(a) for a, _ in rows], y: [float(b) for _, b in rows]}
    batch = value(expr, feeds)
    np.testing.assert_allclose(batch, right, rtol=4e-15, atol=1e-15)
    assert (batch.dtype.kind == "c") == any(expr.subs({x: a, y: b}).has(sp.I) for a, b in rows)
    single = [value(expr, {x: float(a), y: float(b)}) for a, b in rows[:4]]
    np.testing.assert_allclose(single, right[:4], rtol=4e-15, atol=1e-15)
    grid = value(expr, {x: np.reshape([float(a) for a in AT], (4, 1)), y: [float(b) for b in AT[::-1]]})
    np.testing.assert_array_equal(grid.reshape(-1), batch)


@pytest.mark.parametrize(
    "number",
    [
        *(sp.Integer(0), sp.Integer(-3), sp.Rational(1, 3), sp.Rational(10**400, 3 * 10**399), sp.Float("0.1", 50)),
        *(sp.Float("1e-300"), sp.pi, sp.E, sp.EulerGamma, sp.GoldenRatio, sp.Catalan, sp.TribonacciConstant),
        *(
            sp.oo,
            -sp.oo,
            sp.I,
            2 - 3 * sp.I,
            sp.sqrt(2) * sp.pi,
            sp.exp(sp.sqrt(3)) / 7,
            sp.sqrt(-2),
            sp.Integer(10) ** 30,
        ),
        *(sp.cos(1) ** 2, sp.CRootOf(sp.Symbol("x") ** 5 - sp.Symbol("x") - 1, 0), sp.Float(2.5, 15)),
    ],
    ids=str,
)
def test_numbers_are_rounded_once(number):
    got = value(number)
    right = (
        complex(sp.N(number, 40))
        if number.is_real is False and number.is_infinite is not True
        else float(sp.N(number, 40))
    )
    assert got == right
    assert np.shape(got) == ()
    np.testing.assert_array_equal(value(number, {x: [1.0, 2.0]}), [right, right])


def test_numbers_that_are_none():
    assert np.isnan(value(sp.nan)) and np.isnan(value(sp.zoo))
    assert np.isnan(value(x + sp.nan, {x: 1.0}))
    assert value(x + sp.oo, {x: 1.0}) == np.inf


def test_powers_are_exact_where_multiplication_is():
    for power in (-3, -1, 2, 3, 4, 8):
        assert value(x**power, {x: 3.0}) == 3.0**power
    assert value(sp.sqrt(x), {x: 2.0}) == np.sqrt(2.0) and value(1 / sp.sqrt(x), {x: 4.0}) == 0.5
    assert value(sp.cbrt(x), {x: 27.0}) == 3.0
    assert np.isnan(value(sp.cbrt(x), {x: -8.0})) and np.isnan(value(sp.sqrt(x), {x: -1.0}))


# --- constants that are complex by themselves


def test_a_real_root_by_complex_radicals_is_real_among_symbols():
    t = sp.Symbol("t")
    for root in sp.solve(t**3 - 3 * t + 1, t):
        exact = float(sp.re(sp.N(root, 30)))
        for expr, right in (
            (root + x, exact + 1),
            (root * x, exact),
            (sp.sin(root + x) + root, np.sin(exact + 1) + exact),
        ):
            got = value(expr, {x: 1.0})
            assert isinstance(got, np.float64)
            assert got == pytest.approx(right, rel=1e-14)
    got = value(sp.sqrt(1 + sp.I) * sp.sqrt(1 - sp.I) * x, {x: 2.0})
    assert isinstance(got, np.float64) and got == pytest.approx(2 * np.sqrt(2), rel=1e-15)
    assert value(sp.I + x + 2, {x: 1.0}) == 3 + 1j  # what is complex stays so


# --- conditions


@pytest.mark.parametrize(
    "condition",
    [
        *(x < y, x <= y, x > y, x >= y, sp.Eq(x, y), sp.Ne(x, y), ~(x < y), (x < y) & (y < 1), (x < y) | (x > 1)),
        *(sp.Xor(x < y, x > 0, y > 0), sp.ITE(x < 0, y < 0, y > 1), sp.Implies(x < y, x < 0)),
        *(sp.Equivalent(x < 0, y < 0), sp.Nand(x < 0, y < 0), sp.Nor(x < 0, y < 0), sp.true, sp.false),
        *(sp.Contains(x, sp.Interval(0, 1)), sp.Contains(x, sp.Interval.open(-1, y))),
        sp.Contains(x, sp.Union(sp.Interval(-2, -1), sp.Interval.Lopen(0, 2))),
        sp.Contains(x, sp.FiniteSet(0, 2)),
        sp.Contains(x, sp.S.Integers),
    ],
    ids=str,
)
def test_conditions(condition):
    points = [(a, b) for a in (-2, -1, 0, sp.Rational(1, 2), 2) for b in (-1, 0, sp.Rational(1, 2), 2)]
    right = [bool(condition.subs({x: a, y: b})) for a, b in points]
    got = value(condition, {x: [float(a) for a, _ in points], y: [float(b) for _, b in points]})
    assert got.dtype == bool
    assert got.tolist() == right
    assert value(condition, {x: 0.5, y: 2.0}) == bool(condition.subs({x: sp.Rational(1, 2), y: 2}))


def test_piecewise_takes_the_first_condition_and_is_nan_where_none_holds():
    expr = sp.Piecewise((1, x < 0), (2, x < 5), (3, x > 6))
    np.testing.assert_array_equal(value(expr, {x: [-1.0, 0.0, 5.5, 7.0, nan]}), [1, 2, nan, 3, nan])
    np.testing.assert_array_equal(value(sp.Piecewise((1 / x, sp.Ne(x, 0)), (0, True)), {x: [0.0, 4.0]}), [0, 0.25])
    matrix = sp.Piecewise((x, x > 0), (0, True)) * sp.MatrixSymbol("A", 2, 2)
    np.testing.assert_array_equal(
        value(matrix, {x: [-1.0, 2.0], sp.MatrixSymbol("A", 2, 2): np.eye(2)})[1], 2 * np.eye(2)
    )


def test_a_singular_matrix_spoils_its_own_row_only():
    A, b = sp.MatrixSymbol("A", 2, 2), sp.MatrixSymbol("b", 2, 1)
    stack = np.stack([2 * np.eye(2), np.ones((2, 2)), np.diag([1.0, 4.0])])
    for expr, right in (
        (A.inv(), np.linalg.inv(stack[[0, 2]])),
        (A.inv() * b, np.linalg.solve(stack[[0, 2]], np.array([[1.0], [2.0]]))),
        (A**-2, np.linalg.matrix_power(stack[[0, 2]], -2)),
    ):
        feeds = {A: stack, b: [1.0, 2.0]}
        got = value(expr, feeds)
        np.testing.assert_allclose(got[[0, 2]], right, rtol=1e-15)
        assert np.isnan(got[1]).all()
        assert np.isnan(value(expr, {**feeds, A: stack[1]})).all()
    guarded = sp.Piecewise((sp.Trace(A.inv()), sp.Ne(sp.Determinant(A), 0)), (x, True))
    np.testing.assert_array_equal(value(guarded, {A: stack, x: 7.0}), [1.0, 7.0, 1.25])


u = sp.IndexedBase("u", shape=(3,))
U = sp.IndexedBase("U", shape=(n,))
i, j = sp.symbols("i j", integer=True)
UNTAKEN = {
    "bound of a contraction": (sp.Sum(u[k], (k, 0, j)), {u: [1.0, 2.0, 4.0]}, lambda row: sum([1, 2, 4][: row + 1])),
    "bound of a sum": (sp.Sum(u[k] * 2**k, (k, 0, j)), {u: [1.0, 2.0, 4.0]}, lambda row: sum([1, 4, 16][: row + 1])),
    "product": (sp.Product(u[k], (k, 0, j)), {u: [1.0, 2.0, 4.0]}, lambda row: [1, 2, 8][row]),
    "offset": (sp.Sum(u[k + j] ** 3, (k, 0, 2 - j)), {u: [1.0, 2.0, 4.0]}, lambda row: sum([1, 8, 64][row:])),
    "nested": (
        sp.Sum(sp.Sum(u[k + i], (i, 0, j - k)), (k, 0, j)),
        {u: [1.0, 2.0, 4.0]},
        lambda row: [1, 5, 17][row],
    ),
}


@pytest.mark.parametrize("name", UNTAKEN)
def test_sums_behind_a_choice_read_only_what_is_taken(name):
    expr, feeds, right = UNTAKEN[name]
    chosen = sp.Piecewise((expr, j < 3), (-1, True))
    np.testing.assert_array_equal(value(chosen, {**feeds, j: [0, 5, 2, 9]}), [right(0), -1, right(2), -1])
    assert value(chosen, {**feeds, j: 50}) == -1
    with pytest.raises(sg.OutOfRangeError):
        value(
            sp.Piecewise((expr, j < 7), (-1, True)), {**feeds, j: [0, 5]} if name != "offset" else {**feeds, j: [0, -1]}
        )


def test_parts_of_an_axis_behind_a_choice():
    shifted = sp.Piecewise((sp.Sum(U[k + 1] * U[k], (k, 0, n - 1)), x < 0), (7, True))
    np.testing.assert_array_equal(value(shifted, {U: [1.0, 2.0], x: [1.0, 2.0]}), [7, 7])
    with pytest.raises(sg.OutOfRangeError, match="U"):
        value(shifted, {U: [1.0, 2.0], x: [1.0, -2.0]})
    M = sp.MatrixSymbol("M", 3, 3)
    corner = sp.Piecewise((sp.Trace(M[0:j, 0:j]), j <= 3), (7, True))
    assert [value(corner, {M: np.eye(3), j: j_}) for j_ in (2, 3, 5)] == [2, 3, 7]
    ragged = sp.Sum(u[k + j], (k, 0, 2 - j))  # no choice: rows of different lengths
    np.testing.assert_array_equal(value(ragged, {u: [1.0, 2.0, 4.0], j: [0, 2]}), [7, 4])


# --- structures of expressions


def test_explicit_matrices_and_arrays():
    entries = [[x, 1, y], [0, x * y, 2]]
    rows = np.array([[0.5, 2.0], [3.0, -1.0]])
    right = [[[a, 1, b], [0, a * b, 2]] for a, b in rows]
    for kind in (
        sp.Matrix,
        sp.ImmutableMatrix,
        sp.SparseMatrix,
        sp.ImmutableSparseMatrix,
        sp.Array,
        sp.MutableDenseNDimArray,
    ):
        np.testing.assert_array_equal(value(kind(entries), {x: rows[:, 0], y: rows[:, 1]}), right)
        np.testing.assert_array_equal(value(kind(entries), {x: 0.5, y: 2.0}), right[0])
    cube = sp.Array([[[x, 1], [2, y]], [[y, x], [x * y, 0]]])
    np.testing.assert_array_equal(value(cube, {x: 2.0, y: 5.0}), [[[2, 1], [2, 5]], [[5, 2], [10, 0]]])
    assert value(sp.zeros(0, 3), {x: 1.0}).shape == (0, 3)
    np.testing.assert_array_equal(value(sp.Matrix([1, 2]), {x: [1.0, 2.0]}), [[[1], [2]]] * 2)


def test_nested_structures():
    got = value([x, (y, {"sum": x + y, 3: [sp.Matrix([x, 2])]})], {x: 1.0, y: 2.0})
    assert got[0] == 1 and isinstance(got[1], tuple) and got[1][0] == 2 and got[1][1]["sum"] == 3
    np.testing.assert_array_equal(got[1][1][3][0], [[1], [2]])
    node = sg.translate({"a": [x, x]})
    assert node["a"][0] is node["a"][1]


# --- matrix expressions: fixed and symbolic dimensions, single and batched


def matrices(dims):
    """(expression, its value by NumPy from a, b, v, w) where a, b are square, v and w are columns."""
    p, q = dims
    A, B, v, w = (sp.MatrixSymbol(*spec) for spec in (("A", p, p), ("B", p, p), ("v", p, 1), ("w", q, 1)))
    inv, I3 = np.linalg.inv, np.eye(3)
    d = sp.Dummy("d")
    cases = [
        (A + B, lambda a, b, v, w: a + b),
        (A - 2 * B + 3 * A, lambda a, b, v, w: 4 * a - 2 * b),
        (A * B, lambda a, b, v, w: a @ b),
        (s * A * v, lambda a, b, v, w: 1.5 * a @ v),
        (A * B * v, lambda a, b, v, w: a @ (b @ v)),
        (v * w.T, lambda a, b, v, w: v @ w.T),
        (A**3, lambda a, b, v, w: a @ a @ a),
        (A**0, lambda a, b, v, w: I3),
        (A**-1 * B, lambda a, b, v, w: np.linalg.solve(a, b)),
        (B * A.inv(), lambda a, b, v, w: b @ inv(a)),
        (A**-2, lambda a, b, v, w: inv(a) @ inv(a)),
        (A.T, lambda a, b, v, w: a.T),
        (sp.Adjoint(A * sp.I + B), lambda a, b, v, w: (1j * a + b).conj().T),
        (sp.Inverse(A), lambda a, b, v, w: inv(a)),
        (sp.Trace(A * B), lambda a, b, v, w: np.trace(a @ b)),
        (sp.Determinant(A), lambda a, b, v, w: np.linalg.det(a)),
        (sp.HadamardProduct(A, B), lambda a, b, v, w: a * b),
        (HadamardPower(A, 2), lambda a, b, v, w: a**2),
        (HadamardPower(B * B.T, s), lambda a, b, v, w: (b @ b.T).astype(complex).real ** 1.5),
        (sp.KroneckerProduct(A, v), lambda a, b, v, w: np.kron(a, v)),
        (A + sp.Identity(p), lambda a, b, v, w: a + I3),
        (A + sp.ZeroMatrix(p, p) * B, lambda a, b, v, w: a),
        (A * sp.OneMatrix(p, 2), lambda a, b, v, w: a @ np.ones((3, 2))),
        (A[1, 2] + v[0, 0], lambda a, b, v, w: a[1, 2] + v[0, 0]),
        (A[0:2, 1:3], lambda a, b, v, w: a[0:2, 1:3]),
        (A[1, :], lambda a, b, v, w: a[1:2]),
        (
            sp.BlockMatrix([[A, v], [v.T, sp.Matrix([[7]])]]),
            lambda a, b, v, w: np.block([[a, v], [v.T, np.array([[7.0]])]]),
        ),
        (sp.BlockDiagMatrix(A, B), lambda a, b, v, w: scipy.linalg.block_diag(a, b)),
        (sp.DiagMatrix(v) * A, lambda a, b, v, w: np.diag(v[:, 0]) @ a),
        (sp.DiagonalOf(A), lambda a, b, v, w: np.diag(a)[:, None]),
        (sp.DiagonalMatrix(A), lambda a, b, v, w: np.diag(np.diag(a))),
        (sp.DotProduct(v, A * v), lambda a, b, v, w: (v.T @ a @ v).item()),
        (A.applyfunc(sp.Lambda(d, sp.sin(d) + s)), lambda a, b, v, w: np.sin(a) + 1.5),
        (A.applyfunc(sp.exp), lambda a, b, v, w: np.exp(a)),
        (sp.Transpose(A * v) * B, lambda a, b, v, w: (a @ v).T @ b),
        ((v.T * A * v)[0, 0] * B, lambda a, b, v, w: (v.T @ a @ v).item() * b),
        (sp.Abs(s) * A / s, lambda a, b, v, w: a),
    ]
    return (A, B, v, w), cases


s = sp.Symbol("s")
FIXED, SYMBOLIC = matrices((3, 4)), matrices((n, m))
NAMES = [f"{place}-{str(expr)[:30]}" for place, (expr, _) in enumerate(FIXED[1])]
STACKS = (
    RNG.normal(size=(5, 3, 3)) + 2 * np.eye(3),
    RNG.uniform(0.5, 1, (5, 3, 3)),
    RNG.normal(size=(5, 3, 1)),
    RNG.normal(size=(5, 4, 1)),
)


@pytest.mark.parametrize("place", range(len(FIXED[1])), ids=NAMES)
@pytest.mark.parametrize("kind", [FIXED, SYMBOLIC], ids=["fixed", "symbolic"])
def test_matrix_expressions(kind, place):
    symbols, cases = kind
    expr, by_numpy = cases[place]
    f = sg.function([*symbols, s], expr)
    rows = [by_numpy(*row) for row in zip(*STACKS, strict=True)]
    single = f(*[stack[0] for stack in STACKS], 1.5)
    assert np.shape(single) == np.shape(rows[0])
    np.testing.assert_allclose(single, rows[0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(f(*STACKS, 1.5), rows, rtol=1e-12, atol=1e-13)
    # one batch of the first matrix alone, two axes deep; the others are shared
    pairs = STACKS[0][:4].reshape(2, 2, 3, 3)
    mixed = f(pairs, *[stack[0] for stack in STACKS[1:]], 1.5)
    right = [[by_numpy(a, *[stack[0] for stack in STACKS[1:]]) for a in pair] for pair in pairs]
    np.testing.assert_allclose(mixed, right, rtol=1e-12, atol=1e-13)
    if expr.has(symbols[0]):
        feeds = {**{symbol: stack[0] for symbol, stack in zip(symbols, STACKS, strict=True)}, s: 1.5}
        feeds = {symbol: given for symbol, given in feeds.items() if expr.has(symbol)}
        np.testing.assert_allclose(sg.Session().run(expr, feeds), rows[0], rtol=1e-12, atol=1e-13)


def test_dimensions_are_numbers_too():
    X = sp.MatrixSymbol("X", n, 2 * m)
    expr = [n * m, sp.Identity(m).shape[0] * X, sp.sqrt(n)]
    area, scaled, root = value(expr, {X: np.ones((3, 4))})
    assert (area, root) == (6.0, np.sqrt(3.0))
    np.testing.assert_array_equal(scaled, 2 * np.ones((3, 4)))
    with pytest.raises(sg.DimensionError, match=r"2\*m is 3"):
        value(expr, {X: np.ones((3, 3))})


@pytest.mark.parametrize(
    "factor",
    [
        n,
        n**2,
        sp.sqrt(n),
        1 / n,
        -n,
        sp.exp(n),
        sp.sin(n) + n,
        sp.Max(n, 2),
        sp.gamma(n),
        sp.Sum(k**2, (k, 1, n)),
        sp.Mod(n, 2),
        (-1) ** n,
    ],
    ids=str,
)
def test_numbers_made_of_dimensions_take_the_precision_of_what_they_meet(factor):
    X = sp.MatrixSymbol("X", n, n)
    exact = float(factor.subs(n, 3).doit().evalf(30))
    for feed, dtype, wanted in (
        ("f4", None, "f4"),
        ("f8", None, "f8"),
        ("f8", "f4", "f4"),
        ("f8", "c8", "c8"),
        ("c8", None, "c8"),
    ):
        ones = np.ones((3, 3), feed)
        scaled, number = value([factor * X, factor], {X: ones}, dtype=dtype)
        assert scaled.dtype == wanted
        assert number.dtype == (np.empty(0, wanted).real.dtype if dtype is None else wanted)
        np.testing.assert_allclose(scaled, exact * ones, rtol=1e-6)
        assert number == pytest.approx(exact, rel=1e-6)
    assert sg.Session().run(factor * X, {X: np.ones((3, 3), "f4")}).dtype == np.float32
    inner = value(sp.Sum(factor * x**k, (k, 0, 2)) * X, {X: np.ones((3, 3), "f4"), x: np.float32(1)})
    assert inner.dtype == np.float32
    mapped = value(X.applyfunc(sp.Lambda(z, factor * z)), {X: np.ones((3, 3), "f4")})
    assert mapped.dtype == np.float32


# --- what stands for an input


def test_dummies_functions_and_their_derivatives_are_inputs():
    d, e = sp.Dummy("x"), sp.Dummy("x")
    assert value(d - 2 * e + x, {d: 1.0, e: 2.0, x: 10.0}) == 7.0
    t, f = sp.Symbol("t"), sp.Function("f")
    assert value(f(t).diff(t, 2) + f(t) * t, {f(t).diff(t, 2): 1.0, f(t): 2.0, t: 5.0}) == 11.0
    q, r = dynamicsymbols("q r")
    np.testing.assert_array_equal(value(q.diff() * r + sp.sin(q), {q: 0.0, r: [1.0, 2.0], q.diff(): 3.0}), [3.0, 6.0])
    got = sg.Session().run(q.diff() * r, {q.diff(): 3.0, r: 2.0})
    assert got == 6.0
    assert value(f(t) + f(2 * t), {f(t): 1.0, f(2 * t): 5.0}) == 6.0


# --- functions that the user implements


@pytest.fixture
def registered():
    made = []

    def register(function, *args, **options):
        made.append(function)
        sg.register(function, *args, **options)
        return function

    yield register
    for function in made:
        sg.register(function, None)


def test_derivatives_of_registered_functions(registered):
    f = registered(sp.Function("rise"), np.sin, gradient=lambda grad, a: [grad * sg.cos(a)])
    g = registered(
        sp.Function("both"), lambda a, b: a**2 * b, gradient=lambda grad, a, b: [grad * 2 * a * b, grad * a * a]
    )
    at = np.array([0.3, 1.2])
    for expr, right in (
        (sp.diff(f(x), x), np.cos(at)),
        (sp.diff(f(x), x, 2), -np.sin(at)),
        (sp.diff(f(x**2), x), 2 * at * np.cos(at**2)),
        (sp.diff(g(x * y, x + y), x), 2 * at * 4 * (at + 2) + (2 * at) ** 2),
        (sp.diff(g(x, y) * f(y), x, y), 2 * at * (np.sin(2.0) + 2 * np.cos(2.0))),
        (sp.Derivative(f(y), x), 0 * at),
        (sp.Subs(sp.diff(f(z), z), z, x * y), np.cos(2 * at)),
        (sp.Derivative(sp.Sum(f(k * x), (k, 0, 2)), x), np.cos(at) + 2 * np.cos(2 * at)),
        (sp.Derivative(sp.Integral(f(x * z), (z, 0, 1)), x), (at * np.sin(at) + np.cos(at) - 1) / at**2),
    ):
        np.testing.assert_allclose(value(expr, {x: at, y: 2.0}), right, rtol=1e-12, atol=1e-14)
    assert sg.Session().run(sp.diff(f(x), x), {x: 0.0}) == 1.0
    assert value(sp.diff(f(x), x) + x, {sp.diff(f(x), x): 5.0, x: 1.0}) == 6.0  # as an argument it is an input


def test_derivatives_without_a_gradient_say_so(registered):
    f = registered(sp.Function("rise"), np.sin)
    with pytest.raises(
        sg.UnsupportedExpressionError, match=r"Derivative\(rise\(x\), x\).*no gradient.*symgraph.register"
    ):
        sg.function(x, sp.diff(f(x), x))
    attached = implemented_function("attached", np.sin)
    with pytest.raises(sg.UnsupportedExpressionError, match="no gradient"):
        sg.function(x, sp.diff(attached(x), x))
    h = sp.Function("h")
    with pytest.raises(sg.UnsupportedExpressionError, match="h was given for this call alone, without a gradient"):
        sg.lambdify(x, sp.diff(h(x), x), modules=[{"h": np.sin}, "numpy"])
    with pytest.raises(
        sg.UnsupportedExpressionError, match=r"the function h is undefined: make Derivative\(h\(x\), x\) an argument"
    ):
        sg.function(x, sp.diff(h(x), x))


# --- options


def test_bindings():
    node = sg.placeholder(name="node")
    out = sg.translate(x * y + z, {x: node, y: 3, z: [1.0, 2.0]})
    np.testing.assert_array_equal(sg.Session().run(out, {node: 2.0}), [7.0, 8.0])
    A = sp.MatrixSymbol("A", 2, 2)
    variable = sg.Variable(np.eye(2))
    assert sg.Session().run(sg.translate(sp.Trace(A * A), {A: variable})) == 2.0
    f, t = sp.Function("f"), sp.Symbol("t")
    assert sg.Session().run(sg.translate(f(t) * 2, {f(t): node}), {node: 4.0}) == 8.0
    with pytest.raises(sg.ShapeError, match="cannot stand for A"):
        sg.translate(A, {A: np.eye(3)})
    with pytest.raises(sg.ArgumentError, match="from SymPy symbols to nodes"):
        sg.translate(x, {"x": node})


def test_a_symbol_is_one_placeholder_of_the_graph():
    assert sg.translate(x + y) is sg.translate(x + y)
    first = sg.translate(sp.sin(x))
    again = sg.translate(sp.cos(x) + sp.sin(x))
    assert first in postorder([again])
    assert sum(node.symbol == x for node in first.graph.placeholders) == 1
    own = sg.placeholder(z)
    assert own in postorder([sg.translate(z**2)])


def test_strictness_is_of_functions():
    with pytest.raises(sg.UnboundSymbolError, match=r"free symbols \{y, z\} are not in args \(x\)") as caught:
        sg.function(x, x + y * z)
    assert caught.value.symbols == (y, z)
    assert {node.symbol for node in sg.translate(x + y * z).graph.placeholders} == {x, y, z}


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("domain", ["real", "complex"])
def test_dtypes(dtype, domain):
    A = sp.MatrixSymbol("A", 2, 2)
    wanted = np.result_type(dtype, np.complex64) if domain == "complex" else np.dtype(dtype)
    outputs = [
        x + 1,
        sp.sin(x) / 3,
        A * x,
        A + sp.Identity(2),
        sp.Matrix([x, 1]),
        sp.Integer(2),
        sp.sqrt(2),
        sp.Matrix([1, 2]),
        sp.eye(2),
    ]
    f = sg.function([x, A], outputs, dtype=dtype, domain=domain)
    for got in (f(2.0, np.eye(2)), f(2, np.eye(2, dtype=int)), f([2.0, 3.0], np.eye(2))):
        assert [np.asarray(item).dtype for item in got] == [wanted] * len(outputs)
    partner = np.result_type(dtype, np.complex64)
    assert sg.function(x, sp.I, dtype=dtype, domain=domain)(1.0).dtype == partner
    assert sg.function(x, x > 1, dtype=dtype, domain=domain)(2.0).dtype == bool


def test_without_a_dtype_that_of_the_feeds_counts():
    f = sg.function([x, y], [x * y + sp.pi, sp.Integer(2)])
    assert [item.dtype for item in f(np.float32(1), 2.0)] == [np.float32] * 2
    assert [item.dtype for item in f(np.float32(1), np.float64(2))] == [np.float64] * 2
    assert [item.dtype for item in f(1, 2)] == [np.float64] * 2
    assert f(np.int8(100), np.int8(2))[0] == 200 + np.pi


def test_the_complex_domain_gives_principal_values():
    exprs = [sp.sqrt(c), sp.log(c), c ** sp.Rational(1, 3), sp.asin(c), sp.acosh(c), sp.atanh(c), sp.Abs(c) * sp.arg(c)]
    for at in (-2.5, 2.5, -0.5):
        right = [complex(expr.subs(c, sp.Rational(at)).evalf(30)) for expr in exprs]
        np.testing.assert_allclose(value(exprs, {c: at}, domain="complex"), right, rtol=1e-14)
    assert np.isnan(value(sp.sqrt(c), {c: -2.5}))
    with pytest.raises(ValueError, match="domain must be 'real' or 'complex'"):
        value(c, {c: 1.0}, domain="integer")


# --- errors


def test_errors_list_all_unsupported_parts_before_anything_is_built():
    class unknown(sp.Function):
        pass

    f = sp.Function("f")
    A = sp.MatrixSymbol("A", 2, 2)
    expr = unknown(x) + f(y) * sp.Limit(unknown(z), z, 0) + sp.Trace(A) + sp.Sum(x**k, (k, 0, sp.Symbol("N")))
    graph = sg.Graph()
    with graph.as_default(), pytest.raises(sg.UnsupportedExpressionError) as caught:
        sg.translate([expr, sp.Contains(x, sp.S.Rationals)])
    text = str(caught.value)
    assert "unknown(x)" in text and "unknown(0)" in text and "membership" in text
    assert len(caught.value.parts) >= 3 and unknown(x) in caught.value.parts
    assert len(graph) == 0
    with pytest.raises(sg.UnsupportedExpressionError) as caught:
        sg.function([x, y, z], [f(x), unknown(y) * sp.sin(z)])
    assert "f(x)" in str(caught.value) and "unknown(y)" in str(caught.value)


@pytest.mark.parametrize(
    ("expr", "match"),
    [
        (sp.Function("f")(x) + sp.Interval(0, 1).measure * sp.Function("g")(y), "f is undefined"),
        (sp.Integral(sp.Function("g")(x), x), "g"),
        (sp.Sum(x, (k, 0, sp.oo), (j, sp.oo, 3)), "wrong order"),
        (sp.Contains(x, sp.S.Rationals), "membership"),
        (sp.Interval(0, 1), "Interval"),
    ],
    ids=str,
)
def test_what_has_no_value(expr, match):
    with pytest.raises(sg.UnsupportedExpressionError, match=match):
        sg.function([x, y], expr)


def test_every_operation_tells_the_expression_that_it_came_from():
    node = sg.translate(sp.sin(x) * y + 1)
    origins = {str(step.origin) for step in postorder([node]) if isinstance(step, Operation)}
    assert origins == {"sin(x)", "y*sin(x)", "y*sin(x) + 1"}
