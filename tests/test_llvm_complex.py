"""Elementary functions of complex numbers as instructions: accuracy against mpmath, special values as NumPy's, the same bits at every width."""

import ctypes

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite")

from symgraph import ops, placeholder
from symgraph.backends import llvm, numpy_like
from symgraph.backends.llvm import complexes, engine
from symgraph.backends.llvm.code import Code
from symgraph.backends.llvm.elementary import expanded
from symgraph.backends.llvm.kernel import CONTIGUOUS, Operand, loop_text
from symgraph.backends.llvm.symbols import address
from symgraph.program import Program

LOOP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
INF, NAN = float("inf"), float("nan")


def compiled(name, count=1, width=8):
    """A function of `complexes` on contiguous arrays, so many rows at once."""
    code = Code()
    arguments = [(code.leaf("double", 2 * k), code.leaf("double", 2 * k + 1)) for k in range(count)]
    result = getattr(complexes, name)(code, *arguments)
    code, numbers = expanded(code, result)
    rows = [*[[numbers.get(n, -1) for n in a] for a in arguments], [numbers[n] for n in result]]
    operands = [Operand("double", tuple((n, k) for k, n in enumerate(row)), CONTIGUOUS) for row in rows]
    text, symbols, _ = loop_text("kernel", code, operands[:-1], operands[-1:], width)
    machine = engine.load(engine.to_object(text), ["kernel"], {symbol: address(symbol) for symbol in symbols})
    function = LOOP(machine.addresses["kernel"])

    def run(*values):
        arrays = [np.ascontiguousarray(v, complex) for v in values]
        out = np.empty_like(arrays[0])
        pointers = (ctypes.c_void_p * (count + 1))(*[a.ctypes.data for a in [*arrays, out]])
        function(pointers, None, 0, len(out), None)
        return out

    run.machine = machine  # which must live as long as its function
    return run


def sample(spread, seed=0, count=16):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(count) * spread + 1j * rng.standard_normal(count) * spread


def decades(low, high, seed=1, count=16):
    rng = np.random.default_rng(seed)
    return sample(1, seed, count) * 10 ** rng.uniform(low, high, count)


NEAR = decades(-14, -1, 2)
CIRCLE = np.exp(1j * np.linspace(-3, 3, 16)) * (1 + NEAR.real * 1e-3)
FAR = np.array([709.9 + 1.5j, -709.9 + 1.57j, 711 + 3.1j, 30 + 2j, -30 - 2j, 22.5 + 1j, -700.5 + 1j, 1e-200 + 2j])
SMALL = np.concatenate([sample(1), sample(10, 3), NEAR, 1 + NEAR, -1 + NEAR, 1j + NEAR])
WIDE = np.concatenate([SMALL, decades(-250, 250, 4), CIRCLE, [1e308 + 1e308j, -1.7e308 + 1.7e308j, 1e-320 + 1e-321j]])

EXPONENTIAL = {name: np.concatenate([SMALL, FAR]) for name in ("exp", "expm1", "sinh", "cosh", "tanh")}
CIRCULAR = {name: np.concatenate([SMALL, 1j * FAR]) for name in ("sin", "cos", "tan")}
INVERSE = dict.fromkeys(
    ("log", "log2", "log10", "log1p", "sqrt", "asin", "acos", "atan", "asinh", "acosh", "atanh"), WIDE
)
CASES = {**EXPONENTIAL, **CIRCULAR, **INVERSE, "exp2": np.concatenate([sample(1), NEAR, [1023.5 + 0.5j, -30 + 1j]])}
EXACT = {
    "exp2": lambda z: mpmath.mpf(2) ** z,
    "log2": lambda z: mpmath.log(z) / mpmath.log(2),
    "log10": lambda z: mpmath.log(z) / mpmath.log(10),
    "log1p": lambda z: mpmath.log(1 + z),
}


def error(value, exact):
    """In units of 2**-52 of the modulus, which is taken for no smaller than a normal number."""
    size = max(abs(exact), mpmath.mpf(2) ** -1000)
    return float(abs(mpmath.mpc(complex(value)) - exact) / size) * 2**52


@pytest.mark.parametrize("name", CASES)
def test_accuracy_and_widths(name):
    z = CASES[name]
    wide = compiled(name)(z)
    assert np.array_equal(wide.view(np.int64), compiled(name, width=1)(z).view(np.int64))
    with mpmath.workprec(2300):  # so that 1 + z is exact
        exact = [EXACT.get(name, getattr(mpmath, name, None))(mpmath.mpc(complex(x))) for x in z[::2]]
        pairs = [(w, e) for w, e in zip(wide[::2], exact, strict=True) if max(abs(e.real), abs(e.imag)) < 1.79e308]
        assert len(pairs) >= len(exact) - 2
        assert max(error(w, e) for w, e in pairs) < 3.0


PARTS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 1e300, -1e300, 800.0, INF, -INF, NAN]
SPECIAL = np.array([complex(a, b) for a in PARTS for b in PARTS])


def is_same(ours, theirs, size):
    """Whether a part of a number is NumPy's: nan, infinite or signed zero where that is, else near."""
    if np.isnan(theirs) or np.isnan(ours):
        return np.isnan(theirs) and np.isnan(ours)
    if ours == 0 and theirs == 0:
        return np.signbit(ours) == np.signbit(theirs)
    return ours == theirs or abs(ours - theirs) < 1e-14 * (size if np.isfinite(size) else abs(theirs))


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("exp2", "expm1")])
@np.errstate(all="ignore")
def test_special_values_are_those_of_numpy(name):
    """But signs that the C standard leaves open: beside a nan, and of exp(-inf) at an angle that has no meaning."""
    ours, theirs = compiled(name)(SPECIAL), getattr(np, name)(SPECIAL)
    wrong = []
    for z, a, b in zip(SPECIAL, ours, theirs, strict=True):
        same = [is_same(p, q, abs(b)) for p, q in ((a.real, b.real), (a.imag, b.imag))]
        half = [abs(p) == abs(q) for p, q in ((a.real, b.real), (a.imag, b.imag))]
        if not np.isfinite(b) and np.isnan(complex(b).real + complex(b).imag):
            same = [s or h for s, h in zip(same, half, strict=True)]
        elif name == "exp" and z.real == -INF and not np.isfinite(z.imag):
            same = half
        if not all(same):
            wrong.append((z, a, b))
    assert wrong == []


@pytest.mark.parametrize(
    ("z", "expected"), [(INF + 0j, INF + 0j), (complex(-INF, INF), -1), (1e-310 + 0j, 1e-310), (0j, 0j), (-50 + 0j, -1)]
)
def test_special_values_of_expm1(z, expected):
    assert compiled("expm1", width=1)([z])[0] == expected


def test_powers():
    x, y = sample(1, 5, 64), np.concatenate([sample(1, 6, 32), sample(4, 7, 32).real.astype(complex)])
    wide = compiled("pow", 2)(x, y)
    assert np.array_equal(wide.view(np.int64), compiled("pow", 2, width=1)(x, y).view(np.int64))
    exact = [mpmath.mpc(complex(a)) ** mpmath.mpc(complex(b)) for a, b in zip(x, y, strict=True)]
    assert max(error(w, e) / (1 + abs(b)) for w, e, b in zip(wide, exact, y, strict=True)) < 4.0


@np.errstate(all="ignore")
def test_special_powers():
    x = np.array([0j, 0j, 0j, 0j, 2 + 1j, complex(NAN, 0), 0j, -0.5j])
    y = np.array([0j, 2.5 + 0j, -1j, 1.5 + 3j, 0j, 0j, -0.5 + 0j, 0j])
    ours = compiled("pow", 2)(x, y)
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(np.power(x, y)))
    np.testing.assert_array_equal(ours[[0, 1, 3, 4, 5, 7]], [1, 0, 0, 1, 1, 1])


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_operations_agree_with_numpy(dtype):
    x, y = placeholder(dtype=dtype), placeholder(dtype=dtype)
    nodes = [
        ops.exp(x) * ops.log(y), ops.sqrt(x) / y, ops.power(x, 2.5), ops.power(x, 3), ops.power(x, -2.0), ops.asin(x) + ops.atanh(y),
        ops.abs(x) * 2, ops.tanh(x * y), ops.integer_power(y, 12), ops.sin(ops.conjugate(x)),
    ]  # fmt: skip
    program, leaves = Program.of(nodes)[:2]
    values = [sample(1, 8 + (leaf is x), 40).astype(dtype) for leaf in leaves]
    tolerance = 1e-13 if dtype is np.complex128 else 2e-5
    ours, theirs = llvm.compile_program(program)(values), numpy_like.compile_program(program)(values)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance)


@np.errstate(all="ignore")
@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_the_size_of_a_number(dtype):
    x = placeholder(dtype=dtype)
    program = Program.of([ops.abs(x) * 2 + 1 - ops.abs(x)])[0]
    z = np.array([3 + 4j, complex(INF, NAN), complex(NAN, -INF), complex(NAN, 1), 1e30 + 1e30j, 0j, -1e-30j], dtype)
    expected = np.abs(z) * 2 + 1 - np.abs(z)
    np.testing.assert_allclose(llvm.compile_program(program)([z])[0], expected, rtol=1e-6)
