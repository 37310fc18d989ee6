"""Ways: how a kernel computes its outputs of arrays of certain kinds. That is found out once, and then only done.

A kind is all that it depends on: shapes, strides and dtypes, never what is in the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .layout import fitting

__all__ = ["Runner", "Way", "learning", "to_rows", "together"]

Way = Callable[[Sequence[Any], Sequence[Any]], list[Any]]
"""From arrays, and for each output an array that is offered for it or None, to the outputs."""

Runner = Callable[[Sequence[Any]], None]
"""What computes the last ones of some arrays from the first ones."""


def to_rows(
    takes: Sequence[tuple[int, Callable[[Any], Any] | None]],
    forms: Sequence[tuple[tuple[int, ...], np.dtype[Any]]],
    run: Runner | None,
) -> Way:
    """The way to outputs of these shapes and dtypes.

    Args:
        takes: which arrays `run` reads, and what makes a copy that it can read, where it cannot read the array itself.
        forms: the shapes and dtypes.
        run: what computes them; None where there is nothing to compute.
    """

    def way(arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        made = [fitting(target, shape, dtype) for target, (shape, dtype) in zip(targets, forms, strict=True)]
        if run is not None:
            run([*[arrays[i] if copy is None else copy(arrays[i]) for i, copy in takes], *made])
        return made

    return way


_OFTEN = 3  # calls, before which a builtin function is not worth making


def learning(way: Way, used: Sequence[int], builtin: Callable[[Sequence[Any]], Any]) -> Way:
    """A way that is gone by a builtin function of some of the arrays where nothing is offered, once it has been gone often enough.

    `builtin` makes that function for arrays such as these; None where there can be none.
    """
    calls, call = 0, None

    def learned(arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        nonlocal calls, call
        for target in targets:
            if target is not None:
                return way(arrays, targets)
        if call is None:
            calls += 1
            if calls != _OFTEN:
                return way(arrays, targets)
            call = builtin([arrays[i] for i in used])
            if call is None:
                return way(arrays, targets)
        results: list[Any] = call(*[arrays[i] for i in used])
        return results

    return learned


def together(groups: Sequence[tuple[tuple[int, ...], Way]], count: int) -> Way:
    """The way to all of `count` outputs by the ways to some of them, whose places are given."""

    def way(arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        results: list[Any] = [None] * count
        for places, part in groups:
            found = part(arrays, [targets[place] for place in places])
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    return way
