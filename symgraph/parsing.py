"""Expressions written as text: read by Python's own `ast`, never run. Arithmetic, comparisons, and SymPy's functions and constants by name."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import sympy

from .errors import ArgumentError

__all__ = ["parse"]

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: sympy.floor(a / b),
    ast.Mod: sympy.Mod,
    ast.Pow: lambda a, b: _power(a, b),
    ast.MatMult: operator.matmul,
    ast.BitAnd: sympy.And,
    ast.BitOr: sympy.Or,
    ast.BitXor: sympy.Xor,
}
_UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: sympy.Not,
    ast.Not: sympy.Not,
}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: sympy.Eq,
    ast.NotEq: sympy.Ne,
}
_CONSTANTS = {
    name: getattr(sympy, name)
    for name in ("pi", "E", "I", "oo", "zoo", "nan", "EulerGamma", "GoldenRatio", "Catalan", "true", "false")
}
_LONGEST = 100_000


_MOST_DIGITS = 10_000
_LARGEST_ARGUMENT = 1000  # of a function that SymPy would evaluate exactly


def _power(a: Any, b: Any) -> Any:
    """a ** b; for integers only where the result is of a size that can be written down."""
    if (
        getattr(a, "is_Integer", False)
        and getattr(b, "is_Integer", False)
        and abs(b) * len(hex(abs(int(a)))) > _MOST_DIGITS
    ):
        raise ArgumentError(
            f"A power of integers with more than about {_MOST_DIGITS} digits: write it with floats, such as 2.0**b"
        )
    return a**b


def _applied(function: Any, parts: list[Any]) -> Any:
    large = any(getattr(part, "is_Integer", False) and abs(part) > _LARGEST_ARGUMENT for part in parts)
    is_class = isinstance(function, type) and issubclass(function, sympy.Function)
    return function(*parts, evaluate=False) if large and is_class else function(*parts)


def _function(name: str) -> Any:
    """The SymPy function of that name: a subclass of Function, or sqrt and the like; None if there is none."""
    found = getattr(sympy, name, None)
    if name in ("sqrt", "cbrt", "root", "real_root"):
        return found
    allowed = (
        sympy.Function,
        sympy.Max,
        sympy.Min,
        sympy.Piecewise,
        sympy.logic.boolalg.BooleanFunction,
        sympy.core.relational.Relational,
    )
    return (
        found
        if isinstance(found, type) and issubclass(found, allowed)
        else {"abs": sympy.Abs, "max": sympy.Max, "min": sympy.Min}.get(name)
    )


def parse(text: str, symbols: Mapping[str, Any] | None = None) -> Any:
    """The SymPy expression that `text` writes. Names are those in `symbols`, SymPy's constants, or new symbols.

    Raises ArgumentError for anything but numbers, names, operators, comparisons, tuples, lists, and calls of SymPy's functions.

    >>> parse("2*x**2 + sin(pi/2)")
    2*x**2 + 1
    """
    if len(text) > _LONGEST:
        raise ArgumentError(f"The text has {len(text)} characters, more than {_LONGEST}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArgumentError(f"{text!r} is not an expression: {error}") from None
    values: dict[ast.AST, Any] = {}
    stack: list[tuple[Any, bool]] = [(tree.body, False)]
    while stack:
        node, ready = stack.pop()
        parts = _parts(node, text)
        if not ready:
            stack.append((node, True))
            stack.extend((part, False) for part in parts)
        else:
            values[node] = _value(node, [values[part] for part in parts], symbols or {}, text)
    return values[tree.body]


def _refused(node: Any, text: str) -> ArgumentError:
    piece = ast.get_source_segment(text.strip(), node) or type(node).__name__
    return ArgumentError(
        f"{piece!r} in {text[:200]!r} cannot be used: only numbers, names, operators, and SymPy's functions can"
    )


def _parts(node: Any, text: str) -> list[Any]:
    match node:
        case ast.Constant() | ast.Name():
            return []
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.UnaryOp(operand=operand):
            return [operand]
        case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
            return list(parts)
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Call(func=ast.Name(), args=parts, keywords=[]) if not any(
            isinstance(part, ast.Starred) for part in parts
        ):
            return list(parts)
    raise _refused(node, text)


def _value(node: Any, parts: list[Any], symbols: Mapping[str, Any], text: str) -> Any:
    match node:
        case ast.Constant(value=bool() as value):
            return sympy.true if value else sympy.false
        case ast.Constant(value=int() | float() | complex() as value):
            return sympy.sympify(value)
        case ast.Name(id=name):
            return symbols[name] if name in symbols else _CONSTANTS.get(name) or sympy.Symbol(name)
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return _BINARY[type(op)](*parts)
        case ast.UnaryOp(op=op):
            return _UNARY[type(op)](*parts)
        case ast.BoolOp(op=op):
            return (sympy.And if isinstance(op, ast.And) else sympy.Or)(*parts)
        case ast.Compare(ops=ops) if all(type(op) in _COMPARE for op in ops):
            pairs = [_COMPARE[type(op)](a, b) for op, a, b in zip(ops, parts, parts[1:], strict=False)]
            return pairs[0] if len(pairs) == 1 else sympy.And(*pairs)
        case ast.Tuple():
            return tuple(parts)
        case ast.List():
            return parts
        case ast.Call(func=ast.Name(id=name)) if name not in symbols and _function(name) is not None:
            return _applied(_function(name), parts)
    raise _refused(node, text)
