"""Functions of matrices, factorizations, and matrices given by rules, against mpmath, NumPy, closed forms and differences."""

import itertools

import mpmath
import numpy as np
import pytest
import sympy
from sympy import (
    Determinant,
    Identity,
    ImmutableMatrix,
    Lambda,
    MatrixSymbol,
    Permanent,
    Rational,
    Symbol,
    Trace,
    cos,
    exp,
    log,
    sin,
    symbols,
    tanh,
)
from sympy.codegen.matrix_nodes import MatrixSolve
from sympy.matrices.expressions import factorizations as named
from sympy.matrices.expressions import special
from sympy.matrices.expressions.fourier import DFT

import symgraph as sg
from symgraph.errors import ShapeError, UnsupportedExpressionError
from symgraph.ops import factorization
from symgraph.testing import check_gradients

n = Symbol("n", integer=True, positive=True)
i, j = symbols("i j", integer=True)
x, t = symbols("x t")
A, B, v = MatrixSymbol("A", 3, 3), MatrixSymbol("B", 3, 3), MatrixSymbol("v", 3, 1)
An = MatrixSymbol("An", n, n)
rng = np.random.default_rng(11)
general = 0.5 * rng.normal(size=(3, 3)) + 2 * np.eye(3)
turning = np.array([[0.3, -1.2, 0.1], [1.1, 0.2, 0.4], [0.0, -0.3, 0.9]])  # with complex eigenvalues
symmetric = general @ general.T + np.eye(3)
defective = np.array([[0.8, 1.0, 0.0], [0.0, 0.8, 1.0], [0.0, 0.0, 0.8]])
complex_one = general + 1j * rng.normal(size=(3, 3)) / 2
MATRICES = {
    "general": general,
    "turning": turning,
    "symmetric": symmetric,
    "defective": defective,
    "complex": complex_one,
    "tiny": 1e-9 * turning,
}


def by_series(name, matrix):
    """A function of a matrix by mpmath with 60 digits, from its Taylor series or from exp and log."""
    with mpmath.workdps(60):
        a = mpmath.matrix(matrix.tolist())
        one = mpmath.eye(a.rows)

        def e(z):
            return mpmath.expm(z * a, method="taylor")

        functions = {
            "exp": lambda: e(1),
            "sin": lambda: (e(1j) - e(-1j)) / 2j,
            "cos": lambda: (e(1j) + e(-1j)) / 2,
            "tan": lambda: ((e(1j) + e(-1j)) * 1j) ** -1 * (e(1j) - e(-1j)),
            "sinh": lambda: (e(1) - e(-1)) / 2,
            "cosh": lambda: (e(1) + e(-1)) / 2,
            "tanh": lambda: (e(1) + e(-1)) ** -1 * (e(1) - e(-1)),
            "coth": lambda: (e(1) - e(-1)) ** -1 * (e(1) + e(-1)),
            "sec": lambda: 2 * (e(1j) + e(-1j)) ** -1,
            "log": lambda: mpmath.logm(a),
            "sqrt": lambda: mpmath.sqrtm(a),
            "cbrt": lambda: mpmath.expm(mpmath.logm(a) / 3),
            "inverse of sqrt": lambda: mpmath.sqrtm(a) ** -1,
            "atan": lambda: (mpmath.logm(one + 1j * a) - mpmath.logm(one - 1j * a)) / 2j,
        }
        result = functions[name]()
        return np.array([[complex(result[p, q]) for q in range(a.cols)] for p in range(a.rows)])


FUNCTIONS = {
    "exp": exp(A),
    "sin": sin(A),
    "cos": cos(A),
    "tan": sympy.tan(A),
    "sinh": sympy.sinh(A),
    "cosh": sympy.cosh(A),
    "tanh": tanh(A),
    "coth": sympy.coth(A),
    "sec": sympy.sec(A),
    "log": log(A),
    "sqrt": A ** Rational(1, 2),
    "cbrt": A ** Rational(1, 3),
    "inverse of sqrt": A ** Rational(-1, 2),
    "atan": sympy.atan(A),
}
_NO_VALUE = {("atan", "defective")}  # by eigenvalues, which are those of a matrix without a basis of eigenvectors


@pytest.mark.parametrize("kind", MATRICES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_matrices(name, kind):
    matrix = MATRICES[kind]
    f = sg.function(A, FUNCTIONS[name])
    if (name, kind) in _NO_VALUE:
        with pytest.raises(np.linalg.LinAlgError, match="not diagonalizable"):
            f(matrix)
        return
    want = by_series(name, matrix)
    got = f(matrix)
    assert got.dtype == matrix.dtype
    condition = (
        1e9 if kind == "tiny" and name in ("log", "cbrt") else 1
    )  # the logarithm of a tiny matrix is large, not inaccurate
    np.testing.assert_allclose(got, want, rtol=0, atol=2e-14 * np.abs(want).max() * condition)
    rows = f(np.stack([matrix, general, matrix]))
    np.testing.assert_allclose(rows[2], got, rtol=1e-12, atol=1e-13 * np.abs(want).max())
    np.testing.assert_allclose(rows[1], by_series(name, general), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", ["general", "turning", "symmetric", "defective", "complex"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_functions_of_matrices(name, kind):
    if (name, kind) in _NO_VALUE:
        pytest.skip("no value")
    with sg.Graph().as_default() as graph:
        node = sg.translate(FUNCTIONS[name])
        [place] = graph.placeholders
    order = 1 if name == "atan" else 2
    check_gradients(node, {place: MATRICES[kind]}, order=order, rtol=1e-5)


def test_gradients_of_stacks():
    with sg.Graph().as_default() as graph:
        node = sg.translate(exp(A) * 2)
        node = node + sg.translate(log(A)) + sg.translate(A ** Rational(1, 2)) + sg.translate(sympy.atan(A))
        [place] = graph.placeholders
    check_gradients(node, {place: np.stack([general, symmetric])})


def test_powers():
    f = sg.function([A, x], A**x)
    np.testing.assert_allclose(f(general, 0.5) @ f(general, 0.5), general, rtol=1e-13)
    np.testing.assert_allclose(f(general, [-1, 0, 3])[0], np.linalg.inv(general), rtol=1e-13)
    np.testing.assert_allclose(f(general, [-1, 0, 3])[2], general @ general @ general, rtol=1e-13)
    np.testing.assert_allclose(f(-general, 2), general @ general, rtol=1e-13)  # whole exponents need no logarithm
    with sg.Graph().as_default() as graph:
        node = sg.translate(A**x)
        feeds = {p: {A: symmetric, x: np.array([0.3, -1.5])}[p.symbol] for p in graph.placeholders}
    check_gradients(node, feeds)
    for p, q in [(3, 2), (-7, 2), (5, 2), (4, 1), (-3, 1), (0, 1), (9, 2)]:
        got = sg.function(A, A ** Rational(p, q))(symmetric)
        values, vectors = np.linalg.eigh(symmetric)
        np.testing.assert_allclose(got, (vectors * values ** (p / q)) @ vectors.T, rtol=1e-10, atol=1e-12)
    with pytest.raises(UnsupportedExpressionError):
        sg.function([A, B], sympy.MatPow(A, Trace(B) * Identity(3)[0, 0] + Symbol("c", commutative=False)))


def test_sums_and_products_of_functions_of_a_matrix():
    """A number in a sum stands for that number times the identity; products are products of matrices, in their order."""
    expm_general, expm_b = by_series("exp", general).real, by_series("exp", turning).real
    np.testing.assert_allclose(sg.function(A, 1 - exp(A) / 2)(general), np.eye(3) - expm_general / 2, rtol=1e-13)
    np.testing.assert_allclose(sg.function(A, sin(A) ** 2 + cos(A) ** 2)(turning), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(
        sg.function([A, B], exp(A) * exp(B))(general, turning), expm_general @ expm_b, rtol=1e-13
    )
    np.testing.assert_allclose(sg.function([A, x], exp(x * A))(general, [0.5, 1])[1], expm_general, rtol=1e-13)
    np.testing.assert_allclose(sg.function(A, exp(log(A)))(general), general, rtol=1e-13)
    explicit = exp(ImmutableMatrix([[x, 1], [2, 1]]), evaluate=False)
    want = by_series("exp", np.array([[3.0, 1.0], [2.0, 1.0]]))
    np.testing.assert_allclose(sg.function(x, explicit)([0.0, 3.0])[1], want, rtol=1e-13)


def test_real_matrices_without_a_real_value_are_nan():
    negative = np.diag([-1.0, 1.0, 2.0])
    rotation = np.array([[-1.0, 1e-3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    for expr in (log(A), A ** Rational(1, 2), A ** Rational(1, 3), A**x, sympy.acosh(A)):
        f = sg.function([A, x], expr)
        assert np.isnan(f(np.stack([negative, rotation]), 0.3)).all(), expr
        assert np.isfinite(f(negative.astype(complex), 0.3)).all(), expr
    assert np.isnan(sg.function(A, log(A))(np.zeros((3, 3)))).all()
    np.testing.assert_array_equal(sg.function(A, A ** Rational(1, 2))(np.diag([0.0, 1, 4])), np.diag([0.0, 1, 2]))


def test_entries_that_are_not_finite_spoil_their_own_matrix_only():
    bad = general.copy()
    bad[1, 2] = np.inf
    for expr in (exp(A), log(A), A ** Rational(1, 2), A**0.3, sympy.asinh(A), sin(A), tanh(A)):
        got = sg.function(A, expr)(np.stack([general, bad]))
        assert np.isfinite(got[0]).all() and not np.isfinite(got[1]).all(), expr


def test_large_and_single():
    far = sg.function(A, tanh(A))(np.diag([1000.0, -1000.0, 0.5]))
    np.testing.assert_allclose(far, np.diag([1, -1, np.tanh(0.5)]), rtol=1e-12)
    assert np.isinf(sg.function(A, exp(A))(1e4 * np.eye(3))).any()
    for expr in FUNCTIONS.values():
        got = sg.function(A, expr)(general.astype(np.float32))
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, sg.function(A, expr)(general), rtol=2e-4, atol=2e-5)


def test_functions_by_eigenvalues():
    values, vectors = np.linalg.eig(general)
    for expr, function in [
        (sympy.asinh(A), np.arcsinh),
        (sympy.erf(A), np.vectorize(lambda w: complex(mpmath.erf(w)))),
        (sympy.besselj(x, A), np.vectorize(lambda w: complex(mpmath.besselj(0.3, w)))),
    ]:
        want = (vectors * function(values)) @ np.linalg.inv(vectors)
        got = sg.function([A, x], expr)(general, [0.3, 0.3])
        np.testing.assert_allclose(got[1], want, rtol=0, atol=1e-13)
    with sg.Graph().as_default() as graph:
        node = sg.translate(sympy.erf(A))
        [place] = graph.placeholders
    check_gradients(node, {place: general})
    check_gradients(node, {place: np.diag([0.5, 0.5, 1.0])})  # equal eigenvalues
    with sg.Graph().as_default() as graph:
        node = sg.gradients(sg.translate(sympy.asinh(A)), graph.placeholders)[0]
        with pytest.raises(NotImplementedError, match="second derivative"):
            sg.gradients(node, graph.placeholders)


@pytest.mark.parametrize(
    ("expr", "why"),
    [
        (sympy.sign(A), "sign is no analytic function"),
        (sympy.atan2(A, B), "several matrices"),
        (sympy.arg(A), "arg is no analytic function"),
    ],
    ids=str,
)
def test_what_is_no_function_of_a_matrix(expr, why):
    with pytest.raises(UnsupportedExpressionError, match=why):
        sg.function([A, B], expr)
    with pytest.raises(UnsupportedExpressionError, match="applyfunc"):
        sg.function(x, sin(sympy.Array([x, 1]), evaluate=False))


def test_only_square_matrices():
    wide = MatrixSymbol("W", 2, 3)
    with pytest.raises((ShapeError, UnsupportedExpressionError), match="square"):
        sg.function(wide, exp(wide))
    with pytest.raises((ShapeError, UnsupportedExpressionError), match="square"):
        sg.function(wide, named.QofQR(wide))


# --- determinants, permanents, systems


def test_log_of_a_determinant():
    f = sg.function(An, log(Determinant(An)))
    np.testing.assert_allclose(
        f(np.stack([general, symmetric])), np.log(np.linalg.det([general, symmetric])), rtol=1e-14
    )
    assert f(1e200 * np.eye(5)) == pytest.approx(1000 * np.log(10))
    assert f(1e-200 * np.eye(5)) == pytest.approx(-1000 * np.log(10))
    assert np.isnan(f(np.diag([-1.0, 1, 1]))) and f(np.zeros((3, 3))) == -np.inf
    assert f(np.diag([-1.0 + 0j, 1])) == pytest.approx(np.pi * 1j)
    assert sg.function(An, log(abs(Determinant(An))))(np.diag([-1e200, 1e200])) == pytest.approx(400 * np.log(10))
    assert sg.function(An, -log(1 / Determinant(An)))(general) == pytest.approx(np.log(np.linalg.det(general)))
    with sg.Graph().as_default() as graph:
        node = sg.translate(log(Determinant(An)) + 2 * log(abs(Determinant(-An))))
        [place] = graph.placeholders
    check_gradients(node, {place: np.stack([general, symmetric])}, order=2)
    check_gradients(node, {place: complex_one})
    [grad] = sg.gradients(node, [place])
    np.testing.assert_allclose(sg.Session(graph).run(grad, {place: 1e200 * np.eye(5)}), 3e-200 * np.eye(5))


def permanent(matrix):
    rows = range(len(matrix))
    return sum(
        np.prod([matrix[r, c] for r, c in zip(rows, order, strict=True)]) for order in itertools.permutations(rows)
    )


def test_permanent():
    f = sg.function(An, Permanent(An))
    for size in range(1, 7):
        matrices = rng.normal(size=(2, size, size))
        np.testing.assert_allclose(f(matrices), [permanent(matrix) for matrix in matrices], rtol=1e-12, atol=1e-13)
    assert f(np.ones((9, 9))) == 362880
    with sg.Graph().as_default() as graph:
        node = sg.translate(Permanent(An))
        [place] = graph.placeholders
    check_gradients(node, {place: rng.normal(size=(2, 3, 3))}, order=2)
    with pytest.raises(ValueError, match="25 x 25"):
        f(np.ones((25, 25)))


def test_linear_systems():
    right = rng.normal(size=(3, 1))
    f = sg.function([A, v], [MatrixSolve(A, vector=v), MatrixSolve(A.inv(), vector=v)])
    solution, product = f(general, right)
    np.testing.assert_allclose(solution, np.linalg.solve(general, right))
    np.testing.assert_allclose(product, general @ right)
    assert f(np.stack([general, symmetric]), right)[0].shape == (2, 3, 1)


# --- factorizations


@pytest.mark.parametrize("kind", ["general", "turning", "symmetric", "complex"])
def test_factorizations(kind):
    matrix = MATRICES[kind]
    (low, up), (q, r), (e, w), (u, s, z) = named.lu(A), named.qr(A), named.eig(A), named.svd(A)
    f = sg.function(A, [low, up, q, r, e, w, u, s, z])
    for value in (matrix, np.stack([matrix, matrix.T + 1])):
        low_, up_, q_, r_, e_, w_, u_, s_, z_ = f(value)
        eye = np.broadcast_to(np.eye(3), value.shape)

        def adjoint(one):
            return np.conj(np.swapaxes(one, -1, -2))

        close = {"rtol": 0, "atol": 1e-13}
        np.testing.assert_allclose(low_ @ up_, value, **close)
        np.testing.assert_array_equal(np.triu(low_), eye)
        np.testing.assert_array_equal(np.tril(up_, -1), 0)
        np.testing.assert_allclose(q_ @ r_, value, **close)
        np.testing.assert_allclose(adjoint(q_) @ q_, eye, **close)
        np.testing.assert_allclose(np.tril(r_, -1), 0, **close)
        assert (np.diagonal(r_, axis1=-2, axis2=-1).real > 0).all()
        np.testing.assert_allclose(value @ w_, w_ @ e_, **close)
        np.testing.assert_allclose(u_ @ s_ @ adjoint(z_), value, **close)
        np.testing.assert_allclose(adjoint(u_) @ u_, eye, **close)
        assert (np.diff(np.diagonal(s_, axis1=-2, axis2=-1), axis=-1) <= 0).all()


def test_cholesky():
    f = sg.function(A, [named.LofCholesky(A), named.UofCholesky(A)])
    hermitian = complex_one @ complex_one.conj().T + np.eye(3)
    for matrix in (symmetric, np.stack([symmetric, np.eye(3)]), hermitian):
        low, up = f(matrix)
        np.testing.assert_allclose(low @ up, matrix, rtol=1e-13, atol=1e-13)
        np.testing.assert_array_equal(np.triu(low, 1), 0)
    with pytest.raises(np.linalg.LinAlgError, match="not symmetric"):
        f(general)
    with pytest.raises(np.linalg.LinAlgError):
        f(-symmetric)
    # along symmetric directions, since others leave what the factor is defined for
    check_gradients(lambda p: factorization.cholesky(p @ p.T + 3 * np.eye(3)), [general], order=2)
    check_gradients(lambda p: factorization.cholesky(p @ sg.adjoint(p) + 3 * np.eye(3)), [complex_one])


@pytest.mark.parametrize("kind", ["general", "symmetric", "turning", "complex"])
@pytest.mark.parametrize(
    "name", ["LofLU", "UofLU", "QofQR", "RofQR", "EigenValues", "EigenVectors", "UofSVD", "SofSVD", "VofSVD"]
)
def test_gradients_of_factors(name, kind):
    with sg.Graph().as_default() as graph:
        node = sg.translate(getattr(named, name)(A))
        [place] = graph.placeholders
    if kind == "complex" and name in ("UofSVD", "VofSVD"):
        [grad] = sg.gradients(node, [place])
        with pytest.raises(NotImplementedError, match="complex matrix"):
            sg.Session(graph).run(grad, {place: complex_one})
        return
    by_vectors = kind == "complex" and name == "SofSVD"  # of which a complex matrix has no gradient
    order = 1 if name.startswith("Eigen") or by_vectors else 2
    check_gradients(node, {place: MATRICES[kind]}, order=order, rtol=1e-5)


def test_rows_are_not_exchanged():
    f = sg.function(A, named.LofLU(A))
    with pytest.raises(np.linalg.LinAlgError, match="exchange its rows"):
        f(np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]))
    np.testing.assert_array_equal(f(np.diag([0.0, 1, 2])), np.eye(3))


# --- matrices given by a rule, and lengths

row, column = np.arange(3.0)[:, None], np.arange(3.0)[None, :]


@pytest.mark.parametrize("expr", [special.GenericIdentity(), special.GenericZeroMatrix()], ids=str)
def test_matrices_without_a_shape_are_refused(expr):
    with pytest.raises(UnsupportedExpressionError, match="has no shape"):
        sg.function([], expr)


def test_function_matrix_of_an_array():
    values = sympy.IndexedBase("values")
    f = sg.function([values], sympy.FunctionMatrix(3, 3, Lambda((i, j), values[i] * values[j] + i)))
    numbers = rng.normal(size=(2, 3))
    np.testing.assert_allclose(f(numbers), numbers[:, :, None] * numbers[:, None, :] + row, rtol=1e-14)
    constant = sg.function([], sympy.FunctionMatrix(2, 2, Lambda((i, j), 7)))
    np.testing.assert_array_equal(constant(), np.full((2, 2), 7))


def test_n_is_inferred():
    fourier = np.exp(-2j * np.pi * row * column / 3) / np.sqrt(3)
    np.testing.assert_array_equal(sg.function(An, n * An)(turning), 3 * turning)
    np.testing.assert_array_equal(sg.Session().run(n * An + Identity(n), {An: turning}), 3 * turning + np.eye(3))
    np.testing.assert_allclose(sg.function(An, DFT(n) * An)(turning), fourier @ turning, rtol=1e-13)
