"""Products of several matrices, in the order that takes the fewest multiplications."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node
from ..shapes import Spec, broadcast, promote
from .base import PureOperation
from .linalg import matrix_transpose

__all__ = ["best_order", "matrix_chain"]

Order = int | tuple["Order", "Order"]


@lru_cache(maxsize=512)
def best_order(sizes: tuple[int, ...]) -> Order:
    """How to put parentheses around matrices of sizes[0] x sizes[1], sizes[1] x sizes[2], ...: nested pairs of their numbers.

    By dynamic programming over all ways (S. Godbole, 1973); among equals the one that begins at the left.

    >>> best_order((10, 10, 10, 1))
    (0, (1, 2))
    """
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    order: dict[tuple[int, int], Order] = {(i, i): i for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            ways = [(cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], -k) for k in range(i, j)]
            best, place = min(ways)
            cost[i, j], order[i, j] = best, (order[i, -place], order[-place + 1, j])
    return order[0, count - 1]


class matrix_chain(PureOperation):
    """The product of two or more matrices, multiplied in the best order for the sizes that they have at run time.

    >>> matrix_chain([[1, 2]], [[3, 0], [0, 4]], [[5], [6]]).eval()
    array([[63]])
    """

    rowwise = True
    of_matrices = True

    def __init__(self, *matrices: Any, name: str | None = None) -> None:
        if len(matrices) < 2:
            raise ShapeError(f"matrix_chain needs two matrices or more, but {len(matrices)} were given")
        super().__init__(matrices, name)

    def infer(self, *specs: Spec) -> Spec:
        dtype = promote(*[spec.dtype for spec in specs])
        shapes = [
            spec.shape if len(spec.shape) - (spec.shape[:1] == (...,)) >= 2 else (..., None, None) for spec in specs
        ]
        for left, right in itertools.pairwise(shapes):
            if None not in (left[-1], right[-2]) and left[-1] != right[-2]:
                raise ShapeError(f"matrix_chain: {left[-1]} columns cannot be multiplied by {right[-2]} rows")
        return Spec((*broadcast(*[shape[:-2] for shape in shapes]), shapes[0][-2], shapes[-1][-1]), dtype)

    def compute(self, *matrices: Any, xp: Any = np) -> Any:
        matrices = tuple(xp.asarray(matrix) for matrix in matrices)
        sizes = (matrices[0].shape[-2], *[matrix.shape[-1] for matrix in matrices])
        stack: list[Any] = [best_order(sizes)]
        done: list[Any] = []
        while stack:
            step = stack.pop()
            if step is None:
                right, left = done.pop(), done.pop()
                done.append(xp.matmul(left, right))
            elif isinstance(step, tuple):
                stack += [None, step[1], step[0]]
            else:
                done.append(matrices[step])
        return done[0]

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        turned = [matrix_transpose(node) for node in self.input_nodes]
        places = range(len(turned))
        return [matrix_chain(*reversed(turned[:i]), grad, *reversed(turned[i + 1 :])) for i in places]
