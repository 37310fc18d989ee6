"""Unit directions along a new loop axis, for Jacobians: it stands just before the core axes, behind all batch axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import UNKNOWN, Spec, broadcast, promote
from .base import PureOperation


class _unit_directions(PureOperation):
    """All arrays of shape `core` that are 1 at one place and 0 elsewhere, along a first axis; of the dtype of x.

    A length None in `core` is that of x's own last axes.

    >>> _unit_directions([5.0, 7.0], (None,)).eval()
    array([[1., 0.],
           [0., 1.]])
    """

    attributes = ("core",)

    def __init__(self, x: Any, core: Sequence[int | None], name: str | None = None) -> None:
        super().__init__([x], name)
        self.core = tuple(core)

    def infer(self, *specs: Spec) -> Spec:
        count = None if None in self.core else math.prod(n for n in self.core if n is not None)
        return Spec((count, *self.core), promote(specs[0].dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        shape = np.shape(x)
        core = [shape[axis] if n is None else n for axis, n in enumerate(self.core, -len(self.core))]
        count = math.prod(core)
        dtype = x.dtype if getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c") else np.float64
        return xp.reshape(xp.eye(count, dtype=dtype), (count, *core))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class _along_directions(PureOperation):
    """x, whose last `rank` axes are its core, repeated along the loop axis on which `directions` has its first axis.

    >>> _along_directions([[5.0, 7.0]], [[1.0, 0.0], [0.0, 1.0]], rank=1).eval()
    array([[5., 7.],
           [5., 7.]])
    """

    attributes = ("rank",)

    def __init__(self, x: Any, directions: Any, rank: int = 0, name: str | None = None) -> None:
        super().__init__([x, directions], name)
        self.rank = int(rank)

    def infer(self, *specs: Spec) -> Spec:
        x, directions = specs
        core = x.shape[len(x.shape) - self.rank :]
        known = len(x.shape) - (x.shape[:1] == (...,)) > self.rank and ... not in core
        loops = x.shape[: len(x.shape) - self.rank - 1]
        return Spec((*loops, directions.shape[0], *core) if known else UNKNOWN, promote(x.dtype))

    def compute(self, x: Any, directions: Any, *, xp: Any = np) -> Any:
        place = x.ndim - self.rank - 1
        return xp.broadcast_to(x, (*x.shape[:place], directions.shape[0], *x.shape[place + 1 :]))

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, None]


class _spread(PureOperation):
    """x repeated along the axes that only `like` has; both may have more than the other.

    >>> _spread([[1.0], [2.0]], [0, 0]).eval()
    array([[1., 1.],
           [2., 2.]])
    """

    rowwise = True
    entrywise = True
    moves = True

    def __init__(self, x: Any, like: Any, name: str | None = None) -> None:
        super().__init__([x, like], name)

    def infer(self, *specs: Spec) -> Spec:
        return Spec(broadcast(*[spec.shape for spec in specs]), promote(specs[0].dtype))

    def compute(self, x: Any, like: Any, *, xp: Any = np) -> Any:
        x = xp.asarray(x)
        shape = np.broadcast_shapes(x.shape, np.shape(like))
        return x if x.shape == shape else xp.broadcast_to(x, shape)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [grad, None]


class _ones_of_loops(PureOperation):
    """Ones in the shape of x without its last `rank` axes, of the dtype of x.

    >>> _ones_of_loops([[5.0, 7.0]], rank=1).eval()
    array([1.])
    """

    attributes = ("rank",)
    rowwise = True

    def __init__(self, x: Any, rank: int = 0, name: str | None = None) -> None:
        super().__init__([x], name)
        self.rank = int(rank)

    def infer(self, *specs: Spec) -> Spec:
        (x,) = specs
        known = len(x.shape) - (x.shape[:1] == (...,)) >= self.rank
        return Spec(x.shape[: len(x.shape) - self.rank] if known else UNKNOWN, promote(x.dtype))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        shape = np.shape(x)
        dtype = x.dtype if getattr(getattr(x, "dtype", None), "kind", "") in ("f", "c") else np.float64
        return xp.full(shape[: len(shape) - self.rank], 1.0, dtype=dtype)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]
