"""What Glynn's formula for the permanent of a matrix needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..graph import Node
from ..shapes import Spec, promote
from .base import PureOperation, as_float
from .spectra import floating

_LARGEST = 24  # rows: 2**23 sums of 24 numbers are 1.6 GB


@lru_cache(maxsize=8)
def _signs(n: int) -> Any:
    """All sequences of n signs that begin with 1, as rows."""
    if n > _LARGEST:
        raise ValueError(f"the permanent of a {n} x {n} matrix takes 2**{n - 1} products; {_LARGEST} rows are the most")
    bits = np.arange(2 ** max(n - 1, 0))[:, None] >> np.arange(max(n - 1, 0)) & 1
    signs = np.concatenate([np.ones((len(bits), min(n, 1))), 1.0 - 2.0 * bits], axis=-1)
    signs.flags.writeable = False
    return signs


class _OfLength(PureOperation):
    def __init__(self, x: Any, name: str | None = None) -> None:
        super().__init__([x], name)

    def gradient(self, grad: Node) -> Sequence[Node | None]:
        return [None]


class glynn_signs(_OfLength):
    """For an n x n matrix, the 2**(n - 1) sequences of n signs that begin with 1, as rows, in the dtype of x.

    >>> glynn_signs([[0.0, 0.0], [0.0, 0.0]]).eval()
    array([[ 1.,  1.],
           [ 1., -1.]])
    """

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None, None), as_float(promote(specs[0].dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        return xp.asarray(_signs(x.shape[-1]), dtype=floating(x).dtype)


class glynn_weights(_OfLength):
    """The products of these sequences, over their number.

    >>> glynn_weights([[0.0, 0.0], [0.0, 0.0]]).eval()
    array([ 0.5, -0.5])
    """

    def infer(self, *specs: Spec) -> Spec:
        return Spec((None,), as_float(promote(specs[0].dtype)))

    def compute(self, x: Any, *, xp: Any = np) -> Any:
        signs = _signs(x.shape[-1])
        return xp.asarray(np.prod(signs, axis=-1) / len(signs), dtype=floating(x).dtype)
