"""Small matrices in lanes, and rows of several entries in memory, against NumPy."""

import ctypes

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from symgraph.backends.llvm import engine
from symgraph.backends.llvm.code import Code
from symgraph.backends.llvm.kernel import CONTIGUOUS, STRIDED, Operand, loop_text

LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
DTYPES = {"double": np.float64, "float": np.float32, "i1": np.bool_}


def turned(kind, columns, width, pattern, unused=()):
    """A kernel that reverses rows of so many columns, as a function of two-dimensional arrays; `unused` columns are not read."""
    code = Code()
    leaves = [code.leaf(kind, k) for k in range(columns)]
    read = [(-1 if k in unused else n, k) for k, n in enumerate(leaves)]
    written = [(leaves[k] if k not in unused else code.const(7, kind), columns - 1 - k) for k in range(columns)]
    operands = [Operand(kind, tuple(read), pattern), Operand(kind, tuple(sorted(written, key=lambda e: e[1])), pattern)]
    text = loop_text("kernel", code, operands[:1], operands[1:], width).text
    machine = engine.load(engine.to_object(text), ["kernel"], {})
    function = LOOP(machine.addresses["kernel"])

    def run(x):
        store = np.zeros((len(x), 2 * columns if pattern == STRIDED else columns), x.dtype)
        result = store[:, :columns]
        pointers = (ctypes.c_void_p * 2)(x.ctypes.data, result.ctypes.data)
        strides = (ctypes.c_int64 * 2)(x.strides[0], result.strides[0])
        function(pointers, strides, 0, len(x), None)
        assert not store[:, columns:].any()  # nothing is written between the rows
        return machine and result

    return run


def rows_of(kind, columns, count):
    x = np.random.default_rng(columns).standard_normal((count, columns))
    return x > 0 if kind == "i1" else x.astype(DTYPES[kind])


@pytest.mark.parametrize("pattern", [CONTIGUOUS, STRIDED])
@pytest.mark.parametrize("columns", [1, 2, 3, 4, 5, 6, 8, 9, 19])
@pytest.mark.parametrize(("kind", "width"), [("double", 8), ("double", 16), ("float", 8), ("float", 16)])
def test_rows_are_transposed_in_registers(kind, width, columns, pattern):
    x = rows_of(kind, columns, width + 3)
    source = x if pattern == CONTIGUOUS else np.repeat(x, 3, axis=0)[::3]
    np.testing.assert_array_equal(turned(kind, columns, width, pattern)(source), x[:, ::-1])


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("columns", [2, 3, 4, 7, 16])
def test_rows_are_transposed_in_narrow_registers_too(bits, columns, monkeypatch):
    monkeypatch.setattr(engine.host(), "bits", bits)
    x = rows_of("double", columns, 21)
    np.testing.assert_array_equal(turned("double", columns, 8, CONTIGUOUS)(x), x[:, ::-1])


@pytest.mark.parametrize(("kind", "columns", "width"), [("double", 9, 1), ("i1", 3, 8), ("i1", 4, 1)])
def test_rows_that_are_not_transposed(kind, columns, width):
    x = rows_of(kind, columns, 11)
    np.testing.assert_array_equal(turned(kind, columns, width, CONTIGUOUS)(x), x[:, ::-1])


@pytest.mark.parametrize("unused", [(0,), (1, 2, 3, 4, 5, 6, 7), (8,), (0, 1, 2, 3, 4, 5, 6, 7)])
def test_entries_that_nothing_needs(unused):
    x = rows_of("double", 9, 19)
    expected = x[:, ::-1].copy()
    expected[:, [8 - k for k in unused]] = 7
    np.testing.assert_array_equal(turned("double", 9, 8, CONTIGUOUS, unused)(x), expected)
