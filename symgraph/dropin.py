"""`lambdify` with SymPy's signature, for those who have written `from sympy import lambdify`."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sympy

from .errors import ArgumentError
from .functions import Function
from .parsing import parse
from .structure import Structure

__all__ = ["lambdify"]

_OWN_MODULES = ("numpy", "scipy", "math", "cmath")


def lambdify(
    args: Any,
    expr: Any,
    modules: Any = None,
    printer: Any = None,
    use_imps: bool = True,
    dummify: bool = False,
    cse: Any = False,
    docstring_limit: int | None = 1000,
    *,
    dtype: Any = None,
    domain: str = "real",
    backend: Any = None,
    broadcast: bool = True,
    rewrite: bool = True,
) -> Callable[..., Any]:
    """A Python function that computes SymPy expressions on numbers and arrays: `sympy.lambdify`, computed by symgraph.

    Args:
        args: a symbol, f(t), a MatrixSymbol, an explicit matrix of symbols, a string, or a list of such, nested at will.
        expr: an expression, explicit matrix, relation, string, or a list, tuple or dict of such, nested at will.
        modules: None, "numpy", "scipy", "math", "cmath" (which sets `domain="complex"`), dicts from function names to callables, or a list of
            those, earlier ones first. With any other module ("mpmath", "sympy", "torch", ...), or a `printer`, SymPy's own lambdify does the work.
        use_imps: whether implementations by `implemented_function` are used.
        dummify, cse: accepted, and without effect: names never become code, and equal parts are always computed once.
        docstring_limit: expressions whose text is longer are left out of `__doc__`; None for no limit.
        dtype, domain, backend, broadcast, rewrite: as for `symgraph.function`.

    Results have the broadcast shape of all arguments. Explicit matrices and arrays come with their own axes first and batch axes last, as
    those of `sympy.lambdify`; matrix expressions with batch axes first, as in `symgraph.function`. What cannot be computed is refused here,
    not at a call: UnsupportedExpressionError, UnboundSymbolError, ArgumentError. Strings are read by a parser that knows arithmetic,
    comparisons and the names of SymPy's functions, and runs nothing.

    >>> x = sympy.Symbol("x")
    >>> lambdify(x, sympy.Matrix([[x, 1]]))([1.0, 2.0, 3.0]).shape
    (1, 2, 3)
    """
    names = _module_list(modules)
    if printer is not None or any(
        (isinstance(m, str) and m not in _OWN_MODULES) or isinstance(m, types.ModuleType) for m in names
    ):
        return _foreign(args, expr, modules, printer, use_imps, dummify, cse, docstring_limit)
    functions: dict[str, Any] = {}
    for module in names:
        if not isinstance(module, str):
            functions = {**module, **functions}
    if names[:1] == ["cmath"]:
        domain = "complex"
    args, expr = _parsed(args, expr)
    made = Function(
        args,
        expr,
        dtype=dtype,
        domain=domain,
        backend=backend,
        name="_lambdifygenerated",
        batch="last",
        broadcast=broadcast,
        rewrite=rewrite,
        functions={name: function for name, function in functions.items() if callable(function)},
        tolerant=True,
    )
    made.__doc__ = _docstring(made, docstring_limit)
    return made


def _module_list(modules: Any) -> list[Any]:
    if modules is None:
        return []
    if isinstance(modules, (str, dict)) or not isinstance(modules, Iterable):
        return [modules]
    return list(modules)


def _foreign(args: Any, expr: Any, modules: Any, *options: Any) -> Callable[..., Any]:
    """SymPy's own lambdify; it executes text made of the expression, so strings are parsed by us first."""
    args, expr = _parsed(args, expr)
    made: Callable[..., Any] = sympy.lambdify(args, expr, modules, *options)
    return made


def _parsed(args: Any, expr: Any) -> tuple[Any, Any]:
    """Arguments and expression with strings in them replaced by SymPy objects."""
    if isinstance(args, str):
        args = [sympy.Symbol(name) for name in args.replace(",", " ").split()]
        return (args[0] if len(args) == 1 else args), _expression(expr, args)
    if isinstance(args, (list, tuple)):
        structure = Structure(list(args))
        leaves = [sympy.Symbol(leaf) if isinstance(leaf, str) else leaf for leaf in structure.leaves]
        for name in (leaf for leaf in structure.leaves if isinstance(leaf, str)):
            if not name.isidentifier():
                raise ArgumentError(f"The argument {name!r} is not a name")
        return structure.rebuild(leaves), _expression(expr, leaves)
    return args, _expression(expr, [args])


def _expression(expr: Any, symbols: Sequence[Any]) -> Any:
    structure = Structure(expr)
    if not any(isinstance(leaf, str) for leaf in structure.leaves):
        return expr
    known = {str(getattr(symbol, "name", symbol)): symbol for symbol in symbols}
    return structure.rebuild([parse(leaf, known) if isinstance(leaf, str) else leaf for leaf in structure.leaves])


def _docstring(made: Function, limit: int | None) -> str:
    text = made.expression_text()
    if limit is not None and len(text) > limit:
        text = "EXPRESSION REDACTED DUE TO LENGTH, (see lambdify's `docstring_limit`)"
    names = ", ".join(made.__signature__.parameters)
    return f"Created with lambdify. Signature:\n\nfunc({names})\n\nExpression:\n\n{text}"
