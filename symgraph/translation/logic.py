"""Relations, Boolean functions, Piecewise, and sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sympy
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import BooleanFalse, BooleanFunction, BooleanTrue, Xnor

from ..graph import Node
from ..nodes import Constant
from ..ops.logic import (
    equal,
    greater,
    greater_equal,
    is_nan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    unbound_if,
    where,
)
from ..ops.parts import cast
from .indexed import read_where
from .rules import Value, elementwise, rule, spread
from .translator import Translator

_RELATIONS = {
    sympy.Eq: equal,
    sympy.Ne: not_equal,
    sympy.StrictLessThan: less,
    sympy.LessThan: less_equal,
    sympy.StrictGreaterThan: greater,
    sympy.GreaterThan: greater_equal,
}


@rule(*_RELATIONS)
def _relation(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    if not isinstance(expr, (sympy.Eq, sympy.Ne)):
        nodes = [translator.real(node) for node in nodes]
    return Value(_RELATIONS[type(expr)](*nodes), shape)


@rule(BooleanTrue, BooleanFalse)
def _truth(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return Value(translator.constant(bool(expr)))


def _fold(operation: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    result = nodes[0]
    for node in nodes[1:]:
        result = operation(result, node)
    return Value(result, shape)


def condition(value: Value) -> Value:
    """A value as true or false."""
    node = value.settled.node
    return value if node.dtype == bool else Value(cast(node, bool), value.shape)


@rule(sympy.And, sympy.Or, sympy.Xor, sympy.Nand, sympy.Nor, Xnor)
def _connective(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    values = [condition(value) for value in values]
    if isinstance(expr, (sympy.And, sympy.Nand)):
        result = _fold(logical_and, values)
    else:
        result = _fold(logical_xor if isinstance(expr, (sympy.Xor, Xnor)) else logical_or, values)
    if isinstance(expr, (sympy.Nand, sympy.Nor, Xnor)):
        return Value(logical_not(result.node), result.shape)
    return result


@rule(sympy.Not)
def _not(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    value = condition(values[0])
    return Value(logical_not(value.node), value.shape)


@rule(sympy.Implies)
def _implies(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    premise, conclusion = (condition(value) for value in values)
    return _fold(logical_or, [Value(logical_not(premise.node), premise.shape), conclusion])


@rule(sympy.Equivalent)
def _equivalent(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    values = [condition(value) for value in values]
    same = [_fold(logical_xor, [values[0], other]) for other in values[1:]]
    different = _fold(logical_or, same) if same else Value(translator.constant(False))
    return Value(logical_not(different.node), different.shape)


@rule(sympy.ITE)
def _ite(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (test, first, second), shape = elementwise([condition(values[0]), *values[1:]])
    return Value(where(test, first, second), shape)


# --- Piecewise


def _branches(expr: Any) -> Iterable[Any]:
    """Value and condition of each branch, and after them the operands on which each condition is undefined where they are nan."""
    for value, cond in expr.args:
        yield value
        yield cond
    for _, cond in expr.args:
        yield from _operands(cond)


def _operands(cond: Any) -> list[Any]:
    """The non-constant sides of all relations in a condition."""
    found: list[Any] = []
    stack = [cond]
    while stack:
        part = stack.pop()
        if isinstance(part, Relational):
            found.extend(side for side in part.args if not side.is_number)
        elif isinstance(part, BooleanFunction):
            stack.extend(reversed(part.args))
    return found


@rule(sympy.Piecewise, children=_branches)
def _piecewise(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """The first branch whose condition holds; nan where none does, and where a condition that decides compares with nan."""
    count = len(expr.args)
    conditions = [condition(value) for value in values[1 : 2 * count : 2]]
    branches = values[: 2 * count : 2]
    if translator.untaken:
        branches = _guarded(translator, expr, branches, conditions)
    if translator.elements:
        branches = _read_where_taken(translator, branches, conditions)
    rest = iter(values[2 * count :])
    rank = max(value.rank for value in branches)
    shape = max((value.shape for value in branches), key=len)
    seen: set[Node] = set()
    undefined: list[list[Node]] = []
    for _, cond in expr.args:
        operands = [spread(next(rest), rank) for _ in _operands(cond)]
        undefined.append([node for node in dict.fromkeys(operands) if node not in seen])
        seen.update(operands)
    nan = translator.constant(float("nan"))
    result: Node = nan
    for branch, cond_value, operands in reversed(list(zip(branches, conditions, undefined, strict=True))):
        test = spread(cond_value, rank)
        node = spread(branch, rank)
        always = isinstance(test, Constant) and bool(test.value)
        result = node if always else where(test, node, result)
        for operand in operands:
            result = where(is_nan(operand), nan, result)
    if all(isinstance(branch.node, Constant) and type(branch.node.value) is float for branch in branches):
        result = cast(result, translator.dtype)  # numbers alone tell no precision
    return Value(result, shape)


def _guarded(translator: Translator, expr: Any, branches: Sequence[Value], conditions: Sequence[Value]) -> list[Value]:
    """The branches, where those with unbound symbols refuse to be taken."""
    result = list(branches)
    before: Node = translator.constant(False)
    for place, ((branch, _), test) in enumerate(zip(expr.args, conditions, strict=True)):
        symbols = translator.untaken.get(id(branch))
        if symbols is not None:
            taken = logical_and(test.node, logical_not(before))
            result[place] = Value(unbound_if(taken, ", ".join(map(str, symbols))))
        before = logical_or(before, test.node)
    return result


def _read_where_taken(translator: Translator, branches: Sequence[Value], conditions: Sequence[Value]) -> list[Value]:
    """The branches, where entries of arrays need to exist only in the rows that take the branch: `x[i - 1]` under `i > 0`."""
    result = []
    before: Node = translator.constant(False)
    for branch, test in zip(branches, conditions, strict=True):
        taken = logical_and(test.node, logical_not(before))
        result.append(branch._replace(node=read_where(translator, branch.node, taken)))
        before = logical_or(before, test.node)
    return result


@rule(ExprCondPair, refuse=lambda expr: "a branch of a Piecewise has no value by itself")
def _branch(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    raise NotImplementedError


# --- sets


def _membership(expr: Any) -> Any:
    """x in S as a condition; None where SymPy gives none."""
    element, of = expr.args
    if isinstance(element, (sympy.Tuple, sympy.MatrixBase)) or of is sympy.S.EmptySet:
        return sympy.false if of is sympy.S.EmptySet else None
    if of in (sympy.S.Integers, sympy.S.Naturals, sympy.S.Naturals0):
        whole = sympy.Eq(sympy.floor(element), element, evaluate=False)
        low = {sympy.S.Naturals: element >= 1, sympy.S.Naturals0: element >= 0}.get(of, sympy.true)
        return sympy.And(whole, low)
    if of is sympy.S.Reals:
        return sympy.Eq(sympy.im(element), 0) if element.is_real is not True else sympy.true
    if isinstance(of, sympy.Range):
        low, high = (of.inf, of.sup)
        on_grid = sympy.Eq(sympy.Mod(element - of.start, sympy.Abs(of.step)), 0)
        return sympy.And(element >= low, element <= high, on_grid)
    try:
        result = of.as_relational(element)
    except (NotImplementedError, AttributeError, TypeError):
        return None
    return None if isinstance(result, sympy.Contains) or result.has(sympy.Contains) else result


@rule(
    sympy.Contains,
    children=lambda expr: (sympy.nan,) if _membership(expr) is None else (_membership(expr),),
    refuse=lambda expr: f"membership in {expr.args[1]}" if _membership(expr) is None else None,
)
def _contains(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return condition(values[0])
