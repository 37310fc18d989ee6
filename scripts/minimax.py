"""Minimax polynomials of the native elementary functions, with coefficients that are doubles.

    python scripts/minimax.py            # list the entries
    python scripts/minimax.py exp log    # fit these, and print their coefficients and the errors reached
    python scripts/minimax.py all

A fit is Remez' exchange on a fine grid of Chebyshev points in multiple precision. Then the coefficients are rounded to double one after the
other, from the lowest power up, and the free ones are fitted again each time (what Brisebarre and Chevillard's fpminimax does better, but this
is enough: it loses less than a bit). The entries of each family of functions stand in `scripts/minimax_*.py`.
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mpmath
from mpmath import mp

mp.prec = 240

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class Fit:
    """A polynomial sum(c[k] * x**k) near `target` on [low, high].

    Attributes:
        target: a function of one mpmath number. It is never asked at 0 (so that it may divide by x).
        degree: the highest power.
        weight: what the difference is multiplied with: the size of the error in units of the final result.
        fixed: coefficients, by power, that are given and not fitted.
        note: what the polynomial is for, in words.
    """

    target: Function
    low: Any
    high: Any
    degree: int
    weight: Function = field(default=lambda x: mpmath.mpf(1))
    fixed: dict[int, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Result:
    """Coefficients from power 0 up, the largest weighted error with them, and that before they were rounded."""

    coefficients: list[float]
    error: Any
    unrounded: Any


class _Grid:
    """The values of a fit's functions on the points that are looked at."""

    def __init__(self, fit: Fit) -> None:
        count = 40 * (fit.degree + 2)
        count += count % 2
        low, high = mpmath.mpf(fit.low), mpmath.mpf(fit.high)
        angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
        points = [(low + high) / 2 - (high - low) / 2 * mpmath.cos(a) for a in angles]
        self.points = [low, *(p for p in points if p != 0), high]
        if self.points[0] == 0:
            self.points = self.points[1:]
        if self.points[-1] == 0:
            self.points = self.points[:-1]
        self.targets = [mpmath.mpf(fit.target(p)) for p in self.points]
        self.weights = [abs(mpmath.mpf(fit.weight(p))) for p in self.points]

    def errors(self, coefficients: dict[int, Any]) -> list[Any]:
        """The weighted differences, target minus polynomial."""
        top = max(coefficients)
        descending = [coefficients.get(k, mpmath.mpf(0)) for k in range(top, -1, -1)]
        result = []
        for p, t, w in zip(self.points, self.targets, self.weights, strict=True):
            value = mpmath.mpf(0)
            for c in descending:
                value = value * p + c
            result.append((t - value) * w)
        return result


def _alternating(errors: Sequence[Any], signs: Sequence[int], count: int) -> list[int]:
    """Places of `count` extremes of the errors whose signs alternate, the largest one among them."""
    runs: list[int] = []
    last = 0
    for k, (e, s) in enumerate(zip(errors, signs, strict=True)):
        sign = s if e >= 0 else -s
        if runs and sign == last:
            if abs(e) > abs(errors[runs[-1]]):
                runs[-1] = k
        else:
            runs.append(k)
            last = sign
    while len(runs) > count:
        if len(runs) == count + 1:
            runs.pop(0 if abs(errors[runs[0]]) < abs(errors[runs[-1]]) else -1)
            continue
        smallest = min(range(len(runs) - 1), key=lambda k: max(abs(errors[runs[k]]), abs(errors[runs[k + 1]])))
        if smallest == 0:
            runs.pop(0)
        elif smallest == len(runs) - 2:
            runs.pop(-1)
        else:
            del runs[smallest : smallest + 2]
    return runs


def remez(grid: _Grid, fixed: dict[int, Any], free: Sequence[int], iterations: int = 40) -> tuple[dict[int, Any], Any]:
    """The best coefficients of the consecutive powers `free` beside the `fixed` ones, and the largest weighted error."""
    lowest, unknowns = free[0], len(free)
    # after division by x**lowest the free part is a polynomial, for which the errors of the best fit alternate
    signs = [-1 if p < 0 and lowest % 2 else 1 for p in grid.points]
    remaining = grid.errors({0: mpmath.mpf(0), **fixed})
    size = len(grid.points)
    places = [min(size - 1, (2 * k + 1) * size // (2 * (unknowns + 1))) for k in range(unknowns + 1)]
    best: tuple[dict[int, Any], Any] | None = None
    for _ in range(iterations):
        rows = mpmath.matrix(unknowns + 1, unknowns + 1)
        right = mpmath.matrix(unknowns + 1, 1)
        for row, k in enumerate(places):
            power = grid.points[k] ** lowest
            for column in range(unknowns):
                rows[row, column] = power * grid.weights[k]
                power *= grid.points[k]
            rows[row, unknowns] = (-1) ** row * signs[k]
            right[row] = remaining[k]
        solution = mpmath.lu_solve(rows, right)
        found = {**fixed, **{free[j]: solution[j] for j in range(unknowns)}}
        errors = grid.errors(found)
        largest = max(abs(e) for e in errors)
        if best is None or largest < best[1]:
            best = (found, largest)
        level = abs(solution[unknowns])
        if largest <= level * (1 + mpmath.mpf("1e-4")):
            break
        chosen = _alternating(errors, signs, unknowns + 1)
        if len(chosen) < unknowns + 1 or chosen == places:
            break
        places = chosen
    assert best is not None
    return best


def fit_doubles(fit: Fit) -> Result:
    """The coefficients of `fit` as doubles."""
    grid = _Grid(fit)
    fixed: dict[int, Any] = {k: mpmath.mpf(c) for k, c in fit.fixed.items()}
    free = [k for k in range(fit.degree + 1) if k not in fixed]
    if free != list(range(free[0], free[-1] + 1)):
        raise ValueError("the free powers must follow each other")
    unrounded = None
    while free:
        found, error = remez(grid, fixed, free)
        unrounded = error if unrounded is None else unrounded
        fixed[free[0]] = mpmath.mpf(float(found[free[0]]))
        free = free[1:]
    error = max(abs(e) for e in grid.errors(fixed))
    return Result([float(fixed.get(k, 0.0)) for k in range(fit.degree + 1)], error, unrounded)


def entries() -> dict[str, Fit]:
    """All fits, by name, from the modules beside this one."""
    folder = Path(__file__).parent
    sys.path.insert(0, str(folder))
    sys.modules.setdefault("minimax", sys.modules[__name__])
    found: dict[str, Fit] = {}
    for path in sorted(folder.glob("minimax_*.py")):
        found.update(importlib.import_module(path.stem).FITS)
    return found


def main(names: Sequence[str]) -> None:
    fits = entries()
    if not names:
        for name, fit in fits.items():
            print(f"{name:20} degree {fit.degree:2}  {fit.note}")
        return
    for name in fits if list(names) == ["all"] else names:
        result = fit_doubles(fits[name])
        bits, ideal = (float(mpmath.log(e, 2)) for e in (result.error, result.unrounded))
        body = textwrap.fill(
            ", ".join(repr(c) for c in result.coefficients), 116, initial_indent="    ", subsequent_indent="    "
        )
        print(
            f"# scripts/minimax.py {name}: error 2**{bits:.1f} (2**{ideal:.1f} before rounding)\n{name} = (\n{body},\n)\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
