"""Vectors, quaternions, random symbols and units: by components, by samples, or refused."""

import numpy as np
import pytest
import sympy
from sympy.algebras import Quaternion
from sympy.physics.units import meter
from sympy.physics.vector import ReferenceFrame
from sympy.stats import Exponential, Normal
from sympy.vector import CoordSys3D, Del, Dot

import symgraph as sg

x, y = sympy.symbols("x y")
N = CoordSys3D("N")


def test_vectors_by_components():
    f = sg.function((x, y), x * N.i + sympy.sin(y) * N.k)
    np.testing.assert_allclose(f([1, 2], 3), [[1, 0, np.sin(3)], [2, 0, np.sin(3)]])
    np.testing.assert_allclose(sg.function(x, N.i * 0)(1.0), [0, 0, 0])
    np.testing.assert_allclose(
        sg.function(x, (x * N.i) | (N.j + N.i))(2.0).reshape(3, 3), [[2, 2, 0], [0, 0, 0], [0, 0, 0]]
    )


def test_fields_of_base_scalars():
    gradient = Del()(N.x**2 * N.y).doit()
    np.testing.assert_allclose(sg.function((N.x, N.y), gradient)(2.0, 3.0), [12, 4, 0])
    assert sg.function((N.x, N.y), Dot(N.x * N.i, N.y * N.i).doit())(2.0, 3.0) == 6


def test_vectors_of_mechanics():
    A = ReferenceFrame("A")
    np.testing.assert_allclose(sg.function(x, x * A.x + A.z)([1.0, 2.0]), [[1, 0, 1], [2, 0, 1]])


def test_vectors_in_two_systems_are_refused():
    M = CoordSys3D("M")
    with pytest.raises(sg.UnsupportedExpressionError, match="express"):
        sg.function(x, N.i + M.i)


def test_quaternions():
    product = Quaternion(x, y, 0, 0) * Quaternion(0, 1, 0, 0)
    np.testing.assert_allclose(sg.function((x, y), product)(2.0, 3.0), [-3, 2, 0, 0])


def test_units_are_refused():
    with pytest.raises(sg.UnsupportedExpressionError, match="convert"):
        sg.function(x, x * meter)


def test_random_symbols_are_sampled():
    X, T = Normal("X", 1, 2), Exponential("T", 3)
    f = sg.function(x, [x + X, T * 1], rng=np.random.default_rng(0))
    samples, times = f(np.full(20_000, 10.0))
    assert abs(samples.mean() - 11) < 0.1
    assert abs(samples.std() - 2) < 0.1
    assert abs(times.mean() - 1 / 3) < 0.02
    assert f(0.0)[0] != f(0.0)[0]
    again = sg.function(x, x + X, rng=np.random.default_rng(5)), sg.function(x, x + X, rng=np.random.default_rng(5))
    assert again[0](1.0) == again[1](1.0)


def test_random_symbols_need_a_generator():
    with pytest.raises(sg.UnsupportedExpressionError, match="rng="):
        sg.function(x, x + Normal("X", 0, 1))


def test_unevaluated():
    assert sg.function(x, sympy.UnevaluatedExpr(x) + x)(2.0) == 4
