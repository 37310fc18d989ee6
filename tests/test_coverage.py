"""Every class of sympy.functions and sympy.matrices.expressions: a right value, or the reason why it has none; and the support table of these.

The classes are found by introspection. What is right is said by SymPy's evalf at two precisions, by mpmath or the definition where evalf knows no value
or a wrong one, and by explicit matrices.
"""

import importlib.util
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy import I, Rational, Symbol, pi

import symgraph as sg
from symgraph.translation.rules import rule_for

ROOT = Path(__file__).parents[1]


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = load(ROOT / "scripts" / "support_table.py")

SYMBOLS = sympy.symbols("a b c d e f")
FUNCTIONS = {
    kind.__name__: kind for kind in table.classes("sympy.functions") if table.path(kind) not in table.WITHOUT_VALUE
}

# --- samples


def halves(*numbers):
    """Numbers that floats stand for exactly, in sixteenths."""
    return tuple(Rational(number, 16) for number in numbers)


REAL = {  # by the number of arguments
    1: [*map(halves, (5, 27, -11, -39, 180)), (3,), (7,)],
    2: [*[halves(*pair) for pair in ((5, 11), (11, 5), (27, 6), (40, 22), (-20, 3))], (2, Rational(5, 8)), (2, 5), (7, 3)],
    3: [halves(12, 5, 11), (3, 2, Rational(5, 8)), halves(4, 8, 6), (2, 1, 3)],
    4: [halves(12, 20, 2, 10), (3, 2, *halves(10, 14)), (2, 1, *halves(26, 6))],
    6: [halves(12, 20, 8, 40, 2, 6), halves(6, 10, 14, 50, -4, 3)],
}
COMPLEX = [(Rational(3, 8) + I / 4,), (Rational(-9, 8) + I,), (Rational(-1, 4) - 2 * I,)]

# Where a function has values on part of the numbers only, or SymPy needs other things than numbers: the points.
POINTS = {
    "Heaviside": [*REAL[1], (0, Rational(1, 4)), (-1, Rational(1, 4))],
    "LambertW": [*REAL[1], (Rational(5, 16), 1), (Rational(-5, 16), -1), (Rational(-5, 16), 0)],
    "LeviCivita": [(1, 2), (2, 1), (2, 2), (0, 1, 2), (2, 1, 3), (3, 1, 2), (1, 2, 4, 3)],
    "Max": [*REAL[1], *REAL[2], *REAL[3]],
    "Min": [*REAL[1], *REAL[2], *REAL[3]],
    "Znm": [(3, 2, *halves(10, 14)), (3, -2, *halves(10, 14)), (2, 0, *halves(26, 6))],
    "bell": [*[(n,) for n in range(8)], (3, Rational(5, 16)), (5, Rational(-11, 16))],
    "chebyshevt_root": [(7, 2), (5, 0), (8, 7)],
    "chebyshevu_root": [(7, 2), (5, 0), (8, 7)],
    "elliptic_pi": [*REAL[2], halves(12, 5, 11), halves(4, 8, 6), halves(-40, 30, -6)],
    "erf2inv": [halves(5, 3), halves(-11, 7), halves(20, 1)],
    "erfcinv": [*map(halves, (5, 27, 1, 16))],
    "exp_polar": REAL[1],
    "jacobi_symbol": [(2, 5), (7, 3), (2, 15), (5, 21)],
    "kronecker_symbol": [(2, 5), (7, 3), (2, -15), (-5, 8)],
    "legendre_symbol": [(2, 5), (7, 3), (6, 11)],
    "log": REAL[1],
    "motzkin": [(n,) for n in range(12)],
    "multigamma": [(Rational(7, 2), 2), (Rational(27, 4), 3), (Rational(5, 16), 1)],
    "zeta": [*REAL[1], *REAL[2][:5], (2, Rational(5, 8)), (2, 5)],
}
POINTS |= dict.fromkeys(["_besseli", "_besselk", "_eis", "_erfs"], REAL[1][:2] + REAL[1][5:])
POINTS |= {name: [(n, *p) for n in (0, 1, 2) for p in REAL[1][:2]] for name in ("_besseli", "_besselk")}
POINTS |= {name: REAL[1] for name in ("polar_lift", "riemann_xi")}
# of integers alone: at other numbers SymPy gives none a value
POINTS |= {
    name: [(n,) for n in (1, 2, 3, 7, 12, 30)]
    for name in ("mobius", "partition", "primenu", "primeomega", "reduced_totient", "subfactorial", "totient")
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
POINTS |= {name: [halves(*p) for p in ((5,), (11,), (-7,))] for name in REPRESENTED}
POINTS |= {
    name: [halves(*p) for p in ((12, 5), (27, 11), (6, -7))]
    for name in REPRESENTED
    if name.endswith(("1", "2", "asin")) and "power" in name or "sqrts" in name or "sasin" in name or "nasin" in name
}
BUILD = {  # from symbols
    "ExprCondPair": lambda x, y: sympy.Piecewise((x, x > y), (y**2, True)),
    "Piecewise": lambda x, y: sympy.Piecewise((x, x > y), (y**2, True)),
    "hyper": lambda x: sympy.hyper((1, Rational(1, 2)), (Rational(9, 4),), x),
    "meijerg": lambda x: sympy.meijerg([[], [Rational(3, 2)]], [[0], []], x),
    "principal_branch": lambda x: sympy.principal_branch(x, 2 * pi),
}
POINTS |= {"ExprCondPair": REAL[2], "Piecewise": REAL[2], "principal_branch": REAL[1]}
POINTS |= {"hyper": [*map(halves, (5, -11, -39))], "meijerg": [*map(halves, (5, 11, 3))]}


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


# Where evalf has no value, or a wrong one (for polynomials of other degrees than integers, where it takes some integer).
REFERENCE = {
    "Znm": lambda n, m, t, p: (
        (mp.sqrt(2) if m else 1)
        * (mp.re if m >= 0 else mp.im)(mp.spherharm(n, m, t, p) if m >= 0 else (-1) ** m * mp.conj(mp.spherharm(n, -m, t, p)))
    ),
    "_besseli": lambda n, x: mp.exp(-x) * mp.besseli(n, x),
    "_besselk": lambda n, x: mp.exp(x) * mp.besselk(n, x),
    "_eis": lambda x: mp.exp(-x) * mp.ei(x),
    "_erfs": lambda x: mp.exp(x**2) * mp.erfc(x),
    "assoc_laguerre": mp.laguerre,
    "chebyshevt_root": lambda n, k: mp.cos(mp.pi * (2 * k + 1) / (2 * n)),
    "chebyshevu_root": lambda n, k: mp.cos(mp.pi * (k + 1) / (n + 1)),
    "erf2inv": lambda x, y: mp.erfinv(mp.erf(x) + y),
    "erfcinv": lambda x: mp.erfinv(1 - x),
    "gegenbauer": mp.gegenbauer,
    "jacobi": mp.jacobi,
    "marcumq": marcum,
    "mathieuc": mathieu(False, False),
    "mathieucprime": mathieu(False, True),
    "mathieus": mathieu(True, False),
    "mathieusprime": mathieu(True, True),
    "motzkin": lambda n: sum(mp.binomial(n, 2 * k) * mp.binomial(2 * k, k) / (k + 1) for k in range(int(n) // 2 + 1)),
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
    """Lists of points with equally many arguments, the samples that they are for, and whether they are complex."""
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
            return complex(REFERENCE[name](*[mp.mpmathify(mpmath.mpf(int(n.p)) / int(n.q)) for n in map(sympy.S, point)]))
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
    columns = [[complex(n) if n.has(I) else float(n) for n in map(sympy.S, column)] for column in zip(*group, strict=True)]
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
        np.testing.assert_array_equal(one, got[0])
        plain = not any(column.dtype.kind == "c" for column in columns)
        if plain and got.dtype.kind == "f":  # the real numbers: nan where the value is not one of them
            np.testing.assert_allclose(got, np.where(wanted.imag == 0, wanted.real, np.nan), rtol=2e-13, atol=1e-15)
            got = sg.function(args, made, domain="complex")(*columns)
        np.testing.assert_allclose(got, wanted, rtol=2e-13, atol=1e-15)
    assert judged >= 3
