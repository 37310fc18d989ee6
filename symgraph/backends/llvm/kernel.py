"""Kernels: a loop over rows around the text of Code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .branches import with_branches
from .code import Code, Instruction
from .emission import Emission, contracted, jump, needed, sources
from .engine import host
from .parts import LONGEST, Parts
from .transposes import concatenated, groups, load_group, part_of, store_group

__all__ = ["CONTIGUOUS", "KernelText", "Operand", "STRIDED", "UNIFORM", "loop_text", "size_of", "width_of"]

UNIFORM, CONTIGUOUS, STRIDED = "uniform", "contiguous", "strided"
SIZE = {"double": 8, "float": 4, "i64": 8, "i32": 4, "i1": 1}


@dataclass(frozen=True)
class Operand:
    """An array that a kernel reads or writes.

    Attributes:
        kind: of its entries in memory; conditions are bytes there.
        lanes: for each entry of a row, its number (of a leaf, or of the instruction that is written) and its offset in entries.
        pattern: UNIFORM where all rows are the same one, CONTIGUOUS where rows follow each other, STRIDED for any distance between rows.
    """

    kind: str
    lanes: tuple[tuple[int, int], ...]
    pattern: str


class KernelText(NamedTuple):
    """A module in LLVM's text, the C functions that it calls, and how many bytes of scratch memory it needs."""

    text: str
    symbols: set[str]
    scratch: int


def width_of(bits: int, instructions: int, entries: int = 0, single: bool = False) -> int:
    """How many rows are computed at once: as many as registers hold, and more of them where there are registers enough to hide latency.

    The bounds are where the measured times of longer and longer programs cross. The `entries` of a row that are read and written, matrices
    above all, take registers too. Of floats in `single` precision a register holds twice as many.
    """
    most = 4 if entries <= 12 else 2 if entries <= 32 else 1
    return bits // 64 * min(most, 2 if instructions <= 64 and not single else 4 if instructions <= 320 else 1)


def size_of(code: Code, outputs: Sequence[int]) -> int:
    """How many instructions a row is, where one of SciPy's functions takes the time of about 2000."""
    work = [code.instructions[number] for number in needed(code, outputs)]
    calls = [i for i in work if i[0] in ("call", "rare") and i[2].startswith("scipy_")]
    return len(work) + 2000 * len(calls)


def loop_text(
    name: str, code: Code, inputs: Sequence[Operand], outputs: Sequence[Operand], width: int, contract: bool = True
) -> KernelText:
    """A module with the function `void name(ptr pointers, ptr strides, i64 start, i64 stop, ptr scratch)`.

    `pointers` has the address of row 0 of each operand, first of the inputs, then of the outputs; `strides` the distance between rows in bytes.
    There must be at least `width` rows: where their number is no multiple of it, the last `width` ones are computed together, some a second
    time. What depends on uniform operands alone is computed once, before the loop. `scratch` is memory of each thread's own.
    """
    written = [number for operand in outputs for number, _ in operand.lanes]
    order = needed(code, written)
    items = contracted(code, order, written) if contract else [(n, code.instructions[n]) for n in order]
    before, body = Emission(code, 1, "u"), Emission(code, width, "v")
    memory = _Memory(width, [*inputs, *outputs])
    present = set(order)
    for place, operand in enumerate(inputs):
        if operand.pattern == UNIFORM:
            memory.load_uniform(before, place, operand, present)
    small = len(items) <= LONGEST
    uniform = _uniform(items, set(before.names)) if small else set(before.names)
    inside = {s for n, i in items if n not in uniform for s in sources(i)}
    before.run(with_branches([(n, i) for n, i in items if n in uniform], inside.union(written)))
    memory.splat(before, body, uniform, items, written)
    for place, operand in enumerate(inputs):
        if operand.pattern != UNIFORM:
            memory.load(body, place, operand, present)
    parts: Parts | None = None
    if small:
        body.run(with_branches([(n, i) for n, i in items if n not in uniform], written))
    else:
        parts = Parts(body, items, written)
    body.lines += jump("write")
    for place, operand in enumerate(outputs, len(inputs)):
        memory.store(body, place, operand)
    lines = [
        f"define void @{name}(ptr noalias %pointers, ptr noalias %strides, i64 %start, i64 %stop, ptr noalias %scratch) {{",
        "entry:",
        *memory.lines,
        *before.lines,
        "br label %ready",
        "ready:",
        *memory.splats,
        f"%last = sub i64 %stop, {width}",
        "br label %loop",
        "loop:",
        "%i = phi i64 [ %start, %ready ], [ %next, %latch ]",
        *memory.addresses,
        *body.lines,
        *jump("latch"),
        f"%after = add i64 %i, {width}",
        "%more = icmp slt i64 %after, %stop",
        "%beyond = icmp sgt i64 %after, %last",
        "%next = select i1 %beyond, i64 %last, i64 %after",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ]
    declarations = {**before.declarations, **body.declarations, **(parts.declarations if parts else {})}
    symbols = before.symbols | body.symbols | (parts.symbols if parts else set())
    text = "\n".join([*(parts.functions if parts else ()), *lines, *declarations.values(), ""])
    return KernelText(text, symbols, parts.slots * 8 * width if parts else 0)


def _uniform(items: Sequence[tuple[int, Instruction]], leaves: set[int]) -> set[int]:
    """The instructions that have the same value in all rows, given such leaves; constants are none of them."""
    constants = {n for n, i in items if i[0] == "const"}
    uniform = set(leaves)
    for number, instruction in items:
        if instruction[0] not in ("const", "leaf") and all(
            s in uniform or s in constants for s in sources(instruction)
        ):
            uniform.add(number)
    return uniform


class _Memory:
    """Text that loads and stores. `lines` stand before everything, `addresses` at the head of the loop."""

    def __init__(self, width: int, operands: Sequence[Operand]) -> None:
        self.width = width
        self.lines: list[str] = []
        self.addresses: list[str] = []
        self.splats: list[str] = []
        for k, operand in enumerate(operands):
            self.lines += [f"%q{k} = getelementptr ptr, ptr %pointers, i64 {k}", f"%p{k} = load ptr, ptr %q{k}"]
            if operand.pattern == STRIDED:
                self.lines += [f"%t{k} = getelementptr i64, ptr %strides, i64 {k}", f"%s{k} = load i64, ptr %t{k}"]
                self.addresses += [f"%o{k} = mul i64 %i, %s{k}", f"%r{k}.0 = getelementptr i8, ptr %p{k}, i64 %o{k}"]
                self.addresses += [
                    f"%r{k}.{lane} = getelementptr i8, ptr %r{k}.{lane - 1}, i64 %s{k}" for lane in range(1, width)
                ]
            elif operand.pattern == CONTIGUOUS:
                row = len(operand.lanes) * SIZE[operand.kind]
                self.addresses += [f"%o{k} = mul i64 %i, {row}", f"%r{k} = getelementptr i8, ptr %p{k}, i64 %o{k}"]

    def load_uniform(self, before: Emission, k: int, operand: Operand, present: set[int]) -> None:
        for number, offset in operand.lanes:
            if number in present:
                name = f"%u{number}"
                before.lines.append(f"%a{k}.{offset} = getelementptr i8, ptr %p{k}, i64 {offset * SIZE[operand.kind]}")
                _load(before.lines, name, operand.kind, 1, f"%a{k}.{offset}")
                before.names[number] = name

    def splat(
        self,
        before: Emission,
        body: Emission,
        uniform: set[int],
        items: Sequence[tuple[int, Instruction]],
        written: Sequence[int],
    ) -> None:
        """Vectors of the uniform values that are read in the loop."""
        read = {s for n, i in items if n not in uniform for s in sources(i)} | set(written)
        for number in sorted(uniform):
            if number not in read:
                continue
            value = before.names[number]
            if self.width == 1:
                body.names[number] = value
                continue
            kind = body.code.kinds[number]
            t = f"<{self.width} x {kind}>"
            self.splats += [
                f"%w{number}a = insertelement {t} poison, {kind} {value}, i32 0",
                f"%w{number} = shufflevector {t} %w{number}a, {t} poison, <{self.width} x i32> zeroinitializer",
            ]
            body.names[number] = f"%w{number}"

    def load(self, body: Emission, k: int, operand: Operand, present: set[int]) -> None:
        if operand.pattern == CONTIGUOUS and len(operand.lanes) == 1:
            ((number, _),) = operand.lanes
            if number in present:
                name = body.names[number] = f"%v{number}"
                _load(body.lines, name, operand.kind, self.width, f"%r{k}")
            return
        for first, count in self._groups(operand):
            columns = operand.lanes[first : first + count]
            wanted = [(number, offset) for number, offset in columns if number in present]
            if count == 1 or len(wanted) <= count // 4:
                for number, offset in wanted:
                    name = body.names[number] = f"%v{number}"
                    self._load_entries(body.lines, name, k, operand, offset)
            else:
                self._load_group(body, k, operand, first, count)

    def _groups(self, operand: Operand) -> list[tuple[int, int]]:
        """The entries of a row in groups that are read or written together."""
        if self.width == 1 or operand.kind == "i1":
            return [(place, 1) for place in range(len(operand.lanes))]
        return groups(len(operand.lanes), self._together(operand), operand.pattern == CONTIGUOUS)

    def _together(self, operand: Operand) -> int:
        """How many rows are transposed at once: as many as a register has entries."""
        return min(self.width, host().bits // (8 * SIZE[operand.kind]))

    def _address(self, lines: list[str], name: str, k: int, operand: Operand) -> Callable[[int, int], str]:
        def address(row: int, entry: int) -> str:
            base, step = f"%r{k}.{row}", entry
            if operand.pattern == CONTIGUOUS:
                base, step = f"%r{k}", row * len(operand.lanes) + entry
            at = f"{name}.p{row}.{entry}"
            lines.append(f"{at} = getelementptr i8, ptr {base}, i64 {step * SIZE[operand.kind]}")
            return at

        return address

    def _load_group(self, body: Emission, k: int, operand: Operand, first: int, count: int) -> None:
        lanes, lines, kind = self._together(operand), body.lines, operand.kind
        whole = operand.pattern == CONTIGUOUS and count == len(operand.lanes)
        parts = []
        for start in range(0, self.width, lanes):
            name = f"%g{k}.{first}.{start}"
            address = self._address(lines, name, k, operand)
            parts.append(load_group(lines, name, kind, lanes, (start, first), count, whole, address))
        for (number, _), pieces in zip(operand.lanes[first : first + count], zip(*parts, strict=True), strict=True):
            if number >= 0:
                body.names[number] = concatenated(lines, f"%v{number}", kind, pieces, lanes)

    def _load_entries(self, lines: list[str], name: str, k: int, operand: Operand, offset: int) -> None:
        """One entry of each row."""
        kind = operand.kind
        memory = "i8" if kind == "i1" else kind
        t = f"<{self.width} x {memory}>"
        value = "poison"
        address = self._address(lines, name, k, operand)
        for lane in range(self.width):
            at = address(lane, offset)
            lines.append(f"{name}.e{lane} = load {memory}, ptr {at}, align 1")
            if self.width == 1:
                value = f"{name}.e{lane}"
            else:
                lines.append(f"{name}.i{lane} = insertelement {t} {value}, {memory} {name}.e{lane}, i32 {lane}")
                value = f"{name}.i{lane}"
        _as_value(lines, name, kind, self.width, value)

    def store(self, body: Emission, k: int, operand: Operand) -> None:
        for first, count in self._groups(operand):
            columns = operand.lanes[first : first + count]
            values = [body.names.get(number) or body.constant(number) for number, _ in columns]
            if count == 1:
                self._store_entries(body, k, operand, first, values[0])
            else:
                self._store_group(body, k, operand, first, values)

    def _store_group(self, body: Emission, k: int, operand: Operand, first: int, values: Sequence[str]) -> None:
        lanes, lines, kind = self._together(operand), body.lines, operand.kind
        whole = operand.pattern == CONTIGUOUS and len(values) == len(operand.lanes)
        for start in range(0, self.width, lanes):
            name = f"%x{k}.{first}.{start}"
            parts = values
            if lanes < self.width:
                parts = [
                    part_of(lines, f"{name}.c{c}", kind, value, self.width, start, lanes)
                    for c, value in enumerate(values)
                ]
            address = self._address(lines, name, k, operand)
            store_group(lines, name, kind, lanes, (start, first), parts, whole, address)

    def _store_entries(self, body: Emission, k: int, operand: Operand, offset: int, value: str) -> None:
        """One entry of each row."""
        lines, kind, width = body.lines, operand.kind, self.width
        memory, name = "i8" if kind == "i1" else kind, f"%x{k}.{offset}"
        t = memory if width == 1 else f"<{width} x {memory}>"
        if kind == "i1":
            lines.append(f"{name}.b = zext {body.types['i1']} {value} to {t}")
            value = f"{name}.b"
        if operand.pattern == CONTIGUOUS and len(operand.lanes) == 1:
            lines.append(f"store {t} {value}, ptr %r{k}, align 1")
            return
        address = self._address(lines, name, k, operand)
        for lane in range(width):
            at, one = address(lane, offset), value
            if width > 1:
                one = f"{name}.e{lane}"
                lines.append(f"{one} = extractelement {t} {value}, i32 {lane}")
            lines.append(f"store {memory} {one}, ptr {at}, align 1")


def _load(lines: list[str], name: str, kind: str, width: int, at: str) -> None:
    memory = "i8" if kind == "i1" else kind
    t = memory if width == 1 else f"<{width} x {memory}>"
    target = f"{name}.m"
    lines.append(f"{target} = load {t}, ptr {at}, align 1")
    _as_value(lines, name, kind, width, target)


def _as_value(lines: list[str], name: str, kind: str, width: int, loaded: str) -> None:
    """The loaded bytes of a condition as a condition; anything else under its name."""
    memory = "i8" if kind == "i1" else kind
    t = memory if width == 1 else f"<{width} x {memory}>"
    if kind == "i1":
        lines.append(f"{name} = icmp ne {t} {loaded}, {'0' if width == 1 else 'zeroinitializer'}")
    else:
        lines.append(f"{name} = bitcast {t} {loaded} to {t}")
