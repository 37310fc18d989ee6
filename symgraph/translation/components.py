"""Vectors, dyadics and quaternions as arrays of their components; what has no components, and physical units, refused with advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.algebras import Quaternion
from sympy.physics.units import Quantity
from sympy.physics.units.prefixes import Prefix
from sympy.vector import CoordSys3D
from sympy.vector.basisdependent import BasisDependent

from .rules import Value, rule
from .translator import Translator

__all__ = ["as_components"]


def as_components(value: Any) -> Any:
    """The components of a vector, a dyadic or a quaternion as an explicit array; None for anything else.

    Vectors of `sympy.vector` are taken in their coordinate system, those of `sympy.physics.vector` in the first of their frames.

    >>> N = CoordSys3D("N")
    >>> as_components(2 * N.i + N.z * N.k)
    [2, 0, N.z]
    """
    if isinstance(value, Quaternion):
        return sympy.ImmutableDenseNDimArray(value.args)
    if isinstance(value, BasisDependent):
        systems = sorted(value.atoms(CoordSys3D), key=str)
        if len(systems) > 1:
            return None
        matrix = value.to_matrix(systems[0]) if systems else sympy.zeros(3, 1)
        return _array(matrix)
    if isinstance(value, sympy.Basic) or not hasattr(value, "to_matrix") or not hasattr(value, "args"):
        return None
    frames = [part[-1] for part in value.args]
    return _array(value.to_matrix(frames[0])) if frames else sympy.ImmutableDenseNDimArray([0, 0, 0])


def _array(matrix: Any) -> Any:
    entries = list(matrix.flat())
    return sympy.ImmutableDenseNDimArray(entries, (len(entries),) if 1 in matrix.shape else matrix.shape)


def _refuse_systems(expr: Any) -> str | None:
    if as_components(expr) is None:
        return "a vector in several coordinate systems: use sympy.vector.express to write it in one"
    return None


def _or_nothing(components: Any) -> Any:
    return sympy.true if components is None else components


@rule(BasisDependent, Quaternion, children=lambda expr: (_or_nothing(as_components(expr)),), refuse=_refuse_systems)
def _components(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]


@rule(
    Quantity,
    Prefix,
    refuse=lambda expr: (
        "a physical unit: convert to plain numbers first, for instance by sympy.physics.units.convert_to"
    ),
)
def _unit(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    raise NotImplementedError


@rule(sympy.UnevaluatedExpr)
def _as_it_is(translator: Translator, expr: Any, values: Sequence[Value]) -> Value:
    return values[0]
