"""Compare gradients with SymPy's derivatives, evaluated by mpmath in 40 digits, for random expressions at random points.

    python scripts/check_gradients.py 100000 [seed] [backend]

Every pair (expression, point) is counted as one of these:

equal         all derivatives agree to nine digits
rounding      they do not, but by no more than rounding errors of the expression itself explain (see symgraph.testing.judge_slope), or the same
              program in 80 bit numbers comes closer by the digits that these have more, or SymPy's formula in doubles is as far off (1 - tanh(x)**2)
not SymPy's   SymPy's formula has no value there, or another one, and differences in 60 digits agree with ours
kink          the slopes on the two sides differ, or the point lies at a step or at the border of where the expression is defined
no digits     rounding errors alone can change the value of the expression by more than a hundredth, or the slope is too small beside it to be judged
0 * inf       the slope of a function inside is infinite or not real, as that of sqrt at 0 and of (-2)**x, and what stands in it does not change
no value      the expression or its slope is undefined, or beyond the range of float64
too slow      SymPy has been at the expression for 20 seconds
refused       symgraph refuses the expression: a constant of it is beyond float64
WRONG         none of these; each is printed, and the exit code is 1
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from hypothesis import HealthCheck, Phase, given, seed, settings

import symgraph as sg
from symgraph.testing import evaluate, expressions, judge, judge_slope

X = x, y = sp.symbols("x y", real=True)
POINTS = 10  # for each expression
SPECIAL = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -3.0, 1e-8, 1e-3, 100.0, -1e5]


class TooSlow(Exception):
    """SymPy has been at it for too long."""


def within(limit: float, function: Callable[..., Any], *values: Any) -> Any:
    """What a function gives, or TooSlow after `limit` seconds."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        return function(*values)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def points(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Numbers of all kinds, one column for each symbol."""
    shape = (POINTS, len(X))
    kinds = [rng.normal(0, 2, shape), rng.integers(-3, 4, shape).astype(float), rng.choice(SPECIAL, shape)]
    return np.choose(rng.choice(3, shape, p=[0.7, 0.15, 0.15]), kinds)


def derivatives(expr: Any) -> list[Callable[..., Any] | None]:
    """SymPy's derivatives as functions of mpmath numbers; those of steps are 0, where they are defined. None for what cannot be printed."""
    return [_function(_without_steps(expr.diff(symbol))) for symbol in X]


def _without_steps(slope: Any) -> Any:
    def is_of_step(part: Any) -> bool:
        unevaluated = isinstance(part, sp.Derivative) and isinstance(
            part.expr, (sp.floor, sp.ceiling, sp.frac, sp.sign)
        )
        return unevaluated or isinstance(part, (sp.Subs, sp.DiracDelta))

    return slope.replace(is_of_step, lambda part: sp.Integer(0)) if isinstance(slope, sp.Basic) else slope


def _function(slope: Any) -> Callable[..., Any] | None:
    try:
        function: Callable[..., Any] = sp.lambdify(X, slope, "mpmath")
    except TooSlow:
        raise
    except Exception:  # whatever SymPy's printer does not know
        return None
    return function


def by_sympy(slope: Callable[..., Any] | None, row: Sequence[float]) -> float | None:
    """A derivative at a point; None where that has no real value."""
    if slope is None:
        return None
    try:
        with mpmath.workdps(40):
            value = slope(*[mpmath.mpf(float(v)) for v in row])
            value = mpmath.mpmathify(value)
            if isinstance(value, mpmath.mpc):
                value = value.real if value.imag == 0 else mpmath.nan
            return float(value) if mpmath.isfinite(value) else None
    except TooSlow:
        raise
    except Exception:  # whatever SymPy's printed code does not know
        return None


def explanation(expr: Any, row: Sequence[float], found: Sequence[float], exact: Sequence[float | None]) -> str:
    """Why the derivatives are not equal, or "WRONG"."""
    at = {symbol: float(v) for symbol, v in zip(X, row, strict=True)}
    if evaluate(expr, at) is None:
        return "no value"
    reason = "rounding"
    for symbol, ours, theirs in zip(X, found, exact, strict=True):
        if close(ours, theirs):
            continue
        verdict = judge_slope(expr, at, {symbol: 1.0}, samples=8)
        if verdict is None:
            return "kink"
        if np.isnan(verdict.value) or not abs(verdict.value) < 1e290:
            return "no value"
        doubt = verdict.tolerance + conditioning(expr, symbol, row)
        if not (abs(ours - verdict.value) <= doubt or is_rounding(expr, symbol, at, ours, float(verdict.value))):
            return excuse(expr, symbol, at, ours)
        if theirs is None or not abs(theirs - verdict.value) <= doubt:
            reason = "not SymPy's"
    return reason


_compiled: dict[Any, Any] = {}


def conditioning(expr: Any, symbol: Any, row: Sequence[float]) -> float:
    """How far the derivative moves where the point moves in the last bits: what cancellation among its parts explains."""
    grad = _compiled["grad"]
    rng = np.random.default_rng(0)
    near = [v * (1 + rng.uniform(-1, 1, 17) * 2.0**-50) for v in row]
    values = np.asarray(grad(*near)[X.index(symbol)])
    with np.errstate(all="ignore"):
        return float(64 * np.nanmax(np.abs(values - np.asarray(grad(*row)[X.index(symbol)])), initial=0.0))


def excuse(expr: Any, symbol: Any, at: dict[Any, float], ours: float) -> str:
    """What an expression itself says of a derivative that is not right, or "WRONG"."""
    value = judge(expr, at, samples=8)
    if value is None or not value.tolerance <= 0.01 * abs(value.value) + 1e-280:
        return "no digits"
    if abs(ours) <= 1e-40 * abs(value.value):
        return "no digits"  # differences in 60 digits do not see so small a slope
    steps = expr.has(sp.floor, sp.ceiling, sp.frac, sp.Mod)
    if steps and np.isfinite(ours) and abs(ours) * np.spacing(abs(at[symbol])) > 0.01 * (1 + abs(value.value)):
        return "no digits"  # many steps lie between a number and the next one
    return "0 * inf" if not np.isfinite(ours) and is_infinite_inside(expr, at) else "WRONG"


def is_infinite_inside(expr: Any, at: dict[Any, float]) -> bool:
    """Whether a function or power within an expression has no finite real derivative where it is evaluated, such as sqrt at 0."""
    for part in expr.atoms(sp.Pow, sp.Function):
        values = [evaluate(arg, at) for arg in part.args]
        dummies = sp.symbols(f"d:{len(values)}", real=True)
        if any(value is None for value in values) or isinstance(part, sp.Piecewise):
            continue
        for dummy in dummies:
            slope = part.func(*dummies).diff(dummy).subs(dict(zip(dummies, values, strict=True)))
            if slope.has(sp.zoo, sp.nan, sp.oo, -sp.oo) or slope.is_extended_real is False:
                return True
    return False


def is_rounding(expr: Any, symbol: Any, at: dict[Any, float], ours: float, right: float) -> bool:
    """Whether the same program in numbers with eleven more bits comes that much closer, or SymPy's formula in doubles would be as far off."""
    finer = _compiled["grad"](*[np.longdouble(at[s]) for s in X])[X.index(symbol)]
    if abs(finer - right) <= abs(ours - right) / 8:
        return True
    slope = _without_steps(expr.diff(symbol))
    formula = (
        None if slope.has(sp.Subs, sp.Derivative) else judge(slope, at)
    )  # SymPy knows no derivative of Mod by its divisor
    return formula is not None and bool(abs(ours - right) <= formula.tolerance)


def close(ours: float, theirs: float | None) -> bool:
    """Whether two derivatives agree to nine digits."""
    return theirs is not None and abs(ours - theirs) <= 1e-9 * abs(theirs) + 1e-290


def check(expr: Any, rng: np.random.Generator, backend: str | None) -> Counter[str]:
    """The counts for one expression at some points."""
    rows = points(rng)
    try:
        grad = sg.function(X, expr, backend=backend).grad()
    except sg.ConstantError:
        return Counter({"refused": len(rows)})
    _compiled["grad"] = grad
    found = np.stack(grad(*rows.T), axis=-1)
    slopes = derivatives(expr)
    counts: Counter[str] = Counter()
    for row, ours in zip(rows, found, strict=True):
        exact = [by_sympy(slope, row) for slope in slopes]
        if all(close(a, b) for a, b in zip(ours, exact, strict=True)):
            counts["equal"] += 1
            continue
        reason = explanation(expr, row, ours, exact)
        counts[reason] += 1
        if reason == "WRONG":
            print(f"WRONG: {expr!s}\n  at {row.tolist()}: {ours.tolist()}, SymPy {exact}", flush=True)
    return counts


def main(pairs: int, number: int = 0, backend: str | None = "numpy") -> int:
    """Check that many pairs, print the counts, and return how many are wrong."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(number)
    counts: Counter[str] = Counter()
    start = time.perf_counter()
    part = 0
    while counts.total() < pairs:  # in parts, since hypothesis remembers all that it has drawn
        some(2000, 1000 * number + part, min(pairs, counts.total() + 10_000), rng, backend, counts)
        part += 1
        shown = ", ".join(f"{name} {count}" for name, count in counts.items())
        print(f"{counts.total()} pairs, {time.perf_counter() - start:.0f} s: {shown}", flush=True)
    return counts["WRONG"]


class Enough(Exception):
    """All pairs are checked."""


def some(
    examples: int, number: int, pairs: int, rng: np.random.Generator, backend: str | None, counts: Counter[str]
) -> None:
    """Check that many random expressions, until there are enough pairs."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(expressions(X))
    def run(expr: Any) -> None:
        if counts.total() >= pairs:
            raise Enough
        if expr.free_symbols:
            try:
                counts.update(within(20, check, expr, rng, backend))
            except TooSlow:
                counts["too slow"] += POINTS

    with contextlib.suppress(Enough):
        run()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    total = int(arguments[0]) if arguments else 100_000
    sys.exit(main(total, int(arguments[1]) if len(arguments) > 1 else 0, *arguments[2:3]) > 0)
