"""Parts of an axis, from one computed place to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import OutOfRangeError
from ..graph import Node
from ..nodes import Constant
from ..shapes import UNKNOWN, Spec, promote
from .base import PureOperation
from .creation import whole_number
from .indexing import last_axes
from .logic import logical_and


class window(PureOperation):
    """The part [start, stop) of one of the last axes, with bounds that are computed: one number for the whole batch.

    A run raises OutOfRangeError unless 0 <= start <= stop <= length; where `needed` is false (a branch that no row takes), entries outside are
    taken from the nearest end.

    >>> window([1, 2, 3], 1, 3).eval()
    array([2, 3])
    """

    attributes = ("axis", "step", "label")

    def __init__(
        self,
        x: Any,
        start: Any,
        stop: Any,
        axis: int = -1,
        step: int = 1,
        label: str = "window",
        name: str | None = None,
        *,
        needed: Any = True,
    ) -> None:
        super().__init__([x, start, stop, needed], name)
        self.axis, self.step, self.label = int(axis), int(step), label

    def only_if(self, needed: Node) -> window:
        """The same part, which is needed under a further condition."""
        x, start, stop, before = self.input_nodes
        both = needed if isinstance(before, Constant) else logical_and(before, needed)
        return window(x, start, stop, self.axis, self.step, self.label, needed=both)

    def infer(self, *specs: Spec) -> Spec:
        x = specs[0]
        core = last_axes(x.shape, -self.axis)
        if core is None:
            return Spec(UNKNOWN, promote(x.dtype))
        return Spec((*x.shape[: self.axis], None, *core[1:]), promote(x.dtype))

    def compute(self, x: Any, start: Any, stop: Any, needed: Any, *, xp: Any = np) -> Any:
        return x[_window_index(self, x.shape, start, stop, needed)]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        x, start, stop, needed = self.input_nodes
        part = fill_window(grad, x, start, stop, self.axis, self.step, self.label, needed=needed)
        return [part, None, None, None]


class fill_window(PureOperation):
    """Zeros in the shape of `like`, with `values` in the part [start, stop) of an axis: the gradient of window.

    >>> fill_window([5, 6], [0, 0, 0], 1, 3).eval()
    array([0, 5, 6])
    """

    attributes = ("axis", "step", "label")

    def __init__(
        self,
        values: Any,
        like: Any,
        start: Any,
        stop: Any,
        axis: int = -1,
        step: int = 1,
        label: str = "window",
        name: str | None = None,
        *,
        needed: Any = True,
    ) -> None:
        super().__init__([values, like, start, stop, needed], name)
        self.axis, self.step, self.label = int(axis), int(step), label

    def infer(self, *specs: Spec) -> Spec:
        return Spec(specs[1].shape, promote(specs[0].dtype))

    def compute(self, values: Any, like: Any, start: Any, stop: Any, needed: Any, *, xp: Any = np) -> Any:
        values = xp.asarray(values)
        result = xp.zeros(like.shape, dtype=values.dtype)
        result[_window_index(self, like.shape, start, stop, needed)] = values
        return result

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        _, _, start, stop, needed = self.input_nodes
        part = window(grad, start, stop, self.axis, self.step, self.label, needed=needed)
        return [part, None, None, None, None]


def _window_index(
    op: window | fill_window, shape: Sequence[int], start: Any, stop: Any, needed: Any
) -> tuple[Any, ...]:
    first, last = whole_number(start, f"{op.label}: a bound"), whole_number(stop, f"{op.label}: a bound")
    if not 0 <= first <= last <= shape[op.axis]:
        if not bool(np.any(needed)):
            places = np.clip(np.arange(first, last, op.step), 0, shape[op.axis] - 1)
            return (..., places, *[slice(None)] * (-op.axis - 1))
        raise OutOfRangeError(
            f"{op.label}: the range [{first}, {last}) is not within an axis of length {shape[op.axis]}"
        )
    return (..., slice(first, last, op.step), *[slice(None)] * (-op.axis - 1))
