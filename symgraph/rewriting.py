"""Rewrites of a graph into one that computes the same with fewer or smaller errors: rules from node to node, and their driver.

EXACT rules keep every value that the original computes to full accuracy, nan, inf and dtype included; where the original loses digits by
cancellation, or overflows on the way, they give what it means. New nodes are built beside the old ones: nobody's node changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from .graph import Node, postorder, translating
from .nodes import Constant, Operation
from .ops.arithmetic import add, add_n, divide, multiply, negative, reciprocal, sqrt, square, subtract
from .ops.contraction import einsum
from .ops.elementary import cos, exp, expm1, hypot, log, log1p, sin
from .ops.functional import Functional
from .ops.hyperbolic import logaddexp, sigmoid, softplus
from .ops.linalg import matmul, trace

__all__ = ["EXACT", "Rewrite", "rewrite"]

Rewrite = Callable[[Any], Node | None]
EXACT: dict[type[Operation], list[Rewrite]] = {}


def _exact(*types: type[Operation]) -> Callable[[Rewrite], Rewrite]:
    def register(rule: Rewrite) -> Rewrite:
        for kind in types:
            EXACT.setdefault(kind, []).append(rule)
        return rule

    return register


def _is_number(node: Node, value: float) -> bool:
    return isinstance(node, Constant) and isinstance(node.value, (int, float)) and node.value == value


def _plus_one(node: Node) -> Node | None:
    """x where `node` is 1 + x or 1 - x (then -x)."""
    if isinstance(node, add):
        first, second = node.input_nodes
        return second if _is_number(first, 1) else first if _is_number(second, 1) else None
    if isinstance(node, subtract) and _is_number(node.input_nodes[0], 1):
        return negative(node.input_nodes[1])
    return None


@_exact(subtract, add)
def _exp_minus_one(node: Operation) -> Node | None:
    """exp(x) - 1 -> expm1(x), and 1 - exp(x) -> -expm1(x)."""
    first, second = node.input_nodes
    if isinstance(node, add):
        for a, b in ((first, second), (second, first)):
            if isinstance(a, exp) and _is_number(b, -1):
                return expm1(a.input_nodes[0])
        return None
    if isinstance(first, exp) and _is_number(second, 1):
        return expm1(first.input_nodes[0])
    if isinstance(second, exp) and _is_number(first, 1):
        return negative(expm1(second.input_nodes[0]))
    return None


@_exact(subtract, add)
def _one_minus_cos(node: Operation) -> Node | None:
    """1 - cos(x) -> 2 sin(x/2)**2, and cos(x) - 1 -> -2 sin(x/2)**2."""
    first, second = node.input_nodes
    if isinstance(node, add):
        for a, b in ((first, second), (second, first)):
            if isinstance(a, cos) and _is_number(b, -1):
                return multiply(-2.0, square(sin(multiply(0.5, a.input_nodes[0]))))
        return None
    if isinstance(second, cos) and _is_number(first, 1):
        return multiply(2.0, square(sin(multiply(0.5, second.input_nodes[0]))))
    if isinstance(first, cos) and _is_number(second, 1):
        return multiply(-2.0, square(sin(multiply(0.5, first.input_nodes[0]))))
    return None


def _exponents(total: Node) -> list[Node] | None:
    """[x, y, ...] where `total` is exp(x) + exp(y) + ..., with at least two terms."""
    exponents: list[Node] = []
    stack = [total]
    while stack:
        node = stack.pop()
        if isinstance(node, (add, add_n)):
            stack.extend(reversed(node.input_nodes))
        elif isinstance(node, exp):
            exponents.append(node.input_nodes[0])
        else:
            return None
    return exponents if len(exponents) > 1 else None


@_exact(divide)
def _logistic(node: Operation) -> Node | None:
    """exp(x) / (1 + exp(x)) -> sigmoid(x)."""
    above, below = node.input_nodes
    return sigmoid(above.input_nodes[0]) if isinstance(above, exp) and _plus_one(below) is above else None


@_exact(reciprocal)
def _logistic_of_minus(node: Operation) -> Node | None:
    """1 / (1 + exp(-x)) -> sigmoid(x)."""
    rest = _plus_one(node.input_nodes[0])
    if not isinstance(rest, exp):
        return None
    (x,) = rest.input_nodes
    return sigmoid(x.input_nodes[0] if isinstance(x, negative) else negative(x))


@_exact(log)
def _log_of_logistic(node: Operation) -> Node | None:
    """log(sigmoid(x)) -> -softplus(-x)."""
    (inner,) = node.input_nodes
    return negative(softplus(negative(inner.input_nodes[0]))) if isinstance(inner, sigmoid) else None


@_exact(log)
def _log_of_sum(node: Operation) -> Node | None:
    """log(1 + exp(x)) -> softplus(x), log(1 + x) -> log1p(x), log(exp(x) + exp(y) + ...) -> logaddexp(x, y, ...)."""
    (total,) = node.input_nodes
    exponents = _exponents(total)
    if exponents is not None:
        return reduce(logaddexp, exponents)
    rest = _plus_one(total)
    if rest is None:
        return None
    return softplus(rest.input_nodes[0]) if isinstance(rest, exp) else log1p(rest)


@_exact(sqrt)
def _root_of_squares(node: Operation) -> Node | None:
    """sqrt(x**2 + y**2) -> hypot(x, y)."""
    (total,) = node.input_nodes
    if isinstance(total, add) and all(isinstance(term, square) for term in total.input_nodes):
        x, y = (term.input_nodes[0] for term in total.input_nodes)
        return hypot(x, y)
    return None


@_exact(trace)
def _trace_of_product(node: Operation) -> Node | None:
    """trace(A @ B) -> einsum("...ab,...ba->...", A, B), which never forms the product; also of more factors."""
    (product,) = node.input_nodes
    if isinstance(product, matmul) and all(
        len(source.shape) - (source.shape[:1] == (...,)) >= 2 for source in product.input_nodes
    ):
        return einsum("...ab,...ba->...", *product.input_nodes)
    if isinstance(product, einsum) and "->..." in product.equation:
        terms, _, output = product.equation.partition("->...")
        if len(output) == 2:
            return einsum(f"{terms.replace(output[1], output[0])}->...", *product.input_nodes)
    return None


def rewrite(outputs: Sequence[Node], rules: dict[type[Operation], list[Rewrite]] | None = None) -> list[Node]:
    """Nodes that compute the same as `outputs`, by `rules` (EXACT by default), applied from the inputs upwards, each node once.

    >>> from symgraph import placeholder
    >>> x = placeholder()
    >>> rewrite([exp(x) - 1])[0]
    <symgraph expm1 'expm1' shape=(...,) dtype=None>
    """
    rules = EXACT if rules is None else rules
    new: dict[Node, Node] = {}  # of those that are another one
    for node in postorder(outputs):
        if not isinstance(node, Operation):
            continue
        result: Node = node
        changed = bool(new) and any(source in new for source in node.input_nodes)
        if not changed and type(node) not in rules and not isinstance(node, Functional):
            continue
        with translating(node.origin):
            if changed:
                result = node.rebuild([new.get(source, source) for source in node.input_nodes])
            if isinstance(result, Functional):
                result = result.rewritten(lambda nodes: rewrite(nodes, rules))
            for rule in rules.get(type(result), ()) if isinstance(result, Operation) else ():
                found = rule(result)
                if found is not None:
                    result = found
                    break
        if result is not node:
            new[node] = result
    return [new.get(node, node) for node in outputs]
