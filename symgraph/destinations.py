"""`out=`: arrays of the user's own, into which results are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import FeedError, FeedTypeError, ShapeError
from .structure import Structure

__all__ = ["Destinations"]

_MOST_WORK = 10_000  # steps of the search for memory that two arrays share: it may take exponentially many


class Destinations:
    """The arrays that are given for the outputs, in the same structure as these.

    Raises FeedTypeError for what are no arrays, and FeedError for those that are read-only or have memory in common.

    >>> out = np.empty(2)
    >>> Destinations(Structure([0]), [out], "f").filled([np.ones(2)])[0] is out
    True
    """

    def __init__(self, structure: Structure, out: Any, name: str) -> None:
        self._name = name
        self.arrays = _in_order(structure, out, name)
        for array in self.arrays:
            if not isinstance(array, np.ndarray):
                raise FeedTypeError(f"{name}: `out` must be of arrays, not of {array!r}, a {type(array).__name__}")
            if not array.flags.writeable:
                raise FeedError(f"{name}: an array of `out` is read-only")
        pair = _sharing(self.arrays)
        if pair is not None:
            raise FeedError(f"{name}: arrays of `out` share memory: those of the outputs {pair[0]} and {pair[1]}")

    def offered(self, values: Sequence[Any]) -> list[Any]:
        """For each output the array that it may be computed in at once, while `values` are read; None where these share memory with it."""
        alone = _alone([*self.arrays, *[value for value in values if isinstance(value, np.ndarray)]])
        return [array if is_alone else None for array, is_alone in zip(self.arrays, alone, strict=False)]

    def filled(self, results: Sequence[Any]) -> list[Any]:
        """The arrays, with the results in them. Raises ShapeError and FeedTypeError for arrays that they do not fit into."""
        for array, result in zip(self.arrays, results, strict=True):
            if not isinstance(result, (np.ndarray, np.generic, bool)):
                raise FeedTypeError(f"{self._name}: `out` is for arrays, and the result is a {type(result).__name__}")
            if array.shape != np.shape(result):
                raise ShapeError(
                    f"{self._name}: an array of `out` has the shape {array.shape}, but the result {np.shape(result)}"
                )
            if array.dtype != np.asarray(result).dtype:
                raise FeedTypeError(
                    f"{self._name}: an array of `out` has the dtype {array.dtype}, but the result {np.asarray(result).dtype}"
                )
        for array, result in zip(self.arrays, results, strict=True):
            if result is not array:
                array[...] = result
        return self.arrays


def _alone(arrays: Sequence[Any]) -> list[bool]:
    """Whether no other array has memory between the begin and the end of each one."""
    bounds = [np.lib.array_utils.byte_bounds(array) for array in arrays]
    order = sorted(range(len(arrays)), key=bounds.__getitem__)
    result, reached = [True] * len(arrays), -1
    for place, following in zip(order, [*order[1:], None], strict=True):
        low, high = bounds[place]
        result[place] = reached <= low and (following is None or high <= bounds[following][0])
        reached = max(reached, high)
    return result


def _sharing(arrays: Sequence[Any]) -> tuple[int, int] | None:
    """Two arrays that have memory in common, or whose bounds overlap while it is too hard to tell; None if there are none."""
    if len(arrays) < 2:
        return None
    bounds = [np.lib.array_utils.byte_bounds(array) for array in arrays]
    reaching: list[int] = []  # those before the present one that end after its begin
    for place in sorted(range(len(arrays)), key=bounds.__getitem__):
        reaching = [other for other in reaching if bounds[other][1] > bounds[place][0]]
        for other in reaching:
            try:
                shared = np.shares_memory(arrays[other], arrays[place], max_work=_MOST_WORK)  # type: ignore[arg-type]  # that of NumPy knows 0 and -1
            except np.exceptions.TooHardError:
                shared = True
            if shared:
                return min(other, place), max(other, place)
        reaching.append(place)
    return None


def _in_order(structure: Structure, out: Any, name: str) -> list[Any]:
    """What is in `out` at the place of each leaf."""
    if structure.is_leaf:
        return [out]
    found: dict[int, Any] = {}
    stack = [(structure.rebuild(list(range(len(structure.leaves)))), out)]
    while stack:
        form, given = stack.pop()
        if type(form) is int:
            found[form] = given
            continue
        if isinstance(form, dict):
            fits = isinstance(given, dict) and form.keys() == given.keys()
            pairs = [(value, given[key]) for key, value in form.items()] if fits else []
        else:
            members, others = Structure(form).leaves, Structure(given).leaves
            if isinstance(form, (list, tuple)):
                members, others = list(form), list(given) if isinstance(given, (list, tuple)) else []
            fits, pairs = len(members) == len(others), list(zip(members, others, strict=False))
        if not fits:
            raise FeedTypeError(
                f"{name}: `out` must have the structure of the outputs, {len(structure.leaves)} arrays in all"
            )
        stack.extend(pairs)
    return [found[place] for place in range(len(structure.leaves))]
