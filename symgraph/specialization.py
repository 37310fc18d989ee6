"""Programs for inputs of certain shapes: operations that put a value into the shape of another one go where it has that shape already, entries are
counted of inputs, which need not be computed first, and what follows from shapes alone is computed once.

Which lengths there are does not matter, only which are equal: a program for one size of a batch is that for all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np

from .backends import Compiler, Runner
from .errors import ShapeError
from .graph import Graph, Node
from .nodes import Operation, placeholder
from .ops.array import broadcast_like, unbroadcast
from .ops.reduction import _count
from .program import Program, Step
from .shapes import Spec, is_static

__all__ = ["adapting", "equal_lengths", "parted", "specialised"]

_PACKAGE = f"{__name__.partition('.')[0]}."

# Lengths that stand for those which are not known. Two of each: what comes out equal by chance does so with one of them at most.
_STANDINS = ((1009, 1013, 1019, 1021, 1031, 1033, 1039, 1049), (2003, 2011, 2017, 2027, 2029, 2039, 2053, 2063))

Pattern = tuple[tuple[Any, ...], ...]


_MOST_PATTERNS = 32  # of equal lengths, of which programs are kept
_MOST_SHAPES = 256  # of which it is remembered what pattern is theirs


def adapting(program: Program, leaves: Sequence[Node], compiler: Compiler) -> Runner:
    """The program's runner, which is one of several: that for the shapes that it gets, whatever it got before.

    >>> from symgraph import backends, gradients, placeholder
    >>> x, y = placeholder("float64", (None,)), placeholder("float64", (None,))
    >>> run = adapting(*Program.of(gradients(x * y, x)), backends.get("numpy"))
    >>> run([np.ones(2), np.ones(2)]), run([np.ones(1), np.ones(2)])
    ([array([1., 1.])], [array([2.])])
    """
    if not any(isinstance(step.operation, (broadcast_like, unbroadcast)) for step in program.steps):
        return compiler(program)

    @lru_cache(_MOST_PATTERNS)
    def version(pattern: Pattern | None) -> tuple[Runner | None, list[int], Runner]:
        early, read, rest = parted(program if pattern is None else specialised(program, leaves, pattern))
        return compiler(early) if early.outputs else None, read, compiler(rest)

    @lru_cache(_MOST_SHAPES)
    def prepared(shapes: tuple[tuple[int, ...], ...]) -> tuple[Runner, list[Any]]:
        early, read, run = version(equal_lengths(leaves, shapes))
        return run, [] if early is None else early([np.broadcast_to(np.nan, shapes[leaf]) for leaf in read])

    def run(values: Sequence[Any]) -> list[Any]:
        run_rest, known = prepared(tuple([value.shape for value in values]))
        return run_rest([*values, *known])

    return run


def equal_lengths(leaves: Sequence[Node], shapes: Sequence[tuple[int, ...]]) -> Pattern | None:
    """For each axis of each leaf its length if that is declared, or is 0 or 1, else -1, -2, ..., the same for equal lengths.

    None if there are more different lengths than can be told apart.

    >>> from symgraph import placeholder
    >>> equal_lengths([placeholder("float64", (None, 3)), placeholder("float64", (None, None))], [(7, 3), (5, 7)])
    ((-1, 3), (-2, -1))
    """
    places: dict[int, int] = {}
    pattern = []
    for leaf, shape in zip(leaves, shapes, strict=True):
        core = leaf.shape[1:] if leaf.shape[:1] == (...,) else leaf.shape
        declared = [*[None] * (len(shape) - len(core)), *core]
        pattern.append(
            tuple(
                [
                    n if n == known or n < 2 else places.setdefault(n, -1 - len(places))
                    for n, known in zip(shape, declared, strict=True)
                ]
            )
        )
    return tuple(pattern) if len(places) <= len(_STANDINS[0]) else None


def specialised(program: Program, leaves: Sequence[Node], pattern: Pattern) -> Program:
    """The same Program for leaves of which `equal_lengths` is `pattern`.

    >>> from symgraph import gradients, placeholder
    >>> x, y = placeholder("float64", (None,)), placeholder("float64", (None,))
    >>> program, leaves = Program.of(gradients(x * y, x))
    >>> print(specialised(program, leaves, ((-1,), (-1,))))
    v0 = leaf
    v1 = leaf
    v2 = multiply(v0, v1)
    v3 = ones_like(v2)
    v4 = multiply(v3, v1)
    return v4
    """
    versions = [_specs(program, leaves, pattern, lengths) for lengths in _STANDINS]
    same: dict[int, int] = {}  # the number of the value that another one is
    steps = []
    for step in program.steps:
        step = Step(step.operation, tuple(same.get(n, n) for n in step.inputs), step.output)
        if all(_is_superfluous(step, specs) for specs in versions):
            same[step.output] = step.inputs[0]
        elif isinstance(step.operation, _count):
            steps.append(_counted_early(step, versions, leaves, pattern))
        else:
            steps.append(step)
    return _without_unused(program, steps, [same.get(n, n) for n in program.outputs])


def _specs(program: Program, leaves: Sequence[Node], pattern: Pattern, lengths: Sequence[int]) -> list[Spec]:
    """What is known of each value."""
    specs = [
        Spec(tuple(n if n >= 0 else lengths[-1 - n] for n in shape), leaf.dtype)
        for leaf, shape in zip(leaves, pattern, strict=True)
    ]
    for value in program.constants:
        specs.append(
            Spec((), type(value)) if type(value) in (bool, int, float, complex) else Spec(value.shape, value.dtype)
        )
    for step in program.steps:
        operation, spec = step.operation, step.operation.spec
        if type(operation).__module__.startswith(_PACKAGE):
            with suppress(ShapeError):  # of lengths that are different here, but need not be
                spec = operation.infer(*[specs[n] for n in step.inputs])
        specs.append(spec)
    return specs


def _is_superfluous(step: Step, specs: Sequence[Spec]) -> bool:
    """Whether an operation's value is its first input."""
    operation = step.operation
    if not isinstance(operation, (broadcast_like, unbroadcast)):
        return False
    x, like = (specs[n] for n in step.inputs)
    real = isinstance(operation, broadcast_like) or like.is_complex or x.is_complex is False
    known = isinstance(x.dtype, np.dtype) and is_static(x.shape)  # a Python number becomes an array, whose dtype counts
    return bool(real) and known and x.shape == like.shape


def _counted_early(step: Step, versions: Sequence[Sequence[Spec]], leaves: Sequence[Node], pattern: Pattern) -> Step:
    """The same number, counted along axes of a leaf that are as long, if there are such."""
    shapes = [specs[step.inputs[0]].shape for specs in versions]
    if not all(map(is_static, shapes)):
        return step
    lengths = list(zip(*shapes, strict=True))
    axes = range(len(lengths)) if step.operation.axis is None else step.operation.axis  # type: ignore[attr-defined]
    if not all(-len(lengths) <= axis < len(lengths) for axis in axes):
        return step  # whose error is its own
    names = {pair: -1 - place for place, pair in enumerate(zip(*_STANDINS, strict=True))}
    names |= {(n, n): n for n, other in lengths if n == other}
    wanted = [names.get(lengths[axis]) for axis in axes]
    if None in wanted:  # lengths that follow from those of leaves
        return step
    for number, (leaf, shape) in enumerate(zip(leaves, pattern, strict=True)):
        free = list(shape)
        found = []
        for length in wanted:
            if length in free:
                found.append(free.index(length))
                free[found[-1]] = None
        if len(found) == len(wanted) and ... not in leaf.shape:
            with Graph().as_default():  # not in the user's
                return Step(_count(placeholder(leaf.dtype, leaf.shape), found), (number,), step.output)
    return step


def parted(program: Program) -> tuple[Program, list[int], Program]:
    """The numbers that follow from constants and from how many entries leaves have; these leaves; the rest, with the numbers as leaves.

    >>> from symgraph import placeholder
    >>> x, y = placeholder("float64", (None,)), placeholder("float64", (None,))
    >>> early, read, rest = parted(Program.of([x * (_count(y) * 2.0)])[0])
    >>> print(early, read, rest, sep="\\n")
    v0 = leaf
    v1 = 2.0
    v2 = _count(v0, axis=None)
    v3 = multiply(v2, v1)
    return v3
    [1]
    v0 = leaf
    v1 = leaf
    v2 = leaf
    v3 = 2.0
    v4 = multiply(v0, v2)
    return v4
    """
    constants = range(program.leaves, program.leaves + len(program.constants))
    known = set(constants)
    for step in program.steps:
        counts = isinstance(step.operation, _count) and step.inputs[0] < program.leaves
        if counts or (_is_of_numbers(step.operation) and known.issuperset(step.inputs)):
            known.add(step.output)
    early = [step for step in program.steps if step.output in known]
    rest = [step for step in program.steps if step.output not in known]
    needed = {*program.outputs, *[number for step in rest for number in step.inputs]}
    found = [step.output for step in early if step.output in needed]
    read = sorted({number for step in early for number in step.inputs if number < program.leaves})
    return (
        _of_steps(program, early, read, found),
        read,
        _of_steps(program, rest, [*range(program.leaves), *found], program.outputs),
    )


def _of_steps(program: Program, steps: Sequence[Step], leaves: Sequence[int], outputs: Sequence[int]) -> Program:
    """A part of a program: these steps, with the values of these numbers as leaves."""
    constants = range(program.leaves, program.leaves + len(program.constants))
    number = {n: k for k, n in enumerate([*leaves, *constants, *[step.output for step in steps]])}
    renumbered = [Step(s.operation, tuple(number[n] for n in s.inputs), number[s.output]) for s in steps]
    return Program(len(leaves), program.constants, tuple(renumbered), tuple(number[n] for n in outputs))


def _is_of_numbers(operation: Operation) -> bool:
    """Whether an operation gives one number, which nothing but its inputs determines."""
    ours = operation.pure and operation.takes_xp and type(operation).__module__.startswith(_PACKAGE)
    return ours and operation.spec.shape == ()


def _without_unused(program: Program, steps: Sequence[Step], outputs: Sequence[int]) -> Program:
    """The steps without pure ones that nothing needs, with new numbers."""
    used = set(outputs)
    kept: list[Step] = []
    for step in reversed(steps):
        if step.output in used or not step.operation.pure:
            kept.append(step)
            used.update(step.inputs)
    return _of_steps(program, kept[::-1], range(program.leaves), outputs)
