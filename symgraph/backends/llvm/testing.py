"""A way to run Code on arrays, for tests and for the scripts that measure accuracy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from .code import Code
from .engine import load, to_object
from .kernel import CONTIGUOUS, Operand, loop_text
from .symbols import address

__all__ = ["vectorized"]

_KINDS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float"}


def vectorized(build: Callable[..., int], count: int, width: int, dtype: Any = np.float64) -> Callable[..., Any]:
    """`build(code, *leaves)` gives an instruction; the result computes it for `count` contiguous arrays, `width` rows at once.

    >>> vectorized(lambda code, x: code.fadd(x, x), 1, 4)(np.arange(5.0))
    array([0., 2., 4., 6., 8.])
    """
    kind = _KINDS[np.dtype(dtype)]
    code = Code()
    leaves = [code.leaf(kind, place) for place in range(count)]
    result = build(code, *leaves)
    inputs = [Operand(kind, ((leaf, 0),), CONTIGUOUS) for leaf in leaves]
    text, symbols, _ = loop_text(
        "kernel", code, inputs, [Operand(code.kinds[result], ((result, 0),), CONTIGUOUS)], width
    )
    machine = load(to_object(text), ["kernel"], {symbol: address(symbol) for symbol in symbols})
    function = ctypes.CFUNCTYPE(
        None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
    )(machine.addresses["kernel"])
    result_dtype = {"double": np.float64, "float": np.float32, "i1": np.bool_}[code.kinds[result]]

    def run(*arrays: Any) -> Any:
        size = len(arrays[0])
        padded = [np.concatenate([np.asarray(a, dtype), np.ones(max(0, width - size), dtype)]) for a in arrays]
        out: Any = np.empty(len(padded[0]), result_dtype)
        pointers = np.array([a.ctypes.data for a in [*padded, out]], dtype=np.uintp)
        strides = np.zeros(len(pointers), np.int64)
        function(pointers.ctypes.data, strides.ctypes.data, 0, len(out), None)
        return out[:size]

    run.machine = machine  # type: ignore[attr-defined]
    return run
