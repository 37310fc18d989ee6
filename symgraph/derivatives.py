"""Derivatives of Functions, as Functions: the methods `grad`, `value_and_grad`, `jac`, `hess`, `hessp`, `jvp` and `vjp`.

They are made of the nodes of the outputs, never by symbolic differentiation, and share one Program with them. Every argument that is
differentiated for is repeated along the whole batch first, so that each row has a gradient of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from .errors import ArgumentError, ShapeError
from .forward import propagate
from .functions import Function
from .graph import OPERATORS, Node, postorder
from .jacobians import (
    gradients_in_batch,
    gradients_of_scalar,
    jacobians_in_batch,
    pruned,
    reverse_jacobian_in_batch,
    summed_gradient,
    swapped,
)
from .nodes import Constant, symbol_name
from .ops.creation import zeros_like
from .ops.directions import _spread
from .shapes import format_shape
from .structure import Structure
from .translation import Translation

__all__ = ["Derivative", "chosen_symbols", "derivative", "holds_complex"]

_SCALAR_ONLY = ("grad", "value_and_grad", "hess", "hessp")
_UNKNOWN_LENGTH = 1000  # what an unknown length is taken for where costs are compared


class Derivative(Function):
    """A derivative of a Function, which is one too. Made by its methods.

    Attributes:
        base: the Function.
        wrt: the symbols for which it is differentiated.

    >>> x = sympy.Symbol("x")
    >>> Function(x, x**2).grad(x)
    <symgraph Function grad_f(x): ()->() = grad of x**2>
    """

    def __init__(self, base: Function, kind: str, wrt: Any = None) -> None:
        if kind not in _KINDS:
            raise ValueError(f"{kind!r} is none of {', '.join(_KINDS)}")
        self.base, self._which, self._wrt_given = base, kind, wrt
        self.wrt, self._single = chosen_symbols(base, wrt)
        # a base that is a derivative by other symbols takes these to have all batch axes
        self._repeated: tuple[Any, ...] = tuple(dict.fromkeys([*self.wrt, *getattr(base, "_repeated", ())]))
        _check_outputs(base, kind)
        self._extra = _extra_arguments(base, kind, self.wrt)
        self._entries_first = base._entries_first
        arguments = [*[p.argument for p in base._parameters], *self._extra]
        super().__init__(arguments, list(base._expressions), **{**base._options, "name": f"{kind}_{base.__name__}"})
        self._structure = Structure(self._form())

    def __call__(self, *values: Any, **named: Any) -> Any:
        """See `Function`. A Jacobian for complex arguments goes by forward mode."""
        if self._which == "jac" and any(map(np.iscomplexobj, (*values, *named.values()))):
            return derivative(self.base, "forward_jac", self._wrt_given)(*values, **named)
        return super().__call__(*values, **named)

    @property
    def outputs(self) -> Any:
        """The expressions that are differentiated."""
        return self.base.outputs

    def _text(self) -> str:
        return f"{self._which} of {self.base._text()}"

    def __reduce__(self) -> Any:
        return _rebuild, (self.base, self._which, self._wrt_given)

    def _form(self) -> Any:
        """The structure of the results."""
        each: Any = 0 if self._single else (0,) * len(self.wrt)
        return _KINDS[self._which].form(self.base._structure, each)

    def _in_batch(self, arrays: list[Any], batch: tuple[int, ...]) -> list[Any]:
        if not batch:
            return arrays
        repeated = set(self._repeated)
        return [
            array
            if symbol not in repeated
            or (np.ndim(array) == len(batch) + rank and np.shape(array)[: len(batch)] == batch)
            else np.broadcast_to(array, (*batch, *np.shape(array)[np.ndim(array) - rank :]))
            for symbol, rank, array in zip(self.args, self._ranks, arrays, strict=False)
        ] + arrays[len(self.args) :]

    def _derived(self, translation: Translation) -> Translation:
        translation = self.base._derived(translation)
        task = _Task(translation, self)
        values = list(zip(translation.nodes, translation.shapes, strict=True))
        found = _KINDS[self._which].build(task, values)
        nodes = pruned([node for node, _ in found])
        return replace(translation, nodes=tuple(nodes), shapes=tuple(shape for _, shape in found))


_Typed = tuple[Node, tuple[Any, ...]]  # a node and its core shape


class _Task:
    """The nodes that a derivative is made of."""

    def __init__(self, translation: Translation, derivative: Derivative) -> None:
        placeholders = translation.placeholders
        self.xs = [placeholders[symbol] for symbol in derivative.wrt]
        self.cores = [x.core for x in self.xs]
        self.extra = [placeholders[symbol] for symbol in derivative._extra]
        self.repeated = [placeholders[symbol] for symbol in getattr(derivative.base, "_repeated", ())]
        self.forward = False
        self.leaves: dict[Node, int] = {node: len(node.core) for node in placeholders.values()}

    def gradient(self, values: Sequence[_Typed]) -> list[_Typed]:
        ((y, _),) = values
        return list(zip(gradients_of_scalar(y, self.xs, self.cores), self.cores, strict=True))

    def value_and_gradient(self, values: Sequence[_Typed]) -> list[_Typed]:
        return [*values, *self.gradient(values)]

    def jacobian(self, values: Sequence[_Typed]) -> list[_Typed]:
        """By reverse mode where that is cheaper. For real arguments and complex values only forward mode is right: gradients are real there."""
        if not self.forward and reverse_is_cheaper(self.cores, values):
            rows = [
                reverse_jacobian_in_batch(y, y_core, self.xs[0], self.xs, self.cores, self.leaves, self.repeated)
                for y, y_core in values
            ]
        else:
            rows = jacobians_in_batch(values, self.xs, self.cores, self.leaves, self.repeated)
        return [
            (node, (*y_core, *core))
            for nodes, (_, y_core) in zip(rows, values, strict=True)
            for node, core in zip(nodes, self.cores, strict=True)
        ]

    def forward_jacobian(self, values: Sequence[_Typed]) -> list[_Typed]:
        self.forward = True
        return self.jacobian(values)

    def hessian(self, values: Sequence[_Typed]) -> list[_Typed]:
        """All blocks, in reverse mode over reverse mode; those below the diagonal are those above it, transposed."""
        grads = self.gradient(values)
        count = len(grads)
        blocks: dict[tuple[int, int], _Typed] = {}
        for i, (grad, core) in enumerate(grads):
            xs, cores = self.xs[i:], self.cores[i:]
            repeated = [*self.repeated, *self.xs]
            rows = reverse_jacobian_in_batch(grad, core, self.xs[i], xs, cores, self.leaves, repeated)
            for j, (node, other) in enumerate(zip(rows, cores, strict=True), i):
                blocks[j, i] = (swapped(node, len(core), len(other)), (*other, *core))
                blocks[i, j] = (node, (*core, *other))
        return [blocks[i, j] for i in range(count) for j in range(count)]

    def hessian_times_vector(self, values: Sequence[_Typed]) -> list[_Typed]:
        """Reverse mode over reverse mode: measured, its programs are shorter than those of forward mode over it."""
        grads = [summed_gradient(node) for node, _ in self.gradient(values)]
        ways = [_spread(way, x) for way, x in zip(self.extra, self.xs, strict=True)]
        return list(zip(gradients_in_batch(grads, self.xs, ways), self.cores, strict=True))

    def change(self, values: Sequence[_Typed]) -> list[_Typed]:
        start: dict[Node, Node] = {x: _spread(way, x) for x, way in zip(self.xs, self.extra, strict=True)}
        changes = propagate([y for y, _ in values], start)
        return [*values, *[(_spread(changes[y], y) if y in changes else zeros_like(y), core) for y, core in values]]

    def weighted(self, values: Sequence[_Typed]) -> list[_Typed]:
        ys = [y for y, _ in values]
        weights = [_spread(weight, y) for weight, y in zip(self.extra, ys, strict=True)]
        return [*values, *zip(gradients_in_batch(ys, self.xs, weights), self.cores, strict=True)]


class _Kind:
    """One kind of derivative: the structure of its results, and how their nodes are built."""

    def __init__(self, form: Callable[[Structure, Any], Any], build: Callable[[_Task, Any], list[_Typed]]) -> None:
        self.form, self.build = form, build


def _of_values(structure: Structure) -> Any:
    return structure.rebuild([0] * len(structure.leaves))


_KINDS = {
    "grad": _Kind(lambda outputs, each: each, _Task.gradient),
    "value_and_grad": _Kind(lambda outputs, each: (0, each), _Task.value_and_gradient),
    "jac": _Kind(lambda outputs, each: outputs.rebuild([each] * len(outputs.leaves)), _Task.jacobian),
    "forward_jac": _Kind(lambda outputs, each: outputs.rebuild([each] * len(outputs.leaves)), _Task.forward_jacobian),
    "hess": _Kind(lambda outputs, each: each if each == 0 else (each,) * len(each), _Task.hessian),
    "hessp": _Kind(lambda outputs, each: each, _Task.hessian_times_vector),
    "jvp": _Kind(lambda outputs, each: (_of_values(outputs), _of_values(outputs)), _Task.change),
    "vjp": _Kind(lambda outputs, each: (_of_values(outputs), each), _Task.weighted),
}


def derivative(base: Function, kind: str, wrt: Any = None, sparse: bool = False) -> Any:
    """The derivative of a Function, made once and kept with it.

    >>> x = sympy.Symbol("x")
    >>> derivative(Function(x, x**2), "grad", x)(3.0)
    np.float64(6.0)
    """
    wrt = tuple(wrt) if isinstance(wrt, (list, sympy.MatrixBase)) else wrt
    kept = base.__dict__.setdefault("_derivatives", {})
    key = (kind, wrt, sparse)
    if key not in kept:
        kept.setdefault(key, OPERATORS["sparse derivative"](base, kind, wrt) if sparse else Derivative(base, kind, wrt))
    return kept[key]


def _rebuild(base: Function, kind: str, wrt: Any) -> Any:
    return derivative(base, kind, wrt)


def chosen_symbols(base: Function, wrt: Any) -> tuple[tuple[Any, ...], bool]:
    """The symbols to differentiate for, and whether a single one was asked for."""
    single = wrt is not None and not isinstance(wrt, (list, tuple, sympy.Tuple, sympy.MatrixBase))
    symbols = base.args if wrt is None else (wrt,) if single else tuple(wrt)
    for symbol in symbols:
        if symbol not in base.args:
            raise ArgumentError(
                f"{symbol!r} is not an argument of {base.__name__}; its arguments are {', '.join(map(str, base.args))}"
            )
    if len(set(symbols)) < len(symbols):
        raise ArgumentError(f"wrt = {wrt!r} has a symbol twice")
    return symbols, single


def _check_outputs(base: Function, kind: str) -> None:
    if kind not in _SCALAR_ONLY:
        return
    shapes = base._default.translation.shapes
    if len(shapes) != 1 or shapes[0] != ():
        listed = ", ".join(format_shape(shape) for shape in shapes)
        raise ShapeError(
            f"{kind} is for one scalar output, but {base.__name__} has {len(shapes)} with the shapes {listed}: use jac, jvp or vjp"
        )


def _extra_arguments(base: Function, kind: str, wrt: Sequence[Any]) -> list[Any]:
    """Symbols for the vectors that are given behind the arguments."""
    if kind in ("hessp", "jvp"):
        cores = dict(zip(base.args, base._cores, strict=True))
        wanted = [(f"d_{symbol_name(symbol)}", cores[symbol]) for symbol in wrt]
    elif kind == "vjp":
        wanted = [(f"weight_{i}", shape) for i, shape in enumerate(base._default.translation.shapes)]
    else:
        return []
    taken = {symbol_name(symbol) for symbol in base.args}
    symbols = []
    for name, core in wanted:
        while name in taken:
            name += "_"
        taken.add(name)
        symbols.append(_symbol(name, core))
    return symbols


def _symbol(name: str, core: Sequence[Any]) -> Any:
    if not core:
        return sympy.Symbol(name)
    lengths = [sympy.Dummy("n", integer=True) if n is None else n for n in core]
    return sympy.MatrixSymbol(name, *lengths) if len(core) == 2 else sympy.IndexedBase(name, shape=tuple(lengths))


def reverse_is_cheaper(x_cores: Sequence[Sequence[Any]], values: Sequence[_Typed]) -> bool:
    """Whether there are fewer entries of outputs than of arguments, in known number; and no complex constants, so that values may be real."""
    if not all(isinstance(n, int) for _, core in values for n in core) or holds_complex([node for node, _ in values]):
        return False
    return _entries([core for _, core in values]) < _entries(x_cores)


def holds_complex(nodes: Sequence[Node]) -> bool:
    """Whether a constant is complex.

    >>> x = sympy.Symbol("x")
    >>> holds_complex(Function(x, sympy.I * x).nodes), holds_complex(Function(x, 2 * x).nodes)
    (True, False)
    """
    constants = [node.value for node in postorder(nodes) if isinstance(node, Constant)]
    return any(np.iscomplexobj(value) for value in constants)


def _entries(cores: Sequence[Sequence[Any]]) -> int:
    return sum(math.prod(n if isinstance(n, int) else _UNKNOWN_LENGTH for n in core) for core in cores)


OPERATORS["derivative"] = derivative
