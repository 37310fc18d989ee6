"""Special functions against tables from outside (Boost), and each of them against mpmath: values, gradients, batches, nan and single precision.

The tables are 32 of Boost's, with about 70 rows each: all of those in the conformance data but for 51 rows of erfc_inv_big_data whose input is 0 as a
float64. Values are rounded to 30 digits. Where an input is no float64, the value is carried to the nearest one by the derivative.
"""

import json
import math
import warnings
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy
from mpmath import mp
from sympy.codegen import scipy_nodes
from sympy.functions.combinatorial import numbers
from sympy.functions.special import bessel, error_functions
from sympy.functions.special import hyper as hypergeometric
from sympy.functions.special.gamma_functions import multigamma

import symgraph as sg
from symgraph.ops import OPERATIONS
from symgraph.ops.special_base import Special

# --- Boost's tables

TABLES = json.loads((Path(__file__).parent / "data" / "special_functions.json").read_text())["tables"]
# the only rows without a value, with mpmath's verdict; sympy.lambdify gives nan for them too
WITHOUT_VALUE = {
    ("igamma_big_data", "uppergamma"): 21,  # gamma(a) is above 1e308 for a > 171, though the ratio is not
    ("igamma_big_data", "lowergamma"): 20,  # the same
}

# derivatives, for inputs that are no float64
SLOPES = {
    "erfc_inv_big_data": lambda x, y: -mp.sqrt(mp.pi) / 2 * mp.exp(y * y),
    "gammap1m1_data": lambda x, y: mp.gamma(x + 1) * mp.digamma(x + 1),
    "expint_1_data": lambda n, x, y: -mp.exp(-x) / x,
}
# the largest error in ulp for functions that sympy.lambdify does not know, where it is more than 4
LIMITS = {"ellint_pi2_data": 6, "ellint_pi3_large_data": 8, "expint_data": 8, "expint_1_data": 8}


def right_value(table, texts, value):
    """The value at the float64 numbers that are nearest to the inputs."""
    value = mp.mpf(value)
    if all(Fraction(text) == Fraction(float(text)) for text in texts):
        return value
    *_, last = [mp.mpf(text) for text in texts]
    return value + SLOPES[table](*map(mp.mpf, texts), value) * (float(texts[-1]) - last)


def ulps(got, right):
    if isinstance(got, complex) or math.isnan(got):
        return math.inf
    nearest = float(right)
    if math.isinf(got) or math.isinf(nearest):
        return 0.0 if got == nearest else math.inf
    return float(abs(mp.mpf(float(got)) - right) / math.ulp(nearest))


def by_lambdify(f, columns):
    """SymPy's values row by row; nan where there is none."""
    results = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for row in zip(*columns, strict=True):
            try:
                results.append(float(f(*row)))
            except (NameError, TypeError, ValueError, ZeroDivisionError, OverflowError):
                results.append(math.nan)
    return results


def title(table):
    return table["table"], next(name for name in ("uppergamma", "lowergamma", "Abs", "") if name in table["expr"])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: "-".join(title(table)))
def test_boost(table):
    expr = eval(table["expr"], dict(vars(sympy)))  # a data file of this test
    args = [sympy.Symbol(name, real=True) for name in table["args"]]
    columns = [np.array([float(row[i]) for row in table["rows"]]) for i in range(len(args))]
    ours, theirs = sg.lambdify(args, expr)(*columns), by_lambdify(sympy.lambdify(args, expr), columns)
    worse, lost = [], 0
    with mp.workdps(40):
        for row, our, their in zip(table["rows"], ours, theirs, strict=True):
            right = right_value(table["table"], row[:-1], row[-1])
            error, other = ulps(our, right), ulps(their, right)
            if math.isinf(error) and math.isinf(other):
                lost += 1
            elif error > (LIMITS.get(table["table"], 4) if math.isinf(other) else max(4, 2 * other)):
                worse.append((row, error, other))
    assert worse == []
    assert lost == WITHOUT_VALUE.get(title(table), 0)


# --- every function against mpmath


def complex_polygamma(n, x):
    """Espinosa and Moll's."""
    return mp.exp(-mp.euler * n) * mp.diff(lambda s: mp.exp(mp.euler * s) * mp.zeta(s + 1, x) * mp.rgamma(-s), n)


def incomplete_beta(a, b, x1, x2):
    return mp.quad(lambda t: t ** (a - 1) * (1 - t) ** (b - 1), [x1, x2])


def marcum(m, a, b):
    return mp.quad(
        lambda t: t**m * mp.exp(-(t * t + a * a) / 2) * mp.besseli(m - 1, a * t), [b, b + 5, mp.inf]
    ) * a ** (1 - m)


@cache
def mathieu_solution(odd, a, q, z):
    start = [mp.zero, mp.sqrt(a)] if odd else [mp.one, mp.zero]
    return mp.odefun(lambda t, y: [y[1], (2 * q * mp.cos(2 * t) - a) * y[0]], 0, start)(z)


def mathieu(odd, derived):
    return lambda a, q, z: mathieu_solution(odd, a, q, z)[derived]


def euler_polynomial(n, x):
    return 2 ** (n + 1) * (mp.zeta(-n, x / 2) - mp.zeta(-n, (x + 1) / 2))


def bernoulli_polynomial(n, x):
    return -n * mp.zeta(1 - n, x)


def genocchi_polynomial(n, x):
    return 2 * (bernoulli_polynomial(n, x) - 2**n * bernoulli_polynomial(n, (x + 1) / 2))


def harmonic_y(n, m, theta, phi):
    """Y_n^m for 0 <= m <= n."""
    n, m = int(n), int(m)
    size = mp.sqrt((2 * n + 1) / (4 * mp.pi) * mp.fac(n - m) / mp.fac(n + m))
    legendre = (-mp.sin(theta)) ** m * mp.diff(lambda x: mp.legendre(n, x), mp.cos(theta), m)
    return size * legendre * mp.expj(m * phi)


def stieltjes(n, a):
    """A coefficient of zeta's Laurent series at 1, by Cauchy's integral."""
    n, points = int(n), [mp.expjpi(mp.mpf(k) / 32) for k in range(64)]
    total = mp.fsum((mp.zeta(1 + w, a) - 1 / w) * w**-n for w in points)
    return mp.re(total) / 64 * (-1) ** n * mp.fac(n)


def tribonacci(n, x):
    values = [mp.zero, mp.one, x * x]
    while len(values) <= n:
        values.append(x * x * values[-1] + x * values[-2] + values[-3])
    return values[int(n)]


def unevaluated(function):
    """A function that SymPy evaluates at once, or refuses."""
    return lambda *args: function(*args, evaluate=False)


# name: (function, points, reference, the arguments in which it is differentiated if not in all)
SMOOTH = {
    "erf": (sympy.erf, [(0.75,), (-1.5,)], mp.erf),
    "erfc": (sympy.erfc, [(0.75,), (3.5,)], mp.erfc),
    "erfi": (sympy.erfi, [(0.75,), (-1.5,)], mp.erfi),
    "erf2": (sympy.erf2, [(0.75, 1.5), (-1.25, 0.5)], lambda x, y: mp.erf(y) - mp.erf(x)),
    "erfinv": (sympy.erfinv, [(0.75,), (-0.125,)], mp.erfinv),
    "erfcinv": (sympy.erfcinv, [(0.75,), (1.5,)], lambda x: mp.erfinv(1 - x)),
    "erf2inv": (sympy.erf2inv, [(0.25, 0.125), (-0.5, 0.75)], lambda x, y: mp.erfinv(mp.erf(x) + y)),
    "erfs": (error_functions._erfs, [(0.75,), (3.5,)], lambda x: mp.exp(x * x) * mp.erfc(x)),
    "fresnels": (sympy.fresnels, [(0.75,), (-2.5,)], mp.fresnels),
    "fresnelc": (sympy.fresnelc, [(0.75,), (-2.5,)], mp.fresnelc),
    "Ei": (sympy.Ei, [(0.75,), (-2.5,)], mp.ei),
    "eis": (error_functions._eis, [(0.75,), (12.5,)], lambda x: mp.exp(-x) * mp.ei(x)),
    "expint": (sympy.expint, [(1.5, 0.75), (3.0, 2.5)], mp.expint),
    "E1": (sympy.E1, [(0.75,), (2.5,)], mp.e1),
    "li": (sympy.li, [(0.75,), (3.5,)], mp.li),
    "Li": (sympy.Li, [(0.75,), (3.5,)], lambda x: mp.li(x) - mp.li(2)),
    "Si": (sympy.Si, [(0.75,), (-3.5,)], mp.si),
    "Ci": (sympy.Ci, [(0.75,), (3.5,)], mp.ci),
    "Shi": (sympy.Shi, [(0.75,), (-3.5,)], mp.shi),
    "Chi": (sympy.Chi, [(0.75,), (3.5,)], mp.chi),
    "LambertW": (sympy.LambertW, [(0.75,), (-0.25,)], mp.lambertw),
    "LambertW of branch -1": (lambda x: sympy.LambertW(x, -1), [(-0.125,), (-0.25,)], lambda x: mp.lambertw(x, -1)),
    "gamma": (sympy.gamma, [(0.75,), (-1.25,)], mp.gamma),
    "loggamma": (sympy.loggamma, [(0.75,), (3.5,)], mp.loggamma),
    "digamma": (unevaluated(sympy.digamma), [(0.75,), (-1.25,)], mp.digamma),
    "trigamma": (unevaluated(sympy.trigamma), [(0.75,), (-1.25,)], lambda x: mp.psi(1, x)),
    "polygamma": (sympy.polygamma, [(0.5, 0.75), (2.25, 1.5)], complex_polygamma),
    "polygamma of integers": (lambda x: sympy.polygamma(3, x), [(0.75,), (-1.25,)], lambda x: mp.psi(3, x)),
    "uppergamma": (sympy.uppergamma, [(0.75, 1.5), (2.5, 0.25)], mp.gammainc),
    "lowergamma": (sympy.lowergamma, [(0.75, 1.5), (2.5, 0.25)], lambda s, x: mp.gammainc(s, 0, x)),
    "beta": (sympy.beta, [(0.75, 1.5), (2.5, 0.25)], mp.beta),
    "betainc": (sympy.betainc, [(2.5, 1.5, 0.25, 0.75), (3.25, 2.0, 0.125, 0.5)], incomplete_beta),
    "betainc_regularized": (
        sympy.betainc_regularized,
        [(2.5, 1.5, 0.25, 0.75)],
        lambda a, b, x, y: incomplete_beta(a, b, x, y) / mp.beta(a, b),
    ),
    "multigamma": (
        lambda x: unevaluated(multigamma)(x, 2),
        [(1.75,), (3.5,)],
        lambda x: mp.sqrt(mp.pi) * mp.gamma(x) * mp.gamma(x - mp.mpf(1) / 2),
    ),
    "factorial": (sympy.factorial, [(0.75,), (3.5,)], mp.factorial),
    "factorial2": (sympy.factorial2, [(0.75,), (3.5,)], mp.fac2),
    "binomial": (sympy.binomial, [(5.5, 2.25), (0.75, 0.5)], mp.binomial),
    "RisingFactorial": (sympy.RisingFactorial, [(5.5, 2.25), (0.75, 0.5)], mp.rf),
    "FallingFactorial": (sympy.FallingFactorial, [(5.5, 2.25), (0.75, 0.5)], mp.ff),
    "catalan": (sympy.catalan, [(0.75,), (3.5,)], lambda n: mp.binomial(2 * n, n) / (n + 1)),
    "besselj": (sympy.besselj, [(0.5, 1.25), (2.0, 3.5)], mp.besselj),
    "bessely": (sympy.bessely, [(0.5, 1.25), (2.0, 3.5)], mp.bessely),
    "besseli": (sympy.besseli, [(0.5, 1.25), (2.0, 3.5)], mp.besseli),
    "besselk": (sympy.besselk, [(0.5, 1.25), (2.0, 3.5)], mp.besselk),
    "scaled besseli": (bessel._besseli, [(0.5, 1.25), (2.0, 3.5)], lambda n, x: mp.exp(-x) * mp.besseli(n, x)),
    "scaled besselk": (bessel._besselk, [(0.5, 1.25), (2.0, 3.5)], lambda n, x: mp.exp(x) * mp.besselk(n, x)),
    "hankel1": (sympy.hankel1, [(0.5, 1.25), (2.0, 3.5)], mp.hankel1),
    "hankel2": (sympy.hankel2, [(0.5, 1.25), (2.0, 3.5)], mp.hankel2),
    "jn": (sympy.jn, [(0.5, 1.25), (2.0, 3.5)], lambda n, x: mp.sqrt(mp.pi / 2 / x) * mp.besselj(n + mp.mpf(1) / 2, x)),
    "yn": (sympy.yn, [(0.5, 1.25), (2.0, 3.5)], lambda n, x: mp.sqrt(mp.pi / 2 / x) * mp.bessely(n + mp.mpf(1) / 2, x)),
    "hn1": (sympy.hn1, [(0.5, 1.25)], lambda n, x: mp.sqrt(mp.pi / 2 / x) * mp.hankel1(n + mp.mpf(1) / 2, x)),
    "hn2": (sympy.hn2, [(0.5, 1.25)], lambda n, x: mp.sqrt(mp.pi / 2 / x) * mp.hankel2(n + mp.mpf(1) / 2, x)),
    "airyai": (sympy.airyai, [(0.75,), (-2.5,)], mp.airyai),
    "airybi": (sympy.airybi, [(0.75,), (-2.5,)], mp.airybi),
    "airyaiprime": (sympy.airyaiprime, [(0.75,), (-2.5,)], lambda x: mp.airyai(x, derivative=1)),
    "airybiprime": (sympy.airybiprime, [(0.75,), (-2.5,)], lambda x: mp.airybi(x, derivative=1)),
    "marcumq": (bessel.marcumq, [(1.5, 0.75, 2.0)], marcum),
    "elliptic_k": (sympy.elliptic_k, [(0.75,), (-2.5,)], mp.ellipk),
    "elliptic_f": (sympy.elliptic_f, [(0.75, 0.5), (2.0, -1.5)], mp.ellipf),
    "complete elliptic_e": (sympy.elliptic_e, [(0.75,), (-2.5,)], mp.ellipe),
    "elliptic_e": (sympy.elliptic_e, [(0.75, 0.5), (2.0, -1.5)], mp.ellipe),
    "complete elliptic_pi": (sympy.elliptic_pi, [(0.25, 0.5), (-0.75, -1.5)], mp.ellippi),
    "elliptic_pi": (sympy.elliptic_pi, [(0.25, 0.75, 0.5), (-0.75, 2.0, -1.5)], mp.ellippi),
    "mathieuc": (sympy.mathieuc, [(1.5, 0.25, 0.25)], mathieu(False, 0)),
    "mathieus": (sympy.mathieus, [(1.5, 0.25, 0.25)], mathieu(True, 0)),
    "mathieucprime": (sympy.mathieucprime, [(1.5, 0.25, 0.25)], mathieu(False, 1)),
    "mathieusprime": (sympy.mathieusprime, [(1.5, 0.25, 0.25)], mathieu(True, 1)),
    "zeta": (sympy.zeta, [(2.5,), (-1.25,)], mp.zeta),
    "Hurwitz zeta": (sympy.zeta, [(2.5, 0.75), (-1.25, 1.5)], mp.zeta),
    "dirichlet_eta": (sympy.dirichlet_eta, [(2.5,), (-1.25,)], mp.altzeta),
    "Hurwitz eta": (
        sympy.dirichlet_eta,
        [(2.5, 0.75), (0.5, 1.5)],
        lambda s, a: 2**-s * (mp.zeta(s, a / 2) - mp.zeta(s, (a + 1) / 2)),
    ),
    "polylog": (sympy.polylog, [(1.5, 0.25), (2.25, -2.0)], mp.polylog),
    "lerchphi": (sympy.lerchphi, [(0.25, 1.5, 0.75)], mp.lerchphi),
    "riemann_xi": (
        sympy.riemann_xi,
        [(0.25,), (2.5,)],
        lambda s: s * (s - 1) * mp.gamma(s / 2) * mp.zeta(s) / 2 / mp.pi ** (s / 2),
    ),
    "stieltjes": (sympy.stieltjes, [(1.0, 0.75), (2.0, 1.5)], stieltjes, [1]),
    "bernoulli": (sympy.bernoulli, [(0.75,), (3.5,)], lambda x: -x * mp.zeta(1 - x)),
    "bernoulli polynomial": (sympy.bernoulli, [(2.5, 0.75), (0.5, 1.25)], bernoulli_polynomial),
    "euler": (sympy.euler, [(0.75,), (3.5,)], lambda n: 2**n * euler_polynomial(n, mp.mpf(1) / 2)),
    "euler polynomial": (sympy.euler, [(2.5, 0.75), (0.5, 1.25)], euler_polynomial),
    "genocchi": (sympy.genocchi, [(0.75,), (3.5,)], lambda n: -2 * (1 - 2**n) * n * mp.zeta(1 - n)),
    "genocchi polynomial": (sympy.genocchi, [(2.5, 0.75), (0.5, 1.25)], genocchi_polynomial),
    "andre": (
        numbers.andre,
        [(0.75,), (3.5,)],
        lambda n: mp.re((-mp.j) ** (n + 1) * mp.polylog(-n, mp.j) + mp.j ** (n + 1) * mp.polylog(-n, -mp.j)),
    ),
    "harmonic": (sympy.harmonic, [(0.75,), (3.5,)], mp.harmonic),
    "generalized harmonic": (sympy.harmonic, [(0.75, 2.5), (3.5, 0.5)], lambda n, m: mp.zeta(m) - mp.zeta(m, n + 1)),
    "2F1": (
        lambda a, b, c, z: sympy.hyper((a, b), (c,), z),
        [(0.5, 1.25, 2.5, 0.75), (0.5, -0.75, 1.5, -1.25)],
        mp.hyp2f1,
    ),
    "3F2": (
        lambda a, b, c, d, e, z: sympy.hyper((a, b, c), (d, e), z),
        [(0.5, 1.25, 0.75, 2.5, 1.5, 0.25)],
        mp.hyp3f2,
    ),
    "meijerg": (
        lambda a, b, c, z: sympy.meijerg([[a], []], [[b], [c]], z),
        [(0.5, 0.25, 1.75, 0.75)],
        lambda a, b, c, z: mp.meijerg([[a], []], [[b], [c]], z),
    ),
    "appellf1": (hypergeometric.appellf1, [(0.5, 0.25, 0.75, 1.5, 0.25, 0.5)], mp.appellf1),
    "jacobi": (sympy.jacobi, [(1.5, 0.5, 1.25, 0.25), (3.0, 1.0, 0.5, -0.5)], mp.jacobi),
    "gegenbauer": (sympy.gegenbauer, [(1.5, 0.75, 0.25), (3.0, 1.5, -0.5)], mp.gegenbauer),
    "chebyshevt": (sympy.chebyshevt, [(1.5, 0.25), (3.0, -0.5)], mp.chebyt),
    "chebyshevu": (sympy.chebyshevu, [(1.5, 0.25), (3.0, -0.5)], mp.chebyu),
    "legendre": (sympy.legendre, [(1.5, 0.25), (3.0, -0.5)], mp.legendre),
    "laguerre": (sympy.laguerre, [(1.5, 0.25), (3.0, 2.5)], lambda n, x: mp.laguerre(n, 0, x)),
    "hermite": (sympy.hermite, [(1.5, 0.25), (3.0, -0.5)], mp.hermite),
    "hermite_prob": (
        sympy.hermite_prob,
        [(1.5, 0.25), (3.0, -0.5)],
        lambda n, x: 2 ** (-n / 2) * mp.hermite(n, x / mp.sqrt(2)),
    ),
    "assoc_legendre": (sympy.assoc_legendre, [(2.0, 1.0, 0.25), (3.0, 2.0, -0.5)], mp.legenp, [0, 2]),
    "assoc_laguerre": (sympy.assoc_laguerre, [(1.5, 0.5, 0.25), (3.0, 1.0, 2.5)], mp.laguerre),
    "Ynm": (sympy.Ynm, [(2.0, 1.0, 0.75, 0.5), (3.0, 0.0, 1.25, -2.0)], harmonic_y, [2, 3]),
    "Znm": (
        sympy.Znm,
        [(2.0, 1.0, 0.75, 0.5), (3.0, 2.0, 1.25, -2.0)],
        lambda n, m, theta, phi: mp.sqrt(2) * harmonic_y(n, m, theta, 0) * mp.cos(m * phi),
        [2, 3],
    ),
    "powm1": (scipy_nodes.powm1, [(1.5, 0.25), (0.75, -2.5)], lambda x, y: x**y - 1),
    "fibonacci": (
        sympy.fibonacci,
        [(0.75,), (3.5,)],
        lambda n: (mp.phi**n - mp.cospi(n) * mp.phi**-n) / mp.sqrt(5),
    ),
    "fibonacci polynomial": (sympy.fibonacci, [(4.0, 0.75)], lambda n, x: x**3 + 2 * x, [1]),
    "tribonacci polynomial": (sympy.tribonacci, [(5.0, 0.75)], tribonacci, [1]),
    "bell polynomial": (sympy.bell, [(3.0, 0.75)], lambda n, x: x**3 + 3 * x * x + x, [1]),
}


# functions of integers: (function, rows, what evaluates it)
DISCRETE = {
    "subfactorial": (sympy.subfactorial, [(0,), (5,), (11,)]),
    "bell": (sympy.bell, [(0,), (5,), (11,)]),
    "lucas": (sympy.lucas, [(0,), (5,), (40,)]),
    "tribonacci": (sympy.tribonacci, [(0,), (5,), (40,)]),
    "motzkin": (unevaluated(numbers.motzkin), [(1,), (5,), (20,)], numbers.motzkin),
    "partition": (numbers.partition, [(0,), (5,), (100,)]),
    "primepi": (sympy.primepi, [(2,), (5,), (1000,)]),
    "totient": (sympy.totient, [(1,), (36,), (97,)]),
    "reduced_totient": (numbers.reduced_totient, [(1,), (36,), (97,)]),
    "mobius": (sympy.mobius, [(1,), (30,), (36,)]),
    "primenu": (numbers.primenu, [(1,), (30,), (36,)]),
    "primeomega": (numbers.primeomega, [(1,), (30,), (36,)]),
    "divisor_sigma": (numbers.divisor_sigma, [(36, 0), (36, 1), (97, 2)]),
    "udivisor_sigma": (numbers.udivisor_sigma, [(36, 0), (36, 1), (97, 2)]),
    "jacobi_symbol": (numbers.jacobi_symbol, [(2, 15), (5, 9), (3, 9)]),
    "kronecker_symbol": (numbers.kronecker_symbol, [(2, 15), (5, 8), (-3, 10)]),
    "legendre_symbol": (numbers.legendre_symbol, [(2, 7), (3, 7), (14, 7)]),
    "chebyshevt_root": (unevaluated(sympy.chebyshevt_root), [(4, 0), (4, 3), (7, 2)], sympy.chebyshevt_root),
    "chebyshevu_root": (unevaluated(sympy.chebyshevu_root), [(4, 0), (4, 3), (7, 2)], sympy.chebyshevu_root),
    "stieltjes of 1": (sympy.stieltjes, [(0,), (1,), (5,)]),
}
ALL = SMOOTH | DISCRETE
every_smooth_function = pytest.mark.parametrize("name", SMOOTH)
every_function = pytest.mark.parametrize("name", ALL)


def symbols_for(name):
    return sympy.symbols(f"x:{len(ALL[name][1][0])}", real=True)


def compiled(name):
    args = symbols_for(name)
    return sg.function(list(args), ALL[name][0](*args))


def columns_of(points):
    return [np.array(column, dtype=float) for column in zip(*points, strict=True)]


def exact_numbers(point):
    return [mp.mpf(number) for number in point]


def test_every_special_function_is_here():
    """All of them, by the operations that they are made of; only the numeric derivative has no SymPy function."""
    used = {type(node).__name__ for name in ALL for node in compiled(name).graph.operations}
    special = {cls.__name__ for cls in OPERATIONS.values() if issubclass(cls, Special)}
    assert special - used == {"partial_derivative"}


@every_smooth_function
def test_values(name):
    _, points, reference, *_ = SMOOTH[name]
    with mp.workdps(30):
        right = [complex(reference(*exact_numbers(point))) for point in points]
    result = compiled(name)(*columns_of(points))
    np.testing.assert_allclose(result, right if result.dtype.kind == "c" else np.real(right), rtol=1e-13)


@pytest.mark.parametrize("name", DISCRETE)
def test_values_for_integers(name):
    function, points, *evaluated = DISCRETE[name]
    right = [float(sympy.N((*evaluated, function)[0](*map(sympy.Integer, point)), 25)) for point in points]
    np.testing.assert_allclose(compiled(name)(*columns_of(points)), right, rtol=3e-16)


def slope(reference, point, place):
    """The derivative by central differences, right to 15 digits."""
    with mp.workdps(32):
        step = mp.mpf("1e-8")
        first, second = (
            reference(*[number + sign * step * (i == place) for i, number in enumerate(exact_numbers(point))])
            for sign in (-1, 1)
        )
        return complex((second - first) / (2 * step))


@every_smooth_function
def test_gradients(name):
    _, points, reference, *places = SMOOTH[name]
    places = places[0] if places else range(len(points[0]))
    f = compiled(name)
    (y,) = f.nodes
    xs = f.graph.placeholders
    parts = [sg.real(y), sg.imag(y)] if f(*points[0]).dtype.kind == "c" else [y]
    grads = [sg.gradients(part, [xs[place] for place in places]) for part in parts]
    found = sg.Session(f.graph).run(grads, dict(zip(xs, columns_of(points), strict=True)))
    for place, *derivatives in zip(places, *found, strict=True):
        right = [slope(reference, point, place) for point in points]
        parts = [np.real(right), np.imag(right)][: len(derivatives)]
        np.testing.assert_allclose(derivatives, parts, rtol=1e-11, atol=1e-14, err_msg=f"in argument {place}")


@every_function
def test_batches(name):
    """Each row alone, all rows, and the rows of one argument against those of the others."""
    points = ALL[name][1]
    f = compiled(name)
    columns = columns_of(points * 2)
    rows = [f(*map(float, point)) for point in points * 2]
    np.testing.assert_allclose(f(*columns), rows, rtol=1e-14)
    first, *others = columns
    table = f(first[:, None, None], *[other[:, None] for other in others])
    if others:
        crossed = [[f(float(x), *map(float, other)) for other in zip(*others, strict=True)] for x in first]
        np.testing.assert_allclose(table[..., 0], crossed, rtol=1e-14)
    else:
        np.testing.assert_array_equal(table[:, 0, 0], f(first))
    assert f(*[column[:0] for column in columns]).shape == (0,)


@every_function
def test_nan_gives_nan(name):
    point = list(map(float, ALL[name][1][-1]))
    f = compiled(name)
    for place in range(len(point)):
        varied = [np.array([number, math.nan if i == place else number]) for i, number in enumerate(point)]
        assert list(np.isnan(f(*varied))) == [False, True]


@every_function
def test_single_precision(name):
    """The inputs are floats of 32 bits, so the value is the rounded one of double precision; and float32 stays float32."""
    columns = columns_of(ALL[name][1])
    f = compiled(name)
    single, double = f(*[column.astype(np.float32) for column in columns]), f(*columns)
    assert (single.dtype, double.dtype) in [("float32", "float64"), ("complex64", "complex128")]
    np.testing.assert_allclose(single, double, rtol=2e-7)
