"""Partition: a Program cut into native kernels and library steps.

Each step's `compute` is tried on lanes. Where it goes through, the step belongs to a kernel; where not, it is a library step, computed on
arrays. All native steps that can run between the same library steps are one kernel.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...graph import Node
from ...nodes import Operation, placeholder
from ...ops.base import Elementwise, PureOperation
from ...ops.state import _Assignment
from ...program import Program, Step
from .code import Code
from .cores import LARGEST, LARGEST_LEAF, Core, own_core, picked, reduced_lengths, size_of
from .lanes import BOOL, KINDS, Lane, Lanes, Unsupported
from .namespace import Namespace

__all__ = ["Kernel", "Trace", "partition"]


@dataclass
class Trace:
    """The code of a kernel for inputs of certain dtypes.

    Attributes:
        inputs: for each input of the kernel its dtype and the numbers of its leaves, entry by entry.
        values: the lanes of each value that the kernel computes.
    """

    namespace: Namespace = field(default_factory=lambda: Namespace(Code()))
    inputs: list[tuple[np.dtype[Any], list[int]]] = field(default_factory=list)
    values: dict[int, Any] = field(default_factory=dict)
    _places: int = 0

    @property
    def code(self) -> Code:
        return self.namespace.code

    def add_input(self, core: Core, dtype: np.dtype[Any]) -> Any:
        lanes = np.empty(core, object)
        numbers: list[int] = []
        for place in np.ndindex(core):
            lane = lanes[place] = self.namespace.leaf(dtype, self._places)
            self._places += len(lane.ids)
            numbers += lane.ids
        self.inputs.append((dtype, numbers))
        return Lanes(self.namespace, dtype, lanes) if core else lanes[()]


@dataclass
class Kernel:
    """Native steps.

    Attributes:
        inputs: the numbers of the values that it reads, each with its core: the lengths of the last axes, which are there as lanes.
        steps: what it computes; for each step where each of its inputs is: (True, place in `inputs`) or (False, number of the value).
        outputs: the numbers of the values that others need, each with its core, and the set of the inputs that it depends on.
        totals: for those outputs that are reductions over batch axes, which is done while the rows are computed, the reduction.
        equals: pairs of sets of inputs, whose batch axes must be the same.
        trace: the code for the dtypes that are expected.
    """

    inputs: list[tuple[int, Core]] = field(default_factory=list)
    steps: list[tuple[Step, list[tuple[bool, int]]]] = field(default_factory=list)
    outputs: list[tuple[int, Core, frozenset[int]]] = field(default_factory=list)
    totals: dict[int, Operation] = field(default_factory=dict)
    equals: set[tuple[frozenset[int], frozenset[int]]] = field(default_factory=set)
    trace: Trace = field(default_factory=Trace)

    def value(self, number: int, program: Program) -> Any:
        """The lanes of an output of the program: of a step, of a leaf or of a constant. Raises Unsupported."""
        if number in self.trace.values:
            return self.trace.values[number]
        if number >= program.leaves:
            value = program.constants[number - program.leaves]
            if type(value) in (int, float):
                return self.trace.namespace.lane(float(value), np.dtype(np.float64))
        for (leaf, core), (dtype, numbers) in zip(self.inputs, self.trace.inputs, strict=True):
            if leaf == number and core == ():
                return Lane(self.trace.namespace, dtype, tuple(numbers))
        raise Unsupported("an output that is not computed")

    def traced(self, dtypes: Sequence[np.dtype[Any]], constants: Sequence[Any], first: int) -> Trace:
        """The code for inputs of these dtypes. Raises Unsupported."""
        if all(have == want for (have, _), want in zip(self.trace.inputs, dtypes, strict=True)):
            return self.trace
        trace = Trace()
        lanes = [trace.add_input(core, dtype) for (_, core), dtype in zip(self.inputs, dtypes, strict=True)]
        for step, places in self.steps:
            arguments = [
                lanes[place] if outside else trace.values[place] if place in trace.values else constants[place - first]
                for outside, place in places
            ]
            if step.output in self.totals:
                (trace.values[step.output],) = arguments
            else:
                trace.values[step.output] = _computed(step.operation, arguments, trace.namespace)
        return trace


def _computed(operation: Operation, arguments: Sequence[Any], namespace: Namespace) -> Any:
    try:
        value = operation.compute(*arguments, xp=namespace)
    except (
        AttributeError,
        TypeError,
        IndexError,
        ValueError,
        NotImplementedError,
        OverflowError,
    ) as error:  # it asks for more than lanes have
        raise Unsupported(str(error)) from error
    if not isinstance(value, (Lane, Lanes)):
        raise Unsupported("a result that is no lane")
    return value


def partition(program: Program, optimistic: bool = True, of_arrays: bool = True) -> list[list[Kernel | Step]]:
    """For each stage, the kernel that runs first (if there is one), and the library steps after it.

    An `optimistic` one takes it that batches agree where an operation needs that; the kernels check it (`Kernel.equals`). One that is
    `of_arrays` leaves a single step to NumPy where that is as good.
    """
    return _Partition(program, optimistic).stages(of_arrays)


def _places(mask: int) -> frozenset[int]:
    return frozenset(place for place in range(mask.bit_length()) if mask >> place & 1)


class _Partition:
    def __init__(self, program: Program, optimistic: bool) -> None:
        self.program, self.optimistic = program, optimistic
        self.first = program.leaves
        self.constants = program.constants
        self.numbers = {i for i, value in enumerate(program.constants, self.first) if np.ndim(value) == 0}
        self.nodes: dict[int, Node] = {}
        self.stage: dict[int, int] = {}  # of computed values
        self.native: dict[int, Core] = {}  # the core of those that a kernel computes
        self.kernels: dict[int, Kernel] = {}
        self.library: dict[int, list[Step]] = {}
        self.inputs: dict[tuple[int, int, Core], Any] = {}  # (stage, value, core) -> (place, lanes)
        self.depends: dict[int, int] = {}  # on which inputs of its kernel a native value depends, as bits
        self.equals: dict[int, set[tuple[int, int]]] = {}
        self.scalars: set[int] = set()  # values of which it is known that their axes are all of the batch
        self.read: set[int] = set()  # native values that are read as arrays
        self.lengths = reduced_lengths(program)
        self.picked = picked(program)
        self.effects = 0  # the stage of a user's last step: it may do more than compute, so those stay in order
        for step in program.steps:
            self._place(step)

    def stages(self, of_arrays: bool) -> list[list[Kernel | Step]]:
        needed = self.read | set(self.program.outputs)
        result: list[list[Kernel | Step]] = []
        for stage in sorted(self.kernels.keys() | self.library.keys()):
            kernel = self.kernels.get(stage)
            items: list[Kernel | Step] = []
            if kernel is not None and kernel.steps:
                if of_arrays and len(kernel.steps) == 1 < len(self.program.steps) and not _is_worth_it(kernel):
                    items.append(kernel.steps[0][0])
                else:
                    numbers = [s.output for s, _ in kernel.steps if s.output in needed or s.output in kernel.totals]
                    kernel.outputs = [(n, self.native.get(n, ()), _places(self.depends[n])) for n in numbers]
                    kernel.equals = {(_places(a), _places(b)) for a, b in self.equals.get(stage, ())}
                    items.append(kernel)
            items.extend(self.library.get(stage, []))
            result.append(items)
        if len(result) == 1 and len(result[0]) == 1 and isinstance(result[0][0], Kernel):
            self._take_all(result[0][0])
        return result

    def _take_all(self, kernel: Kernel) -> None:
        """Let the only kernel have also the leaves that come out as they are: it can write them where nothing else is done."""
        taken = {number for number, _ in kernel.inputs}
        for number in self.program.outputs:
            if number < self.program.leaves and number not in taken:
                taken.add(number)
                kernel.inputs.append((number, ()))
                kernel.trace.add_input((), np.dtype(np.float64))

    def _place(self, step: Step) -> None:
        operation = step.operation
        if type(operation).__module__.startswith(_PACKAGE):
            if self._continued(step):
                return
            for number, node in zip(step.inputs, operation.input_nodes, strict=True):
                if number not in self.nodes:
                    self.nodes[number] = node
                    if isinstance(node, placeholder) and node.symbol is not None and node.core == ():
                        self.scalars.add(number)
            self.nodes[step.output] = operation
            if operation.takes_xp and isinstance(operation, (PureOperation, _Assignment)) and operation.rowwise:
                try:
                    self._place_native(step)
                    return
                except Unsupported:
                    pass
            if getattr(operation, "total", "") and self._place_total(step):
                return
        stage = 0
        for number in step.inputs:
            stage = max(stage, self.stage.get(number, 0))
            if number in self.native:
                self.read.add(number)
        if not (operation.pure or (operation.takes_xp and type(operation).__module__.startswith(_PACKAGE))):
            stage = self.effects = max(stage, self.effects)
        self.stage[step.output] = stage
        self.library.setdefault(stage, []).append(step)

    def _continued(self, step: Step) -> bool:
        """Place an elementwise step of numbers, scalars that are fed, and those of one kernel: most steps of most programs, with few questions."""
        operation, inputs, output = step
        if not isinstance(operation, Elementwise) or not operation.takes_xp:
            return False
        stage, native, numbers, scalars, first = -1, self.native, self.numbers, self.scalars, self.first
        fed = known = True
        for number in inputs:
            if number in native:
                here = self.stage[number]
                if native[number] != () or (stage != here and stage >= 0):
                    return False
                stage = here
                known = known and number in scalars
            elif number in numbers:
                continue
            elif number >= first or number not in scalars:
                return False
            fed = False
        if fed:  # by nothing
            return False
        stage = max(stage, 0)
        kernel = self._kernel(stage)
        values, places, arguments, mask = kernel.trace.values, [], [], 0
        try:
            for number in inputs:
                outside = False
                place, argument = number, None
                if number in native:
                    argument = values[number]
                    mask |= self.depends[number]
                elif number in numbers:
                    argument = self.constants[number - first]
                else:
                    outside = True
                    place, argument = self._input(kernel, stage, number, ())
                    mask |= 1 << place
                places.append((outside, place))
                arguments.append(argument)
            value = _computed(operation, arguments, kernel.trace.namespace)
        except Unsupported:
            return False
        if value.shape != ():
            return False
        values[output] = value
        kernel.steps.append((step, places))
        self.nodes[output] = operation
        native[output], self.stage[output], self.depends[output] = (), stage, mask
        if known:
            scalars.add(output)
        return True

    def _place_native(self, step: Step) -> None:
        cores = self._cores(step)
        if any(core is not None and 0 in core for core in cores):  # of no lanes no dtype is known
            raise Unsupported("a core without entries")
        operation = step.operation
        most = LARGEST_LEAF if step.output in self.picked else LARGEST
        if size_of(cores) > most and (isinstance(operation, Elementwise) or size_of([own_core(operation)]) > most):
            raise Unsupported("a large core")
        stage = 0
        for number, core in zip(step.inputs, cores, strict=True):
            if core is None:
                continue
            before = self.stage.get(number)
            if before is not None:
                stays = number in self.native and self.native[number] == core
                stage = max(stage, before if stays else before + 1)
        kernel = self._kernel(stage)
        places, arguments = [], []
        for number, core in zip(step.inputs, cores, strict=True):
            if core is None:
                places.append((False, number))
                arguments.append(self.constants[number - self.first])
            elif self.native.get(number) == core and self.stage[number] == stage:
                places.append((False, number))
                arguments.append(kernel.trace.values[number])
            else:
                place, lanes = self._input(kernel, stage, number, core)
                places.append((True, place))
                arguments.append(lanes)
        value = _computed(step.operation, arguments, kernel.trace.namespace)
        for (outside, _), number in zip(places, step.inputs, strict=True):
            if outside and number in self.native:
                self.read.add(number)
        masks = [1 << place if outside else self.depends.get(place, 0) for outside, place in places]
        if isinstance(step.operation, _Assignment):  # the new value has the variable's batch axes, or fewer
            masks[1] |= masks[0]
        if step.operation.needs_equal_batches and len(set(masks)) > 1:  # type: ignore[attr-defined]
            if not self.optimistic:
                raise Unsupported("batches that may differ")
            self.equals.setdefault(stage, set()).update(itertools.pairwise(masks))
        if value.shape == () and cores == [self._core(number) for number in step.inputs] and self._are_known(step):
            self.scalars.add(step.output)
        self.depends[step.output] = functools.reduce(operator.or_, masks, 0)
        kernel.trace.values[step.output] = value
        kernel.steps.append((step, places))
        self.native[step.output], self.stage[step.output] = value.shape, stage

    def _place_total(self, step: Step) -> bool:
        """Place a reduction over batch axes with the kernel that computes the rows, if there is one. Its value is there after the kernel."""
        (source,), operation = step.inputs, step.operation
        if self.native.get(source) != () or operation.axis not in (None, (-1,)):  # type: ignore[attr-defined]
            return False
        stage = self.stage[source]
        kernel = self.kernels[stage]
        rows = kernel.trace.values[source]
        if rows.dtype.kind != "f":
            return False
        kernel.steps.append((step, [(False, source)]))
        kernel.trace.values[step.output], kernel.totals[step.output] = rows, operation
        self.stage[step.output], self.depends[step.output] = stage, self.depends[source]
        return True

    def _kernel(self, stage: int) -> Kernel:
        kernel = self.kernels.get(stage)
        if kernel is None:
            kernel = self.kernels[stage] = Kernel()
        return kernel

    def _input(self, kernel: Kernel, stage: int, number: int, core: Core) -> tuple[int, Any]:
        key = (stage, number, core)
        if key not in self.inputs:
            dtype = self.nodes[number].spec.dtype
            if dtype is None:
                dtype = np.dtype(np.float64)
            if dtype not in KINDS:
                raise Unsupported(f"numbers of dtype {dtype}")
            dtype = BOOL if dtype == BOOL else dtype
            kernel.inputs.append((number, core))
            self.inputs[key] = (len(kernel.inputs) - 1, kernel.trace.add_input(core, np.dtype(dtype)))
        found: tuple[int, Any] = self.inputs[key]
        return found

    def _cores(self, step: Step) -> list[Core | None]:
        """For each input the core that is there as lanes; None for a constant number.

        An elementwise operation whose inputs have no cores in common takes each entry as a row.
        """
        cores = [self._core(number) for number in step.inputs]
        ranks = {len(core) for core in cores if core is not None and core != _UNKNOWN}
        if step.operation.of_matrices or (step.operation.entrywise and ranks == {2}):  # type: ignore[attr-defined]
            cores = [None if self._is_matrix(n) else core for n, core in zip(step.inputs, cores, strict=True)]
        known = [core for core in cores if core is not None]
        if step.inputs and not known:  # whole numbers stay whole, which lanes are not
            raise Unsupported("nothing but constants")
        if step.operation.entrywise:  # type: ignore[attr-defined]
            ranks = {
                len(core)
                for n, core in zip(step.inputs, cores, strict=True)
                if core is not None and not self._is_one(n)
            }
            if _UNKNOWN in known or len(ranks) > 1:
                return [core if core is None else () for core in cores]
        elif _UNKNOWN in known or not self._are_known(step):
            raise Unsupported("an unknown core")
        return cores

    def _is_matrix(self, number: int) -> bool:
        """Whether a value is a small constant matrix."""
        place = number - self.first
        return 0 <= place < len(self.constants) and (
            np.ndim(self.constants[place]) == 2 and np.size(self.constants[place]) <= LARGEST
        )

    def _is_one(self, number: int) -> bool:
        """Whether a value is a single number, without axes of any kind."""
        return number in self.nodes and self.nodes[number].spec.shape == ()

    def _are_known(self, step: Step) -> bool:
        """Whether no input is one of unknown rank, which is taken entry by entry."""
        return all(
            core is None or core != () or number in self.scalars or self._is_one(number)
            for number, core in zip(step.inputs, map(self._core, step.inputs), strict=True)
        )

    def _core(self, number: int) -> Core | None:
        if number in self.native:
            return self.native[number]
        place = number - self.first
        if 0 <= place < len(self.constants):
            value = self.constants[place]
            return None if np.ndim(value) == 0 else _UNKNOWN
        shape = self.nodes[number].spec.shape
        if self.lengths and ... not in shape:
            return () if shape == () else shape[-1:] if shape[-1] in self.lengths else _UNKNOWN  # type: ignore[return-value]
        core = shape[1:]
        if shape[:1] != (...,) or None in core or math.prod(core) > LARGEST_LEAF:  # type: ignore[arg-type]
            return _UNKNOWN
        return core  # type: ignore[return-value]


_UNKNOWN: Core = (-1,)
_PACKAGE = f"{__name__.partition('.')[0]}."


def _is_worth_it(kernel: Kernel) -> bool:
    """Whether a single step is more than NumPy does as well in one pass."""
    instructions = kernel.trace.code.instructions
    return len(instructions) > 12 or any(instruction[0] == "elementary" for instruction in instructions)
