"""Elementary functions of float32: against those of float64 (which are tested against mpmath), and the same bits at every width."""

import numpy as np
import pytest
import sympy as sp

pytest.importorskip("llvmlite")

import symgraph as sg
from symgraph.backends.llvm import engine
from symgraph.backends.llvm.elementary import EXPANSIONS, SINGLE
from symgraph.backends.llvm.testing import vectorized

# all exponents, subnormal numbers, both zeros, infinities and nan; a sixteenth of a million
SOME = np.arange(0, 1 << 32, 65_521, dtype=np.uint64).astype(np.uint32).view(np.float32)
EDGES = np.float32(
    [
        0.0,
        -0.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-45,
        -1e-45,
        3.4028235e38,
        -3.4028235e38,
        88.72283,
        88.72284,
        -103.97208,
        -103.97209,
        1.0,
    ]
)
NEAR = np.float32(
    np.concatenate(
        [np.linspace(-9, 9, 20_001), 1 + np.linspace(-0.3, 0.6, 5_000), np.arange(-4000, 4000) * (np.pi / 2)]
    )
)
X = np.concatenate([SOME, EDGES, NEAR])


def single(name, width):
    return vectorized(
        lambda code, x: code.round_to_float(EXPANSIONS[SINGLE[name]](code, code.extend(x))), 1, width, np.float32
    )


@pytest.fixture(params=[False, True], ids=["steps", "as the processor can"])
def scales(request, monkeypatch):
    monkeypatch.setattr(engine.host(), "scales", engine.host().scales and request.param)


@pytest.mark.parametrize("name", SINGLE)
def test_error_is_that_of_one_rounding(name, scales):
    with np.errstate(all="ignore"):
        exact = vectorized(EXPANSIONS[name], 1, 8)(X.astype(np.float64))
        value, rounded = single(name, 16)(X), exact.astype(np.float32)
    plain = np.isfinite(rounded) & np.isfinite(value) & (rounded != 0)
    np.testing.assert_array_equal(value[~plain], rounded[~plain])
    np.testing.assert_array_equal(np.signbit(value)[rounded == 0], np.signbit(rounded)[rounded == 0])
    unit = np.ldexp(1.0, np.maximum(np.frexp(exact[plain])[1] - 24, -149))
    assert np.max(np.abs(value[plain] - exact[plain]) / unit) < 0.57


@pytest.mark.parametrize("name", SINGLE)
def test_the_same_bits_at_every_width(name, scales):
    def bits(width):
        values = single(name, width)(X)
        return np.where(np.isnan(values), np.float32(np.nan), values).view(
            np.uint32
        )  # which nan it is, no standard says

    expected = bits(1)
    for width in (4, 16, 32):
        np.testing.assert_array_equal(bits(width), expected)


def test_sine_and_cosine_of_one_argument_are_what_each_is_alone():
    x = sp.Symbol("x", real=True)
    both = sg.function(x, [sp.sin(x), sp.cos(x)], backend="llvm")(X)
    for value, function in zip(both, (sp.sin, sp.cos), strict=True):
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, sg.function(x, function(x), backend="llvm")(X))


def test_functions_of_floats_use_them():
    x = sp.Symbol("x", real=True)
    f = sg.function(x, sp.exp(-x) * sp.log(x + 2) + sp.tanh(x), backend="llvm")
    values = np.linspace(-1, 5, 1001, dtype=np.float32)
    assert f(values).dtype == np.float32
    np.testing.assert_allclose(f(values), f(values.astype(np.float64)), rtol=5e-7, atol=5e-7)
    alone = single("exp", 8)(values)
    np.testing.assert_array_equal(sg.function(x, sp.exp(x), backend="llvm")(values), alone)


def test_long_programs_call_them():
    """With many calls each function is written once, and called."""
    x = sp.Symbol("x", real=True)
    f = sg.function(x, [sp.sin(x + k) * sp.exp(x * k) for k in range(80)], backend="llvm")
    values = np.linspace(-1, 1, 100, dtype=np.float32)
    expected = [single("sin", 8)(values + np.float32(k)) * single("exp", 8)(values * np.float32(k)) for k in range(80)]
    np.testing.assert_array_equal(f(values), expected)
