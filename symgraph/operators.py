"""Python's operators on nodes, and what a node refuses to be: a truth value, a sequence, a number, an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["OPERATORS", "Operators"]

OPERATORS: dict[str, Callable[..., Any]] = {}
"""What Python's operators on nodes build, filled once by `symgraph.ops`; so a user's own `class add` changes nothing."""


def _operator(name: str, reflected: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Any, other: Any) -> Any:
        build = OPERATORS[name]
        return build(other, self) if reflected else build(self, other)

    return method


class Operators:
    """What nodes do when they stand in a Python expression: the operators build further nodes, `==` compares identity.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> (2 * x + 1).input_nodes[1].name
    'Constant_1'
    """

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's functions and operators on nodes build nodes: `np.sin(node)`, `array + node`."""
        build = OPERATORS["ufunc"](ufunc.__name__) if method == "__call__" and not options else None
        if build is None:
            raise TypeError(
                f"np.{ufunc.__name__} does not take nodes, which have no value before a run: use the function of symgraph, if there is "
                "one, or translate a SymPy expression"
            )
        return build(*inputs)

    __add__, __radd__ = _operator("add"), _operator("add", True)
    __sub__, __rsub__ = _operator("subtract"), _operator("subtract", True)
    __mul__, __rmul__ = _operator("multiply"), _operator("multiply", True)
    __truediv__, __rtruediv__ = _operator("divide"), _operator("divide", True)
    __floordiv__, __rfloordiv__ = _operator("floor_divide"), _operator("floor_divide", True)
    __mod__, __rmod__ = _operator("mod"), _operator("mod", True)
    __pow__, __rpow__ = _operator("power"), _operator("power", True)
    __matmul__, __rmatmul__ = _operator("matmul"), _operator("matmul", True)
    __lt__, __le__, __gt__, __ge__ = (
        _operator("less"),
        _operator("less_equal"),
        _operator("greater"),
        _operator("greater_equal"),
    )
    __and__, __rand__ = _operator("logical_and"), _operator("logical_and", True)
    __or__, __ror__ = _operator("logical_or"), _operator("logical_or", True)
    __xor__, __rxor__ = _operator("logical_xor"), _operator("logical_xor", True)

    def __neg__(self) -> Any:
        return OPERATORS["negative"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return OPERATORS["abs"](self)

    def __invert__(self) -> Any:
        return OPERATORS["logical_not"](self)

    def __getitem__(self, index: Any) -> Any:
        return OPERATORS["getitem"](self, index)

    @property
    def T(self) -> Any:
        """The transpose: all axes reversed, as NumPy's `.T`."""
        return OPERATORS["transpose"](self)

    def _no_value(self, use: str) -> TypeError:
        return TypeError(
            f"{use} is not possible for {self!r}: a node has no value before a run. "
            "Use sess.run(...) for its value, or Piecewise / symgraph.where for a choice inside the graph"
        )

    def __bool__(self) -> bool:
        raise self._no_value("A truth value (if, and, or, not)")

    def __iter__(self) -> Iterator[Any]:
        raise self._no_value("Iteration")

    def __contains__(self, item: Any) -> bool:
        raise self._no_value("`in`")

    def __len__(self) -> int:
        raise self._no_value("len()")

    def _sympy_(self) -> Any:
        raise TypeError(
            f"{self!r} is a node of a graph and cannot be part of a SymPy expression: translate the expression instead, as in "
            "symgraph.translate(expr) * node"
        )

    def __float__(self) -> float:
        raise self._no_value("A conversion to a number")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise self._no_value("A conversion to a NumPy array")
