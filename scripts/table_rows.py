"""Piecewise polynomials as rows: the coefficients of one power, of all pieces.

python scripts/table_rows.py erf > symgraph/backends/llvm/rows_erf.py    # the tables of scripts/minimax_erf.py
"""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import mpmath


def _row(values: Sequence[float], indent: str) -> str:
    text = ", ".join(repr(v) for v in values)
    return textwrap.fill(text, 120, initial_indent=indent, subsequent_indent=indent) + ","


def main(family: str) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    minimax = importlib.import_module("minimax")
    module = importlib.import_module(f"minimax_{family}")
    print(
        f'"""Piecewise polynomials, written by ``scripts/table_rows.py {family}``; scripts/minimax_{family}.py says of what."""\n'
    )
    print("# fmt: off")
    for name, values in module.VALUES.items():
        print(f"{name} = (\n{_row(values, '    ')}\n)")
    for name, fits in module.TABLES.items():
        results = [minimax.fit_doubles(fit) for fit in fits]
        bits = ", ".join(f"{float(mpmath.log(r.error, 2)):.1f}" for r in results)
        print(
            textwrap.fill(
                f"the errors of the pieces, as powers of two: {bits}", 116, initial_indent="# ", subsequent_indent="# "
            )
        )
        print(f"{name} = (  # from the constant term up")
        for row in zip(*(r.coefficients for r in results), strict=True):
            print(f"    (\n{_row(row, '        ')}\n    ),")
        print(")")


if __name__ == "__main__":
    main(sys.argv[1])
