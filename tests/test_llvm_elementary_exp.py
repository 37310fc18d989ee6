"""Exponentials, logarithms and hyperbolic functions as instructions: accuracy, special values, the same bits at every width."""

import math

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import elementary_exp, elementary_hyperbolic, elementary_log, elementary_power, engine
from symgraph.backends.llvm.testing import vectorized

INF, NAN = math.inf, math.nan
TINY, LARGEST = 5e-324, 1.7976931348623157e308
ALL_EXPONENTS = np.ldexp(
    np.random.default_rng(1).uniform(1, 2, 300), np.random.default_rng(2).integers(-1074, 1024, 300)
)
AROUND_ONE = 1 + np.random.default_rng(3).standard_normal(300) * 10 ** np.random.default_rng(4).uniform(-16, -0.5, 300)
SMALL = np.random.default_rng(5).standard_normal(300) * 10 ** np.random.default_rng(6).uniform(-300, 0, 300)


def uniform(low, high, count=300):
    return np.random.default_rng(7).uniform(low, high, count)


WIDE = SMALL * 10 ** uniform(0, 300)


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def softplus(x):
    return mpmath.log1p(mpmath.exp(x))


CASES = {
    "exp": (
        elementary_exp.exp,
        mpmath.exp,
        [uniform(-745, 709.7), uniform(709.7, 709.782712893384), uniform(-746, -707), SMALL],
    ),
    "exp2": (elementary_exp.exp2, lambda x: mpmath.mpf(2) ** x, [uniform(-1075, 1024), uniform(-1, 1), SMALL]),
    "expm1": (elementary_exp.expm1, mpmath.expm1, [uniform(-45, 709.7), uniform(-1.1, 1.1), uniform(30, 45), SMALL]),
    "sigmoid": (elementary_exp.sigmoid, sigmoid, [uniform(-745, 40), uniform(-2, 2), uniform(-746, -707), SMALL]),
    "log": (elementary_log.log, mpmath.log, [uniform(0.3, 3), ALL_EXPONENTS, AROUND_ONE]),
    "log2": (elementary_log.log2, lambda x: mpmath.log(x, 2), [uniform(0.3, 3), ALL_EXPONENTS, AROUND_ONE]),
    "log10": (elementary_log.log10, mpmath.log10, [uniform(0.3, 3), ALL_EXPONENTS, AROUND_ONE]),
    "log1p": (elementary_log.log1p, mpmath.log1p, [uniform(-0.9, 2), ALL_EXPONENTS, AROUND_ONE - 1, SMALL.clip(-0.9)]),
    "softplus": (elementary_log.softplus, softplus, [uniform(-745, 40), uniform(-2, 2), uniform(-40, -25), SMALL]),
    "tanh": (elementary_hyperbolic.tanh, mpmath.tanh, [uniform(-20, 20), uniform(-1, 1), uniform(17, 20), SMALL]),
    "sech_squared": (
        elementary_hyperbolic.sech_squared,
        lambda x: mpmath.sech(x) ** 2,
        [uniform(-373, 373), uniform(-1, 1), uniform(-374, -353), SMALL],
    ),
    "sinh": (elementary_hyperbolic.sinh, mpmath.sinh, [uniform(-710.4, 710.4), uniform(-1, 1), uniform(15, 25), SMALL]),
    "cosh": (elementary_hyperbolic.cosh, mpmath.cosh, [uniform(-710.4, 710.4), uniform(-1, 1), uniform(15, 25), SMALL]),
    "asinh": (elementary_hyperbolic.asinh, mpmath.asinh, [uniform(-3, 3), WIDE, -ALL_EXPONENTS, SMALL]),
    "acosh": (elementary_hyperbolic.acosh, mpmath.acosh, [uniform(1, 3), abs(AROUND_ONE - 1) + 1, 1 + ALL_EXPONENTS]),
    "atanh": (
        elementary_hyperbolic.atanh,
        mpmath.atanh,
        [uniform(-1, 1), (1 - abs(AROUND_ONE - 1)).clip(max=1 - 2.0**-53), SMALL],
    ),
    "cbrt": (
        elementary_power.cbrt,
        lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
        [uniform(-9, 9), ALL_EXPONENTS, np.arange(-100.0, 200) ** 3],
    ),
}

SPECIAL = {
    "exp": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (709.7827128933841, INF), (1e308, INF), (-1e308, 0),
            (-745.1332191019411, TINY), (-745.1332191019412, 0), (TINY, 1)],
    "exp2": [(0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (1024, INF), (-1074, TINY), (-1075, 0), (-1074.9, TINY), (10, 1024),
             (-1, 0.5), (1e308, INF), (-1e308, 0), (1023, 2.0**1023)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1), (NAN, NAN), (TINY, TINY), (-TINY, -TINY), (-50, -1), (710, INF)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (NAN, NAN), (-746, 0), (1e308, 1), (-1e308, 0)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0, NAN), (-TINY, NAN), (1.0, 0.0),
            (TINY, -744.4400719213812), (LARGEST, 709.782712893384)],
    "log2": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0, NAN), (1.0, 0.0), (8, 3), (TINY, -1074),
             (0.5, -1), (2.0**1023, 1023)],
    "log10": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0, NAN), (1.0, 0.0), (1000, 3), (1e22, 22)],
    "log1p": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, NAN), (NAN, NAN), (-1, -INF), (-1.5, NAN), (TINY, TINY), (-TINY, -TINY),
              (LARGEST, 709.782712893384)],
    "softplus": [(INF, INF), (-INF, 0.0), (NAN, NAN), (0.0, 0.6931471805599453), (1e308, 1e308), (-1e308, 0), (-745.2, 0), (800, 800)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (NAN, NAN), (TINY, TINY), (-TINY, -TINY), (25, 1), (-1e308, -1)],
    "sech_squared": [(0.0, 1), (-0.0, 1), (INF, 0), (-INF, 0), (NAN, NAN), (TINY, 1), (-1e308, 0), (374, 0), (400, 0), (1e3, 0)],
    "sinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (TINY, TINY), (-TINY, -TINY), (710.4758600739440, INF),
             (-1e308, -INF)],
    "cosh": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (NAN, NAN), (TINY, 1), (710.4758600739440, INF), (-1e308, INF)],
    "asinh": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (TINY, TINY), (-TINY, -TINY), (LARGEST, 710.475860073944)],
    "acosh": [(1.0, 0.0), (0.999, NAN), (-1, NAN), (0.0, NAN), (INF, INF), (-INF, NAN), (NAN, NAN), (LARGEST, 710.475860073944)],
    "atanh": [(0.0, 0.0), (-0.0, -0.0), (1, INF), (-1, -INF), (1.5, NAN), (-INF, NAN), (INF, NAN), (NAN, NAN), (TINY, TINY),
              (-TINY, -TINY)],
    "cbrt": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (NAN, NAN), (27, 3), (-8, -2), (1e300, 1e100), (TINY, 1.7031839360032603e-108)],
}  # fmt: skip


BASES = uniform(0.7, 1.5, 400)
PAIRS = {
    "pow": (
        elementary_power.pow,
        mpmath.power,
        [
            (BASES, np.random.default_rng(8).uniform(-745, 709.7, 400) / np.log(BASES)),
            (abs(ALL_EXPONENTS), 700 / np.log(abs(ALL_EXPONENTS))),
            (np.arange(-150.0, 150), np.resize(np.arange(-20.0, 40), 300)),
        ],
    ),
    "hypot": (
        elementary_power.hypot,
        mpmath.hypot,
        [
            (uniform(-3, 3), np.random.default_rng(8).uniform(-3, 3, 300)),
            (ALL_EXPONENTS / 2, ALL_EXPONENTS[::-1] / 2),
            (WIDE, 2 * WIDE),
        ],
    ),
    "logaddexp": (
        elementary_log.logaddexp,
        lambda x, y: max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y))),
        [
            (uniform(0, 3), np.random.default_rng(8).uniform(0, 3, 300)),
            (uniform(-700, 700), np.random.default_rng(8).uniform(-700, 700, 300)),
        ],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_accuracy_of_two_arguments(name, monkeypatch):
    build, reference, samples = PAIRS[name]
    x, y = (np.concatenate(part) for part in zip(*samples, strict=True))
    with mpmath.workprec(200):
        result = vectorized(build, 2, 8)(x, y)
        used = np.isfinite(result) & (x != 0)
        worst = max(
            (error(z, reference(mpmath.mpf(float(a)), mpmath.mpf(float(b)))), a, b)
            for a, b, z in zip(x[used], y[used], result[used], strict=True)
        )
    assert used.mean() > 0.95
    assert worst[0] < 1, worst
    for width in (1, 4, 16):
        np.testing.assert_array_equal(vectorized(build, 2, width)(x, y), result)
    monkeypatch.setattr(engine.host(), "scales", False)
    np.testing.assert_array_equal(vectorized(build, 2, 8)(x, y), result)


def test_logaddexp_near_its_zeros():
    x = uniform(-3, 0)
    y = np.log(-np.expm1(x)) * AROUND_ONE
    with mpmath.workprec(200):
        exact = [
            mpmath.log(mpmath.exp(mpmath.mpf(float(a))) + mpmath.exp(mpmath.mpf(float(b))))
            for a, b in zip(x, y, strict=True)
        ]
        worst = max(
            abs(float(mpmath.mpf(float(z)) - e))
            for z, e in zip(vectorized(elementary_log.logaddexp, 2, 8)(x, y), exact, strict=True)
        )
    assert worst < 2.0**-52


POINTS = np.array(
    [
        0.0,
        -0.0,
        1,
        -1,
        2,
        -2,
        3,
        -3,
        0.5,
        -0.5,
        1.5,
        INF,
        -INF,
        NAN,
        1e300,
        -1e300,
        1e-300,
        TINY,
        -TINY,
        2.0**53,
        2.0**52 + 1,
        1.0000000000000002,
    ]
)


def c_power(x, y):
    try:
        return math.pow(x, y)
    except OverflowError:
        return math.copysign(INF, -1.0 if x < 0 and y % 2 == 1 else 1.0)
    except ValueError:  # Python's way to say a pole, or nan
        return math.copysign(INF, x if y % 2 == 1 else 1.0) if x == 0 else NAN


@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("native", [True, False])
def test_special_values_of_two_arguments(name, width, native, monkeypatch):
    if not native:
        monkeypatch.setattr(engine.host(), "scales", False)
    x, y = (part.ravel() for part in np.meshgrid(POINTS, POINTS))
    function = {"pow": c_power, "hypot": math.hypot, "logaddexp": lambda a, b: float(np.logaddexp(a, b))}[name]
    with np.errstate(all="ignore"):
        expected = np.array([function(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    result = vectorized(PAIRS[name][0], 2, width)(x, y)
    np.testing.assert_allclose(result, expected, rtol=5e-16, atol=0)
    np.testing.assert_array_equal(np.signbit(result[result == 0]), np.signbit(expected[result == 0]))


def error(value, exact):
    """The distance of a double from a number of mpmath, in units of the last place of the latter."""
    if exact == 0:
        return 0.0 if value == 0 else INF
    unit = mpmath.ldexp(1, max(mpmath.frexp(abs(exact))[1] - 53, -1074))
    return float(abs(mpmath.mpf(float(value)) - exact) / unit)


@pytest.mark.parametrize("name", CASES)
def test_accuracy(name):
    build, reference, samples = CASES[name]
    values = np.concatenate(samples)
    with mpmath.workprec(200):
        worst = max(
            (error(y, reference(mpmath.mpf(float(x)))), float(x))
            for x, y in zip(values, vectorized(build, 1, 8)(values), strict=True)
        )
    assert worst[0] < 1, worst


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("width", [1, 8])
@pytest.mark.parametrize("native", [True, False])
def test_special_values(name, width, native, monkeypatch):
    if not native:
        monkeypatch.setattr(engine.host(), "scales", False)
    x, expected = np.array(SPECIAL[name]).T
    result = vectorized(CASES[name][0], 1, width)(x)
    np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(np.signbit(result[result == 0]), np.signbit(expected[expected == 0]))


@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_the_width(name, monkeypatch):
    build, _, samples = CASES[name]
    values = np.concatenate([*samples, -samples[0], np.array(SPECIAL[name])[:, 0]])
    runs = [vectorized(build, 1, width)(values) for width in (1, 2, 4, 8, 16)]
    monkeypatch.setattr(engine.host(), "scales", False)
    runs += [vectorized(build, 1, width)(values) for width in (1, 4, 8)]
    for run in runs:
        np.testing.assert_array_equal(
            np.where(np.isnan(run), NAN, run).view(np.int64), np.where(np.isnan(runs[0]), NAN, runs[0]).view(np.int64)
        )
