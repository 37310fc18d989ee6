"""The shape of an IndexedBase that was declared without one: it has as many axes as it is used with indices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from ..errors import ShapeError

__all__ = ["index_shape"]


def index_shape(base: Any, expressions: Sequence[Any]) -> tuple[Any, ...]:
    """As many unknown lengths (Dummy symbols) as `base` has indices in the expressions; () where it is used without.

    Raises ShapeError where it is used with different numbers of indices.

    >>> x, i = sympy.IndexedBase("x"), sympy.Symbol("i", integer=True)
    >>> len(index_shape(x, [sympy.Sum(x[i, i + 1], (i, 0, 3))]))
    2
    """
    ranks = sorted(_ranks(base, expressions))
    if len(ranks) > 1:
        counts = " and with ".join(map(str, ranks))
        raise ShapeError(f"{base} is used with {counts} indices; it can have only one number of axes")
    rank = ranks[0] if ranks else 0
    return tuple(sympy.Dummy(f"{base}_{axis}", integer=True, nonnegative=True) for axis in range(rank))


def _ranks(base: Any, expressions: Sequence[Any]) -> set[int]:
    found: set[int] = set()
    stack = list(expressions)
    seen: dict[int, Any] = {}  # holds what it knows: SymPy makes some args only when they are asked for
    while stack:
        expr = stack.pop()
        if id(expr) in seen:
            continue
        seen[id(expr)] = expr
        if isinstance(expr, sympy.Indexed) and expr.base == base:
            found.add(len(expr.indices))
        stack.extend(getattr(expr, "args", ()))
    return found
