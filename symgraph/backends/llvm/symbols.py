"""The C functions that kernels call: those of the C library, and SciPy's special functions."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import sys

__all__ = ["address"]


@functools.cache
def _c_library() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")
    return ctypes.CDLL(ctypes.util.find_library("m"))


@functools.cache
def address(symbol: str) -> int:
    """Where the function is that kernels call `symbol`: "c_sin" is the C library's sin.

    >>> address("c_sin") != 0
    True
    """
    library, _, name = symbol.partition("_")
    if library == "c":
        return int(ctypes.cast(getattr(_c_library(), name), ctypes.c_void_p).value or 0)
    raise KeyError(symbol)
