"""Exponentials, logarithms and hyperbolic functions as instructions: accuracy, special values, the same bits at every width."""

import math

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import elementary_exp, engine
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


CASES = {
    "exp": (
        elementary_exp.exp,
        mpmath.exp,
        [uniform(-745, 709.7), uniform(709.7, 709.782712893384), uniform(-746, -707), uniform(-1, 1), SMALL],
    ),
    "log": (elementary_exp.log, mpmath.log, [uniform(0.3, 3), ALL_EXPONENTS, AROUND_ONE]),
}

SPECIAL = {
    "exp": [(0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (709.7827128933841, INF),
            (1e308, INF), (-1e308, 0), (-745.1332191019411, TINY), (-745.1332191019412, 0), (TINY, 1)],
    "log": [(0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (NAN, NAN), (-1.0, NAN), (-TINY, NAN), (1.0, 0),
            (TINY, -744.4400719213812), (LARGEST, 709.782712893384)],
}  # fmt: skip


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
def test_special_values(name, width):
    x, expected = np.array(SPECIAL[name]).T
    np.testing.assert_array_equal(vectorized(CASES[name][0], 1, width)(x), expected)


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
