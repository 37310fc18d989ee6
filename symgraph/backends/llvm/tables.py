"""Tables of 16 doubles that are looked up lane by lane: a permutation of two registers with AVX-512, loads elsewhere."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .code import Instruction

if TYPE_CHECKING:
    from .emission import Emission

__all__ = ["SIZE", "write"]

SIZE = 16
_PERMUTE = "@llvm.x86.avx512.vpermi2var.pd.512"


def _texts(values: tuple[int, ...]) -> list[str]:
    return [f"double 0x{bits:016X}" for bits in values]


def write(emission: Emission, name: str, instruction: Instruction, native: bool) -> None:
    """Add the text of an instruction "table" to `emission`; `native` where the processor permutes vectors of 8 doubles."""
    _, _, values, index = instruction
    operand = emission.names[index]
    if native and emission.width % 8 == 0:
        _permuted(emission, name, values, operand)
    else:
        _loaded(emission, name, values, operand)


def _permuted(emission: Emission, name: str, values: tuple[int, ...], index: str) -> None:
    halves = [f"<8 x double> <{', '.join(_texts(values)[k : k + 8])}>" for k in (0, 8)]
    emission.declarations[_PERMUTE] = f"declare <8 x double> {_PERMUTE}(<8 x double>, <8 x i64>, <8 x double>)"
    lines, width = emission.lines, emission.width
    found = []
    for first in range(0, width, 8):
        part = index
        if width > 8:
            part = f"{name}.i{first}"
            lanes = ", ".join(f"i32 {first + lane}" for lane in range(8))
            t = emission.types["i64"]
            lines.append(f"{part} = shufflevector {t} {index}, {t} poison, <8 x i32> <{lanes}>")
        found.append(name if width == 8 else f"{name}.p{first}")
        lines.append(f"{found[-1]} = call <8 x double> {_PERMUTE}({halves[0]}, <8 x i64> {part}, {halves[1]})")
    size = 8
    while len(found) > 1:
        lanes = ", ".join(f"i32 {lane}" for lane in range(2 * size))
        t = f"<{size} x double>"
        joined = [name if len(found) == 2 else f"{part}.j" for part in found[::2]]
        for k, target in enumerate(joined):
            lines.append(
                f"{target} = shufflevector {t} {found[2 * k]}, {t} {found[2 * k + 1]}, <{2 * size} x i32> <{lanes}>"
            )
        found, size = joined, 2 * size


def _loaded(emission: Emission, name: str, values: tuple[int, ...], index: str) -> None:
    texts = ", ".join(_texts(values))
    table = f"@table.{hashlib.sha256(texts.encode()).hexdigest()[:24]}"
    emission.declarations[table] = f"{table} = internal constant [{SIZE} x double] [{texts}], align 64"
    lines, width = emission.lines, emission.width
    vector, integers = emission.types["double"], emission.types["i64"]
    mask = str(SIZE - 1) if width == 1 else f"splat (i64 {SIZE - 1})"
    lines.append(f"{name}.i = and {integers} {index}, {mask}")
    value = "poison"
    for lane in range(width):
        at = f"{name}.i"
        if width > 1:
            at = f"{name}.i{lane}"
            lines.append(f"{at} = extractelement {integers} {name}.i, i32 {lane}")
        entry = name if width == 1 else f"{name}.e{lane}"
        lines.append(f"{name}.a{lane} = getelementptr double, ptr {table}, i64 {at}")
        lines.append(f"{entry} = load double, ptr {name}.a{lane}, align 8")
        if width > 1:
            joined = name if lane == width - 1 else f"{name}.v{lane}"
            lines.append(f"{joined} = insertelement {vector} {value}, double {entry}, i32 {lane}")
            value = joined
