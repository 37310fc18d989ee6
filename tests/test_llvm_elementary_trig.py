"""Trigonometric, error and gamma functions as instructions: accuracy, special values, the same bits at every width."""

import functools
import math

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import (
    elementary_arc,
    elementary_digamma,
    elementary_erf,
    elementary_gamma,
    elementary_remainder,
    elementary_trig,
)
from symgraph.backends.llvm.testing import vectorized

INF, NAN, PI, TINY, LARGEST = math.inf, math.nan, math.pi, 5e-324, 1.7976931348623157e308
COUNT = 200


def uniform(low, high, seed=1):
    return np.random.default_rng(seed).uniform(low, high, COUNT)


def binades(low, high, seed=2):
    """Numbers of both signs whose exponents are anywhere between two bounds."""
    random = np.random.default_rng(seed)
    return np.ldexp(random.uniform(1, 2, COUNT), random.integers(low, high, COUNT)) * random.choice([-1, 1], COUNT)


def beside(points, places=3):
    """Some doubles to both sides of some points."""
    steps = np.arange(-places, places + 1) * 2.0**-52
    return (np.asarray(points)[:, None] * (1 + steps)).ravel()


QUARTERS = beside(np.array([1, 2, 3, 4, 22, 29, 355, 710, 2**20 + 1, 2**29 + 3]) * (PI / 4), 1)
WAVES = [uniform(-1, 1), uniform(-100, 100), binades(-1074, 1024), QUARTERS]
PIECES = beside([((4 + k % 4) / 4 * 2.0 ** (k // 4) - 1) / 0.55 for k in range(17)], 1)

CASES = {
    "sin": (elementary_trig.sin, mpmath.sin, WAVES),
    "cos": (elementary_trig.cos, mpmath.cos, WAVES),
    "tan": (elementary_trig.tan, mpmath.tan, WAVES),
    "atan": (
        elementary_arc.atan,
        mpmath.atan,
        [uniform(-4, 4), binades(-1074, 1024), beside([1, math.tan(PI / 8), math.tan(PI * 3 / 8)])],
    ),
    "asin": (elementary_arc.asin, mpmath.asin, [uniform(-1, 1), binades(-1074, 0), beside([-0.5, 0.5])]),
    "acos": (
        elementary_arc.acos,
        mpmath.acos,
        [uniform(-1, 1), binades(-1074, 0), 1 - abs(binades(-53, 0)), beside([-0.5, 0.5])],
    ),
    "erf": (
        elementary_erf.erf,
        mpmath.erf,
        [uniform(-1, 1), uniform(-6, 6), binades(-1074, 4), beside([0.1875, 0.5625])],
    ),
    "erfc": (elementary_erf.erfc, mpmath.erfc, [uniform(-6, 6), uniform(6, 26.5), uniform(26.5, 27.3), PIECES]),
}
PAIRS = [
    (uniform(-4, 4), uniform(-4, 4, 3)),
    (binades(-1074, 1024), binades(-1074, 1024, 4)),
    (binades(-1074, 1024), binades(-1074, 1024) * uniform(0.25, 0.5)),
]

SPECIAL = {
    "sin": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (TINY, TINY), (-TINY, -TINY)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (TINY, 1.0)],
    "tan": [(0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (NAN, NAN), (TINY, TINY), (-TINY, -TINY)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, PI / 2), (-INF, -PI / 2), (NAN, NAN), (LARGEST, PI / 2), (-TINY, -TINY)],
    "asin": [(0.0, 0.0), (-0.0, -0.0), (1, PI / 2), (-1, -PI / 2), (1.0000000000000002, NAN), (INF, NAN), (NAN, NAN)],
    "acos": [(0.0, PI / 2), (-0.0, PI / 2), (1, 0.0), (-1, PI), (-1.0000000000000002, NAN), (-INF, NAN), (NAN, NAN)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN), (LARGEST, 1), (6, 1), (-TINY, -TINY)],
    "erfc": [(0.0, 1), (-0.0, 1), (INF, 0), (-INF, 2), (NAN, NAN), (LARGEST, 0), (27.3, 0), (-7, 2), (TINY, 1)],
    "gamma": [(0.0, INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1, NAN), (-1e300, NAN), (1, 1), (171.7, INF),
              (6, 120), (-200.5, -0.0), (-201.5, 0.0), (TINY, INF), (-TINY, -INF), (LARGEST, INF)],
    "digamma": [(0.0, -INF), (-0.0, INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1, NAN), (TINY, -INF), (-TINY, INF)],
    "lgamma": [(0.0, INF), (-0.0, INF), (INF, INF), (NAN, NAN), (-1, INF), (-2, INF), (1, 0.0), (2, 0.0), (LARGEST, INF)],
}  # fmt: skip
BUILDS = {name: case[0] for name, case in CASES.items()} | {
    "digamma": elementary_digamma.digamma,
    "gamma": elementary_gamma.gamma,
    "lgamma": elementary_gamma.lgamma,
}


def error(value, exact, least=-1074):
    """The distance of a double from a number of mpmath, in units of the last place of the latter, or in 2**least where that is more."""
    if abs(exact) >= mpmath.ldexp(1, 1024) * (1 - mpmath.ldexp(1, -54)):
        return 0.0 if value == math.copysign(INF, exact) else INF
    unit = mpmath.ldexp(1, max(int(mpmath.frexp(abs(exact))[1]) - 53, least))
    return float(abs(mpmath.mpf(float(value)) - exact) / unit)


def worst(build, reference, *arguments, least=-1074):
    values = vectorized(build, len(arguments), 8)(*arguments)
    with mpmath.workprec(160):
        exact = [reference(*(mpmath.mpf(float(a)) for a in point)) for point in zip(*arguments, strict=True)]
        return max(
            (error(y, e, least), *map(float, point)) for y, e, *point in zip(values, exact, *arguments, strict=True)
        )


@pytest.mark.parametrize("name", CASES)
def test_accuracy(name):
    build, reference, samples = CASES[name]
    found = worst(build, reference, np.concatenate(samples))
    assert found[0] < 0.95, found


@pytest.mark.parametrize("y, x", PAIRS)
def test_accuracy_of_atan2(y, x):
    found = worst(elementary_arc.atan2, mpmath.atan2, y, x)
    assert found[0] < 0.95, found


def test_accuracy_of_gamma():
    x = np.concatenate([uniform(0, 5), uniform(4, 172), uniform(-5, 0), uniform(-180, -5), abs(binades(-1074, 0))])
    found = worst(elementary_gamma.gamma, mpmath.gamma, x)
    assert found[0] < 4, found


def test_accuracy_of_lgamma():
    around = 1 + np.concatenate([binades(-52, -1), 1 + binades(-51, -2)])
    x = np.concatenate([uniform(0, 5), uniform(4, 172), abs(binades(-1074, 1014)), around])
    found = worst(elementary_gamma.lgamma, mpmath.loggamma, x)
    assert found[0] < 4, found
    x = np.concatenate([uniform(-5, 0), uniform(-180, -5)])
    found = worst(elementary_gamma.lgamma, lambda a: mpmath.log(abs(mpmath.gamma(a))), x, least=-52)
    assert found[0] < 4, found


def test_accuracy_of_digamma():
    root = 1.4616321449683622 * (1 + binades(-52, -2))
    found = worst(elementary_digamma.digamma, mpmath.digamma, np.concatenate([uniform(0, 5), uniform(4, 99), root]))
    assert found[0] < 4, found
    x = np.concatenate([uniform(-5, 0), uniform(-99, -5)])
    found = worst(elementary_digamma.digamma, mpmath.digamma, x, least=-52)
    assert found[0] < 4, found


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("width", [1, 8])
def test_special_values(name, width):
    x, expected = np.array(SPECIAL[name]).T
    found = vectorized(BUILDS[name], 1, width)(x)
    np.testing.assert_array_equal(found, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


EDGES = [0.0, -0.0, INF, -INF, NAN, 1, -1, TINY, -TINY, 3, 0.1, -1e-20, 1e308, -LARGEST, 2.0**53, 2.0**53 + 2]
RATIOS = (
    np.rint(binades(0, 52)) * uniform(1, 2) * (1 + np.random.default_rng(5).integers(-1, 2, COUNT) * 2.0**-52),
    uniform(1, 2),
)


@pytest.mark.parametrize(
    "build, reference",
    [(elementary_arc.atan2, np.arctan2), (elementary_remainder.remainder, np.remainder)],
    ids=["atan2", "remainder"],
)
@pytest.mark.parametrize("width", [1, 8])
def test_special_values_of_two_arguments(build, reference, width):
    y, x = (a.ravel() for a in np.meshgrid(EDGES, EDGES))
    with np.errstate(all="ignore"):
        expected = reference(y, x)
    found = vectorized(build, 2, width)(y, x)
    np.testing.assert_allclose(found, expected, rtol=2e-16, atol=0)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


@pytest.mark.parametrize("x, y", [*PAIRS, RATIOS])
def test_remainder_is_exact(x, y):
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(vectorized(elementary_remainder.remainder, 2, 8)(x, y), np.remainder(x, y))


@pytest.mark.parametrize("name", BUILDS)
def test_bits_do_not_depend_on_the_width(name):
    values = np.concatenate([*CASES.get(name, CASES["sin"])[2], np.array(SPECIAL[name])[:, 0]])
    runs = [vectorized(BUILDS[name], 1, width)(values) for width in (1, 2, 4, 8, 16)]
    for run in runs:
        np.testing.assert_array_equal(
            np.where(np.isnan(run), NAN, run).view(np.int64), np.where(np.isnan(runs[0]), NAN, runs[0]).view(np.int64)
        )


@pytest.mark.parametrize("build", [elementary_arc.atan2, elementary_remainder.remainder])
def test_bits_of_two_arguments_do_not_depend_on_the_width(build):
    x, y = (np.concatenate(side) for side in zip(*PAIRS, RATIOS, strict=True))
    runs = [vectorized(build, 2, width)(x, y) for width in (1, 2, 4, 8, 16)]
    for run in runs:
        np.testing.assert_array_equal(run.view(np.int64), runs[0].view(np.int64))


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sharing_changes_no_bit(name):
    values = np.concatenate(WAVES)
    shared = functools.partial(BUILDS[name], shared=True)
    np.testing.assert_array_equal(vectorized(shared, 1, 8)(values), vectorized(BUILDS[name], 1, 8)(values))


@pytest.mark.parametrize("width", [1, 2, 4, 8, 16, 32])
def test_tables(width):
    values = [float(v) for v in np.random.default_rng(6).standard_normal(16)]

    def build(code, x):
        return code.table(code.bits(code.fadd(x, code.const(1.5 * 2.0**52))), values)

    places = np.arange(40)
    np.testing.assert_array_equal(vectorized(build, 1, width)(places), np.array(values)[places % 16])
