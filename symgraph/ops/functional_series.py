"""Infinite sums of the body over integers, one for each row of the batch.

Terms are added until they are negligible beside a geometric bound. Where that takes too long, the sum is extrapolated: by the Euler-Maclaurin
formula, if the terms are a smooth function of the index, and by Levin and Sidi's d-transformation. Each of these is done twice, from
different places on, and what the two differ by counts as the error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..graph import Node
from .functional import Functional
from .functional_body import Body
from .functional_integrals import Rowwise, Sampler
from .functional_limits import levin_sidi
from .functional_panels import Estimate
from .functional_quadrature import integrate

__all__ = ["series_over"]

_STAGES = (64, 256, 1024)
_LAST_STAGES = (8192, 65536)
_BLOCK = 4096
_GOAL = 1e-11
_EPS = 2.0**-52
# the Euler-Maclaurin formula from a half-integer c on: sum f(n) = integral of f + sum of these times f', f''', f''''' at c
_MIDPOINT = np.array([1 / 24, -7 / 5760, 31 / 967680])
_DISTANCES = 4.0 * np.arange(1, 6)  # of the points whose differences give the derivatives
_ODD = np.array([[2 * d**k for k in (1, 3, 5, 7, 9)] for d in _DISTANCES])
_DERIVATIVES = np.linalg.inv(_ODD)[:3] * np.array([1.0, 6.0, 120.0])[:, None]


class series_over(Rowwise):
    """The sum of the body over the integers from the first input on, upwards (direction 1) or downwards (-1), without end.

    Its gradient with respect to the first input is None. Errors are usually below 1e-12, at most 1e-9, of the sum.

    >>> inverse_squares = Body.of_function(lambda k: 1 / (k * k))
    >>> series_over(inverse_squares, [1.0]).eval()
    np.float64(1.6449340668482264)
    """

    attributes: ClassVar[tuple[str, ...]] = ("body", "target", "direction")
    bounds = 1
    what = "infinite sum"
    advice = "It may diverge, or its terms may decrease too slowly or too irregularly"

    def __init__(
        self, body: Body, inputs: Sequence[Any], dtype: Any = np.float64, direction: int = 1, name: str | None = None
    ) -> None:
        super().__init__(body, inputs, dtype, name)
        self.direction = direction

    def like(self, body: Body, inputs: Sequence[Any]) -> Functional:
        return series_over(body, inputs, self.target, self.direction)

    def estimate(self, sampler: Sampler, bounds: Sequence[Any]) -> Estimate:
        from .functional_sums import whole

        (start,) = bounds
        return _Series(sampler, whole(start, "finite", "sum"), self.direction).estimate()

    def bound_gradients(self, body: Body, inputs: Sequence[Node], grad: Node) -> Sequence[Node | None]:
        return [None]


class _Series:
    """Some rows. Terms are numbered from 0."""

    def __init__(self, sampler: Sampler, start: Any, direction: int) -> None:
        self._sampler, self._start, self._direction = sampler, start, direction
        self.count = len(start)
        self._doubts = np.zeros(self.count)

    def terms(self, rows: Any, numbers: Any) -> Any:
        """(n, k, m) for numbers (k,) or (n, k), which need not be integers."""
        numbers = np.broadcast_to(numbers, (len(rows), np.shape(numbers)[-1]))
        values = self._sampler(rows, self._start[rows, None] + self._direction * numbers)
        if self._sampler.doubt is not None and len(rows):
            doubts = np.fmax.reduce(self._sampler.doubt * np.abs(values).max(axis=-1), axis=1)
            np.fmax.at(self._doubts, rows, doubts)
        return values

    def estimate(self) -> Estimate:
        """The sums; the errors of the terms themselves, where they have any, are taken to add up over some of them."""
        result = self._extrapolated()
        return result._replace(error=result.error + _STAGES[0] * self._doubts[:, None])

    def _extrapolated(self) -> Estimate:
        """By each method in turn for the rows that need it."""
        direct = _Direct(self, np.arange(self.count))
        result, hard = direct.until(_STAGES)
        if not hard.size:
            return result
        smooth = ~direct.alternating[hard]
        better = Estimate(*[np.zeros((len(hard), part.shape[1]), part.dtype) for part in result])
        better.error[:] = np.inf
        if smooth.any():
            better.put(smooth, self._by_integral(hard[smooth]))
        rest = np.flatnonzero(~better.converged(_GOAL))
        if rest.size:
            better.put(rest, _best(Estimate(*[part[rest] for part in better]), self._by_extrapolation(hard[rest])))
        better.error[direct.growing[hard]] = np.inf
        result.put(hard, better)
        still = hard[~better.converged(_GOAL) & direct.geometric[hard]]
        if still.size:
            longer, _ = _Direct(self, still).until((*_STAGES, *_LAST_STAGES))
            result.put(still, longer)
        return result

    def _by_integral(self, rows: Any) -> Estimate:
        """Euler and Maclaurin's formula from the 64th and from the 128th term on."""
        both = [self._tail(rows, 64), self._tail(rows, 128)]
        between = self.terms(rows, np.arange(64.0, 128.0)).sum(axis=1)
        before = self.terms(rows, np.arange(64.0)).sum(axis=1)
        value = before + between + both[1].value
        error = np.abs(both[0].value - between - both[1].value) + both[1].error
        return Estimate(value, np.where(np.isfinite(error), error, np.inf), np.abs(value))

    def _tail(self, rows: Any, first: int) -> Estimate:
        centre = np.full(len(rows), first - 0.5)
        integral = integrate(lambda which, x: self.terms(rows[which], x), centre, np.full(len(rows), np.inf))
        above, below = (self.terms(rows, first - 0.5 + sign * _DISTANCES) for sign in (1, -1))
        derivatives = np.matmul(_DERIVATIVES, above - below)
        return integral._replace(value=integral.value + np.matmul(_MIDPOINT, derivatives))

    def _by_extrapolation(self, rows: Any) -> Estimate:
        value, error = levin_sidi(self.terms(rows, np.arange(700.0)))
        return Estimate(value, error, np.abs(value))


def _best(first: Estimate, second: Estimate) -> Estimate:
    """For each row and component the one with the smaller error."""
    better = second.error < first.error
    return Estimate(*[np.where(better, b, a) for a, b in zip(first, second, strict=True)])


class _Direct:
    """Term by term."""

    def __init__(self, series: _Series, rows: Any) -> None:
        self._series, self._rows = series, rows
        self._sum: Any = 0.0
        self._lost: Any = 0.0
        self._done = 0

    def until(self, stages: Sequence[int]) -> tuple[Estimate, Any]:
        """The sums of terms up to the last of `stages` at most, and the numbers of rows for which that is not enough."""
        todo = np.arange(len(self._rows))
        result: Estimate | None = None
        for stage in stages:
            self._add(todo, stage)
            now = self._now(todo)
            result = now if result is None else result
            if result is not now:
                result.put(todo, now)
            todo = todo[~now.converged(1e-15)]
            if not todo.size:
                break
        assert result is not None
        return result, self._rows[todo]

    def _add(self, todo: Any, stage: int) -> None:
        while self._done < stage:
            end = min(stage, self._done + _BLOCK)
            terms = self._series.terms(self._rows[todo], np.arange(float(self._done), end))
            if not self._done:
                self._first = terms
                shape = (len(self._rows), terms.shape[2])
                self._sum, self._lost = np.zeros(shape, terms.dtype), np.zeros(shape, terms.dtype)
                self._last = np.zeros((len(self._rows), 16, terms.shape[2]))
            block = terms.sum(axis=1)
            bad = ~np.isfinite(block)
            if bad.any():
                terms, block = self._without_overflow(todo, terms)
            total = self._sum[todo] + block
            back = total - self._sum[todo]
            self._lost[todo] += (self._sum[todo] - (total - back)) + (block - back)
            self._sum[todo] = total
            self._last[todo] = np.abs(terms[:, -16:])
            self._done = end

    def _without_overflow(self, todo: Any, terms: Any) -> tuple[Any, Any]:
        """Terms that are not finite after terms that are negligible are taken as 0, as in x**k/k!, where both end as inf."""
        finite = np.isfinite(terms)
        before = np.logical_and.accumulate(finite, axis=1)
        known = np.where(before, terms, 0)
        sums = self._sum[todo] + known.sum(axis=1)
        size = np.where(before, np.abs(terms), np.inf)
        smallest = np.where(before.any(axis=1), size.min(axis=1), np.abs(self._last[todo][:, -1]))
        terms = np.where((smallest <= _EPS / 16 * np.abs(sums))[:, None], known, terms)
        return terms, terms.sum(axis=1)

    def _now(self, todo: Any) -> Estimate:
        """The sums, with the geometric bound of what is left as the error (infinite if there is none)."""
        value = self._sum[todo] + self._lost[todo]
        last = self._last[todo]
        ratio, size = _ratio(last), last[:, 8:].max(axis=1)
        with np.errstate(all="ignore"):
            left = np.where(ratio < 1, size * ratio / (1 - ratio), np.inf)
        left = np.where(last.max(axis=1) == 0, 0.0, left)
        tiny = left <= 0.5 * _EPS * np.abs(value)  # it does not change the sum
        return Estimate(value, np.where(tiny | (left == 0), 0.0, np.where(np.isnan(left), np.inf, left)), np.abs(value))

    @property
    def geometric(self) -> Any:
        """Rows whose terms decrease like those of a geometric series that further terms will settle."""
        return np.all(_ratio(self._last) < 0.9995, axis=-1)

    @property
    def growing(self) -> Any:
        """Where terms do not decrease, so that there is no sum."""
        early = np.abs(self._first[:, 16:32]).max(axis=1)
        return (self._last.max(axis=1) >= 0.999 * early) & (early > 0)

    @property
    def alternating(self) -> Any:
        """Rows in which terms change their sign after the first few."""
        parts = [self._first[:, 8:].real, self._first[:, 8:].imag]
        return np.any([np.any(part[:, 1:] * part[:, :-1] < 0, axis=(1, 2)) for part in parts], axis=0)


def _ratio(last: Any) -> Any:
    """How much smaller terms are than the ones before, from the last 16."""
    with np.errstate(all="ignore"):
        ratio = (last[:, 8:].max(axis=1) / last[:, :8].max(axis=1)) ** (1 / 8)
    return np.where(np.isnan(ratio), np.inf, ratio)
