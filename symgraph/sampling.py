"""Samples for the random symbols of `sympy.stats` in an expression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from .errors import UnsupportedExpressionError

__all__ = ["draw", "random_symbols"]


def random_symbols(expressions: Sequence[Any]) -> tuple[Any, ...]:
    """The random symbols in expressions, in order of their names.

    >>> from sympy.stats import Normal
    >>> random_symbols([Normal("X", 0, 1) ** 2])
    (X,)
    """
    found: dict[Any, None] = {}
    stack, seen = list(expressions), set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if type(item).__name__ == "RandomSymbol":
            found[item] = None
        else:
            stack.extend(item.flat() if isinstance(item, sympy.MatrixBase) else getattr(item, "args", ()))
    for symbol in found:
        _check(symbol)
    return tuple(sorted(found, key=str))


def _check(symbol: Any) -> None:
    """Refuse what cannot be sampled."""
    from sympy.stats.rv import SinglePSpace

    if not isinstance(symbol.pspace, SinglePSpace):
        raise UnsupportedExpressionError(
            f"{symbol} is part of a joint distribution; only independent random symbols are sampled", (symbol,)
        )
    free = symbol.pspace.distribution.free_symbols
    if free:
        listed = ", ".join(sorted(map(str, free)))
        raise UnsupportedExpressionError(
            f"{symbol} is distributed as {symbol.pspace.distribution} with symbols {listed}: only numbers can be parameters. "
            f"Write it by a symbol with fixed parameters, such as a + b*X with X = Normal('X', 0, 1)",
            (symbol,),
        )


def draw(symbols: Sequence[Any], shape: tuple[int, ...], rng: np.random.Generator) -> list[Any]:
    """Independent samples of each symbol, as arrays of that shape (scalars for ()), drawn through `sympy.stats.sample`.

    >>> from sympy.stats import Uniform
    >>> draw([Uniform("X", 0, 1)], (2,), np.random.default_rng(0))[0].shape
    (2,)
    """
    from sympy.stats import sample

    samples = []
    for symbol in symbols:
        values = sample(symbol, size=shape or (1,), library="scipy", seed=rng)
        array = np.asarray(values, dtype=float)
        samples.append(array if shape else array.reshape(())[()])
    return samples
