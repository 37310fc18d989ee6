"""The table of translation rules, and the values they work on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import sympy

from ..graph import Node
from ..nodes import Constant
from ..ops import OPERATIONS
from ..ops.arithmetic import negative, reciprocal, subtract
from ..ops.array import expand_dims
from ..ops.base import Elementwise
from ..ops.creation import plain_number
from ..ops.linalg import matrix_inverse
from ..ops.parts import imag

if TYPE_CHECKING:
    from .translator import Translator

__all__ = ["RULES", "Rule", "Value", "elementwise", "rule", "rule_for", "spread"]


class Value(NamedTuple):
    """What an expression became: a node, and the shape of one value of it (its last axes; batch axes come before).

    `negated` and `inverted` say that the expression is the node's negative, its reciprocal (or matrix inverse), or both. So `a - b`, `a / b`, and
    `A**-1 * b` become one subtraction, division and solve; whoever cannot use that takes `settled`.
    """

    node: Node
    shape: tuple[Any, ...] = ()
    negated: bool = False
    inverted: bool = False

    @property
    def rank(self) -> int:
        """The number of axes of one value."""
        return len(self.shape)

    @property
    def settled(self) -> Value:
        """The same value as a plain node."""
        node = self.node
        if self.inverted:
            node = matrix_inverse(node) if self.shape else reciprocal(node)
        if self.negated:  # minus an imaginary part that is 0 is 0, not -0, which atan2 and sqrt would tell apart
            node = subtract(0.0, node) if isinstance(node, imag) else negative(node)
        weak = self.node.spec.dtype in (float, complex) and not isinstance(self.node, Constant)
        return Value(plain_number(node) if weak and node is not self.node else node, self.shape)


Build = Callable[["Translator", Any, Sequence[Value]], Value]


class Rule(NamedTuple):
    """How one SymPy class is translated.

    `children` gives the parts that are translated first; `build` gets their values. `refuse` says what is wrong with an expression of the class
    that has no translation (None if nothing is); `inspect` says what is wrong in a part with variables of its own, which is no child.
    """

    build: Build
    children: Callable[[Any], Iterable[Any]] = lambda expr: expr.args
    refuse: Callable[[Any], str | None] = lambda expr: None
    inspect: Callable[[Translator, Any], str | None] = lambda translator, expr: None


RULES: dict[type, Rule] = {}


def rule(
    *types: type,
    children: Callable[[Any], Iterable[Any]] | None = None,
    refuse: Callable[[Any], str | None] | None = None,
    inspect: Callable[[Translator, Any], str | None] | None = None,
) -> Callable[[Build], Build]:
    """Register the decorated function as the translation of SymPy classes (and of their subclasses, unless those have their own)."""

    def register(build: Build) -> Build:
        extra: dict[str, Any] = {}
        if children is not None:
            extra["children"] = children
        if refuse is not None:
            extra["refuse"] = refuse
        if inspect is not None:
            extra["inspect"] = inspect
        for kind in types:
            RULES[kind] = Rule(build, **extra)
        return build

    return register


def rule_for(kind: type) -> Rule | None:
    """The rule of a class or of its nearest base; None if there is none."""
    found = RULES.get(kind)
    if found is not None:
        return found
    return next((RULES[base] for base in kind.__mro__ if base in RULES), None)


def spread(value: Value, rank: int) -> Node:
    """The node of a scalar value with `rank` new axes behind, so that it meets arrays of that rank entry by entry."""
    node = value.settled.node if value.negated or value.inverted else value.node
    return node if not rank or value.shape or node.shape == () else expand_dims(node, tuple(range(-rank, 0)))


def _common_shape(values: Sequence[Value]) -> tuple[Any, ...]:
    shape: tuple[Any, ...] = ()
    for value in values:
        if len(value.shape) > len(shape):
            shape = value.shape
    return shape


def elementwise(values: Sequence[Value]) -> tuple[list[Node], tuple[Any, ...]]:
    """The nodes of scalars and of arrays of one shape, ready to be combined entry by entry, and that shape."""
    shape = _common_shape(values)
    return [spread(value, len(shape)) for value in values], shape


def _is_array(expr: Any) -> bool:
    return isinstance(expr, (sympy.MatrixExpr, sympy.MatrixBase, sympy.NDimArray)) or getattr(expr, "is_Matrix", False)


class FunctionOfMatrix:
    """The key in RULES of what functions of numbers are for matrices."""


def is_matrix(expr: Any) -> bool:
    """Whether an expression that has axes is built of matrices; else it is built of arrays, whose functions, products and powers go by entries.

    >>> A, u = sympy.MatrixSymbol("A", 2, 2), sympy.IndexedBase("u", shape=(2, 2))
    >>> is_matrix(1 + sympy.exp(A)), is_matrix(1 + sympy.exp(u))
    (True, False)
    """
    stack = [expr]
    while stack:
        part = stack.pop()
        if isinstance(part, (sympy.MatrixExpr, sympy.MatrixBase)):
            return True
        if isinstance(part, (sympy.Add, sympy.Mul, sympy.Pow, sympy.Function)):
            stack.extend(part.args)
    return False


def _refuse_arrays(expr: Any) -> str | None:
    if any(isinstance(arg, sympy.NDimArray) for arg in expr.args):
        return "a function of an explicit array; for the function of each entry use .applyfunc(...)"
    return RULES[FunctionOfMatrix].refuse(expr) if any(_is_array(arg) for arg in expr.args) else None


def _register_operations() -> None:
    for operation in OPERATIONS.values():
        if issubclass(operation, Elementwise):
            for kind in operation.sympy_types:
                RULES[kind] = Rule(_of_entries(operation), refuse=_refuse_arrays)


def _of_entries(operation: type[Elementwise]) -> Build:
    def build(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
        nodes, shape = elementwise(values)
        if shape and is_matrix(expr):
            return RULES[FunctionOfMatrix].build(translator, expr, values)
        if operation.real_only:
            nodes = [translator.real(node) for node in nodes]
        return Value(operation(*nodes), shape)

    return build


_register_operations()
