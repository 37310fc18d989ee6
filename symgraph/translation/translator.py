"""The one walk over SymPy expressions. It is iterative, visits each object once, and knows no class by name: `rules` holds what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.tensor.array.expressions import ArraySymbol

from ..errors import UnboundSymbolError, UnsupportedExpressionError, brief
from ..graph import Graph, Node, translating
from ..nodes import Constant, as_node, constant, namesakes, placeholder, symbol_name
from ..ops.creation import dimension, plain_number
from ..ops.forms import in_core_shape
from ..ops.parts import real
from ..shapes import core_shape
from .bases import index_shape
from .constants import exact
from .rules import Rule, Value, rule_for
from .user import user_rule

__all__ = ["Translator", "brief"]

_LEAVES = (sympy.Symbol, sympy.MatrixSymbol, sympy.IndexedBase, ArraySymbol, sympy.Idx)
_LEAVES_IF_KNOWN = (sympy.Derivative, sympy.Indexed, MatrixElement, sympy.Function, sympy.MatrixExpr)
_LARGEST_CONSTANT = 300  # nodes of a symbol-free expression that SymPy is asked to evaluate as a whole


@lru_cache(maxsize=4096)
def _leaf_kind(kind: Any) -> bool | None:
    """Whether objects of a class stand for inputs; None where that depends on what is bound."""
    atom = issubclass(kind, sympy.AtomicExpr) and getattr(kind, "is_symbol", False) is True
    if atom or issubclass(kind, _LEAVES):
        return True
    return None if issubclass(kind, _LEAVES_IF_KNOWN) or getattr(kind, "is_symbol", False) is True else False


class Translator:
    """Translates expressions into the nodes of one graph.

    Args:
        graph: where the nodes go.
        bindings: nodes for symbols (and for f(t), derivatives, and other things that stand for an input).
        strict: refuse symbols that are not bound; else a placeholder is made for each.
        dtype: the floating-point dtype of arrays made on the way.
        domain: "real", or "complex": then all values may be complex, and what is defined for real numbers only takes the real parts.
        functions: Python callables by the names of the SymPy functions that they stand for.
        use_imps: whether implementations attached by SymPy's `implemented_function` are used; they come before `functions`.
        present: placeholders to use for symbols that are neither bound nor a dimension of something.
        tolerant: an unbound symbol in a branch of a Piecewise is an error only when a run takes that branch.
        within: the expressions in which the rank of an IndexedBase without a shape is looked up.
    """

    def __init__(
        self,
        graph: Graph,
        bindings: Mapping[Any, Any] | None = None,
        *,
        strict: bool = False,
        dtype: Any = np.float64,
        domain: str = "real",
        functions: Mapping[str, Any] | None = None,
        use_imps: bool = True,
        tolerant: bool = False,
        present: Mapping[Any, Node] | None = None,
        within: Sequence[Any] = (),
    ) -> None:
        if domain not in ("real", "complex"):
            raise ValueError(f"domain must be 'real' or 'complex', not {domain!r}")
        self.graph = graph
        self.strict = strict
        self.dtype = np.dtype(dtype)
        self.domain = domain
        self.functions = dict(functions or {})
        self.use_imps = use_imps
        self.tolerant = tolerant
        self.present = dict(present or {})
        self.within = tuple(within)
        self.untaken: dict[
            int, tuple[Any, ...]
        ] = {}  # branches that must not be taken, and the unbound symbols in them
        self.elements: dict[
            Node, None
        ] = {}  # entries of arrays at computed places, which need not exist where they are not taken
        self.placeholders: dict[Any, placeholder] = {}
        self._leaves: dict[Any, Value] = {}
        self._dimensions: dict[Any, Node] = {}
        self._sizes: list[tuple[Any, Node]] = []  # dimensions that are expressions, such as 2*n, and their nodes
        self.lengths: set[Node] = set()  # dimensions, and numbers computed from them alone
        self._values: dict[int, Value] = {}
        self._kept: list[Any] = []  # keeps the objects alive whose id is a key
        for symbol, node in (bindings or {}).items():
            self.bind(symbol, node)

    def inner(self, graph: Graph | None = None) -> Translator:
        """A translator with the same options for a body with variables of its own."""
        graph = graph if graph is not None else self.graph
        return Translator(graph, dtype=self.dtype, domain=self.domain, functions=self.functions, use_imps=self.use_imps)

    # --- leaves

    def bind(self, symbol: Any, node: Any, *, is_length: bool = False) -> Value:
        """Let `node` stand for `symbol`; `is_length` says that its value is a Python number, as a dimension's is."""
        value = node if isinstance(node, Value) else Value(self._fitting(symbol, node), self.core(symbol))
        self._leaves[symbol] = value
        if is_length:
            self.lengths.add(value.node)
        if isinstance(value.node, placeholder):
            self.placeholders[symbol] = value.node
        for axis, dim in enumerate(value.shape):
            if isinstance(dim, sympy.Symbol) and dim not in self._dimensions:
                self._dimensions[dim] = dimension(value.node, axis=axis - value.rank)
            elif isinstance(dim, sympy.Expr) and not isinstance(dim, sympy.Symbol):
                self._sizes.append((dim, dimension(value.node, axis=axis - value.rank)))
        return value

    def _fitting(self, symbol: Any, value: Any) -> Node:
        """The node of what is bound to a symbol, in the symbol's shape; a vector of length m for an (m, 1) symbol, as in a feed."""
        node = as_node(value, self.graph)
        core = self.core(symbol)
        if not core or (isinstance(node, placeholder) and node.symbol == symbol):
            return node
        return in_core_shape(node, [dim if isinstance(dim, int) else None for dim in core], symbol_name(symbol))

    def declare(self, symbol: Any) -> Value:
        """A new placeholder for `symbol`."""
        if symbol in self.present:
            return self.bind(symbol, self.present[symbol])
        with self.graph.as_default():
            return self.bind(symbol, placeholder(symbol, core=self.core(symbol)))

    def core(self, symbol: Any) -> tuple[Any, ...]:
        """The shape of one value of a symbol; for an IndexedBase without one, as many unknown lengths as it is used with indices."""
        if isinstance(symbol, sympy.IndexedBase) and symbol.shape is None:
            return index_shape(symbol, self.within)
        return core_shape(symbol)

    def is_leaf(self, expr: Any) -> bool:
        """Whether `expr` stands for an input: a symbol, f(t), or anything that is bound."""
        kind: Any = type(expr)
        always: bool | None = _leaf_kind(kind)
        if always is not None:
            return always
        if isinstance(expr, sympy.Derivative) and isinstance(expr.expr, AppliedUndef):
            return expr in self._leaves or (not self.strict and self.rule(expr.expr) is None)
        if self._leaves and expr in self._leaves:
            return True
        return isinstance(expr, AppliedUndef) and self.rule(expr) is None

    def rule(self, expr: Any) -> Rule | None:
        """What to do with an expression: an implementation that the user gave comes before the table."""
        if isinstance(expr, (sympy.Function, AppliedUndef)):
            implemented = user_rule(expr, self.functions, self.use_imps)
            if implemented is not None:
                return implemented
        return rule_for(type(expr))

    def real(self, node: Node) -> Node:
        """`node` where only real numbers are defined: its real part, if the domain is complex."""
        return real(node) if self.domain == "complex" else node

    def leaf(self, symbol: Any) -> Value:
        """The value of something that stands for an input."""
        if isinstance(symbol, sympy.Idx) and symbol not in self._leaves and symbol.label in self._leaves:
            return self._leaves[symbol.label]  # an index by the name of its symbol
        if symbol not in self._leaves:
            length = self._length(symbol)
            if length is not None:
                self._leaves[symbol] = Value(length)
                self.lengths.add(length)
            else:
                self.declare(symbol)
        return self._leaves[symbol]

    def is_dimension(self, symbol: Any) -> bool:
        """Whether a symbol is a length of an axis of some input, which is one number for the whole batch."""
        return self._length(symbol) is not None

    def _length(self, symbol: Any) -> Node | None:
        """The node of a symbol that is a dimension of some leaf."""
        if symbol in self._dimensions:
            return self._dimensions[symbol]
        for dim, node in self._sizes:
            if dim.free_symbols == {symbol}:
                length = sympy.Dummy("length", integer=True)
                solution = sympy.solve(dim - length, symbol)
                if len(solution) == 1:
                    inner = self.inner()
                    inner.bind(length, Value(node))
                    self._dimensions[symbol] = plain_number(inner.scalar(solution[0]).settled.node)
                    return self._dimensions[symbol]
        return None

    def unbound(self, symbols: Iterable[Any]) -> list[Any]:
        """Those that are neither bound nor a dimension."""
        named = {s: s.label if isinstance(s, sympy.Idx) and s not in self._leaves else s for s in symbols}
        unbound = {s: None for s, key in named.items() if key not in self._leaves and self._length(s) is None}
        return sorted(unbound, key=str)

    # --- values

    def constant(self, value: Any) -> Node:
        """A constant of the graph."""
        return constant(value, graph=self.graph)

    def scalar(self, expr: Any) -> Value:
        """Translate a further expression, such as a dimension or an index."""
        return self.translate([sympy.sympify(expr)])[0]

    def translate(self, exprs: Sequence[Any]) -> list[Value]:
        """The values of expressions. Everything that cannot be translated is found before the first node is made.

        Raises UnsupportedExpressionError with all unsupported parts, UnboundSymbolError (if strict) with all free symbols.
        """
        order, children, numbers, leaves = self.survey(exprs)
        for expr in leaves.values():  # those with a shape first: they tell what the dimensions are
            if self.core(expr):
                self.leaf(expr)
        values = self._values
        self._kept.extend(order)
        for expr in order:
            key = id(expr)
            if key in values:
                continue
            with translating(expr):
                if key in leaves:
                    values[key] = self.leaf(expr)
                elif key in numbers:
                    values[key] = Value(self.constant(numbers[key]))
                else:
                    parts = [values[id(child)] for child in children[key]]
                    value = self.rule(expr).build(self, expr, parts)  # type: ignore[union-attr]  # _check found it
                    values[key] = self._of_lengths(value, parts) if self.lengths else value
        return [values[id(expr)] for expr in exprs]

    def _of_lengths(self, value: Value, parts: Sequence[Value]) -> Value:
        """`value`; if it is a number made of dimensions alone, as a Python number, which takes the precision of what it meets, as n itself."""
        lengths = [part.node for part in parts if not isinstance(part.node, Constant)]
        if value.shape or not lengths or not self.lengths.issuperset(lengths):
            return value
        node = plain_number(value.node)
        self.lengths.add(node)
        return value._replace(node=node)

    # --- the walk

    def survey(
        self, exprs: Sequence[Any]
    ) -> tuple[list[Any], dict[int, Sequence[Any]], dict[int, Any], dict[int, Any]]:
        """What must be computed for expressions: the objects, their children, the numbers and the inputs among them, by their ids.

        Raises as `translate` does.
        """
        order, children, numbers = self._survey(exprs)
        leaves = {id(expr): expr for expr in order if id(expr) not in numbers and self.is_leaf(expr)}
        self._check(order, children, numbers, leaves)
        return order, children, numbers, leaves

    def _survey(self, roots: Sequence[Any]) -> tuple[list[Any], dict[int, Sequence[Any]], dict[int, Any]]:
        """The objects that need a value, in postorder; the children of each; and the values of those that are numbers."""
        order: list[Any] = []
        children: dict[int, Sequence[Any]] = {}
        sizes: dict[int, int] = {}  # of expressions without symbols
        stack: list[tuple[Any, bool]] = [(root, False) for root in reversed(roots)]
        while stack:
            expr, finished = stack.pop()
            key = id(expr)
            if finished:
                order.append(expr)
                parts = children[key]
                if (
                    parts
                    and all(id(part) in sizes for part in parts)
                    and isinstance(expr, sympy.Expr)
                    and not expr.is_Matrix
                ):
                    sizes[key] = 1 + sum(sizes[id(part)] for part in parts)
                continue
            if key in children:
                continue
            if _is_number(expr):
                parts, sizes[key] = (), 1
            elif self.is_leaf(expr) or key in self._values:
                parts = ()
            elif (found := self.rule(expr)) is None and isinstance(expr, sympy.Expr) and not expr.free_symbols:
                parts, sizes[key] = (), 1  # a number of SymPy's own, such as a root of a polynomial
            else:
                parts = tuple(
                    found.children(expr) if found is not None else (a for a in expr.args if isinstance(a, sympy.Basic))
                )
            children[key] = parts
            self._kept.append(parts)
            stack.append((expr, True))
            stack.extend((part, False) for part in reversed(parts) if id(part) not in children)
        return self._needed(roots, order, children, sizes)

    def _needed(
        self, roots: Sequence[Any], order: Sequence[Any], children: dict[int, Sequence[Any]], sizes: Mapping[int, int]
    ) -> tuple[list[Any], dict[int, Sequence[Any]], dict[int, Any]]:
        """Leave out the parts of expressions that are evaluated as one number."""
        needed = {id(root) for root in roots}
        numbers: dict[int, Any] = {}
        result: list[Any] = []  # from the roots downwards
        for expr in reversed(order):
            key = id(expr)
            if key not in needed:
                continue
            result.append(expr)
            if sizes.get(key, _LARGEST_CONSTANT + 1) <= _LARGEST_CONSTANT:
                number = exact(expr)
                if number is not None:
                    numbers[key] = number
                    continue
            elif isinstance(expr, (sympy.Add, sympy.Mul)) and not isinstance(expr, sympy.MatrixExpr):
                together = _complex_constants(expr, [part for part in children[key] if id(part) in sizes], sizes)
                if together is not None:
                    one, numbers[id(one)] = together
                    children[key] = (one, *[part for part in children[key] if id(part) not in sizes])
                    children[id(one)] = ()
                    result.append(one)
                    self._kept.append(one)
            needed.update(id(part) for part in children[key])
        return result[::-1], children, numbers

    def _check(
        self,
        order: Sequence[Any],
        children: Mapping[int, Sequence[Any]],
        numbers: Mapping[int, Any],
        leaves: Mapping[int, Any],
    ) -> None:
        unsupported: dict[Any, str] = {}
        values, inner = False, []
        for expr in leaves.values():
            if self.strict and isinstance(expr, AppliedUndef) and expr not in self._leaves:
                unsupported[brief(expr)] = (
                    f"the function {expr.func} is undefined: make {brief(expr)} an argument, or implement it by symgraph.register"
                )
        for expr in order:
            key = id(expr)
            if key in leaves or key in numbers or key in self._values:
                continue
            found = self.rule(expr)
            reason = _no_rule(expr) if found is None else found.refuse(expr) or found.inspect(self, expr)
            if reason is not None:
                unsupported[brief(expr)] = reason
                values |= _is_value(expr)
                if not _is_value(expr):
                    inner.append(brief(expr))
        if values:  # what is no value by itself, such as the limits of a sum, is part of something that is listed
            for text in inner:
                unsupported.pop(text, None)
        if unsupported:
            parts = tuple(expr for expr in order if brief(expr) in unsupported) if len(order) < 10_000 else ()
            listed = "\n".join(f"  {text}: {reason}" for text, reason in unsupported.items())
            raise UnsupportedExpressionError(f"This cannot be computed:\n{listed}", parts)
        if self.strict:
            unbound = self.unbound(leaves.values())
            if unbound and not (self.tolerant and self._only_in_branches(unbound, order, children)):
                raise UnboundSymbolError(_unbound_message(unbound, list(self._leaves)), tuple(unbound))

    def _only_in_branches(
        self, unbound: Sequence[Any], order: Sequence[Any], children: Mapping[int, Sequence[Any]]
    ) -> bool:
        """Whether unbound symbols occur in branches of Piecewise alone. If so, they become nan, and the branches are noted as `untaken`."""
        tainted: dict[int, dict[Any, None]] = {}
        untaken: dict[int, tuple[Any, ...]] = {}
        roots = {id(expr) for expr in order}
        for expr in order:
            parts = children[id(expr)]
            roots.difference_update(map(id, parts))
            if not parts and expr in unbound:
                tainted[id(expr)] = {expr: None}
                continue
            bad = [part for part in parts if id(part) in tainted]
            if isinstance(expr, sympy.Piecewise):
                branches = {id(branch) for branch, _ in expr.args}
                untaken.update((id(part), tuple(tainted[id(part)])) for part in bad if id(part) in branches)
                bad = [part for part in bad if id(part) not in branches]
            if bad:
                tainted[id(expr)] = {symbol: None for part in bad for symbol in tainted[id(part)]}
        if roots & tainted.keys():
            return False
        self.untaken.update(untaken)
        for symbol in unbound:
            self._leaves[symbol] = Value(self.constant(float("nan")))
        return True


def _complex_constants(expr: Any, constants: Sequence[Any], sizes: Mapping[int, int]) -> tuple[Any, Any] | None:
    """The constants of a sum or product as one, and its value, where some are complex: so it is real if their imaginary parts cancel, as in a
    real root that is written by complex radicals. None where they stay apart: the order of real ones is that in which they were written."""
    if len(constants) < 2 or sum(sizes[id(part)] for part in constants) > _LARGEST_CONSTANT:
        return None
    if not any(isinstance(exact(part), complex) for part in constants):
        return None
    one = expr.func(*constants)
    value = exact(one)
    return None if value is None else (one, value)


def _is_value(expr: Any) -> bool:
    return isinstance(expr, (sympy.Expr, sympy.NDimArray, sympy.MatrixBase, sympy.logic.boolalg.Boolean))


def _no_rule(expr: Any) -> str:
    if type(expr).__name__ == "RandomSymbol":
        return "a random symbol: give rng=numpy.random.default_rng(...) to symgraph.function, which then draws samples"
    return f"{type(expr).__name__} has no numeric meaning here"


def _unbound_message(unbound: Sequence[Any], arguments: Sequence[Any]) -> str:
    text = f"free symbols {{{', '.join(map(str, unbound))}}} are not in args ({', '.join(map(str, arguments))})"
    same = namesakes(unbound, arguments)
    return f"{text}. {same}" if same else text


def _is_number(expr: Any) -> bool:
    return isinstance(expr, sympy.Expr) and (
        expr.is_Number or expr.is_NumberSymbol or expr is sympy.I or expr is sympy.zoo
    )
