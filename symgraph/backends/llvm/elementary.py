"""The elementary functions by NumPy's names: one instruction each while a program is written, and expanded before text is made of it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from . import elementary_single
from .code import Code
from .elementary_arc import acos, asin, atan, atan2
from .elementary_digamma import digamma
from .elementary_erf import erf, erfc
from .elementary_exp import exp, exp2, expm1, sigmoid
from .elementary_gamma import gamma, lgamma
from .elementary_hyperbolic import acosh, asinh, atanh, cosh, sech_squared, sinh, tanh
from .elementary_log import log, log1p, log2, log10, logaddexp, softplus
from .elementary_power import cbrt, hypot, pow
from .elementary_remainder import remainder
from .elementary_trig import cos, sin, tan
from .emission import needed, sources

__all__ = ["EXPANSIONS", "FUNCTIONS", "SINGLE", "expanded"]

_OF_ONE: tuple[Callable[..., int], ...] = (
    *(exp, exp2, expm1, log, log1p, log2, log10, sigmoid, softplus, cbrt, sin, cos, tan, asin, acos, atan),
    *(sinh, cosh, sech_squared, tanh, asinh, acosh, atanh, erf, erfc, gamma, lgamma, digamma),
)
_OF_TWO: tuple[Callable[..., int], ...] = (pow, hypot, atan2, remainder, logaddexp)
EXPANSIONS = {function.__name__: function for function in (*_OF_ONE, *_OF_TWO)}
"""What writes each function's instructions."""

FUNCTIONS = {name: 1 if function in _OF_ONE else 2 for name, function in EXPANSIONS.items()}
"""How many arguments each function takes."""

SINGLE = {name: f"single_{name}" for name in elementary_single.__all__}
"""Which functions are other ones where the result is rounded to float32: those have fewer instructions."""

EXPANSIONS |= {name: getattr(elementary_single, function) for function, name in SINGLE.items()}

_PARTNER = {"sin": "cos", "cos": "sin", "single_sin": "single_cos", "single_cos": "single_sin"}

_OFTEN = 4  # times that a function is written out in one kernel; one that occurs more often is one function of machine code, which is called


@functools.cache
def _function(name: str) -> tuple[Code, int]:
    code = Code()
    return code, EXPANSIONS[name](code, *[code.leaf("double", place) for place in range(FUNCTIONS.get(name, 1))])


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
    times = Counter([instruction[2] for instruction in present])
    functions = {name: _function(name) for name, count in times.items() if count > _OFTEN}
    if len(functions) == len(times):
        code.functions |= functions
        return code, {n: n for n in order}
    new, numbers = Code(), dict[int, int]()
    new.functions = functions
    for n in order:
        instruction = instructions[n]
        op, kind = instruction[0], instruction[1]
        if op == "elementary" and instruction[2] not in functions:
            name, *arguments = instruction[2:]
            options: dict[str, Any] = {}
            if name in _PARTNER and (op, kind, _PARTNER[name], *arguments) in present:
                options["shared"] = True
            numbers[n] = EXPANSIONS[name](new, *[numbers[a] for a in arguments], **options)
            continue
        read = len(sources(instruction))
        kept = instruction[2 : len(instruction) - read]
        numbers[n] = new.emit(op, kind, *kept, *[numbers[s] for s in instruction[len(instruction) - read :]])
    return new, numbers
