"""Backends: from a Program to a function of its leaves' values.

A backend is a function `compile(program) -> run`, where `run(values) -> outputs` takes and gives lists. `get(name)` finds one.

A `run` that has `takes_offers` may be called as `run(values, offered)`: for each output there is an array that the result may be put into, or
None. It shares no memory with the values or with another one that is offered; a result that is not the offered array itself is not there.

A `run` that has `direct` tells by `direct(values)` what machine code computes all outputs of values such as those it was called with (see
`llvm.array_calls.Direct`), or None.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable
from typing import Any

from ..program import Program

__all__ = ["Compiler", "Runner", "array_calls", "get", "is_native", "native"]

Runner = Callable[..., list[Any]]
Compiler = Callable[[Program], Runner]


@functools.cache
def _has_llvmlite() -> bool:
    return importlib.util.find_spec("llvmlite") is not None


def _default() -> str:
    return os.environ.get("SYMGRAPH_BACKEND") or ("llvm" if _has_llvmlite() else "numpy")


def get(backend: Any = None, threads: int | None = None, contract: bool = True) -> Compiler:
    """The compiler of that name, or `backend` itself if it is one; None is the default: "llvm" where llvmlite is there, else "numpy".

    Args:
        backend: a name, a compiler, or None.
        threads: how many threads large work may use; None for as many as there are processors. Results do not depend on it.
        contract: whether products and sums may be fused, and then rounded once (FMA): faster, and mostly more accurate; but then `x*y - x*y`
            written in two ways may differ in the last digit.

    Raises ImportError for "llvm" where there is no llvmlite, and ValueError for a name that no backend has.

    "numpy" uses neither `threads` nor `contract`, and a compiler of your own is not told of them.

    >>> get("numpy").__name__
    'compile_program'
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        raise ValueError(
            f"threads must be a positive integer, or None for as many as there are processors, not {threads!r}"
        )
    if backend is None:
        backend = _default()
    if backend == "numpy":
        from .numpy_like import compile_program

        return compile_program
    if backend == "llvm":
        if not _has_llvmlite():
            raise ImportError(
                "The backend 'llvm' needs llvmlite: python -m pip install llvmlite; or use the backend 'numpy'"
            )
        from .llvm import compile_program as compile_natively

        return functools.partial(compile_natively, threads=threads, contract=contract)
    if callable(backend):
        return backend  # type: ignore[no-any-return]
    raise ValueError(f"There is no backend {backend!r}; there are 'numpy' and 'llvm'")


def is_native(backend: Any = None) -> bool:
    """Whether the backend makes machine code that can be looked at.

    >>> is_native("numpy")
    False
    """
    return bool((backend if backend is not None else _default()) == "llvm")


def native(backend: Any = None) -> Callable[..., Any] | None:
    """What makes builtin functions of programs (see `llvm.native`; None where a program has none), or None if the backend has nothing of the kind."""
    if not is_native(backend):
        return None
    from .llvm.native import try_native

    return try_native


def array_calls(count: int, outputs: int, form: type | None, otherwise: Callable[..., Any]) -> Any:
    """What learns to do calls on arrays without Python (see `llvm.array_calls`), or None where there is nothing of the kind."""
    if not _has_llvmlite():
        return None
    from .llvm.array_calls import ArrayCalls

    return ArrayCalls.of(count, outputs, form, otherwise)
