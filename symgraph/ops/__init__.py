"""The operations: one class each, in modules by subject. `OPERATIONS` holds all of them."""

from __future__ import annotations

from ..graph import OPERATORS
from ..nodes import Operation
from . import (
    arithmetic,
    array,
    contraction,
    creation,
    diagonalization,
    elementary,
    factorization,
    forms,
    hyperbolic,
    indexing,
    linalg,
    logic,
    matrix_functions,
    parts,
    permanent,
    reduction,
    special_airy,
    special_bessel,
    special_delta,
    special_elliptic,
    special_error,
    special_factorial,
    special_gamma,
    special_harmonics,
    special_hyper,
    special_integrals,
    special_numbers,
    special_partial,
    special_polynomials,
    special_zeta,
    state,
    user,
)
from .base import Elementwise, PureOperation
from .linalg import adjoint, matrix_transpose
from .state import no_op

__all__ = ["Elementwise", "PureOperation", "adjoint", "matrix_transpose", "no_op"]

OPERATIONS: dict[str, type[Operation]] = {}
for _module in (
    arithmetic,
    parts,
    elementary,
    forms,
    hyperbolic,
    logic,
    array,
    indexing,
    creation,
    reduction,
    linalg,
    contraction,
    matrix_functions,
    diagonalization,
    factorization,
    permanent,
    special_airy,
    special_bessel,
    special_delta,
    special_elliptic,
    special_error,
    special_factorial,
    special_gamma,
    special_harmonics,
    special_hyper,
    special_integrals,
    special_numbers,
    special_partial,
    special_polynomials,
    special_zeta,
    state,
    user,
):
    for _name, _value in vars(_module).items():
        if (
            isinstance(_value, type)
            and issubclass(_value, Operation)
            and _value.__module__ == _module.__name__
            and not _name.startswith("_")
        ):
            OPERATIONS[_name] = _value
            globals()[_name] = _value
            __all__.append(_name)

_UFUNCS = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
_UFUNCS |= {
    "arctan2": "atan2",
    "absolute": "abs",
    "pow": "power",
    "remainder": "mod",
    "true_divide": "divide",
    "conj": "conjugate",
}
_LIKE_UFUNCS = (Elementwise, linalg.matmul)


def _of_ufunc(name: str) -> type[Operation] | None:
    """The operation that does what NumPy's universal function of that name does. (== compares nodes, not values.)"""
    found = OPERATIONS.get(_UFUNCS.get(name, name))
    wanted = found is not None and issubclass(found, _LIKE_UFUNCS) and name not in ("equal", "not_equal")
    return found if wanted else None


OPERATORS.update(
    ufunc=_of_ufunc,
    add=arithmetic.add,
    subtract=arithmetic.subtract,
    multiply=arithmetic.multiply,
    divide=arithmetic.divide,
    floor_divide=arithmetic.floor_divide,
    mod=arithmetic.mod,
    power=arithmetic.power,
    negative=arithmetic.negative,
    abs=arithmetic.abs,
    matmul=linalg.matmul,
    less=logic.less,
    less_equal=logic.less_equal,
    greater=logic.greater,
    greater_equal=logic.greater_equal,
    logical_and=logic.logical_and,
    logical_or=logic.logical_or,
    logical_xor=logic.logical_xor,
    logical_not=logic.logical_not,
    getitem=indexing.getitem,
    transpose=array.transpose,
)
