"""Code: straight-line machine instructions as a graph in which equal instructions are one.

An instruction is known by its number. Its kind is that of one lane ("double", "float", "i64", "i32", "i1"); how many lanes run at once is decided
only when text is made of it (`emission`), so that a row has the same value, bit for bit, in a scalar and in a vector kernel.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

__all__ = ["Code", "Instruction"]

Instruction = tuple[Any, ...]  # (op, kind, *arguments)

_BITS = {"double": ("<d", "<Q"), "float": ("<f", "<I")}
INTEGER_OF = {"double": "i64", "float": "i32"}


class Code:
    """Instructions, each of which reads earlier ones.

    `add`, `sub`, `mul` may be contracted to a fused multiply-add; `fadd`, `fsub`, `fmul` are rounded one by one, as written.

    >>> code = Code()
    >>> x = code.leaf("double", 0)
    >>> code.fadd(x, code.const(1.0)) == code.fadd(x, code.const(1.0))
    True
    """

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.kinds: list[str] = []
        self.functions: dict[
            str, tuple[Code, int]
        ] = {}  # code of its own for each "elementary" instruction, and its result
        self._numbers: dict[Instruction, int] = {}

    def emit(self, op: str, kind: str, *args: object) -> int:
        """The number of the instruction `op` of `args`, whose result is of `kind`."""
        key = (op, kind, *args)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.instructions)
            self.instructions.append(key)
            self.kinds.append(kind)
        return number

    # --- leaves

    def leaf(self, kind: str, place: int) -> int:
        """The value that goes in at `place`."""
        return self.emit("leaf", kind, place)

    def const(self, value: float, kind: str = "double") -> int:
        """A number, rounded once to `kind`; known by its bits, so that 0.0 and -0.0 differ."""
        if kind in _BITS:
            real, bits = _BITS[kind]
            return self.emit("const", kind, struct.unpack(bits, struct.pack(real, value))[0])
        return self.emit("const", kind, int(value))

    def const_bits(self, bits: int, kind: str = "double") -> int:
        """A floating-point number by its bits."""
        return self.emit("const", kind, bits)

    # --- arithmetic; a and b have the same kind

    def fadd(self, a: int, b: int) -> int:
        return self.emit("fadd", self.kinds[a], a, b)

    def fsub(self, a: int, b: int) -> int:
        return self.emit("fsub", self.kinds[a], a, b)

    def fmul(self, a: int, b: int) -> int:
        return self.emit("fmul", self.kinds[a], a, b)

    def fdiv(self, a: int, b: int) -> int:
        return self.emit("fdiv", self.kinds[a], a, b)

    def fma(self, a: int, b: int, c: int) -> int:
        """a * b + c, rounded once."""
        return self.emit("fma", self.kinds[a], a, b, c)

    def fneg(self, a: int) -> int:
        return self.emit("fneg", self.kinds[a], a)

    def fabs(self, a: int) -> int:
        return self.emit("fabs", self.kinds[a], a)

    def sqrt(self, a: int) -> int:
        return self.emit("sqrt", self.kinds[a], a)

    def floor(self, a: int) -> int:
        return self.emit("floor", self.kinds[a], a)

    def ceil(self, a: int) -> int:
        return self.emit("ceil", self.kinds[a], a)

    def trunc(self, a: int) -> int:
        return self.emit("trunc", self.kinds[a], a)

    def roundeven(self, a: int) -> int:
        """The nearest integer, halves to even, as a floating-point number."""
        return self.emit("roundeven", self.kinds[a], a)

    def copysign(self, size: int, sign: int) -> int:
        return self.emit("copysign", self.kinds[size], size, sign)

    # --- doubles taken apart and put together (`scaling`)

    def exponent(self, x: int) -> int:
        """floor(log2(|x|)) as a double; -inf for 0, inf for inf, nan for nan."""
        return self.emit("exponent", "double", x)

    def mantissa(self, x: int) -> int:
        """m in [3/4, 3/2) with x = m * 2**k; 1 for 0 and inf, nan for nan and negative x."""
        return self.emit("mantissa", "double", x)

    def power(self, x: int) -> int:
        """The k of `mantissa`; -inf for 0, inf for inf, nan for nan and negative x."""
        return self.emit("power", "double", x)

    def scale(self, x: int, n: int) -> int:
        """x * 2**n, rounded once, for an integral double n with |n| <= 2000 and 2**-100 < |x| < 2**100."""
        return self.emit("scale", "double", x, n)

    # --- comparisons and choices: kind i1

    def fcmp(self, relation: str, a: int, b: int) -> int:
        """LLVM's relations: "oeq", "olt", "ole", "ogt", "oge" (false for nan), "une" (true for nan), "uno" (one is nan), "ord"."""
        return self.emit("fcmp", "i1", relation, a, b)

    def icmp(self, relation: str, a: int, b: int) -> int:
        """LLVM's relations: "eq", "ne", "slt", "sle", "sgt", "sge", "ult", ..."""
        return self.emit("icmp", "i1", relation, a, b)

    def isnan(self, a: int) -> int:
        return self.fcmp("uno", a, a)

    def select(self, condition: int, a: int, b: int) -> int:
        """a where the condition holds, else b; both are computed."""
        return a if a == b else self.emit("select", self.kinds[a], condition, a, b)

    def choice(self, condition: int, a: int, b: int) -> int:
        """The same; what only one of them needs may be skipped where no row takes it."""
        return a if a == b else self.emit("choice", self.kinds[a], condition, a, b)

    # --- integers and bits

    def iop(self, op: str, a: int, b: int) -> int:
        """LLVM's "add", "sub", "mul", "and", "or", "xor", "shl", "lshr", "ashr" of integers (or of conditions: and, or, xor)."""
        return self.emit("iop", self.kinds[a], op, a, b)

    def not_(self, a: int) -> int:
        return self.iop("xor", a, self.const(1 if self.kinds[a] == "i1" else -1, self.kinds[a]))

    def bits(self, a: int) -> int:
        """The bits of a floating-point number as an integer of the same size."""
        return self.emit("bitcast", INTEGER_OF[self.kinds[a]], a)

    def float_of_bits(self, a: int) -> int:
        """The floating-point number with these bits."""
        return self.emit("bitcast", "double" if self.kinds[a] == "i64" else "float", a)

    def to_integer(self, a: int, kind: str = "i64") -> int:
        """The integral floating-point number `a` as an integer; beyond the integer's range, any value at all."""
        return self.emit("to_integer", kind, a)

    def to_float(self, a: int, kind: str = "double") -> int:
        """A signed integer, or a condition as 0 and 1, as a floating-point number."""
        return self.emit("to_float", kind, a)

    def extend(self, a: int) -> int:
        """A float as a double."""
        return self.emit("fpext", "double", a)

    def round_to_float(self, a: int) -> int:
        """A double, rounded to a float."""
        return self.emit("fptrunc", "float", a)

    def table(self, index: int, values: Sequence[float]) -> int:
        """The double in `values`, 16 of them, that the lowest four bits of an integer say."""
        return self.emit("table", "double", tuple(struct.unpack("<16Q", struct.pack("<16d", *values))), index)

    # --- what leaves the vector path

    def call(self, symbol: str, *args: int) -> int:
        """The C function `symbol`, double(double, ...), lane by lane."""
        return self.emit("call", "double", symbol, *args)

    def rare(self, mask: int, symbol: str, common: int, *args: int) -> int:
        """`common`, but where the mask holds (rarely: it is a branch that is skipped otherwise) the C function `symbol` of `args`."""
        return self.emit("rare", "double", symbol, mask, common, *args)

    # --- polynomials

    def horner(self, x: int, coefficients: Sequence[float]) -> int:
        """sum(c[k] * x**k), from the last coefficient down, by fused multiply-adds."""
        kind = self.kinds[x]
        result = self.const(coefficients[-1], kind)
        for c in coefficients[-2::-1]:
            result = self.fma(result, x, self.const(c, kind))
        return result

    def estrin(self, x: int, coefficients: Sequence[float]) -> int:
        """sum(c[k] * x**k) by pairs, then pairs of pairs: as many steps, but short chains (G. Estrin, 1960)."""
        kind = self.kinds[x]
        return self.estrin_of(x, [self.const(c, kind) for c in coefficients])

    def estrin_of(self, x: int, coefficients: Sequence[int]) -> int:
        """The same, of coefficients that are instructions."""
        terms = list(coefficients)
        power = x
        while len(terms) > 1:
            pairs = [self.fma(terms[i + 1], power, terms[i]) for i in range(0, len(terms) - 1, 2)]
            terms = pairs + (terms[-1:] if len(terms) % 2 else [])
            power = self.fmul(power, power) if len(terms) > 1 else power
        return terms[0]
