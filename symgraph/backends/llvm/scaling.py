"""Taking doubles apart into mantissa and exponent, and putting them together: single instructions of AVX-512, a few steps elsewhere.

Both ways give the same bits (but for those of a nan).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .code import Code, Instruction

if TYPE_CHECKING:
    from .emission import Emission

__all__ = ["write"]

_FRACTION = (1 << 52) - 1
_ONE = 1023 << 52
_INF, _NAN = float("inf"), float("nan")


def _normal(code: Code, x: int) -> tuple[int, int]:
    """x times 2**54 where it is subnormal or zero, and what its exponent's bits are too large by, plus 2**52."""
    c = code.const
    small = code.fcmp("olt", code.fabs(x), c(2.0**-1022))
    return code.select(small, code.fmul(x, c(2.0**54)), x), code.select(small, c(2.0**52 + 1077), c(2.0**52 + 1023))


def exponent(code: Code, x: int, rounding: int = 0) -> int:
    c = code.const
    y, excess = _normal(code, x)
    bits = code.iop("add", code.bits(y), c(rounding, "i64"))
    raised = code.iop("and", code.iop("lshr", bits, c(52, "i64")), c(2047, "i64"))
    value = code.fsub(code.float_of_bits(code.iop("or", raised, code.bits(c(2.0**52)))), excess)
    value = code.select(code.fcmp("oeq", x, c(0.0)), c(-_INF), value)
    return code.select(code.fcmp("olt", code.fabs(x), c(_INF)), value, code.fabs(x))


def power(code: Code, x: int) -> int:
    value = exponent(code, x, 1 << 51)
    return code.select(code.fcmp("oge", x, code.const(0.0)), value, code.const(_NAN))


def mantissa(code: Code, x: int) -> int:
    c = code.const
    y, _ = _normal(code, x)
    fraction = code.iop("and", code.bits(y), c(_FRACTION, "i64"))
    value = code.float_of_bits(code.iop("or", fraction, c(_ONE, "i64")))
    value = code.select(code.fcmp("oge", value, c(1.5)), code.fmul(value, c(0.5)), value)
    return code.select(code.fcmp("oge", x, c(0.0)), value, c(_NAN))


def scale(code: Code, x: int, n: int) -> int:
    """Two multiplications by about the same power of two, of which the first one is exact."""
    c = code.const
    bits = code.bits(code.fadd(n, c(1.5 * 2.0**52)))
    whole = code.iop("sub", bits, c((0x4338 << 48) - 2048, "i64"))  # n + 2048, positive
    half = code.iop("lshr", whole, c(1, "i64"))  # n // 2 + 1024
    other = code.iop("sub", whole, half)
    result = x
    for part in (half, other):
        power = code.iop("add", code.iop("shl", part, c(52, "i64")), c(-1 << 52, "i64"))
        result = code.fmul(result, code.float_of_bits(power))
    return result


_STEPS: dict[str, Callable[..., int]] = {"exponent": exponent, "mantissa": mantissa, "power": power, "scale": scale}
# AVX-512's names, and what they take as a constant: 15 is for a mantissa in [3/4, 3/2), and nan for negative numbers
_NATIVE = {"exponent": ("getexp", ""), "mantissa": ("getmant", ", i32 15"), "scale": ("scalef", "")}


def write(emission: Emission, name: str, instruction: Instruction, native: bool) -> None:
    """Add the text of an instruction "scale", "power", "exponent" or "mantissa" to `emission`."""
    op, _, *arguments = instruction
    operands = [emission.names[a] for a in arguments]
    if not native or emission.width not in (1, 2, 4, 8, 16, 32):
        _steps(emission, name, op, operands)
        return
    if emission.width <= 8:
        _one(emission, name, op, operands, emission.width)
        return
    parts = list(enumerate(range(0, emission.width, 8)))
    for part, first in parts:
        lanes = ", ".join(f"i32 {first + lane}" for lane in range(8))
        halves = []
        for k, operand in enumerate(operands):
            t = emission.types["double"]
            halves.append(f"{name}.a{k}.{part}")
            emission.lines.append(f"{halves[-1]} = shufflevector {t} {operand}, {t} poison, <8 x i32> <{lanes}>")
        _one(emission, f"{name}.h{part}", op, halves, 8)
    names, size = [f"{name}.h{part}" for part, _ in parts], 8
    while len(names) > 1:
        lanes = ", ".join(f"i32 {lane}" for lane in range(2 * size))
        joined = [name if len(names) == 2 else f"{names[k]}.j{size}" for k in range(0, len(names), 2)]
        for k, target in enumerate(joined):
            t = f"<{size} x double>"
            emission.lines.append(
                f"{target} = shufflevector {t} {names[2 * k]}, {t} {names[2 * k + 1]}, <{2 * size} x i32> <{lanes}>"
            )
        names, size = joined, 2 * size


def _one(emission: Emission, name: str, op: str, operands: list[str], width: int) -> None:
    """One instruction for at most 8 lanes."""
    if op == "power":  # the exponent of x, and one more where the mantissa is below 1
        _one(emission, f"{name}.e", "exponent", operands, width)
        _one(emission, f"{name}.m", "mantissa", operands, width)
        _one(emission, f"{name}.n", "exponent", [f"{name}.m"], width)
        t = "double" if width == 1 else f"<{width} x double>"
        emission.lines.append(f"{name} = fsub {t} {name}.e, {name}.n")
        return
    stem, constant = _NATIVE[op]
    t = f"<{max(width, 2)} x double>"
    ending = "sd" if width == 1 else f"pd.{64 * width}"
    rounding = ", i32 4" if width in (1, 8) else ""
    if width == 1:
        for k, operand in enumerate(operands):
            emission.lines.append(f"{name}.v{k} = insertelement {t} poison, double {operand}, i32 0")
        operands = [f"{name}.v{k}" for k in range(len(operands))]
        operands = operands if len(operands) == 2 else operands * 2
    function = f"@llvm.x86.avx512.mask.{stem}.{ending}"
    middle = ", i32" if constant else ""
    types = ", ".join([t] * len(operands))
    emission.declarations[function] = f"declare {t} {function}({types}{middle}, {t}, i8{', i32' if rounding else ''})"
    values = ", ".join(f"{t} {operand}" for operand in operands)
    result = f"{name}.r" if width == 1 else name
    emission.lines.append(f"{result} = call {t} {function}({values}{constant}, {t} undef, i8 -1{rounding})")
    if width == 1:
        emission.lines.append(f"{name} = extractelement {t} {result}, i32 0")


def _steps(emission: Emission, name: str, op: str, operands: list[str]) -> None:
    """The instruction as other instructions."""
    code = Code()
    leaves = [code.leaf("double", k) for k in range(len(operands))]
    result = _STEPS[op](code, *leaves)
    inner = type(emission)(code, emission.width, f"{name[1:]}.")
    inner.names.update(zip(leaves, operands, strict=True))
    inner.run(enumerate(code.instructions))
    t = emission.types["double"]
    emission.lines += [*inner.lines, f"{name} = bitcast {t} {inner.names[result]} to {t}"]
    emission.declarations.update(inner.declarations)
