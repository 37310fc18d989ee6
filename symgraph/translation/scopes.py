"""Bodies with variables of their own, such as that of a Lambda: its variables are bound inside, everything else comes from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.tensor.array.expressions import ArraySymbol

from ..graph import Node
from ..ops.array import expand_dims
from ..ops.creation import zeros_like
from .rules import Value
from .translator import Translator

__all__ = ["Scope", "applied", "free_inputs", "lifted"]


def lifted(value: Value, rank: int) -> Value:
    """The same value with `rank` new axes between its batch axes and its own axes."""
    value = value.settled
    if not rank or value.node.shape == ():
        return value
    return value._replace(node=expand_dims(value.node, tuple(range(-rank - value.rank, -value.rank))))


class Scope(Translator):
    """A translator of a body whose variables have `rank` axes of their own behind the batch axes.

    Args:
        outer: the translator of the expression around. What is no variable of the body is its business, and gets axes of length 1.
        bindings: the values of the body's variables.
        rank: the number of these axes.
    """

    def __init__(self, outer: Translator, bindings: Mapping[Any, Value], rank: int) -> None:
        super().__init__(
            outer.graph,
            strict=outer.strict,
            dtype=outer.dtype,
            domain=outer.domain,
            functions=outer.functions,
            within=outer.within,
        )
        self.outer, self.rank = outer, rank
        self.lengths = outer.lengths
        for symbol, value in bindings.items():
            self.bind(symbol, value)

    def is_leaf(self, expr: Any) -> bool:
        """Whether `expr` stands for an input, here or outside."""
        return super().is_leaf(expr) or self.outer.is_leaf(expr)

    def core(self, symbol: Any) -> tuple[Any, ...]:
        """The shape of one value of a symbol, as outside."""
        return self._leaves[symbol].shape if symbol in self._leaves else self.outer.core(symbol)

    def leaf(self, symbol: Any) -> Value:
        """The value of a variable, or the value that something has outside."""
        if symbol not in self._leaves:
            self._leaves[symbol] = lifted(self.outer.leaf(symbol), self.rank)
        return self._leaves[symbol]

    def _length(self, symbol: Any) -> Node | None:
        return None if symbol in self._leaves else self.outer._length(symbol)

    def unbound(self, symbols: Iterable[Any]) -> list[Any]:
        """Those that are bound neither here nor outside."""
        return self.outer.unbound([symbol for symbol in symbols if symbol not in self._leaves])


def free_inputs(function: Any) -> tuple[Any, ...]:
    """The symbols of a Lambda's body that are no variables in it.

    >>> x, a = sympy.symbols("x a")
    >>> free_inputs(sympy.Lambda(x, a * x))
    (a,)
    """
    if not isinstance(function, sympy.Lambda):
        return ()
    bound = set(function.bound_symbols)
    found: dict[Any, None] = {}
    stack, seen = [function.expr], {}
    while stack:
        expr = stack.pop()
        if id(expr) in seen or isinstance(expr, (AppliedUndef, sympy.Derivative)):
            continue
        seen[id(expr)] = expr
        bound |= set(getattr(expr, "bound_symbols", ()))
        if isinstance(expr, (sympy.Symbol, sympy.MatrixSymbol, sympy.IndexedBase, ArraySymbol, sympy.Idx)):
            found[expr] = None
        else:
            stack.extend(getattr(expr, "args", ()))
    return tuple(symbol for symbol in found if symbol not in bound)


def as_lambda(function: Any, count: int) -> Any:
    """A function of `count` arguments as a Lambda."""
    if isinstance(function, sympy.Lambda):
        return function
    variables = tuple(sympy.Dummy() for _ in range(count))
    return sympy.Lambda(variables, function(*variables))


def evaluated(translator: Translator, function: Any, values: Sequence[Value], rank: int) -> Value:
    """A Lambda at values that have `rank` axes of their own behind the batch axes."""
    function = as_lambda(function, len(values))
    scope = Scope(translator, dict(zip(function.signature, values, strict=True)), rank)
    return scope.scalar(function.expr).settled


def applied(translator: Translator, function: Any, value: Value) -> Value:
    """function(entry) for each entry: the body is translated with the whole array, seen as a batch of scalars, for its variable."""
    node = value.settled.node
    function = as_lambda(function, 1)
    result = evaluated(translator, function, [Value(node)], value.rank).node
    if not function.expr.has(function.signature[0]):  # the same for all entries
        result = result + zeros_like(node)
    return Value(result, value.shape)
