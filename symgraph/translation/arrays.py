"""Explicit matrices and arrays: their entries are scalars, which may be batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from ..nodes import Constant, constant
from ..ops.creation import assemble
from ..ops.parts import cast
from .rules import Value, rule
from .translator import Translator


@rule(sympy.MatrixBase, sympy.NDimArray, children=lambda expr: tuple(map(sympy.sympify, _entries(expr))))
def _explicit(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    shape = tuple(int(n) for n in expr.shape)
    nodes = [value.settled.node for value in values]
    if all(isinstance(node, Constant) for node in nodes):
        entries = [node.value for node in nodes if isinstance(node, Constant)]
        kind = complex if any(isinstance(entry, complex) for entry in entries) else float
        dtype = np.result_type(translator.dtype, np.complex64) if kind is complex else translator.dtype
        return Value(constant(np.array(entries, dtype=dtype).reshape(shape), graph=translator.graph), shape)
    if any(node.dtype == bool for node in nodes) and not all(node.dtype == bool for node in nodes):
        nodes = [cast(node, translator.dtype) if node.dtype == bool else node for node in nodes]
    return Value(assemble(nodes, shape), shape)


def _entries(expr: Any) -> Sequence[Any]:
    """All entries in row-major order."""
    if isinstance(expr, sympy.MatrixBase):
        return list(expr.flat())
    return list(expr.reshape(len(expr))) if expr.rank() else [expr[()]]
