"""Backends: from a Program to a function of its leaves' values.

A backend is a function `compile(program) -> run`, where `run(values) -> outputs` takes and gives lists. `get(name)` finds one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ..program import Program


def _default() -> str:
    return os.environ.get("SYMGRAPH_BACKEND", "numpy")


__all__ = ["Compiler", "Runner", "get"]

Runner = Callable[[Sequence[Any]], list[Any]]
Compiler = Callable[[Program], Runner]


def get(backend: Any = None) -> Compiler:
    """The compiler of that name, or `backend` itself if it is one; None is the default: "llvm" where llvmlite is there, else "numpy".

    >>> get("numpy").__name__
    'compile_program'
    """
    if backend is None:
        backend = _default()
    if backend == "numpy":
        from .numpy_like import compile_program

        return compile_program
    if backend == "llvm":
        from .llvm import compile_program as compile_natively

        return compile_natively
    if callable(backend):
        return backend  # type: ignore[no-any-return]
    raise ValueError(f"There is no backend {backend!r}; there are 'numpy' and 'llvm'")


def native(backend: Any = None) -> Callable[..., Any] | None:
    """What makes builtin functions of programs (see `llvm.native`; None where a program has none), or None if the backend has nothing of the kind."""
    if (backend if backend is not None else _default()) != "llvm":
        return None
    from .llvm.native import try_native

    return try_native
