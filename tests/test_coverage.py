"""Every class of sympy.functions and sympy.matrices.expressions: a right value, or the reason why it has none; and the support table of these.

The classes are found by introspection. What is right is said by SymPy's evalf at two precisions, by mpmath or the definition where evalf knows no
value or a wrong one, and by explicit matrices.
"""

import importlib.util
import itertools
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy import Determinant, I, Identity, Lambda, MatrixSymbol, Permanent, Poly, Rational, Symbol, Trace, pi, sin
from sympy.codegen.numpy_nodes import amax, amin
from sympy.combinatorics import Permutation
from sympy.matrices.expressions import factorizations as named
from sympy.matrices.expressions import hadamard
from sympy.matrices.expressions.companion import CompanionMatrix
from sympy.matrices.expressions.fourier import DFT, IDFT
from sympy.matrices.expressions.permutation import MatrixPermute, PermutationMatrix

import symgraph as sg
from symgraph.testing import check_gradients

ROOT = Path(__file__).parents[1]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = load(ROOT / "scripts" / "support_table.py")

CLOSE = {"rtol": 2e-13, "atol": 1e-15}
SYMBOLS = sympy.symbols("a b c d e f")
FUNCTIONS = {
    kind.__name__: kind for kind in table.classes("sympy.functions") if table.path(kind) not in table.WITHOUT_VALUE
}

# --- functions


def at(*numbers):
    """A point of numbers that floats stand for exactly, in sixteenths."""
    return tuple(Rational(number, 16) for number in numbers)


REAL = {  # by the number of arguments
    1: [at(5), at(27), at(-11), at(-39), at(180), (3,), (7,)],
    2: [at(5, 11), at(11, 5), at(27, 6), at(40, 22), at(-20, 3), (2, Rational(5, 8)), (2, 5), (7, 3)],
    3: [at(12, 5, 11), (3, 2, Rational(5, 8)), at(4, 8, 6), (2, 1, 3)],
    4: [at(12, 20, 2, 10), (3, 2, *at(10, 14)), (2, 1, *at(26, 6))],
    6: [at(12, 20, 8, 40, 2, 6), at(6, 10, 14, 50, 4, 3), at(8, 4, 12, 30, -4, 3)],
}
COMPLEX = [(Rational(3, 8) + I / 4,), (Rational(-9, 8) + I,), (Rational(-1, 4) - 2 * I,)]

# Where a function has values on part of the numbers only, or SymPy needs other things than numbers: the points.
POINTS = {
    "DiracDelta": [*REAL[1], (0,)],
    "Heaviside": [*REAL[1], (0, Rational(1, 4)), (-1, Rational(1, 4))],
    "LambertW": [*REAL[1], (Rational(5, 16), 1), (Rational(-5, 16), -1), (Rational(-5, 16), 0)],
    "LeviCivita": [(1, 2), (2, 1), (2, 2), (0, 1, 2), (2, 1, 3), (3, 1, 2), (1, 2, 4, 3)],
    "Max": [*REAL[1], *REAL[2], *REAL[3]],
    "Min": [*REAL[1], *REAL[2], *REAL[3]],
    "Znm": [(3, 2, *at(10, 14)), (3, -2, *at(10, 14)), (2, 0, *at(26, 6))],
    "bell": [*[(n,) for n in range(8)], (3, Rational(5, 16)), (5, Rational(-11, 16))],
    "chebyshevt_root": [(7, 2), (5, 0), (8, 7)],
    "chebyshevu_root": [(7, 2), (5, 0), (8, 7)],
    "elliptic_pi": [at(11, 5), at(-20, 3), at(3, -18), at(12, 5, 11), at(4, 8, 6), at(-40, 30, -6)],
    "erf2": REAL[2],
    "erf2inv": [at(5, 3), at(-11, 7), at(20, 1)],
    "erfcinv": [at(5), at(27), at(1), at(16)],
    "erfinv": [at(5), at(-11), at(1), at(0)],
    "exp_polar": REAL[1],
    "jacobi_symbol": [(2, 5), (7, 3), (2, 15), (5, 21)],
    "kronecker_symbol": [(2, 5), (7, 3), (2, -15), (-5, 8)],
    "legendre_symbol": [(2, 5), (7, 3), (6, 11)],
    "log": REAL[1],
    "motzkin": [(n,) for n in range(1, 12)],
    "multigamma": [(Rational(7, 2), 2), (Rational(27, 4), 3), (Rational(5, 16), 1)],
    "zeta": [*REAL[1], *REAL[2][:5], (2, Rational(5, 8)), (2, 5)],
}
POINTS |= dict.fromkeys(["_besseli", "_besselk", "_eis", "_erfs"], REAL[1][:2] + REAL[1][5:])
POINTS |= {name: [(n, *p) for n in (0, 1, 2) for p in REAL[1][:2]] for name in ("_besseli", "_besselk")}
POINTS |= dict.fromkeys(("polar_lift", "riemann_xi"), REAL[1])
# of integers alone: at other numbers SymPy gives none a value
POINTS |= {
    name: [(n,) for n in (1, 2, 3, 7, 12, 30)]
    for name in (
        "factorial2",
        "lucas",
        "mobius",
        "partition",
        "primenu",
        "primeomega",
        "reduced_totient",
        "subfactorial",
        "totient",
    )
}
REPRESENTED = {  # what SymPy's source says that these helpers stand for
    "HyperRep_power1": lambda a, x: mp.hyper([-a], [], x),
    "HyperRep_power2": lambda a, x: mp.hyper([a, a - mp.mpf(1) / 2], [2 * a], x),
    "HyperRep_log1": lambda x: -x * mp.hyper([1, 1], [2], x),
    "HyperRep_atanh": lambda x: mp.hyper([0.5, 1], [1.5], x),
    "HyperRep_asin1": lambda x: mp.hyper([0.5, 0.5], [1.5], x),
    "HyperRep_asin2": lambda x: mp.hyper([1, 1], [1.5], x),
    "HyperRep_sqrts1": lambda a, x: mp.hyper([-a, 0.5 - a], [0.5], x),
    "HyperRep_sqrts2": lambda a, x: (
        -2 * x / (2 * a + 1) * (-a - 0.5) * (-a) / 0.5 * mp.hyper([0.5 - a, 1 - a], [1.5], x)
    ),
    "HyperRep_log2": lambda x: -x / 4 * mp.hyper([1.5, 1, 1], [2, 2], x),
    "HyperRep_cosasin": lambda a, x: mp.hyper([a, -a], [0.5], x),
    "HyperRep_sinasin": lambda a, x: 2 * a * x * mp.hyper([1 - a, 1 + a], [1.5], x),
}
POINTS |= {
    name: [at(12, 5), at(27, 11), at(6, -7)] if value.__code__.co_argcount == 2 else [at(5), at(11), at(-7)]
    for name, value in REPRESENTED.items()
}
BUILD = {  # from symbols
    "ExprCondPair": lambda x, y: sympy.Piecewise((x, x > y), (y**2, True)),
    "Piecewise": lambda x, y: sympy.Piecewise((x, x > y), (y**2, True)),
    "TupleArg": lambda x: sympy.hyper((1, Rational(1, 2)), (Rational(9, 4),), x),
    "hyper": lambda x: sympy.hyper((1, Rational(1, 2)), (Rational(9, 4),), x),
    "meijerg": lambda x: sympy.meijerg([[], [Rational(3, 2)]], [[0], []], x),
    "principal_branch": lambda x: sympy.principal_branch(x, 2 * pi),
}
POINTS |= {"ExprCondPair": REAL[2], "Piecewise": REAL[2], "principal_branch": REAL[1]}
POINTS |= {name: [at(5), at(-11), at(-39)] for name in ("TupleArg", "hyper")}
POINTS |= {"meijerg": [at(5), at(11), at(3)]}


def mathieu(odd, derived):
    def value(a, q, z):
        start = [mp.zero, mp.sqrt(a)] if odd else [mp.one, mp.zero]
        with mp.workdps(20):
            along = mp.odefun(lambda t, y: [y[1], (2 * q * mp.cos(2 * t) - a) * y[0]], 0, start)
            return along(z)[derived]

    return value


def marcum(m, a, b):
    def density(x):
        return x * (x / a) ** (m - 1) * mp.exp(-(x**2 + a**2) / 2) * mp.besseli(m - 1, a * x)

    return mp.quad(density, [b, b + 5, mp.inf])


def motzkin_number(n):
    return sum(mp.binomial(n, 2 * k) * mp.binomial(2 * k, k) / (k + 1) for k in range(n // 2 + 1))


# Where evalf has no value, or a wrong one (for polynomials of other degrees than integers, where it takes some integer).
REFERENCE = {
    "Znm": lambda n, m, t, p: (
        (mp.sqrt(2) if m else 1)
        * (mp.re if m >= 0 else mp.im)(
            mp.spherharm(n, m, t, p) if m >= 0 else (-1) ** m * mp.conj(mp.spherharm(n, -m, t, p))
        )
    ),
    "_besseli": lambda n, x: mp.exp(-x) * mp.besseli(n, x),
    "_besselk": lambda n, x: mp.exp(x) * mp.besselk(n, x),
    "_eis": lambda x: mp.exp(-x) * mp.ei(x),
    "_erfs": lambda x: mp.exp(x**2) * mp.erfc(x),
    "assoc_laguerre": mp.laguerre,
    "chebyshevt_root": lambda n, k: mp.cos(mp.pi * (2 * k + 1) / (2 * n)),
    "chebyshevu_root": lambda n, k: mp.cos(mp.pi * (k + 1) / (n + 1)),
    "erf2": lambda x, y: mp.erf(y) - mp.erf(x),
    "erf2inv": lambda x, y: mp.erfinv(mp.erf(x) + y),
    "erfcinv": lambda x: mp.erfinv(1 - x),
    "gegenbauer": mp.gegenbauer,
    "jacobi": mp.jacobi,
    "marcumq": marcum,
    "mathieuc": mathieu(False, False),
    "mathieucprime": mathieu(False, True),
    "mathieus": mathieu(True, False),
    "mathieusprime": mathieu(True, True),
    "motzkin": lambda n: motzkin_number(int(n) - 1),  # SymPy counts from 1
    "riemann_xi": lambda s: s * (s - 1) / 2 * mp.pi ** (-s / 2) * mp.gamma(s / 2) * mp.zeta(s),
    **REPRESENTED,
}


def sample(name, count):
    """A function of symbols, unevaluated; None where SymPy makes none of so many."""
    symbols = SYMBOLS[:count]
    if name in BUILD:
        return BUILD[name](*symbols)
    for options in ({}, {"evaluate": False}):
        try:
            made = FUNCTIONS[name](*symbols, **options)
        except (TypeError, ValueError, AttributeError):
            continue
        if type(made) is FUNCTIONS[name]:
            return made
    return None


def points(name):
    """Pairs of a sample and a list of points with as many arguments, real or complex ones."""
    groups = {}
    for point in POINTS.get(name, [point for real in REAL.values() for point in real]):
        groups.setdefault(len(point), []).append(point)
    for count, group in groups.items():
        if (made := sample(name, count)) is not None:
            yield made, group
            if count == 1 and name not in POINTS:
                yield made, COMPLEX


def right(name, made, point):
    """The value in 30 digits as a complex number; None where there is no finite one, or two precisions give two."""
    if name in REFERENCE:
        with mp.workdps(40):
            return complex(
                REFERENCE[name](*[mp.mpmathify(mpmath.mpf(int(n.p)) / int(n.q)) for n in map(sympy.S, point)])
            )
    try:
        if name in BUILD:
            expr = made.subs(dict(zip(SYMBOLS, point, strict=False)))
        else:
            expr = FUNCTIONS[name](*point)
        first, second = complex(sympy.N(expr, 20)), complex(sympy.N(expr, 35))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not np.isfinite(second) or abs(first - second) > 1e-15 * abs(second):
        return None
    return complex(second.real, 0 if abs(second.imag) < 1e-30 * abs(second) else second.imag)


def floats(group):
    """The columns of a list of points."""
    columns = [
        [complex(n) if n.has(I) else float(n) for n in map(sympy.S, column)] for column in zip(*group, strict=True)
    ]
    return [np.array(column) for column in columns]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_of_each_function(name):
    judged = 0
    for made, group in points(name):
        args = SYMBOLS[: len(group[0])]
        wanted = [right(name, made, point) for point in group]
        group = [point for point, value in zip(group, wanted, strict=True) if value is not None]
        wanted = np.array([value for value in wanted if value is not None])
        if not group:
            continue
        judged += len(group)
        columns = floats(group)
        got = sg.function(args, made)(*columns)
        one = sg.function(args, made)(*[column[0] for column in columns])
        np.testing.assert_allclose(one, got[0], rtol=1e-14)
        plain = not any(column.dtype.kind == "c" for column in columns)
        if plain:  # the real numbers: nan where the value is not one of them
            real = wanted.imag == 0
            defined = ~np.isnan(got) if name in REPRESENTED else real | (got.dtype.kind == "c")
            np.testing.assert_allclose(
                got, np.where(defined, wanted if (~real).any() else wanted.real, np.nan), **CLOSE
            )
            got = sg.function(args, made, domain="complex")(*columns)
        np.testing.assert_allclose(got, wanted, **CLOSE)
    assert judged >= 3


# --- matrices

n = Symbol("n", integer=True, positive=True)
i, j = sympy.symbols("i j", integer=True)
x, t = sympy.symbols("x t")
A, B, v = MatrixSymbol("A", 3, 3), MatrixSymbol("B", 3, 3), MatrixSymbol("v", 3, 1)
An = MatrixSymbol("An", n, n)
p = 0.5 * np.random.default_rng(11).normal(size=(3, 3)) + 2 * np.eye(3)
q = np.array([[0.3, -1.2, 0.1], [1.1, 0.2, 0.4], [0.0, -0.3, 0.9]])  # with complex eigenvalues
order = Permutation([1, 2, 0])
row, column = np.arange(3.0)[:, None], np.arange(3.0)[None, :]
fourier = np.exp(-2j * np.pi * row * column / 3) / np.sqrt(3)


def permanent(matrix):
    orders = itertools.permutations(range(len(matrix)))
    return sum(np.prod([matrix[row, column] for row, column in enumerate(order)]) for order in orders)


# class: a sample, and its right value at A = p, B = An = q
MATRICES = {
    "Adjoint": (sympy.Adjoint(A), p.T),
    "ElementwiseApplyFunction": (A.applyfunc(sin), np.sin(p)),
    "BlockMatrix": (sympy.BlockMatrix([[A, B]]), np.hstack([p, q])),
    "BlockDiagMatrix": (sympy.BlockDiagMatrix(A, B), np.block([[p, np.zeros((3, 3))], [np.zeros((3, 3)), q]])),
    "CompanionMatrix": (CompanionMatrix(Poly(t**2 + x * t + 5, t)), np.array([[0, -5], [1, -0.3]])),
    "Determinant": (Determinant(A), np.linalg.det(p)),
    "Permanent": (Permanent(A), permanent(p)),
    "DiagonalMatrix": (sympy.DiagonalMatrix(A), np.diag(np.diag(p))),
    "DiagonalOf": (sympy.DiagonalOf(A), np.diag(p)[:, None]),
    "DiagMatrix": (sympy.DiagMatrix(A * v), np.diag(p @ [1, 2, 3])),
    "DotProduct": (sympy.DotProduct(v, A * v), np.array([1, 2, 3]) @ p @ [1, 2, 3]),
    "LofLU": (named.LofLU(A) * named.UofLU(A), p),
    "UofLU": (Determinant(named.UofLU(A)), np.linalg.det(p)),
    "LofCholesky": (named.LofCholesky(A * A.T), np.linalg.cholesky(p @ p.T)),
    "UofCholesky": (named.UofCholesky(A * A.T), np.linalg.cholesky(p @ p.T).T),
    "QofQR": (named.QofQR(A) * named.RofQR(A), p),
    "RofQR": (named.RofQR(A).T * named.RofQR(A), p.T @ p),
    "EigenVectors": (
        named.EigenVectors(A + A.T).T * (A + A.T) * named.EigenVectors(A + A.T),
        np.diag(np.linalg.eigvalsh(p + p.T)),
    ),
    "EigenValues": (named.EigenValues(A + A.T), np.diag(np.linalg.eigvalsh(p + p.T))),
    "UofSVD": (named.UofSVD(A) * named.SofSVD(A) * named.VofSVD(A).T, p),
    "SofSVD": (named.SofSVD(A), np.diag(np.linalg.svd(p)[1])),
    "VofSVD": (named.VofSVD(A).T * A.T * A * named.VofSVD(A), np.diag(np.linalg.svd(p)[1] ** 2)),
    "DFT": (DFT(3) * A, fourier @ p),
    "IDFT": (IDFT(3), fourier.conj()),
    "FunctionMatrix": (sympy.FunctionMatrix(n, 3, Lambda((i, j), x * i - j)), 0.3 * row - column),
    "HadamardProduct": (sympy.HadamardProduct(A, B), p * q),
    "HadamardPower": (hadamard.HadamardPower(A, 2), p**2),
    "Inverse": (sympy.Inverse(A), np.linalg.inv(p)),
    "KroneckerProduct": (sympy.KroneckerProduct(A, B), np.kron(p, q)),
    "MatAdd": (A + B, p + q),
    "MatrixElement": (A[i, 2], p[1, 2]),
    "MatrixSymbol": (A, p),
    "MatMul": (2 * A * B, 2 * p @ q),
    "MatPow": (A**3, p @ p @ p),
    "PermutationMatrix": (PermutationMatrix(order) * A, p[[1, 2, 0]]),
    "MatrixPermute": (MatrixPermute(A, order, 1), p[:, [1, 2, 0]]),
    "MatrixSlice": (A[0:2, 1:3], p[0:2, 1:3]),
    "ZeroMatrix": (sympy.ZeroMatrix(n, 2), np.zeros((3, 2))),
    "Identity": (An + Identity(n), q + np.eye(3)),
    "OneMatrix": (An + sympy.OneMatrix(n, n), q + 1),
    "Trace": (Trace(A * B), np.trace(p @ q)),
    "Transpose": (sympy.Transpose(A), p.T),
}
VALUES = {A: p, B: q, An: q, v: [1.0, 2.0, 3.0], x: 0.3, i: 1, n: 3}


@pytest.mark.parametrize("name", MATRICES)
def test_value_of_each_matrix(name):
    expr, want = MATRICES[name]
    f = sg.function(list(VALUES), expr)
    got = f(*VALUES.values())
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)
    rows = f(np.stack([p, p.T + 1]), *[VALUES[s] for s in list(VALUES)[1:]])
    np.testing.assert_allclose(rows[0], want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(rows[1], f(p.T + 1, *[VALUES[s] for s in list(VALUES)[1:]]), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in MATRICES if name not in ("IDFT", "ZeroMatrix")])
def test_gradient_of_each_matrix(name):
    expr, _ = MATRICES[name]
    with sg.Graph().as_default() as graph:
        node = sg.translate(expr)
        feeds = {s: np.asarray(VALUES[s.symbol], None if s.symbol in (i, n) else float) for s in graph.placeholders}
    feeds = {s: value[:, None] if s.symbol == v else value for s, value in feeds.items() if value.dtype != object}
    check_gradients(node, feeds, rtol=1e-5)


# --- all classes


def test_every_class_has_a_sample_or_a_reason():
    """A new class in SymPy shows here."""
    counts = {}
    for package, sampled in (("sympy.functions", FUNCTIONS), ("sympy.matrices.expressions", MATRICES)):
        kinds = table.classes(package)
        without = [kind for kind in kinds if table.path(kind) in table.WITHOUT_VALUE]
        assert {kind.__name__ for kind in kinds} == set(sampled) | {kind.__name__ for kind in without}
        assert len(kinds) == len(sampled) + len(without)
        counts[package] = (len(sampled), len(without))
    assert counts == {"sympy.functions": (173, 25), "sympy.matrices.expressions": (42, 6)}
    assert sum(without for _, without in counts.values()) == len(table.WITHOUT_VALUE)


def test_each_sample_has_its_class():
    kinds = {kind.__name__: kind for kind in table.classes("sympy.matrices.expressions")}
    for name, (expr, _) in MATRICES.items():
        assert any(type(part) is kinds[name] for part in sympy.preorder_traversal(expr)), name
    for name, kind in FUNCTIONS.items():
        assert all(any(type(part) is kind for part in sympy.preorder_traversal(made)) for made, _ in points(name)), name


@pytest.mark.parametrize("name", table.WITHOUT_VALUE)
def test_reasons_are_not_stale(name):
    module, _, attribute = name.rpartition(".")
    assert table.tried(getattr(importlib.import_module(module), attribute)) is None


def test_the_support_table_lists_what_there_is():
    listed, module = set(), None
    for line in table.TARGET.read_text().splitlines():
        if line.startswith("## "):
            module = line[3:]
        elif found := re.match(r"\| `([\w.]+)` \|", line):
            listed.add(found[1] if "." in found[1] else f"{module}.{found[1]}")
    assert listed == {table.path(row.kind) for row in table.rows()} | set(table.WITHOUT_VALUE)


# --- principal values

AT_CUTS = [  # of those with points of their own only these have cuts
    kind
    for name, kind in FUNCTIONS.items()
    if name in ("LambertW", "log")
    or (not {name} & {*POINTS, *REFERENCE} and 1 in kind.nargs and kind.nargs != sympy.S.Naturals0)
]


@pytest.mark.parametrize("kind", AT_CUTS, ids=lambda kind: kind.__name__)
def test_a_zero_has_no_sign_at_branch_cuts(kind):
    """-x and 1/x are real for real x: the sign that a zero gets in complex arithmetic decides nothing."""
    numbers = at(12, -12, 72, -72)
    for inner, outer in ((-x, [-number for number in numbers]), (1 / x, [1 / number for number in numbers])):
        wanted = [right(kind.__name__, None, (number,)) for number in outer]
        got = sg.function(x, kind(inner, evaluate=False), domain="complex")(np.array(numbers, float))
        for one, value in zip(got, wanted, strict=True):
            assert value is None or abs(one - value) <= 1e-13 * abs(value) + 1e-15


def test_powers_have_principal_values():
    for exponent in (Rational(1, 2), Rational(1, 3), Rational(-3, 2), Rational(2, 5)):
        got = sg.function(x, (-x) ** exponent, domain="complex")(2.25)
        assert got == pytest.approx(complex(sympy.N(Rational(-9, 4) ** exponent)), rel=1e-14)
    assert sg.function(x, sympy.sqrt(-x))(2.25 + 0j) == 1.5j


# --- forms of a class that its sample does not show


def test_logarithms_to_another_base():
    y = Symbol("y")
    assert sg.function(x, 3 * sympy.log(x, 2, evaluate=False) ** 2)(8.0) == pytest.approx(27, rel=1e-15)
    assert sg.function([x, y], sympy.log(x, y, evaluate=False))(8.0, 2.0) == pytest.approx(3, rel=1e-15)


def test_extreme_entries():
    entries = np.array([[3.0, -1, 2], [5, 0, 7], [4, 4, 1]])
    assert sg.function(A, amin(A))(entries) == -1
    np.testing.assert_array_equal(sg.function(A, amax(A, axis=0))(entries), [5, 4, 7])


def test_the_step_at_zero_may_be_complex():
    y = Symbol("y")
    np.testing.assert_array_equal(sg.function([x, y], sympy.Heaviside(x, y))([0.0, 2.0], 1j), [1j, 1])
