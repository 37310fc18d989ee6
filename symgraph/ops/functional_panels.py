"""The Gauss-Kronrod rule of 10 and 21 points on the panels of many integrals, and its adaptive use, on NumPy arrays.

The rule and its error estimate are those of QUADPACK (Piessens, de Doncker-Kapenga, Überhuber, Kahaner, 1983).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Estimate", "Integrand", "adaptive", "panel"]

Integrand = Callable[[Any, Any], Any]
"""From row numbers (n,) and points (n, k) to values (n, k, m)."""

_NODES = np.array(
    [
        0.995657163025808080735527280689003,
        0.973906528517171720077964012084452,
        0.930157491355708226001207180059508,
        0.865063366688984510732096688423493,
        0.780817726586416897063717578345042,
        0.679409568299024406234327365114874,
        0.562757134668604683339000099272694,
        0.433395394129247190799265943165784,
        0.294392862701460198131126602103866,
        0.148874338981631210884826001129720,
        0.0,
    ]
)
_KRONROD = np.array(
    [
        0.011694638867371874278064396062192,
        0.032558162307964727478818972459390,
        0.054755896574351996031381300244580,
        0.075039674810919952767043140916190,
        0.093125454583697605535065465083366,
        0.109387158802297641899210590325805,
        0.123491976262065851077958109585166,
        0.134709217311473325928054001771707,
        0.142775938577060080797094273138717,
        0.147739104901338491374841515972068,
        0.149445554002916905664936468389821,
    ]
)
_GAUSS = np.array(
    [
        0.066671344308688137593568809893332,
        0.149451349150580593145863397657697,
        0.219086362515982043995534934228163,
        0.269266719309996355091226921569469,
        0.295524224714752870173815619188769,
    ]
)
_INNER = np.concatenate([-_NODES, _NODES[-2::-1]])
_EDGES = np.array([-1.0, 1.0]) * (1 - 1e-10)
_STRIP = 1 - _NODES[0]


def _weights() -> Any:
    """For values at the inner points and at both edges: the weights of Kronrod's and of Gauss's rule, and those of the differences between the
    values at the edges and the polynomial through the inner ones."""
    weights = np.zeros((4, 23))
    weights[0, :21] = np.concatenate([_KRONROD, _KRONROD[-2::-1]])
    weights[1, 1:21:2] = np.concatenate([_GAUSS, _GAUSS[::-1]])
    for row, edge in enumerate(_EDGES):
        for i, node in enumerate(_INNER):
            others = np.delete(_INNER, i)
            weights[2 + row, i] = np.prod((edge - others) / (node - others))
        weights[2 + row, 21 + row] = -1
    return weights


_POINTS, _WEIGHTS = np.concatenate([_INNER, _EDGES]), _weights()

GOAL = 1e-12  # of the value
_NOISE = 2e-14  # of the integral of |f|: rounding errors
_PANELS = 1000  # of one row, at most
_ROUNDS = 60
_ENOUGH = 1e-10  # an error that needs no other method


class Estimate(NamedTuple):
    """For each row and component: the integral, an estimate of its error, and the integral of the absolute value."""

    value: Any
    error: Any
    size: Any

    def put(self, rows: Any, other: Estimate) -> None:
        """Take over what `other` says of these rows."""
        for mine, new in zip(self, other, strict=True):
            mine[rows] = new

    @property
    def open(self) -> Any:
        """For each row whether another method should be tried."""
        return ~self.converged(_ENOUGH) & ~np.isnan(self.value).any(axis=-1)

    def converged(self, goal: float = GOAL) -> Any:
        """For each row whether all its components are within the tolerance."""
        with np.errstate(invalid="ignore"):
            return np.all(self.error <= np.maximum(goal * np.abs(self.value), _NOISE * self.size), axis=-1)


def panel(g: Integrand, which: Any, left: Any, right: Any) -> Estimate:
    """One panel for each entry of `which`. The error is infinite where a value is not finite, and the value nan where no value is.

    A jump in the strip between an edge and the first point changes no value of the rule: hence the comparison at the edges.
    """
    half = (right - left)[:, None] / 2
    values = g(which, (left[:, None] + right[:, None]) / 2 + half * _POINTS)
    bad = ~np.isfinite(values)
    some_bad = bad.any()
    if some_bad:
        values = np.where(bad, 0, values)
    kronrod, gauss, *edges = np.moveaxis(np.matmul(_WEIGHTS, values), 1, 0)
    size = np.matmul(_WEIGHTS[0], np.abs(values))
    spread = np.matmul(_WEIGHTS[0], np.abs(values - kronrod[:, None] / 2))
    error = np.abs(kronrod - gauss)
    with np.errstate(all="ignore"):
        error = np.where(spread > 0, spread * np.minimum(1, (200 * error / spread) ** 1.5), error)
    for place, jump in enumerate(edges, 21):
        error = error + np.where(bad[:, place], 0, _STRIP * np.abs(jump))
    if some_bad:
        error = np.where(bad[:, :21].any(axis=1), np.inf, error)
        kronrod = np.where(bad[:, :21].all(axis=1), np.nan, kronrod)
    return Estimate(kronrod * half, error * np.abs(half), size * np.abs(half))


def adaptive(g: Integrand, edges: Any, rounds: int = _ROUNDS) -> Estimate:
    """Integrals in t over the panels between `edges` (n, k), which are halved until the goal is reached or no more halving helps."""
    count = len(edges)
    which = np.repeat(np.arange(count), edges.shape[1] - 1)
    left, right = edges[:, :-1].ravel(), edges[:, 1:].ravel()
    panels = panel(g, which, left, right)
    smallest = 1e-14 * np.abs(edges[:, -1] - edges[:, 0])
    result = Estimate(*[np.zeros((count, part.shape[1]), part.dtype) for part in panels])
    for turn in range(rounds):
        for total, part in zip(result, panels, strict=True):
            total[np.unique(which)] = 0
            np.add.at(total, which, part)
        if turn == rounds - 1:
            break
        number = np.bincount(which, minlength=count)
        open_rows = ~result.converged() & ~np.isnan(result.value).any(axis=-1) & (number < _PANELS)
        share = np.maximum(GOAL * np.abs(result.value), _NOISE * result.size) / np.maximum(number, 1)[:, None]
        split = (
            open_rows[which] & np.any(panels.error > share[which], axis=-1) & (np.abs(right - left) > smallest[which])
        )
        if not split.any():
            break
        keep = open_rows[which] & ~split  # rows that are done need no panels any more
        middle = (left[split] + right[split]) / 2
        new_which = np.tile(which[split], 2)
        new_left, new_right = np.concatenate([left[split], middle]), np.concatenate([middle, right[split]])
        new = panel(g, new_which, new_left, new_right)
        which = np.concatenate([which[keep], new_which])
        left, right = np.concatenate([left[keep], new_left]), np.concatenate([right[keep], new_right])
        panels = Estimate(*[np.concatenate([old[keep], fresh]) for old, fresh in zip(panels, new, strict=True)])
    return result
