"""CPython from machine code: builtin functions, and where objects have in memory what machine code reads of them.

CPython and NumPy promise these places to compiled extensions; `layout_is_known` looks whether this Python has them.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = [
    "BYTES",
    "CONTIGUOUS",
    "DATA",
    "DTYPE",
    "FLAGS",
    "LENGTHS",
    "RANK",
    "TUPLE",
    "TYPE",
    "addresses",
    "builtin",
    "layout_is_known",
]

TYPE = 8  # of any object
DATA, RANK, LENGTHS, DTYPE, FLAGS = (
    16,
    24,
    32,
    56,
    64,
)  # of an array; where that has the address of its entries, a float has its value
TUPLE, BYTES = tuple.__basicsize__, bytes.__basicsize__ - 1  # where the first item is
CONTIGUOUS = 1  # the flag of arrays in C's order
_FASTCALL_KEYWORDS = 0x82  # METH_FASTCALL | METH_KEYWORDS


class _MethodDef(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("code", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


def builtin(name: str, address: int, kept: tuple[Any, ...]) -> Any:
    """The builtin function whose code, `PyObject *(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)`, is at `address`.

    Its `self` is a tuple of what is `kept` as long as it lives, also while it goes: the garbage collector takes apart no tuples, but may empty
    a dict or a list before the function itself is gone.
    """
    definition = _MethodDef(name.encode(), address, _FASTCALL_KEYWORDS, None)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    return make(ctypes.addressof(definition), (*kept, definition), None)


def addresses(names: Iterable[str]) -> dict[str, int]:
    """Where functions of CPython are."""
    return {name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in names}


@functools.cache
def layout_is_known() -> bool:
    """Whether objects lie in memory as in CPython with 64 bits."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or not hasattr(ctypes, "pythonapi"):
        return False
    number, scalar, array = 1.2345, np.float64(1.2345), np.ones((2, 3))
    text, pair = b"12345678", (number, scalar)

    def word(thing: Any, offset: int, kind: Any = ctypes.c_size_t) -> Any:
        return kind.from_address(id(thing) + offset).value

    return (
        all(word(thing, TYPE) == id(type(thing)) for thing in (number, scalar, array))
        and all(word(thing, DATA, ctypes.c_double) == 1.2345 for thing in (number, scalar))
        and word(array, DATA) == array.ctypes.data
        and word(array, RANK, ctypes.c_int) == 2
        and ctypes.c_ssize_t.from_address(word(array, LENGTHS) + 8).value == 3
        and word(array, DTYPE) == id(array.dtype)
        and [word(a, FLAGS, ctypes.c_int) & CONTIGUOUS for a in (array, array.T)] == [1, 0]
        and word(pair, TUPLE) == id(number)
        and ctypes.string_at(id(text) + BYTES, len(text)) == text
    )
