"""The C functions that kernels call: those of the C library, SciPy's special functions, and, for rows that are rare, functions of Python.

A kernel knows them by name ("c_sin", "scipy_jv", "python_besselj"): where they are is asked when the kernel is loaded, so that its code is the same
in every process.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import itertools
import math
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

__all__ = ["Entry", "adapted", "address", "callback", "entry", "raised_again"]


@functools.cache
def _c_library() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.CDLL("ucrtbase")
    return ctypes.CDLL(ctypes.util.find_library("m"))


def address(symbol: str) -> int:
    """Where the function is that kernels call `symbol`: "c_sin" is the C library's sin.

    >>> address("c_sin") != 0
    True
    """
    library, _, name = symbol.partition("_")
    if library == "c":
        return _address(getattr(_c_library(), name))
    if library == "python":
        return _address(_callbacks[name][1])
    found = entry(name)
    if found is None:
        raise KeyError(symbol)
    return found.address


def _address(function: Any) -> int:
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


# --- SciPy's


class Entry(NamedTuple):
    """A C function.

    Attributes:
        address: where it is.
        parameters: LLVM's type of each parameter, and how it is passed: as an "input", in a place for an "output", or as a constant.
    """

    address: int
    parameters: tuple[tuple[str, str], ...]

    @property
    def inputs(self) -> int:
        """How many numbers go in."""
        return sum(how == "input" for _, how in self.parameters)

    @property
    def outputs(self) -> int:
        """In how many places it puts numbers; with none, its number is what it returns."""
        return sum(how == "output" for _, how in self.parameters)


_PARAMETERS = {
    "double": ("double", "input"),
    "Py_ssize_t": ("i64", "input"),
    "double *": ("ptr", "output"),
    "int __pyx_skip_dispatch": ("i32", "1"),  # that of functions which Python classes might override; these are none
}


@functools.cache
def entry(name: str) -> Entry | None:
    """SciPy's C function for real numbers of that name, which needs no lock of Python's; None where SciPy has none, or where there is no SciPy.

    `scipy.special.cython_special` says of each where it is and what it takes. Of one that there is for integers, too, it is the other one.

    >>> entry("jv").parameters
    (('double', 'input'), ('double', 'input'), ('i32', '1'))
    >>> entry("sici").outputs
    2
    """
    try:
        from scipy.special import cython_special
    except ImportError:
        return None
    functions = getattr(cython_special, "__pyx_capi__", {})
    kinds = [f"__pyx_fuse_{number}{name}" for number in range(4)]
    found = [
        parsed for kind in (name, *kinds) if kind in functions and (parsed := _parsed(functions[kind])) is not None
    ]
    return min(found, key=lambda entry: sum(kind == "i64" for kind, _ in entry.parameters), default=None)


def _parsed(capsule: Any) -> Entry | None:
    """The function in a capsule, whose name is its C type; None if it is none of real numbers."""
    api = ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    name = name_of(capsule)
    result, _, rest = name.decode().partition(" (")
    parameters = []
    for text in rest.removesuffix(")").split(", "):
        optional = text.startswith("struct ") and text.endswith(" *__pyx_optional_args")
        parameters.append(("ptr", "null") if optional else _PARAMETERS.get(text))
    known = [parameter for parameter in parameters if parameter is not None]
    found = Entry(int(pointer_of(capsule, name)), tuple(known))
    fits = len(known) == len(parameters) and result == ("void" if found.outputs else "double")
    return found if fits else None


def adapted(symbol: str, function: str, place: str) -> tuple[str, str]:
    """Text that declares SciPy's C function `symbol`, and text of `function`, of doubles, which calls it: for output `place`, if there are several.

    >>> print(*adapted("scipy_jv", "@of.scipy_jv", ""), sep="\\n")
    declare double @scipy_jv(double, double, i32)
    define internal double @of.scipy_jv(double %a0, double %a1) noinline {
    %r = call double @scipy_jv(double %a0, double %a1, i32 1)
    ret double %r
    }
    """
    found = entry(symbol.partition("_")[2])
    if found is None:
        raise KeyError(symbol)
    lines, operands = [], []
    for number, (kind, how) in enumerate(found.parameters):
        operands.append(f"{kind} {how if how not in ('input', 'output') else f'%a{number}'}")
        if how == "output":
            lines.append(f"%a{number} = alloca double")
        elif (kind, how) == ("i64", "input"):
            operands[-1] = f"i64 %i{number}"
            lines.append(f"%i{number} = fptosi double %a{number} to i64")
    result = "void" if found.outputs else "double"
    inputs = [number for number, (_, how) in enumerate(found.parameters) if how == "input"]
    lines.append(f"{'' if found.outputs else '%r = '}call {result} @{symbol}({', '.join(operands)})")
    if found.outputs:
        outputs = [number for number, (_, how) in enumerate(found.parameters) if how == "output"]
        lines.append(f"%r = load double, ptr %a{outputs[int(place)]}")
    head = f"define internal double {function}({', '.join(f'double %a{number}' for number in inputs)}) noinline {{"
    types = ", ".join(kind for kind, _ in found.parameters)
    return f"declare {result} @{symbol}({types})", "\n".join([head, *lines, "ret double %r", "}"])


# --- Python's

_callbacks: dict[str, tuple[Hashable, Any]] = {}  # for as long as the process runs: whose each is, and the function
_forget = ctypes.PYFUNCTYPE(None)(("PyErr_Clear", ctypes.pythonapi))


class _Taker(threading.local):
    """Where this thread leaves what was raised, since no C code can pass it on."""

    errors: list[BaseException] | None = None


_taker = _Taker()


def callback(name: str, count: int, function: Callable[..., float], owner: Hashable = None) -> str:
    """The symbol of a Python function of `count` floats. Where it raises something its value is nan.

    The symbol is `name`, in every process, but for an owner who comes later than another one to a name, who gets one of this process's only.

    Args:
        owner: of which all functions of that name are the same; by default the function itself.

    >>> callback("sum", 2, lambda x, y: x + y), callback("sum", 2, max), callback("sum", 2, max)
    ('python_sum', 'python_sum.1', 'python_sum.1')
    """
    whose = (function if owner is None else owner, count)
    for number in itertools.count():
        symbol = f"{name}.{number}" if number else name
        if symbol not in _callbacks:
            made = ctypes.CFUNCTYPE(ctypes.c_double, *[ctypes.c_double] * count)(_guarded(function))
            _callbacks.setdefault(symbol, (whose, made))
        if _callbacks[symbol][0] == whose:
            break
    return f"python_{symbol}"


def _guarded(function: Callable[..., float]) -> Callable[..., float]:
    def guarded(*numbers: float) -> float:
        _forget()  # what SciPy's functions set under its `errstate`, called before this one by the same code: Python runs only without it
        errors = _taker.errors
        if not errors:
            try:
                return function(*numbers)
            except BaseException as error:  # also an interrupt
                if errors is None:  # called by C code of others
                    sys.excepthook(type(error), error, error.__traceback__)
                else:
                    errors.append(error)
        return math.nan

    return guarded


@contextmanager
def raised_again(errors: list[BaseException]) -> Iterator[None]:
    """What Python functions raise that machine code calls in here is raised at the end. They are not called after it; nor are they by other threads
    with the same list of `errors`.

    >>> function = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(address(callback("inverse", 1, lambda x: 1 / x)))
    >>> with raised_again([]):
    ...     function(0.0)
    Traceback (most recent call last):
    ZeroDivisionError: float division by zero
    """
    _taker.errors = errors
    try:
        yield
    finally:
        _taker.errors = None
    if errors:
        raise errors[0]
