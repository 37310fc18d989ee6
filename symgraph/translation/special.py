"""Special functions whose translation is more than "class = operation": optional arguments, lists of parameters, points on Riemann surfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from sympy.codegen import cfunctions, numpy_nodes
from sympy.codegen.ast import none
from sympy.functions.combinatorial import numbers
from sympy.functions.elementary.complexes import periodic_argument, principal_branch
from sympy.functions.special import hyper as hypergeometric

from ..graph import OPERATORS, Node
from ..ops import special_delta, special_numbers, special_zeta
from ..ops.arithmetic import maximum, minimum, sqrt
from ..ops.elementary import exp
from ..ops.hyperbolic import logaddexp
from ..ops.logic import greater_equal, is_nan, less_equal, logical_and, where
from ..ops.reduction import reduce_max, reduce_min
from ..ops.special_elliptic import complete_elliptic_e, complete_elliptic_pi, elliptic_e, elliptic_pi
from ..ops.special_gamma import beta, digamma, polygamma
from ..ops.special_hyper import hyper, meijerg
from ..ops.special_integrals import LambertW
from .rules import Value, _refuse_arrays, elementwise, rule
from .translator import Translator

# --- functions with optional arguments: an operation for each number of them

_BY_COUNT: dict[Any, dict[int, Callable[..., Node]]] = {
    sympy.LambertW: {1: lambda x: LambertW(x, 0.0), 2: LambertW},
    sympy.beta: {1: lambda x: beta(x, x), 2: beta},
    sympy.zeta: {1: special_zeta.zeta, 2: special_zeta.hurwitz_zeta},
    sympy.dirichlet_eta: {1: special_zeta.dirichlet_eta, 2: special_zeta.hurwitz_eta},
    sympy.stieltjes: {1: lambda n: special_zeta.stieltjes(n, 1.0), 2: special_zeta.stieltjes},
    sympy.bernoulli: {1: special_zeta.bernoulli, 2: special_zeta.bernoulli_polynomial},
    sympy.euler: {1: special_zeta.euler, 2: special_zeta.euler_polynomial},
    sympy.genocchi: {1: special_zeta.genocchi, 2: special_zeta.genocchi_polynomial},
    sympy.harmonic: {1: special_zeta.harmonic, 2: special_zeta.generalized_harmonic},
    sympy.fibonacci: {1: special_numbers.fibonacci, 2: special_numbers.fibonacci_polynomial},
    sympy.tribonacci: {1: special_numbers.tribonacci, 2: special_numbers.tribonacci_polynomial},
    numbers.divisor_sigma: {1: lambda n: special_numbers.divisor_sigma(n, 1.0), 2: special_numbers.divisor_sigma},
    numbers.udivisor_sigma: {1: lambda n: special_numbers.udivisor_sigma(n, 1.0), 2: special_numbers.udivisor_sigma},
    sympy.elliptic_e: {1: complete_elliptic_e, 2: elliptic_e},
    sympy.elliptic_pi: {2: complete_elliptic_pi, 3: elliptic_pi},
}
_REAL_ONLY = (numbers.divisor_sigma, numbers.udivisor_sigma)


@rule(*_BY_COUNT, refuse=_refuse_arrays)
def _by_count(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    if isinstance(expr, _REAL_ONLY):
        nodes = [translator.real(node) for node in nodes]
    return Value(_BY_COUNT[type(expr)][len(nodes)](*nodes), shape)


@rule(sympy.polygamma, refuse=_refuse_arrays)
def _polygamma(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    """SymPy writes the digamma function as the one of order 0."""
    (n, x), shape = elementwise(values)
    return Value(digamma(x) if expr.args[0].is_zero else polygamma(n, x), shape)


def _bell_polynomial(expr: Any) -> Sequence[Any]:
    """The arguments; for bell(n, k, (x1, x2, ...)) the polynomial in the x."""
    if len(expr.args) < 3:
        return tuple(expr.args)
    n, k, symbols = expr.args
    return (sympy.bell._bell_incomplete_poly(int(n), int(k), tuple(symbols)),)


def _refuse_bell(expr: Any) -> str | None:
    if len(expr.args) < 3 or (expr.args[0].is_Integer and expr.args[1].is_Integer):
        return None
    return "an incomplete Bell polynomial whose indices are not numbers"


@rule(
    sympy.bell,
    children=lambda expr: expr.args[2:] if _refuse_bell(expr) else _bell_polynomial(expr),
    refuse=_refuse_bell,
)
def _bell(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    if len(expr.args) == 3:
        return values[0]
    nodes, shape = elementwise(values)
    return Value({1: special_numbers.bell, 2: special_numbers.bell_polynomial}[len(nodes)](*nodes), shape)


# --- delta functions


@rule(
    sympy.DiracDelta,
    children=lambda expr: expr.args[:1],
    refuse=lambda expr: (
        None if all(k.is_Integer for k in expr.args[1:]) else "a derivative whose order is not a number"
    ),
)
def _dirac(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    order = int(expr.args[1]) if len(expr.args) > 1 else 0
    return Value(special_delta.DiracDelta(translator.real(value.settled.node), order), value.shape)


@rule(sympy.KroneckerDelta, children=lambda expr: (*expr.args[:2], *(expr.args[2] if len(expr.args) > 2 else ())))
def _kronecker(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (i, j, *bounds), shape = elementwise(values)
    delta: Node = special_delta.KroneckerDelta(i, j)
    if bounds:
        low, high = bounds
        delta = where(logical_and(greater_equal(i, low), less_equal(i, high)), delta, 0.0)
    return Value(delta, shape)


@rule(sympy.LeviCivita)
def _levi_civita(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    return Value(special_delta.LeviCivita(*[translator.real(node) for node in nodes]), shape)


# --- hypergeometric functions


@rule(sympy.hyper, children=lambda expr: (*expr.ap, *expr.bq, expr.argument))
def _hyper(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    return Value(hyper(*nodes, p=len(expr.ap)), shape)


def _groups(expr: Any) -> tuple[Any, Any, Any, Any]:
    return expr.an, expr.aother, expr.bm, expr.bother


@rule(sympy.meijerg, children=lambda expr: (*(part for group in _groups(expr) for part in group), expr.argument))
def _meijerg(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    a, b, c, d = (len(group) for group in _groups(expr))
    return Value(meijerg(*nodes, groups=(a, b, c, d)), shape)


@rule(hypergeometric.HyperRep, children=lambda expr: (expr.rewrite("nonrep"),))
def _representative(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]


# --- the functions of SymPy's code generation


_CODE: dict[Any, Callable[..., Node]] = {
    cfunctions.Sqrt: sqrt,
    cfunctions.isnan: is_nan,
    cfunctions.isinf: special_delta.is_inf,
    numpy_nodes.logaddexp: logaddexp,
    numpy_nodes.logaddexp2: lambda x, y: maximum(x, y) + _log2_of_sum(x, y),
    numpy_nodes.maximum: lambda *nodes: _folded(maximum, nodes),
    numpy_nodes.minimum: lambda *nodes: _folded(minimum, nodes),
}


@rule(*_CODE)
def _code(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    nodes, shape = elementwise(values)
    return Value(_CODE[type(expr)](*nodes), shape)


def _folded(operation: Callable[[Node, Node], Node], nodes: Sequence[Node]) -> Node:
    result = nodes[0]
    for node in nodes[1:]:
        result = operation(result, node)
    return result


def _log2_of_sum(x: Node, y: Node) -> Node:
    """log2(2**x + 2**y) - max(x, y), where x = y = inf or -inf adds nothing."""
    from ..ops.arithmetic import abs
    from ..ops.elementary import LN2, exp2, log1p
    from ..ops.logic import equal

    result: Node = log1p(exp2(-where(equal(x, y), 0.0, abs(x - y)))) / LN2
    return result


@rule(
    numpy_nodes.amin,
    numpy_nodes.amax,
    children=lambda expr: (expr.array,),
    refuse=lambda expr: None if expr.axis == none or expr.axis.is_Integer else "an axis that is not a number",
)
def _extreme_entry(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    (value,) = values
    rank = value.rank
    chosen = list(range(rank)) if expr.axis == none else [int(expr.axis) % rank]
    operation = reduce_max if isinstance(expr, numpy_nodes.amax) else reduce_min
    shape = tuple(dim for axis, dim in enumerate(value.shape) if axis not in chosen)
    return Value(operation(value.settled.node, axis=tuple(axis - rank for axis in chosen)), shape)


# --- points on the Riemann surface of the logarithm


def _imaginary(expr: Any) -> Any:
    """The imaginary part of an expression in real symbols."""
    return expr.xreplace({symbol: sympy.Dummy(real=True) for symbol in expr.free_symbols}).as_real_imag()[1]


def _refuse_polar(expr: Any) -> str | None:
    angle = _imaginary(expr.exp)
    if angle.is_number and angle > -sympy.pi and angle <= sympy.pi:
        return None
    return "a point that is not, or not known to be, on the principal sheet of the logarithm's Riemann surface"


@rule(sympy.exp_polar, children=lambda expr: (expr.exp,), refuse=_refuse_polar)
def _exp_polar(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return Value(exp(values[0].settled.node))


@rule(sympy.polar_lift)
def _polar_lift(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]


def _angle(expr: Any) -> Any:
    """periodic_argument as an expression of plain arguments: the angle on the surface, less whole periods."""
    point, period = expr.args
    angle = periodic_argument._getunbranched(point)
    angle = sympy.arg(point) if angle is None else angle
    return angle if period is sympy.oo else angle - period * sympy.ceiling(angle / period - sympy.Rational(1, 2))


@rule(periodic_argument, children=lambda expr: (_angle(expr),))
def _periodic_argument(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]


def _refuse_branch(expr: Any) -> str | None:
    period = expr.args[1]
    return (
        None if period.is_number and period <= 2 * sympy.pi else "a branch that has no number of its own for each point"
    )


@rule(
    principal_branch,
    children=lambda expr: (sympy.Abs(expr.args[0]), _angle(expr)),
    refuse=_refuse_branch,
)
def _principal_branch(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    size, angle = (value.settled.node for value in values)
    return Value(size * exp(1j * angle))


# --- what an operation asks of the layer above it


def _node_of(expr: Any, bindings: Mapping[Any, Node]) -> Node:
    """The node of an expression in which nodes stand for symbols: gradients by SymPy's formulas."""
    graph = next(iter(bindings.values())).graph
    with graph.as_default():
        return Translator(graph, bindings).translate([expr])[0].settled.node


OPERATORS["translate"] = _node_of
