"""Integrals of many functions at once ("rows"), on NumPy arrays.

A finite range is tried as it is. Where that does not converge, and for infinite ranges, the variable is changed by the double-exponential
transformation (Takahasi and Mori, 1974), under which singularities at the ends vanish. Two cases remain. An algebraic singularity at an end
that floating point does not resolve is approached by panels that halve towards it, and an oscillation that decays slowly is cut at its zeros; in
both the partial sums are extrapolated (by Wynn's epsilon algorithm, as in QUADPACK's QAGS, and by Levin and Sidi's d-transformation).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .functional_limits import epsilon, levin_sidi
from .functional_panels import Estimate, Integrand, adaptive, panel

__all__ = ["integrate"]

_END = 6.1  # of the transformed variable: 1e150 in x
_NEGLIGIBLE = 1e-18  # of the largest value
_EPS = 2.0**-52
_FAR = 4.2  # of the transformed variable of a finite range: 1e-45 of its length from an end
_FIRST = np.array([0.0, 0.37, 0.71, 1.0])
_HALVINGS = 27
_SURVEYS = ((65, 3), (513, 2), (4097, 3))  # numbers of nodes, and how often they are set anew in a narrower range
_MOST_NODES = 1 << 17  # to look for anything but 0
_ZEROS = 26
_BETWEEN_ZEROS = [(1, 1, 11), (1, 1, 14), (2, 1, 8)]  # settings of the extrapolation of integrals between zeros


def integrate(f: Integrand, lower: Any, upper: Any) -> Estimate:
    """The integrals from lower to upper, arrays (n,) of numbers, inf and -inf included; complex bounds are joined by a straight line.

    >>> estimate = integrate(lambda rows, x: np.exp(-x)[..., None], np.array([0.0, 1.0]), np.array([1.0, np.inf]))
    >>> estimate.value[:, 0]
    array([0.63212056, 0.36787944])
    """
    lower, upper = np.broadcast_arrays(np.asarray(lower), np.asarray(upper))
    sign = np.where((np.isinf(lower) | np.isinf(upper)) & (lower.real > upper.real), -1.0, 1.0)
    lower, upper = np.where(sign < 0, upper, lower), np.where(sign < 0, lower, upper)
    doubts = np.zeros(len(lower))
    parts: list[tuple[Any, Estimate]] = []
    for method, chosen in _methods(lower, upper):
        where = np.flatnonzero(chosen)
        if where.size:
            parts.append((where, method(_Rows(f, where, lower[where], upper[where], doubts))))
    if not parts:
        return Estimate(*np.zeros((3, 0, 1)))
    shape = (len(lower), parts[0][1].value.shape[1])
    result = Estimate(np.zeros(shape, np.result_type(*[p.value for _, p in parts])), np.zeros(shape), np.zeros(shape))
    for where, part in parts:
        result.put(where, part)
    return result._replace(value=result.value * sign[:, None], error=result.error + 2 * _END * doubts[:, None])


def _methods(lower: Any, upper: Any) -> Any:
    """Each method, and for which rows."""
    undefined = np.isnan(lower) | np.isnan(upper)
    empty = (lower == upper) & ~undefined
    below, above, rest = np.isinf(lower), np.isinf(upper), ~(undefined | empty)
    return [
        (lambda rows: rows.constant(np.nan), undefined),
        (lambda rows: rows.constant(0.0), empty),
        (_finite, rest & ~below & ~above),
        (_line, rest & below & above),
        (_half_line, rest & ~below & above),
        (_half_line, rest & below & ~above),
    ]


class _Rows:
    """Some of the integrals, and their integrands as functions of the variables used here.

    `doubts` collects the largest error that the values of each integrand itself have, times the weight that they have in the integral.
    """

    def __init__(self, f: Integrand, rows: Any, lower: Any, upper: Any, doubts: Any) -> None:
        self.f, self.rows, self.lower, self.upper, self.doubts = f, rows, lower, upper, doubts

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        """The number of components."""
        return int(self.f(self.rows[:0], np.ones((0, 1))).shape[-1])

    def some(self, which: Any) -> _Rows:
        """A part of the rows."""
        return _Rows(self.f, self.rows[which], self.lower[which], self.upper[which], self.doubts)

    def between(self, lower: Any, upper: Any) -> _Rows:
        """The same functions over another range."""
        zero = np.zeros(len(self))
        return _Rows(self.f, self.rows, zero + lower, zero + upper, self.doubts)

    def constant(self, value: float) -> Estimate:
        """The same value everywhere."""
        zero = np.zeros((len(self), self.width))
        return Estimate(zero + value, zero, zero)

    def _at(self, which: Any, x: Any, slope: Any) -> Any:
        rows = self.rows[which]
        values = np.multiply(self.f(rows, x), np.broadcast_to(slope, x.shape)[..., None])
        doubt = getattr(self.f, "doubt", None)
        if doubt is not None and len(rows):
            np.fmax.at(self.doubts, rows, np.fmax.reduce(doubt * np.abs(values).max(axis=-1), axis=1))
        return values

    # each takes numbers of rows (n,) and t (n, k), and gives f(x(t)) x'(t)

    def straight(self, which: Any, t: Any) -> Any:
        """t from 0 to 1."""
        low, width = self.lower[which, None], (self.upper - self.lower)[which, None]
        return self._at(which, low + width * t, width)

    def ends(self, which: Any, t: Any) -> Any:
        """A finite range, whose ends are at infinite t."""
        low, high = self.lower[which, None], self.upper[which, None]
        share = np.exp(-np.pi * np.sinh(np.abs(t)))
        near = (high - low) * (share / (1 + share))  # the distance to the nearer end
        x = np.where(t < 0, low + near, high - near)
        return self._at(which, x, (high - low) * np.pi * np.cosh(t) * share / (1 + share) ** 2)

    def outwards(self, which: Any, t: Any) -> Any:
        """From the finite bound to the infinite one."""
        step = np.exp(np.pi / 2 * np.sinh(t))
        return self._at(which, self.x(which, t), np.pi / 2 * np.cosh(t) * step)

    def x(self, which: Any, t: Any) -> Any:
        """The variable of `outwards`."""
        step = np.exp(np.pi / 2 * np.sinh(t))
        low, high = self.lower[which, None], self.upper[which, None]
        return np.where(np.isinf(high), low + step, high - step)

    def both(self, which: Any, t: Any) -> Any:
        """All real numbers."""
        u = np.pi / 2 * np.sinh(t)
        return self._at(which, np.sinh(u), np.pi / 2 * np.cosh(t) * np.cosh(u))


# --- finite ranges


def _finite(rows: _Rows) -> Estimate:
    """As it is; then with the ends at infinity; then with the ends approached by halving."""
    result = adaptive(rows.straight, np.tile(_FIRST, (len(rows), 1)), rounds=2)
    defined = ~np.isnan(result.value).any(axis=-1)
    hard = (~result.converged() | ~np.any(result.size > 0, axis=-1)) & defined
    result.error[hard] = np.inf
    return _retried(rows, result, hard, lambda part, which: _with_ends(part))


def _with_ends(rows: _Rows) -> Estimate:
    width = np.abs(rows.upper - rows.lower)
    low, high = (-np.arcsinh(_distance(width, end) / np.pi) for end in (rows.lower, rows.upper))
    survey = _survey(rows.ends, np.maximum(low, -_END), np.minimum(-high, _END), droppable=_FAR)
    survey = survey._replace(oscillates=np.zeros(len(rows), bool))
    return _either(rows, survey, lambda part, which: _transformed(part.ends, survey, which), _towards_ends)


def _distance(width: Any, end: Any) -> Any:
    """The logarithm of how many times the range is longer than the smallest distance from an end that floating point resolves there."""
    size = np.abs(end) * _EPS
    return np.log(np.where(size > 0, width / np.where(size > 0, size, 1), 1e300))


def _plus(result: Estimate, error: Any) -> Estimate:
    return result._replace(error=result.error + error)


def _towards_ends(rows: _Rows) -> Estimate:
    """Panels that halve from the middle to either end; the limits of their sums are extrapolated."""
    count = len(rows)
    steps = 0.5 ** np.arange(1, _HALVINGS + 2)
    total: Estimate | None = None
    for side in (0.0, 1.0):
        near, far = np.abs(side - steps[1:]), np.abs(side - steps[:-1])
        left, right = np.tile(np.minimum(near, far), count), np.tile(np.maximum(near, far), count)
        panels = panel(rows.straight, np.repeat(np.arange(count), _HALVINGS), left, right)
        value, error, size = (part.reshape(count, _HALVINGS, -1) for part in panels)
        limit, doubt = epsilon(np.cumsum(value, axis=1))
        half = Estimate(limit, doubt + error.sum(axis=1), size.sum(axis=1))
        total = half if total is None else Estimate(*[a + b for a, b in zip(total, half, strict=True)])
    assert total is not None
    return total


# --- infinite ranges


def _half_line(rows: _Rows) -> Estimate:
    """Transformed, or as an oscillation: that first where the transformed integrand looks like one, else where the other fails."""
    finite_end = np.where(np.isinf(rows.upper), rows.lower, rows.upper)
    low = -np.arcsinh(2 / np.pi * _distance(np.ones(len(rows)), finite_end))
    survey = _survey(rows.outwards, np.maximum(low, -_END), np.full(len(rows), _END), droppable=0.0)
    return _either(rows, survey, lambda part, which: _transformed(part.outwards, survey, which), _oscillating)


def _line(rows: _Rows) -> Estimate:
    """Transformed, or as two half-lines."""
    end = np.full(len(rows), _END)
    survey = _survey(rows.both, -end, end, droppable=0.0)
    return _either(rows, survey, lambda part, which: _transformed(part.both, survey, which), _two_halves)


def _two_halves(rows: _Rows) -> Estimate:
    halves = [_half_line(rows.between(0.0, np.inf)), _half_line(rows.between(-np.inf, 0.0))]
    return Estimate(*[a + b for a, b in zip(*halves, strict=True)])


def _transformed(g: Integrand, survey: _Survey, which: Any) -> Estimate:
    return _plus(adaptive(g, survey.edges[which]), survey.cut[which])


def _either(rows: _Rows, survey: _Survey, transformed: Any, other: Any) -> Estimate:
    """By the transformation, except where something is cut off or the sign changes often; then by the other method where it has not converged."""
    first = np.any(survey.cut > 1e-11 * survey.size, axis=-1) | survey.oscillates
    result = Estimate(*[np.zeros_like(survey.cut) for _ in range(3)])
    result.error[:] = np.inf
    result = _retried(rows, result, first, lambda part, which: other(part))
    result = _retried(rows, result, result.open, transformed)
    return _retried(rows, result, result.open & ~first, lambda part, which: other(part))


def _retried(rows: _Rows, result: Estimate, some: Any, method: Any) -> Estimate:
    """`result`, with some rows by a method, if the error is smaller there or the function turns out to be undefined."""
    where = np.flatnonzero(some)
    if not where.size:
        return result
    numbers = rows.rows[where]
    doubts, rows.doubts[numbers] = rows.doubts[numbers], 0.0
    other = method(rows.some(where), where)
    better = np.all((other.error < result.error[where]) | np.isnan(other.value), axis=-1)
    rows.doubts[numbers[~better]] = doubts[~better]
    result = result._replace(value=result.value.astype(np.result_type(result.value, other.value)))
    result.put(where[better], Estimate(*[part[better] for part in other]))
    return result


def _oscillating(rows: _Rows) -> Estimate:
    """The sums over the stretches between zeros, extrapolated."""
    count = len(rows)
    zeros = _sign_changes(rows)
    found = np.flatnonzero(~np.isnan(zeros).any(axis=1))
    infinite = np.full((count, rows.width), np.inf)
    result = Estimate(np.zeros_like(infinite), infinite, np.zeros_like(infinite))
    if not found.size:
        return result
    some, zeros = rows.some(found), zeros[found]
    to_upper = np.isinf(some.upper)
    first = _finite(
        some.between(np.where(to_upper, some.lower, zeros[:, 0]), np.where(to_upper, zeros[:, 0], some.upper))
    )
    order = np.sort(zeros, axis=1)
    which = np.repeat(np.arange(len(found)), _ZEROS - 1)
    unit = some.between(0.0, 1.0)
    panels = panel(unit.straight, which, order[:, :-1].ravel(), order[:, 1:].ravel())
    value, error, size = (part.reshape(len(found), _ZEROS - 1, -1) for part in panels)
    value = np.where(to_upper[:, None, None], value, value[:, ::-1])
    limit, doubt = levin_sidi(value, _BETWEEN_ZEROS, (2, 6))
    doubt = np.where(
        np.abs(value[:, -1]) < 0.999 * np.abs(value[:, 5]), doubt, np.inf
    )  # without a decrease there is no limit
    part = Estimate(first.value + limit, first.error + doubt + error.sum(axis=1), first.size + size.sum(axis=1))
    result = result._replace(value=result.value.astype(part.value.dtype))
    result.put(found, part)
    return result


def _sign_changes(rows: _Rows) -> Any:
    """The first zeros of each function on its way outwards (of its first component's real part); nan for a row without enough of them."""
    which = np.arange(len(rows))
    t = np.tile(np.linspace(-2.0, 3.5, 2049), (len(rows), 1))
    x = rows.x(which, t)
    values = rows.f(rows.rows, x)[..., 0].real
    number = np.cumsum(values[:, :-1] * values[:, 1:] < 0, axis=1)
    places = np.stack([np.argmax(number > k, axis=1) for k in range(_ZEROS)], axis=1)
    left, right = (np.take_along_axis(x, places + k, axis=1) for k in (0, 1))
    f_left, f_right = (np.take_along_axis(values, places + k, axis=1) for k in (0, 1))
    for _ in range(12):
        middle = (left + right) / 2
        f_middle = rows.f(rows.rows, middle)[..., 0].real
        beyond = f_middle * f_right > 0
        left, f_left = np.where(beyond, left, middle), np.where(beyond, f_left, f_middle)
        right, f_right = np.where(beyond, middle, right), np.where(beyond, f_middle, f_right)
    zero = left + f_left / (f_left - f_right) * (right - left)
    zero = np.where(np.isfinite(zero), zero, right)
    return np.where(number[:, -1:] >= _ZEROS, zero, np.nan)


# --- where the integrand is


class _Survey(NamedTuple):
    """Edges of first panels over the range in which |g| is not negligible, the values where it is cut off, the size of the integral, and whether
    the sign changes often."""

    edges: Any
    cut: Any
    size: Any
    oscillates: Any


def _survey(g: Integrand, low: Any, high: Any, droppable: float) -> _Survey:
    """Look at g on nodes from low to high.

    Where |t| is larger than `droppable`, values that are not finite do not count if those before them are negligible: an overflow far out, or
    an underflow close to an end. The nodes are set anew in what turns out to be a much narrower range; there are more of them where a peak stands
    out of its neighbours, or where all values are 0.
    """
    count = len(low)
    edges, changes = np.zeros((count, 9)), np.zeros(count, int)
    cut, size = np.zeros((2, count, 1))
    todo = np.arange(count)
    for points, turns in _SURVEYS:
        sharp = [todo[:0]]
        for turn in range(turns):
            t = low[todo, None] + (high - low)[todo, None] * np.linspace(0, 1, points)
            seen = _Nodes(g(todo, t), np.abs(t) > droppable)
            at = np.arange(len(todo))
            edges[todo] = _first_edges(t, seen)
            changes[todo] = np.maximum(changes[todo], seen.changes)
            if seen.cut.shape[1] != cut.shape[1]:
                cut, size = np.zeros((2, count, seen.cut.shape[1]))
            cut[todo], size[todo] = seen.cut, seen.mean * (high - low)[todo, None]
            ends = t[at, seen.first], t[at, seen.last]
            narrower = (ends[1] - ends[0] < 0.5 * (high - low)[todo]) & (turn < turns - 1)
            low[todo], high[todo] = ends
            wanted = seen.sharp | (seen.zero & (points * count < _MOST_NODES))
            sharp.append(todo[wanted & ~narrower])
            todo = todo[narrower]
            if not todo.size:
                break
        todo = np.concatenate(sharp)
        if not todo.size:
            break
    return _Survey(edges, cut, size, changes >= 4)


class _Nodes:
    """What values at nodes (n, k, m) say: where they matter (`first` to `last`), and their size relative to the largest (`weight`)."""

    def __init__(self, values: Any, droppable: Any) -> None:
        finite = np.isfinite(values)
        signs = np.where(finite, values, 0)[..., 0].real
        values = np.where(finite, np.abs(values), 0)
        top = values.max(axis=1, keepdims=True)
        self.weight = np.max(values / np.where(top > 0, top, 1), axis=-1)
        self.mean = values.mean(axis=1)
        self.zero = ~np.any(top[:, 0] > 0, axis=-1)
        signs = np.where(self.weight > 1e-9, signs, 0)
        self.changes = np.sum(signs[:, 1:] * signs[:, :-1] < 0, axis=1)
        matter = self.weight > _NEGLIGIBLE
        matter |= ~finite.all(axis=-1) & (~droppable | self._beside(self.weight > 1e-10))
        points = matter.shape[1]
        none = ~matter.any(axis=1)
        self.first = np.where(none, 0, np.maximum(np.argmax(matter, axis=1) - 1, 0))
        self.last = np.where(none, points - 1, np.minimum(points - np.argmax(matter[:, ::-1], axis=1), points - 1))
        at = np.arange(len(values))
        self.cut = np.where((self.first == 0)[:, None], values[at, 0], 0)
        self.cut = self.cut + np.where((self.last == points - 1)[:, None], values[at, points - 1], 0)

    @staticmethod
    def _beside(matter: Any) -> Any:
        """The nodes beside one that matters: at the border of a region that is not finite."""
        return np.pad(matter[:, 1:], ((0, 0), (0, 1))) | np.pad(matter[:, :-1], ((0, 0), (1, 0)))

    @property
    def sharp(self) -> Any:
        """Rows in which a peak stands out of its neighbours so far that its top may have been missed."""
        size = np.log(np.maximum(self.weight, 1e-300))
        inner, around = size[:, 1:-1], np.maximum(size[:, :-2], size[:, 2:])
        return np.any(inner - around > 3, axis=1)


def _first_edges(t: Any, seen: _Nodes) -> Any:
    """Edges of 8 panels: half of them by length, half where most of the integral is."""
    nodes, at = np.arange(t.shape[1]), np.arange(len(t))
    inside = (nodes >= seen.first[:, None]) & (nodes < seen.last[:, None])
    mass = np.where(inside, seen.weight, 0)
    total, length = mass.sum(axis=1, keepdims=True), np.maximum(seen.last - seen.first, 1)[:, None]
    density = np.where(total > 0, mass / np.where(total > 0, total, 1), inside / length) + inside / length
    share = np.cumsum(density, axis=1) / 2
    edges = [t[at, seen.first]]
    for level in np.arange(1, 8) / 8:
        place = np.clip(np.argmax(share >= level, axis=1), seen.first, np.maximum(seen.last - 1, seen.first))
        before = np.where(place > 0, share[at, place - 1], 0)
        part = np.clip((level - before) / np.maximum(share[at, place] - before, 1e-300), 0, 1)
        edges.append(t[at, place] + part * (t[at, place + 1] - t[at, place]))
    edges.append(t[at, seen.last])
    return np.stack(edges, axis=1)
