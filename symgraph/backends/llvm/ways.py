"""Ways: how a kernel computes its outputs of arrays of certain kinds. That is found out once, and then only done.

A kind is all that it depends on: shapes, strides and dtypes, never what is in the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from .layout import fitting

__all__ = ["Group", "Run", "Runner", "Way", "as_arrays", "kinds_of", "taker", "to_rows"]

Run = Callable[[Sequence[Any], Sequence[Any]], list[Any]]
"""From arrays, and for each output an array that is offered for it or None, to the outputs."""

Runner = Callable[[Sequence[Any]], None]
"""What computes the last ones of some arrays from the first ones."""


def taker(places: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What takes the items at these places, without Python.

    >>> taker([2, 0])("abc"), taker([1])(["a", "b"])
    (('c', 'a'), ['b'])
    """
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places) if places else itemgetter(slice(0))


def as_arrays(values: Sequence[Any]) -> list[Any]:
    """Values, some of which may be numbers."""
    return [value if isinstance(value, np.ndarray) else np.asarray(value) for value in values]


def kinds_of(arrays: Sequence[Any]) -> tuple[tuple[Any, ...], ...]:
    """The kinds of some arrays.

    >>> kinds_of([np.ones((2, 3))])
    (((2, 3), (24, 8), dtype('float64')),)
    """
    return tuple([(array.shape, array.strides, array.dtype) for array in arrays])


class Group(NamedTuple):
    """Outputs that are computed together.

    Attributes:
        places: which ones.
        used: the inputs that they are computed of.
        run: what computes them of these.
        builtin: makes a builtin function of values such as these, which gives a list, or None for values of other kinds; None if there can be none.
    """

    places: tuple[int, ...]
    used: Sequence[int]
    run: Run
    builtin: Callable[[Sequence[Any]], Any] = lambda operands: None


class Way:
    """The way to all of `count` outputs."""

    def __init__(self, groups: Sequence[Group], count: int) -> None:
        self.groups, self.count, self.calls = groups, count, 0

    def __call__(self, arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        self.calls += 1
        results: list[Any] = [None] * self.count
        for places, used, run, _ in self.groups:
            found = run([arrays[i] for i in used], [targets[place] for place in places])
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def quick(self, values: Sequence[Any]) -> Callable[..., list[Any] | None]:
        """A function of values of which it is not known whether they are of these kinds; then it gives None."""
        groups = []
        for group in self.groups:
            operands = [values[i] for i in group.used]
            groups.append((group.places, taker(group.used), group.builtin(operands) or _checked(group, operands)))
        if len(groups) == 1 and list(self.groups[0].used) == list(range(len(values))):
            call: Callable[..., list[Any] | None] = groups[0][2]
            return call

        def run(*values: Any) -> list[Any] | None:
            results: list[Any] = [None] * self.count
            for places, take, call in groups:
                found = call(*take(values))
                if found is None:
                    return None
                for place, result in zip(places, found, strict=True):
                    results[place] = result
            return results

        return run


def _checked(group: Group, operands: Sequence[Any]) -> Callable[..., list[Any] | None]:
    """`group.run` for values of the kinds of `operands`, None for others."""
    kinds = [(type(value), *kind) for value, kind in zip(operands, kinds_of(as_arrays(operands)), strict=True)]
    numbers = [place for place, value in enumerate(operands) if type(value) is not np.ndarray]
    none, run = [None] * len(group.places), group.run

    def call(*values: Any) -> list[Any] | None:
        for value, (of, shape, strides, dtype) in zip(values, kinds, strict=True):
            if type(value) is not of or value.shape != shape or value.strides != strides or value.dtype != dtype:
                return None
        if not numbers:
            return run(values, none)
        arrays = list(values)
        for place in numbers:
            arrays[place] = np.asarray(arrays[place])
        return run(arrays, none)

    return call


def to_rows(
    copies: Sequence[Callable[[Any], Any] | None],
    forms: Sequence[tuple[tuple[int, ...], np.dtype[Any]]],
    run: Runner | None,
) -> Run:
    """What computes outputs of these shapes and dtypes.

    Args:
        copies: for each array what makes a copy that `run` can read, where it cannot read the array itself.
        forms: the shapes and dtypes.
        run: what computes them; None where there is nothing to compute.
    """
    as_they_are = all(copy is None for copy in copies)

    def rows(arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        made = []
        for target, (shape, dtype) in zip(targets, forms, strict=True):
            made.append(np.empty(shape, dtype) if target is None else fitting(target, shape, dtype))
        if run is not None:
            if not as_they_are:
                arrays = [array if copy is None else copy(array) for array, copy in zip(arrays, copies, strict=True)]
            run([*arrays, *made])
        return made

    return rows
