"""The operations: one class each, in modules by subject. `OPERATIONS` holds all of them: a new module here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from ..graph import OPERATORS
from ..nodes import Operation
from . import arithmetic, array, indexing, linalg, logic
from .base import Elementwise, PureOperation
from .linalg import adjoint, matrix_transpose
from .state import no_op

__all__ = ["Elementwise", "PureOperation", "adjoint", "matrix_transpose", "no_op"]

# what operations are made of, and what only the translator makes nodes of
_INTERNAL = ("base", "functional", "special_base")

OPERATIONS: dict[str, type[Operation]] = {}
for _file in pkgutil.iter_modules(__path__):
    if _file.name.startswith(_INTERNAL):
        continue
    _module = importlib.import_module(f".{_file.name}", __name__)
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
