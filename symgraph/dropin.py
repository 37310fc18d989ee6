"""`lambdify` with SymPy's signature, for those who have written `from sympy import lambdify`."""

from __future__ import annotations

import builtins
import itertools
import linecache
import textwrap
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef

from .arguments import Parameter, argument_list
from .errors import ArgumentError, UnsupportedExpressionError
from .functions import Function
from .parsing import parse
from .structure import ComputedKeys, Structure

__all__ = ["Lambdified", "lambdify"]

_OWN_MODULES = ("numpy", "scipy", "math")
_number = itertools.count(1)


class Lambdified(Function):
    """A Function whose results have the form that `sympy.lambdify` gives them.

    The entries of explicit matrices and arrays come first and batch axes last, sparse ones are SciPy's, and conditions on numbers are Python's
    True and False. `inspect.getsource` shows the expression.

    >>> x = sympy.Symbol("x")
    >>> Lambdified([x], sympy.Matrix([x, 1]))([1.0, 2.0]).shape
    (2, 1, 2)
    """

    _entries_first = True

    def __init__(self, args: Any, outputs: Any, *, docstring_limit: int | None = 1000, **options: Any) -> None:
        super().__init__(args, _with_computed_keys(outputs, args), **options)
        self._options["docstring_limit"] = docstring_limit
        self.__doc__ = _docstring(self, docstring_limit)

    def _is_plain(self) -> bool:
        sparse = (sympy.SparseMatrix, sympy.ImmutableSparseMatrix)
        return super()._is_plain() and not any(isinstance(expr, sparse) for expr in self._expressions)

    def _present(self, results: list[Any], loops: int) -> list[Any]:
        return [self._as_lambdify(result, expr, loops) for result, expr in zip(results, self._expressions, strict=True)]

    def _as_lambdify(self, result: Any, expr: Any, loops: int) -> Any:
        if isinstance(result, np.bool_):
            return bool(result)
        if not isinstance(expr, (sympy.MatrixBase, sympy.NDimArray)):
            return result
        if loops:
            return np.ascontiguousarray(np.transpose(result, (*range(loops, result.ndim), *range(loops))))
        if isinstance(expr, (sympy.SparseMatrix, sympy.ImmutableSparseMatrix)):
            from scipy.sparse import coo_matrix

            return coo_matrix(result)
        return result

    @property
    def __wrapped__(self) -> Any:
        """A function that is never called: `inspect.getsource` finds its text."""
        if "_source" not in self.__dict__:
            name = f"<lambdifygenerated-{next(_number)}>"
            text = f"def {self.__name__}{self.__signature__}:\n    return {self.expression_text()}\n"
            linecache.cache[name] = (len(text), None, text.splitlines(True), name)
            weakref.finalize(self, linecache.cache.pop, name, None)
            code = _unused.__code__.replace(co_filename=name, co_firstlineno=1)
            self._source = types.FunctionType(code, {}, self.__name__)
        return self._source


def _unused() -> None:
    """Its code object carries the file name of a generated source."""


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
    threads: int | None = None,
    contract: bool = True,
    broadcast: bool = True,
    rewrite: bool = True,
) -> Callable[..., Any]:
    """A Python function that computes SymPy expressions on numbers and arrays: `sympy.lambdify`, computed by symgraph.

    Args:
        args: a symbol, f(t), a MatrixSymbol, an explicit matrix of symbols, a string, or a list of such, nested at will.
        expr: an expression, explicit matrix, relation, string, or a list, tuple or dict of such, nested at will. Keys of a dict are computed
            if they are expressions of the arguments.
        modules: None, "numpy", "scipy", "math", dicts from names to callables and numbers, or a list of those, earlier ones first. With any
            other module ("cmath", whose values on branch cuts are not SymPy's, "mpmath", "sympy", "torch", ...), or a `printer`, SymPy's own
            lambdify does the work.
        use_imps: whether implementations by `implemented_function` are used.
        dummify, cse: accepted, and without effect: names never become code, and equal parts are always computed once.
        docstring_limit: expressions whose text is longer are left out of `__doc__`; None for no limit.
        dtype, domain, backend, threads, contract, broadcast, rewrite: as for `symgraph.function`.

    Results have the broadcast shape of all arguments. Explicit matrices and arrays come with their own axes first and batch axes last, as
    those of `sympy.lambdify`; matrix expressions with batch axes first, as in `symgraph.function`. What cannot be computed is refused here,
    not at a call: UnsupportedExpressionError, UnboundSymbolError, ArgumentError. Strings are read by a parser that knows arithmetic,
    comparisons and the names of SymPy's functions, and runs nothing.

    >>> x = sympy.Symbol("x")
    >>> lambdify(x, sympy.Matrix([[x, 1]]))([1.0, 2.0, 3.0]).shape
    (1, 2, 3)
    """
    names = _module_list(modules)
    args, expr = _parsed(args, expr)
    if printer is not None or any(isinstance(m, str) and m not in _OWN_MODULES for m in names):
        return _foreign(args, expr, names, modules, printer, use_imps, dummify, cse, docstring_limit)
    given: dict[str, Any] = {}
    for module in names:
        if not isinstance(module, str):
            given = {**module, **given}
    constants = {symbol: _sympified(given[name]) for name, symbol in _ATOMS.items() if name in given}
    if constants:
        structure = Structure(expr)
        expr = structure.rebuild([_replaced(leaf, constants) for leaf in structure.leaves])
    return Lambdified(
        args,
        expr,
        docstring_limit=docstring_limit,
        dtype=dtype,
        domain=domain,
        backend=backend,
        threads=threads,
        contract=contract,
        name="_lambdifygenerated",
        broadcast=broadcast,
        rewrite=rewrite,
        functions={name: function for name, function in given.items() if callable(function)},
        use_imps=use_imps,
        tolerant=True,
    )


_ATOMS = {"pi": sympy.pi, "E": sympy.E, "I": sympy.I, "EulerGamma": sympy.EulerGamma, "GoldenRatio": sympy.GoldenRatio}


def _module_list(modules: Any) -> list[Any]:
    """What was given for `modules` as a list; imported modules by their names."""
    if modules is None:
        return []
    listed = [modules] if isinstance(modules, (str, dict)) or not isinstance(modules, Iterable) else list(modules)
    return [m.__name__ if isinstance(m, types.ModuleType) else m for m in listed]


def _with_computed_keys(expr: Any, args: Any) -> Any:
    if not isinstance(expr, dict) or not expr or not all(isinstance(key, sympy.Basic) for key in expr):
        return expr
    known = {symbol for parameter in _parameters(args) for symbol in parameter.symbols}
    free = {symbol for key in expr for symbol in key.free_symbols}
    return ComputedKeys(dict(expr)) if free and free <= known else expr


def _parameters(args: Any) -> list[Parameter]:
    return [Parameter(arg, place) for place, arg in enumerate(argument_list(args))]


# --- other modules


def _foreign(args: Any, expr: Any, names: Sequence[Any], *options: Any) -> Callable[..., Any]:
    """SymPy's own lambdify. It makes code of names, so these must be plain."""
    _check_names(args, expr, names)
    if list(names) == ["sympy"] and options[1] is None and _has_long_floats(expr):
        return _Substitution(args, expr)
    made: Callable[..., Any] = sympy.lambdify(args, expr, *options)
    return made


def _objects(*values: Any) -> Iterator[Any]:
    """All SymPy objects in nested structures, each once."""
    stack = [leaf for value in values for leaf in Structure(value).leaves]
    seen: set[int] = set()
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        stack.extend(item.flat() if isinstance(item, sympy.MatrixBase) else getattr(item, "args", ()))


def _check_names(args: Any, expr: Any, names: Sequence[Any]) -> None:
    given = {name for module in names if isinstance(module, dict) for name in module}
    listed = list(args) if isinstance(args, (set, frozenset)) else args
    arguments = {item for item in _objects(listed) if isinstance(item, sympy.Basic)}
    for item in (item for item in _objects(expr) if isinstance(item, sympy.Basic)):
        name = item.func.__name__ if isinstance(item, AppliedUndef) else getattr(item, "name", "x")
        hidden = isinstance(item, AppliedUndef) and hasattr(builtins, name) and name not in given
        if item not in arguments and (hidden or not str(name).isidentifier()):
            raise UnsupportedExpressionError(
                f"The name {name!r} is not handed to SymPy's lambdify, which would run it as code", (item,)
            )


def _has_long_floats(expr: Any) -> bool:
    return any(isinstance(item, sympy.Float) and item._prec > 53 for item in _objects(expr))


class _Substitution:
    """modules="sympy" with numbers of high precision, of which printed code would keep 15 digits: SymPy values in place of the arguments."""

    def __init__(self, args: Any, expr: Any) -> None:
        self._parameters = _parameters(args)
        self._structure = Structure(expr)

    def __call__(self, *values: Any) -> Any:
        if len(values) != len(self._parameters):
            raise TypeError(f"{len(self._parameters)} arguments are needed, but {len(values)} were given")
        flat = [v for p, value in zip(self._parameters, values, strict=True) for v in p.unpack(value)]
        symbols = [symbol for parameter in self._parameters for symbol in parameter.symbols]
        replacement = {symbol: _sympified(value) for symbol, value in zip(symbols, flat, strict=True)}
        return self._structure.rebuild([_replaced(leaf, replacement) for leaf in self._structure.leaves])


def _sympified(value: Any) -> Any:
    """A value as a SymPy object. Text is refused, also in lists and arrays: sympify would run it."""
    for leaf in Structure(value).leaves:
        entries = (
            leaf.reshape(-1).tolist() if isinstance(leaf, np.ndarray) and leaf.dtype.kind not in "biufc" else [leaf]
        )
        if any(isinstance(entry, (str, bytes)) for entry in entries):
            raise ArgumentError(f"{value!r} is text, which is not run; give a number or a SymPy expression")
    return sympy.sympify(value)


def _replaced(expr: Any, replacement: dict[Any, Any]) -> Any:
    return expr.xreplace(replacement) if isinstance(expr, (sympy.Basic, sympy.MatrixBase)) else expr


# --- strings and documentation


def _parsed(args: Any, expr: Any) -> tuple[Any, Any]:
    """Arguments and expression with strings in them replaced by SymPy objects."""
    if isinstance(args, str):
        args = [_symbol(name) for name in args.replace(",", " ").split()]
        return (args[0] if len(args) == 1 else args), _expression(expr, args)
    if isinstance(args, (list, tuple)):
        structure = Structure(list(args))
        leaves = [_symbol(leaf) if isinstance(leaf, str) else leaf for leaf in structure.leaves]
        return structure.rebuild(leaves), _expression(expr, leaves)
    return args, _expression(expr, [args])


def _symbol(name: str) -> Any:
    if not name.isidentifier():
        raise ArgumentError(f"The argument {name!r} is not a name")
    return sympy.Symbol(name)


def _expression(expr: Any, symbols: Sequence[Any]) -> Any:
    structure = Structure(expr)
    if not any(isinstance(leaf, str) for leaf in structure.leaves):
        return expr
    known = {str(getattr(symbol, "name", symbol)): symbol for symbol in symbols}
    return structure.rebuild([parse(leaf, known) if isinstance(leaf, str) else leaf for leaf in structure.leaves])


def _docstring(made: Function, limit: int | None) -> str:
    """In the layout of SymPy's lambdify."""
    signature = f"func({', '.join(made.__signature__.parameters)})"
    text = made.expression_text()
    if limit is not None and len(text) > limit:
        text = "EXPRESSION REDACTED DUE TO LENGTH, (see lambdify's `docstring_limit`)"
    elif len(text) > 78:
        text = f"{textwrap.wrap(text, 75)[0]}..."
    wrapped = textwrap.fill(signature, subsequent_indent=" " * 8)
    return f"Created with lambdify. Signature:\n\n{wrapped}\n\nExpression:\n\n{text}"
