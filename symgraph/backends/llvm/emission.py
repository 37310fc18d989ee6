"""Emission: LLVM's text of Code, for any number of lanes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from . import scaling, tables
from .code import Code, Instruction
from .engine import host
from .symbols import adapted

__all__ = ["Emission", "contracted", "fused", "jump", "needed", "sources"]

_SUFFIX = {"double": "f64", "float": "f32", "i64": "i64", "i32": "i32", "i1": "i1"}
_BINARY = {"add": "fadd", "sub": "fsub", "mul": "fmul", "fadd": "fadd", "fsub": "fsub", "fmul": "fmul", "fdiv": "fdiv"}
_INTRINSICS = {"fabs": 1, "sqrt": 1, "floor": 1, "ceil": 1, "trunc": 1, "roundeven": 1, "copysign": 2, "fma": 3}
_FIRST_SOURCE = {
    "leaf": None,
    "const": None,
    "branch": None,
    "fcmp": 3,
    "icmp": 3,
    "iop": 3,
    "call": 3,
    "elementary": 3,
    "rare": 3,
    "table": 3,
}


def sources(instruction: Instruction) -> Sequence[int]:
    """The numbers of the instructions that it reads."""
    first = _FIRST_SOURCE.get(instruction[0], 2)
    return instruction[first:] if first is not None else ()


def needed(code: Code, outputs: Iterable[int]) -> list[int]:
    """The instructions that `outputs` need, in order."""
    instructions = code.instructions
    wanted = bytearray(len(instructions))
    for number in outputs:
        wanted[number] = 1
    for number in range(len(instructions) - 1, -1, -1):
        if wanted[number]:
            for source in sources(instructions[number]):
                wanted[source] = 1
    return [number for number in range(len(instructions)) if wanted[number]]


def contracted(code: Code, order: Sequence[int], outputs: Iterable[int]) -> list[tuple[int, Instruction]]:
    """The instructions of `order`, by number, with each product that is only added to something else fused into that addition.

    "fma" is a*b + c, "fnma" c - a*b, "fms" a*b - c. What a negative is added to, it is subtracted from, which is the same in all cases. The choice
    does not depend on the number of lanes, so neither do the values.
    """
    instructions = code.instructions
    uses = [0] * len(instructions)
    for number in order:
        for source in sources(instructions[number]):
            uses[source] += 1
    for number in outputs:
        uses[number] += 2
    result: dict[int, Instruction] = {}
    for number in order:
        instruction = result[number] = instructions[number]
        if instruction[0] == "add" or instruction[0] == "sub":
            op, kind, a, b = instruction
            if op == "add" and instructions[a][0] == "fneg" != instructions[b][0]:
                a, b = b, a
            if instructions[b][0] == "fneg":
                positive = instructions[b][2]
                uses[b] -= 1
                if uses[b]:
                    uses[positive] += 1
                else:
                    del result[b]
                op, b = "sub" if op == "add" else "add", positive
                result[number] = (op, kind, a, b)
            if uses[b] == 1 and instructions[b][0] == "mul":
                result[number] = ("fma" if op == "add" else "fnma", kind, *instructions[b][2:], a)
                del result[b]
            elif uses[a] == 1 and instructions[a][0] == "mul":
                result[number] = ("fma" if op == "add" else "fms", kind, *instructions[a][2:], b)
                del result[a]
    return list(result.items())


def fused(code: Code, outputs: Sequence[int]) -> tuple[Code, dict[int, int]]:
    """The instructions that `outputs` need, with the additions that `contracted` chooses, and the new number of each.

    >>> code = Code()
    >>> x = code.leaf("double", 0)
    >>> y = code.emit("add", "double", code.emit("mul", "double", x, x), x)
    >>> [instruction[0] for instruction in fused(code, [y])[0].instructions]
    ['leaf', 'fma']
    """
    new, numbers = Code(), dict[int, int]()
    new.functions = code.functions
    for number, instruction in contracted(code, needed(code, outputs), outputs):
        first = len(instruction) - len(sources(instruction))
        numbers[number] = new.emit(*instruction[:first], *[numbers[source] for source in instruction[first:]])
    return new, numbers


def jump(label: str) -> list[str]:
    """Text that ends a block, and the beginning of another one, to which it goes.

    Without optimisation LLVM selects processor instructions one at a time, which takes ten times as long for calls of intrinsics, but those of a
    block that ends in a switch all together.
    """
    return [f"switch i1 false, label %{label} []", f"{label}:"]


def literal(kind: str, bits: int) -> str:
    """A constant in LLVM's text. A float is written as the double of the same value."""
    if kind == "double":
        return f"0x{bits:016X}"
    if kind == "float":
        (value,) = struct.unpack("<f", struct.pack("<I", bits))
        return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
    return ("true" if bits else "false") if kind == "i1" else str(bits)


class Emission:
    """Text of instructions for `width` lanes at once.

    Attributes:
        lines: the text so far.
        names: the operand that stands for each instruction that is there already.
        declarations: what the module must declare, by name.
        symbols: the C functions that are called.
        escape: the block to go to, instead of calling a function of Python; "" for none.
    """

    def __init__(self, code: Code, width: int, prefix: str = "v") -> None:
        self.code, self.width, self._prefix = code, width, f"%{prefix}"
        self.lines: list[str] = []
        self.names: dict[int, str] = {}
        self.declarations: dict[str, str] = {}
        self.symbols: set[str] = set()
        self.escape = ""
        self._taken = ""  # where the branch is taken that is being written
        self.types = {kind: kind if width == 1 else f"<{width} x {kind}>" for kind in _SUFFIX}
        self.types["void"] = "void"
        self._lanes = "" if width == 1 else f"v{width}"

    def run(self, items: Iterable[tuple[int, Instruction]]) -> None:
        """Add the text of numbered instructions to `lines`. The values that they read have names; constants get theirs here."""
        names = self.names
        for number, instruction in items:
            if number in names:
                continue
            op, kind = instruction[0], instruction[1]
            if op == "const":
                continue
            for source in sources(instruction):
                if source not in names:
                    names[source] = self.constant(source)
            name = f"{self._prefix}{number}"
            plain = _BINARY.get(op)
            if plain is not None:
                self.lines.append(
                    f"{name} = {plain} {self.types[kind]} {names[instruction[2]]}, {names[instruction[3]]}"
                )
            elif op in _INTRINSICS:
                self._intrinsic(name, op, kind, [names[i] for i in instruction[2:]])
            else:
                getattr(self, f"_{op}")(name, instruction)
            names[number] = name

    def constant(self, number: int) -> str:
        """The operand for a constant."""
        _, kind, bits = self.code.instructions[number]
        text = literal(kind, bits)
        return text if self.width == 1 else f"splat ({kind} {text})"

    def _intrinsic(self, name: str, op: str, kind: str, operands: Sequence[str]) -> None:
        t = self.types[kind]
        full = f"@llvm.{op}.{self._lanes}{_SUFFIX[kind]}"
        if full not in self.declarations:
            self.declarations[full] = f"declare {t} {full}({', '.join([t] * len(operands))})"
        self.lines.append(f"{name} = call {t} {full}({', '.join([f'{t} {operand}' for operand in operands])})")

    def _negated(self, name: str, kind: str, operand: str) -> str:
        self.lines.append(f"{name}n = fneg {self.types[kind]} {operand}")
        return f"{name}n"

    def _fnma(self, name: str, instruction: Instruction) -> None:
        _, kind, a, b, c = instruction
        self._intrinsic(name, "fma", kind, [self._negated(name, kind, self.names[a]), self.names[b], self.names[c]])

    def _fms(self, name: str, instruction: Instruction) -> None:
        _, kind, a, b, c = instruction
        self._intrinsic(name, "fma", kind, [self.names[a], self.names[b], self._negated(name, kind, self.names[c])])

    def _fneg(self, name: str, instruction: Instruction) -> None:
        self.lines.append(f"{name} = fneg {self.types[instruction[1]]} {self.names[instruction[2]]}")

    def _fcmp(self, name: str, instruction: Instruction) -> None:
        op, _, relation, a, b = instruction
        self.lines.append(f"{name} = {op} {relation} {self.types[self.code.kinds[a]]} {self.names[a]}, {self.names[b]}")

    _icmp = _fcmp

    def _iop(self, name: str, instruction: Instruction) -> None:
        _, kind, op, a, b = instruction
        self.lines.append(f"{name} = {op} {self.types[kind]} {self.names[a]}, {self.names[b]}")

    def _select(self, name: str, instruction: Instruction) -> None:
        _, kind, condition, a, b = instruction
        t = self.types[kind]
        self.lines.append(
            f"{name} = select {self.types['i1']} {self.names[condition]}, {t} {self.names[a]}, {t} {self.names[b]}"
        )

    _choice = _select

    def _branch(self, name: str, instruction: Instruction) -> None:
        """Instructions that are skipped where no row needs them; then their value is 0."""
        _, kind, conditions, items = instruction
        t, m, label, before = self.types[kind], self.types["i1"], f"b{name[1:]}", (self._prefix, self._taken)
        mask, always = self._taken, "true" if self.width == 1 else "splat (i1 true)"
        for place, (condition, holds) in enumerate(conditions):
            operand = self.names.get(condition) or self.constant(condition)
            if not holds:
                self.lines.append(f"{name}not{place} = xor {m} {operand}, {always}")
                operand = f"{name}not{place}"
            if mask:
                self.lines.append(f"{name}and{place} = and {m} {mask}, {operand}")
            mask = f"{name}and{place}" if mask else operand
        some = self._some(name, mask)
        self.lines += jump(f"{label}from")
        self.lines += [f"br i1 {some}, label %{label}taken, label %{label}end", f"{label}taken:"]
        self._prefix, self._taken = f"{self._prefix}b", mask
        self.run(items)
        self._prefix, self._taken = before
        value = self.names[items[-1][0]]
        self.lines += [*jump(f"{label}last"), f"br label %{label}end", f"{label}end:"]
        self.lines.append(f"{name} = phi {t} [ zeroinitializer, %{label}from ], [ {value}, %{label}last ]")

    def _some(self, name: str, mask: str) -> str:
        """Whether a condition holds for some lane."""
        if self.width == 1:
            return mask
        reduce, m = f"@llvm.vector.reduce.or.v{self.width}i1", self.types["i1"]
        self.declarations[reduce] = f"declare i1 {reduce}({m})"
        self.lines.append(f"{name}any = call i1 {reduce}({m} {mask})")
        return f"{name}any"

    def _convert(self, name: str, instruction: Instruction) -> None:
        op, kind, a = instruction
        source = self.code.kinds[a]
        if op == "to_integer":
            op = "fptosi" if source in ("double", "float") else "zext" if source == "i1" else "sext"
        elif op == "to_float":
            op = "uitofp" if source == "i1" else "sitofp"
        self.lines.append(f"{name} = {op} {self.types[source]} {self.names[a]} to {self.types[kind]}")

    def _scaling(self, name: str, instruction: Instruction) -> None:
        scaling.write(self, name, instruction, host().scales)

    _exponent = _mantissa = _power = _scale = _scaling

    def _table(self, name: str, instruction: Instruction) -> None:
        tables.write(self, name, instruction, host().bits == 512)

    _bitcast = _to_integer = _to_float = _fpext = _fptrunc = _convert

    def _call(self, name: str, instruction: Instruction) -> None:
        _, _, symbol, *args = instruction
        t = self.types["double"]
        operands = ", ".join(f"{t} {self.names[a]}" for a in args)
        if self._taken and self.width > 1:
            operands += f", {self.types['i1']} {self._taken}, {t} zeroinitializer"
        function = self._by_lane(symbol, len(args), masked=bool(self._taken) and self.width > 1)
        self.lines.append(f"{name} = call {t} {function}({operands})")

    def _elementary(self, name: str, instruction: Instruction) -> None:
        _, kind, function, *args = instruction
        t = self.types[kind]
        full = f"@{function}.{self.width}"
        if full not in self.declarations:
            code, result = self.code.functions[function]
            inner = Emission(code, self.width)
            order = needed(code, [result])
            leaves = [n for n in order if code.instructions[n][0] == "leaf"]
            inner.names = {n: f"%a{code.instructions[n][2]}" for n in leaves}
            inner.run((n, code.instructions[n]) for n in order)
            self.declarations.update(inner.declarations)
            self.symbols |= inner.symbols
            head = f"define internal {t} {full}({', '.join(f'{t} %a{k}' for k in range(len(args)))}) noinline {{"
            self.declarations[full] = "\n".join(
                [head, *inner.lines, *jump("done"), f"ret {t} {inner.names[result]}", "}"]
            )
        self.lines.append(f"{name} = call {t} {full}({', '.join(f'{t} {self.names[a]}' for a in args)})")

    def _rare(self, name: str, instruction: Instruction) -> None:
        _, _, symbol, mask, common, *args = instruction
        t, m = self.types["double"], self.types["i1"]
        label, where = f"r{name[1:]}", self.names[mask]
        if self._taken:
            self.lines.append(f"{name}and = and {m} {where}, {self._taken}")
            where = f"{name}and"
        # so that registers are saved in the rare block, and not all along the common path
        self.declarations["!1"] = '!1 = !{!"branch_weights", i32 1, i32 100000}'
        some = self._some(name, where)
        if self.escape and symbol.startswith("python_"):
            self.lines += [f"br i1 {some}, label %{self.escape}, label %{label}end, !prof !1", f"{label}end:"]
            self.lines.append(f"{name} = select i1 true, {t} {self.names[common]}, {t} {self.names[common]}")
            return
        operands = ", ".join(f"{t} {self.names[a]}" for a in args)
        self.lines += [
            *jump(f"{label}from"),
            f"br i1 {some}, label %{label}rare, label %{label}end, !prof !1",
            f"{label}rare:",
            f"{name}c = call {t} {self._by_lane(symbol, len(args), masked=True)}({operands}, {m} {where}, {t} {self.names[common]})",
            f"br label %{label}end",
            f"{label}end:",
            f"{name} = phi {t} [ {self.names[common]}, %{label}from ], [ {name}c, %{label}rare ]",
        ]

    def _by_lane(self, symbol: str, count: int, masked: bool = False) -> str:
        """The function of all lanes (where `masked`: of those where the mask holds) that calls a C function for one after the other."""
        scalar = self._scalar(symbol, count)
        if self.width == 1 and not masked:
            return scalar
        full = f"@{'rare' if masked else 'lanes'}.{symbol}.{self.width}"
        if full not in self.declarations:
            t, m = self.types["double"], self.types["i1"]
            parameters = [f"{t} %a{k}" for k in range(count)] + ([f"{m} %mask", f"{t} %common"] if masked else [])
            text = self._one(scalar, count) if self.width == 1 else self._each(scalar, count, masked)
            self.declarations[full] = f"define internal {t} {full}({', '.join(parameters)}) noinline {{\n{text}\n}}"
        return full

    def _scalar(self, symbol: str, count: int) -> str:
        """The function of `count` doubles, declared, that gives a double: the C function `symbol`, or a call of it with all that it takes besides."""
        if not symbol.startswith("scipy_"):
            self.symbols.add(symbol)
            self.declarations.setdefault(f"@{symbol}", f"declare double @{symbol}({', '.join(['double'] * count)})")
            return f"@{symbol}"
        function = f"@of.{symbol}"
        if function not in self.declarations:
            target, _, place = symbol.partition(".")
            self.symbols.add(target)
            self.declarations[f"@{target}"], self.declarations[function] = adapted(target, function, place)
        return function

    @staticmethod
    def _one(scalar: str, count: int) -> str:
        operands = ", ".join(f"double %a{k}" for k in range(count))
        return f"%r = call double {scalar}({operands})\nret double %r"

    def _each(self, scalar: str, count: int, masked: bool) -> str:
        t, m = self.types["double"], self.types["i1"]
        lines = ["entry:", "br label %loop", "loop:", "%i = phi i32 [ 0, %entry ], [ %next, %end ]"]
        lines.append(f"%r = phi {t} [ {'%common' if masked else 'zeroinitializer'}, %entry ], [ %set, %end ]")
        if masked:
            lines += [f"%bit = extractelement {m} %mask, i32 %i", "br i1 %bit, label %do, label %end"]
        else:
            lines.append("br label %do")
        lines.append("do:")
        lines += [f"%e{k} = extractelement {t} %a{k}, i32 %i" for k in range(count)]
        operands = ", ".join(f"double %e{k}" for k in range(count))
        lines += [
            f"%y = call double {scalar}({operands})",
            f"%ins = insertelement {t} %r, double %y, i32 %i",
            "br label %end",
        ]
        kept = "[ %r, %loop ], [ %ins, %do ]" if masked else "[ %ins, %do ]"
        lines += [
            "end:",
            f"%set = phi {t} {kept}",
            "%next = add i32 %i, 1",
            f"%more = icmp ult i32 %next, {self.width}",
        ]
        return "\n".join([*lines, "br i1 %more, label %loop, label %out", "out:", f"ret {t} %set"])
