"""The elementary functions by NumPy's names: one instruction each while a program is written, and expanded before text is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from . import (
    elementary_arc,
    elementary_digamma,
    elementary_erf,
    elementary_exp,
    elementary_gamma,
    elementary_hyperbolic,
    elementary_log,
    elementary_power,
    elementary_remainder,
    elementary_trig,
)
from .code import Code
from .emission import needed, sources

__all__ = ["FUNCTIONS", "expanded"]

_ONE = (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
)
_MORE = ("asinh", "acosh", "atanh", "cbrt", "digamma", "erf", "erfc", "lgamma", "gamma", "sigmoid", "softplus")
FUNCTIONS = {**dict.fromkeys(_ONE + _MORE, 1), **dict.fromkeys(("pow", "hypot", "atan2", "remainder", "logaddexp"), 2)}
"""How many arguments each function takes."""

_MODULES = (
    elementary_arc,
    elementary_digamma,
    elementary_erf,
    elementary_exp,
    elementary_gamma,
    elementary_hyperbolic,
    elementary_log,
    elementary_power,
    elementary_remainder,
    elementary_trig,
)
_IN_C = {"lgamma": "c_lgamma", "gamma": "c_tgamma"}
_PARTNER = {"sin": "cos", "cos": "sin"}


def _in_c(name: str) -> Callable[..., int]:
    def call(code: Code, *arguments: int) -> int:
        return code.call(_IN_C.get(name, f"c_{name}"), *arguments)

    return call


_EXPANSIONS: dict[str, Callable[..., int]] = {
    name: next((getattr(module, name) for module in _MODULES if hasattr(module, name)), _in_c(name))
    for name in FUNCTIONS
}


_MOST = (
    64  # functions that are written out in one kernel; of more, each is one function of machine code, which is called
)


def _function(name: str) -> tuple[Code, int]:
    code = Code()
    return code, _EXPANSIONS[name](code, *[code.leaf("double", place) for place in range(FUNCTIONS[name])])


def expanded(code: Code, wanted: Iterable[int]) -> tuple[Code, dict[int, int]]:
    """The instructions that `wanted` need, with elementary functions written out, and the new number of each.

    >>> code = Code()
    >>> y = code.emit("elementary", "double", "exp", code.leaf("double", 0))
    >>> new, numbers = expanded(code, [y])
    >>> numbers[y] == len(new.instructions) - 1 > 10
    True
    """
    order = needed(code, wanted)
    instructions = code.instructions
    present = {instructions[n] for n in order if instructions[n][0] == "elementary"}
    if not present:
        return code, {n: n for n in order}
    if len(present) > _MOST:
        for name in {instruction[2] for instruction in present}:
            code.functions.setdefault(name, _function(name))
        return code, {n: n for n in order}
    new, numbers = Code(), dict[int, int]()
    for n in order:
        instruction = instructions[n]
        op, kind = instruction[0], instruction[1]
        if op == "elementary":
            name, *arguments = instruction[2:]
            options: dict[str, Any] = {}
            if name in _PARTNER and (op, kind, _PARTNER[name], *arguments) in present:
                options["shared"] = True
            numbers[n] = _EXPANSIONS[name](new, *[numbers[a] for a in arguments], **options)
            continue
        read = len(sources(instruction))
        kept = instruction[2 : len(instruction) - read]
        numbers[n] = new.emit(op, kind, *kept, *[numbers[s] for s in instruction[len(instruction) - read :]])
    return new, numbers
