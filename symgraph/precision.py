"""Precisions: in which dtype a Function computes, and its constants in it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import backends
from .errors import ConstantError, PrecisionWarning
from .graph import Node
from .nodes import placeholder
from .ops.creation import plain_number
from .program import Program

__all__ = ["FLOAT64", "NUMBERS", "check_constants", "numbers_in", "precision", "real_dtype"]

FLOAT64 = np.dtype(np.float64)
NUMBERS = frozenset((float, int, bool, np.float64))


def real_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of a complex dtype's parts; a real dtype itself."""
    return np.empty(0, dtype).real.dtype


def precision(values: Sequence[Any]) -> np.dtype[Any]:
    """The precision of what is fed, where Python numbers take part in none, and integers count as float64."""
    dtypes = set()
    for value in values:
        if type(value) in (float, int, complex, bool):
            continue
        dtype = getattr(value, "dtype", FLOAT64)
        dtypes.add(dtype if isinstance(dtype, np.dtype) and dtype.kind in "fc" else FLOAT64)
    return real_dtype(np.result_type(*dtypes)) if dtypes and dtypes != {FLOAT64} else FLOAT64


def check_constants(program: Program, dtype: np.dtype[Any]) -> None:
    """ConstantError where a constant is beyond the largest number of `dtype`; a PrecisionWarning where it becomes 0."""
    if dtype.itemsize > 8:  # holds every Python number
        return
    largest, smallest = float(np.finfo(dtype).max), float(np.finfo(dtype).smallest_subnormal)
    for value in program.constants:
        if type(value) not in (float, complex) or not np.isfinite(value):
            continue
        for part in (value.real, value.imag):
            if abs(part) > largest:
                raise ConstantError(
                    f"The constant {part} is beyond the largest {dtype}, {largest}; rescale, or use a wider dtype"
                )
            if part and abs(part) < smallest / 2:
                warnings.warn(
                    f"The constant {part} is below the smallest {dtype}, {smallest}, and becomes 0",
                    PrecisionWarning,
                    stacklevel=2,
                )


def numbers_in(
    dtype: np.dtype[Any], run: backends.Runner, nodes: Sequence[Node], program: Program, leaves: Sequence[Node]
) -> backends.Runner:
    """`run` with those outputs that nothing fed decides the dtype of (constants, and numbers made of dimensions) in `dtype`, as all others.

    `run` computes `nodes` by `program`, from `leaves`.
    """
    fed = bytearray(program.size)
    for number, leaf in enumerate(leaves):
        fed[number] = isinstance(leaf, placeholder)
    for step in program.steps:
        for source in step.inputs:
            if fed[source]:
                fed[step.output] = 1
                break
    lengths = [isinstance(node, plain_number) or node.spec.dtype in (float, complex) for node in nodes]
    places = [i for i, n in enumerate(program.outputs) if lengths[i] or not fed[n]]
    if not places:
        return run
    partner = np.result_type(dtype, np.complex64)

    def run_typed(values: Sequence[Any], *offered: Any) -> list[Any]:
        outputs = run(values, *offered)
        for place in places:
            value = np.asarray(outputs[place])
            if value.dtype.kind != "b":
                outputs[place] = value.astype(partner if value.dtype.kind == "c" else dtype)[()]
        return outputs

    return run_typed
