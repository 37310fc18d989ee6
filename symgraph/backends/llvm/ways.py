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
        self._quick: Callable[..., list[Any] | None] | None = None

    def __call__(self, arrays: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
        self.calls += 1
        results: list[Any] = [None] * self.count
        for places, used, run, _ in self.groups:
            found = run([arrays[i] for i in used], [targets[place] for place in places])
            for place, result in zip(places, found, strict=True):
                results[place] = result
        return results

    def quick(self, values: Sequence[Any]) -> Callable[..., list[Any] | None]:
        """A function of values of which it is not known whether they are of these kinds, as `values` are; then it gives None."""
        if self._quick is None:
            self._quick = self._made_quick(values)
        return self._quick

    def _made_quick(self, values: Sequence[Any]) -> Callable[..., list[Any] | None]:
        operands = [[values[i] for i in group.used] for group in self.groups]
        calls = [group.builtin(some) for group, some in zip(self.groups, operands, strict=True)]
        if len(calls) == 1 and calls[0] is not None and list(self.groups[0].used) == list(range(len(values))):
            return calls[0]  # type: ignore[no-any-return]
        asked = {i for group, call in zip(self.groups, calls, strict=True) if call is None for i in group.used}
        kinds = [(i, type(values[i]), *kinds_of(as_arrays([values[i]]))[0]) for i in sorted(asked)]
        numbers = [i for i in sorted(asked) if type(values[i]) is not np.ndarray]
        groups = [
            (group.places, taker(group.used), call, group.run) for group, call in zip(self.groups, calls, strict=True)
        ]

        def run(*values: Any) -> list[Any] | None:
            for i, of, shape, strides, dtype in kinds:  # of all before anything is computed
                value = values[i]
                if type(value) is not of:
                    return None
                if of is np.ndarray and (value.shape != shape or value.strides != strides or value.dtype != dtype):
                    return None
            arrays: Sequence[Any] = values
            if numbers:
                arrays = list(values)
                for i in numbers:
                    arrays[i] = np.asarray(values[i])
            results: list[Any] = [None] * self.count
            for places, take, call, otherwise in groups:
                found = otherwise(take(arrays), [None] * len(places)) if call is None else call(*take(values))
                if found is None:
                    return None
                for place, result in zip(places, found, strict=True):
                    results[place] = result
            return results

        return run


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
