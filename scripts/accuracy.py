"""Measures the native elementary functions against mpmath, and writes docs/accuracy.md.

    python scripts/accuracy.py                # all functions, about ten minutes
    python scripts/accuracy.py sin erfc       # these only, printed
    python scripts/accuracy.py --count 500    # so many points in each region
    python scripts/accuracy.py single_exp     # a function of float32, for all floats: about a minute

Points are taken at random from each of the regions below: all exponents, where a function changes its formula, and where it is hard. The error is the
distance from the exact value in units of the last place (ulp) of that value; 0.5 is what rounding alone costs. Each function is run one row at a
time and eight at once, which must give the same bits. Those of float32 are measured at all 2**32 floats, against the functions of float64.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mpmath
import numpy as np

from symgraph.backends.llvm.elementary import EXPANSIONS, SINGLE
from symgraph.backends.llvm.testing import vectorized

TARGET = Path(__file__).parents[1] / "docs" / "accuracy.md"
Array = Any
Region = Callable[[np.random.Generator, int], Array]


def uniform(low: float, high: float) -> Region:
    return lambda random, count: random.uniform(low, high, count)


def binades(low: int, high: int, signs: bool = True) -> Region:
    """Exponents from low to high - 1, all alike."""

    def points(random: np.random.Generator, count: int) -> Array:
        size = np.ldexp(random.uniform(1, 2, count), random.integers(low, high, count))
        return size * random.choice([-1, 1], count) if signs else size

    return points


def near(place: float, low: int = -52, high: int = -2) -> Region:
    """To both sides of a place, at relative distances from 2**low to 2**high."""
    return lambda random, count: place * (1 + binades(low, high)(random, count))


def multiples(of: float, low: int, high: int) -> Region:
    """The doubles next to multiples of a number."""

    def points(random: np.random.Generator, count: int) -> Array:
        factor = np.rint(binades(low, high)(random, count))
        return factor * of * (1 + random.integers(-1, 2, count) * 2.0**-53)

    return points


ALL, POSITIVE = binades(-1074, 1024), binades(-1074, 1024, signs=False)
WAVES = [uniform(-math.pi, math.pi), uniform(-100, 100), multiples(math.pi / 2, 0, 40), ALL]
LOGS = [uniform(0.3, 3), near(1.0), POSITIVE]


class Case(NamedTuple):
    """A function of mpmath, its regions (for two arguments, pairs of them), and the least unit of its error as a power of 2."""

    exact: Callable[..., Any]
    regions: list[Any]
    least: int = -1074


def _logaddexp(x: Any, y: Any) -> Any:
    return max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))


def _lgamma(x: Any) -> Any:
    return mpmath.loggamma(x) if x > 0 else mpmath.log(abs(mpmath.gamma(x)))


CASES = {
    "exp": Case(mpmath.exp, [uniform(-745.2, 709.8), uniform(-1, 1), binades(-1074, 0)]),
    "exp2": Case(lambda x: mpmath.mpf(2) ** x, [uniform(-1075, 1024), uniform(-1, 1), binades(-1074, 0)]),
    "expm1": Case(mpmath.expm1, [uniform(-40, 709.8), uniform(-1, 1), binades(-1074, 0)]),
    "sigmoid": Case(
        lambda x: 1 / (1 + mpmath.exp(-x)),
        [uniform(-745.2, 40), uniform(-3, 3), binades(-1074, 0), uniform(-746, -707)],
    ),
    "softplus": Case(
        lambda x: mpmath.log1p(mpmath.exp(x)),
        [uniform(-745.2, 40), uniform(-3, 3), uniform(-40, -34), binades(-1074, 10)],
    ),
    "log": Case(mpmath.log, LOGS),
    "log2": Case(lambda x: mpmath.log(x, 2), LOGS),
    "log10": Case(mpmath.log10, LOGS),
    "log1p": Case(mpmath.log1p, [uniform(-0.999, 3), binades(-1074, 0), POSITIVE, near(-1.0, -52, -1)]),
    "sin": Case(mpmath.sin, WAVES),
    "cos": Case(mpmath.cos, WAVES),
    "tan": Case(mpmath.tan, WAVES),
    "asin": Case(mpmath.asin, [uniform(-1, 1), near(1.0), binades(-1074, 0)]),
    "acos": Case(mpmath.acos, [uniform(-1, 1), near(1.0), near(-1.0), binades(-1074, 0)]),
    "atan": Case(mpmath.atan, [uniform(-4, 4), near(math.tan(math.pi / 8)), ALL]),
    "sinh": Case(mpmath.sinh, [uniform(-710.5, 710.5), uniform(-3, 3), binades(-1074, 0)]),
    "cosh": Case(mpmath.cosh, [uniform(-710.5, 710.5), uniform(-3, 3), binades(-1074, 0)]),
    "tanh": Case(mpmath.tanh, [uniform(-20, 20), uniform(-1, 1), binades(-1074, 0)]),
    "sech_squared": Case(
        lambda x: mpmath.sech(x) ** 2, [uniform(-373, 373), uniform(-1, 1), uniform(-374, -353), binades(-1074, 0)]
    ),
    "asinh": Case(mpmath.asinh, [uniform(-3, 3), ALL]),
    "acosh": Case(mpmath.acosh, [uniform(1, 4), near(1.0), binades(0, 1024, signs=False)]),
    "atanh": Case(mpmath.atanh, [uniform(-1, 1), near(1.0), binades(-1074, 0)]),
    "cbrt": Case(lambda x: mpmath.cbrt(abs(x)) * mpmath.sign(x), [uniform(-8, 8), ALL]),
    "erf": Case(mpmath.erf, [uniform(-1, 1), uniform(-6, 6), binades(-1074, 3)]),
    "erfc": Case(mpmath.erfc, [uniform(-6, 6), uniform(6, 26.54), uniform(26.5, 27.3), binades(-1074, 3)]),
    "gamma": Case(
        mpmath.gamma, [uniform(0, 5), uniform(5, 171.7), uniform(-6, 0), uniform(-184, -5), binades(-1074, 0)]
    ),
    "lgamma": Case(_lgamma, [uniform(0, 5), near(1.0), near(2.0), uniform(5, 200), binades(-1074, 1024, signs=False)]),
    "lgamma of negative x": Case(_lgamma, [uniform(-6, 0), uniform(-180, -5), binades(-1074, 0)], -52),
    "digamma": Case(
        mpmath.digamma, [uniform(0, 5), near(1.4616321449683622), uniform(5, 100), binades(-1074, 1000, signs=False)]
    ),
    "digamma of negative x": Case(mpmath.digamma, [uniform(-6, 0), uniform(-180, -5), binades(-1074, 0)], -52),
    "pow": Case(
        mpmath.power,
        [
            (uniform(0, 10), uniform(-30, 30)),
            (near(1.0), binades(0, 50)),
            (POSITIVE, binades(-40, 10)),
            (uniform(0.7, 1.5), uniform(-1700, 1700)),
        ],
    ),
    "hypot": Case(
        mpmath.hypot, [(uniform(-4, 4), uniform(-4, 4)), (ALL, ALL), (binades(-1074, -1000), binades(-1074, -1000))]
    ),
    "atan2": Case(mpmath.atan2, [(uniform(-4, 4), uniform(-4, 4)), (ALL, ALL), (binades(-9, 9), binades(-9, 9))]),
    "remainder": Case(
        lambda x, y: x - y * mpmath.floor(x / y),
        [(uniform(-4, 4), uniform(-4, 4)), (binades(0, 90), binades(-9, 9)), (ALL, ALL)],
    ),
    "logaddexp": Case(_logaddexp, [(uniform(0, 4), uniform(0, 4)), (uniform(-700, 700), uniform(-700, 700))]),
    "logaddexp around its zeros": Case(_logaddexp, [(uniform(-2, 0), uniform(-2, 0))], -52),
}
PRECISION = {"remainder": 2300, "logaddexp": 400, "pow": 200}


def errors(values: Array, exact: list[Any], least: int) -> Array:
    """The distances in ulp; infinite where one of the two is an infinity or nan and the other is not the same."""
    result = np.zeros(len(values))
    for k, (value, e) in enumerate(zip(values, exact, strict=True)):
        if isinstance(e, mpmath.mpc) or mpmath.isnan(e):
            result[k] = 0.0 if np.isnan(value) else math.inf
        elif abs(e) >= mpmath.ldexp(1, 1024) - mpmath.ldexp(1, 970) or not np.isfinite(value):
            overflows = abs(e) >= mpmath.ldexp(1, 1024) - mpmath.ldexp(1, 971)
            result[k] = 0.0 if overflows and abs(value) >= 1.7976931348623157e308 else math.inf
        elif e != value:
            unit = mpmath.ldexp(1, max(int(mpmath.frexp(abs(e))[1]) - 53, least)) if e else mpmath.ldexp(1, least)
            result[k] = float(abs(mpmath.mpf(float(value)) - e) / unit)
    return result


def measure(name: str, count: int) -> str:
    """A row of the table."""
    case = CASES[name]
    build = EXPANSIONS[name.split()[0]]
    random = np.random.default_rng(20)
    worst, where, total, size = -1.0, "", 0.0, 0
    for region in case.regions:
        arguments = [part(random, count) for part in (region if isinstance(region, tuple) else (region,))]
        values, wide = (vectorized(build, len(arguments), width)(*arguments) for width in (1, 8))
        if not np.array_equal(values, wide, equal_nan=True):
            raise SystemExit(f"{name}: other bits at another width")
        with mpmath.workprec(PRECISION.get(name, 160)):
            exact = [case.exact(*(mpmath.mpf(float(a)) for a in point)) for point in zip(*arguments, strict=True)]
            found = errors(values, exact, case.least)
        place = int(found.argmax())
        if found[place] > worst:
            worst, where = found[place], ", ".join(repr(float(a[place])) for a in arguments)
        total, size = total + float(found.sum()), size + count
    return f"| {name} | {worst:.3f} | {where} | {total / size:.3f} | {size} |"


def measure_single(name: str, step: int = 1) -> str:
    """A row of the table of float32, from every `step`-th float. Infinities, nan and the signs of zeros must be those of the rounded double."""
    build, size = EXPANSIONS[name], 1 << 15
    single = vectorized(lambda code, x: code.round_to_float(build(code, code.extend(x))), 1, 32, np.float32)
    double = vectorized(EXPANSIONS[name.removeprefix("single_")], 1, 32)
    worst, where, total, count = -1.0, 0.0, 0.0, 0
    np.seterr(all="ignore")
    for start in range(0, 1 << 32, size * step):
        x = (
            np.arange(start, min(start + size * step, 1 << 32), step, dtype=np.uint64)
            .astype(np.uint32)
            .view(np.float32)
        )
        value, exact = single(x), double(x.astype(np.float64))
        rounded = exact.astype(np.float32)
        same = (value == rounded) & (np.signbit(value) == np.signbit(rounded)) | np.isnan(value) & np.isnan(rounded)
        if not np.all(same | np.isfinite(rounded) & np.isfinite(value) & (rounded != 0)):
            raise SystemExit(f"{name}: {x[~same][:3]} give {value[~same][:3]}, not {rounded[~same][:3]}")
        finite = np.isfinite(rounded)
        binade = (exact.view(np.int64) & (2047 << 52)).view(np.float64)
        error = np.where(finite, np.abs(value - exact) / np.maximum(binade * 2.0**-23, 2.0**-149), 0.0)
        place = int(error.argmax())
        if error[place] > worst:
            worst, where = float(error[place]), float(x[place])
        total, count = total + float(error.sum()), count + int(np.count_nonzero(finite))
    return f"| {name.removeprefix('single_')} | {worst:.3f} | {np.float32(where)!s} | {total / count:.3f} | {count} |"


HEAD_SINGLE = """
## Float32

For the functions of float32 that are written of their own (all others are those of float64, rounded): at all floats, against the
functions of float64.

| function | largest error | at | mean error | points |
|---|---|---|---|---|"""

HEAD = """# Accuracy of the native elementary functions

Float64, measured by `python scripts/accuracy.py` against mpmath at random points of every region in which a function behaves
differently: the largest error in units of the last place of the exact value (0.5 is what rounding alone costs), where it was seen,
and the mean. For the logarithm of the gamma function at negative arguments, which has a zero between any two poles, and for
logaddexp around its zeros, the unit is at least that of 1.

| function | largest error | at | mean error | points |
|---|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--count", type=int, default=4000)
    options = parser.parse_args()
    lines = [HEAD]
    print(HEAD.splitlines()[-2] + "\n" + HEAD.splitlines()[-1])
    for name in options.names or CASES:
        lines.append(measure_single(name) if name in SINGLE.values() else measure(name, options.count))
        print(lines[-1], flush=True)
    if not options.names:
        print(HEAD_SINGLE)
        lines.append(HEAD_SINGLE)
        for name in sorted(SINGLE.values()):
            lines.append(measure_single(name))
            print(lines[-1], flush=True)
        TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
