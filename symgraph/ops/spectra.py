"""Functions of stacks of matrices in NumPy: by eigenvalues where a matrix is Hermitian, by its Schur form elsewhere.

Logarithm: inverse scaling and squaring on the triangular factor (Al-Mohy and Higham, SIAM J. Sci. Comput. 34 (2012) C153), with the Pade
approximant as partial fractions (Higham, Functions of Matrices, 2008, ch. 11). Square root: Bjorck and Hammarling (1983).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["expm", "flat", "floating", "logm", "powm", "sqrtm"]

_EPS = float(np.finfo(np.float64).eps)
_PADE = 8  # its degree, for which the error stays below 1e-16 for matrices with norms up to this radius
_RADIUS = 0.25


def floating(x: Any) -> Any:
    """x, with integers as float64."""
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def flat(x: Any) -> Any:
    """A stack with one batch axis."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def expm(x: Any) -> Any:
    """The exponential of each matrix of a stack; nan for one with an entry that is not finite.

    Scaling and squaring as Al-Mohy and Higham have it (SIAM J. Matrix Anal. Appl. 31 (2009) 970), always to degree 13.
    """
    x = floating(np.asarray(x))
    is_complex = x.dtype.kind == "c"
    stack = flat(x).astype(np.complex128 if is_complex else np.float64)
    finite = np.isfinite(stack).all(axis=(-2, -1), keepdims=True)
    with np.errstate(all="ignore"):
        result = _exp_of_finite(np.where(finite, stack, 0)) if stack.size else stack
    return np.where(finite, result, complex(np.nan, np.nan) if is_complex else np.nan).reshape(x.shape).astype(x.dtype)


_EXP = tuple(
    math.factorial(26 - k) * math.comb(13, k) // math.factorial(13) for k in range(14)
)  # of its Pade approximant
_EXP_RADIUS = 4.25
_EXP_ERROR = 113250775606021113483283660800000000.0  # the inverse of the first neglected coefficient


def _exp_of_finite(a: Any) -> Any:
    one = np.eye(a.shape[-1])
    squarings = _squarings(a)
    a = a * (0.5**squarings)[:, None, None]
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    b = _EXP
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    result = np.linalg.solve(even - odd, even + odd)
    for done in range(int(squarings.max(initial=0))):
        more = done < squarings
        result[more] = result[more] @ result[more]
    diagonal = (a * (1 - one) == 0).all(axis=(-2, -1))  # for which products of 0 and inf would come in
    exact = np.exp(np.diagonal(a, axis1=-2, axis2=-1) * (2.0**squarings)[:, None])
    return np.where(diagonal[:, None, None], np.where(one == 1, exact[:, None, :], 0), result)


def _squarings(a: Any) -> Any:
    """How often to halve each matrix: by the norms of its powers, which for matrices that are far from normal are smaller than its norm."""

    def norm(matrix: Any) -> Any:
        return np.abs(matrix).sum(axis=-2).max(axis=-1)

    size = np.maximum(norm(a), 1e-300)
    b = a / size[:, None, None]
    b2 = b @ b
    b4 = b2 @ b2
    d4, d6, d8, d10 = (
        norm(power) ** (1 / degree) for power, degree in ((b4, 4), (b4 @ b2, 6), (b4 @ b4, 8), (b4 @ b4 @ b2, 10))
    )
    radius = size * np.minimum(np.maximum(d4, d6), np.maximum(d8, d10))
    halvings = np.maximum(np.ceil(np.log2(radius / _EXP_RADIUS)), 0)
    # rounding may need more of them: the norm of |a|**27 against that of a
    row = np.ones((len(a), 1, a.shape[-1]))
    for _ in range(27):
        row = row @ np.abs(b)
    alpha = row.max(axis=(-2, -1)) * (size * 0.5**halvings) ** 26 / (_EXP_ERROR * _EPS / 2)
    return halvings + np.maximum(np.ceil(np.log2(alpha) / 26), 0)


def logm(x: Any) -> Any:
    """The principal logarithm; for real matrices nan where it is not real."""
    return _stacked(x, _log, _log_triangular, zero_allowed=False)


def sqrtm(x: Any) -> Any:
    """The principal square root; for real matrices nan where it is not real."""
    return _stacked(x, np.sqrt, _sqrt_triangular, zero_allowed=True)


def powm(x: Any, exponent: Any) -> Any:
    """Powers with exponents that may differ from matrix to matrix: by products for whole exponents, else the principal value exp(p log x)."""
    x = floating(np.asarray(x))
    kind = np.result_type(x, exponent)  # in which a Python number has no say
    exponent = np.asarray(exponent)
    loops = np.broadcast_shapes(x.shape[:-2], exponent.shape)
    n = x.shape[-1]
    stack = flat(np.broadcast_to(x, (*loops, n, n)))
    powers = np.broadcast_to(exponent, loops).reshape(-1)
    results = [_one_power(matrix, power) for matrix, power in zip(stack, powers, strict=True)]
    return np.stack(results).reshape(*loops, n, n).astype(kind) if results else np.zeros((*loops, n, n), dtype=kind)


def _one_power(matrix: Any, power: Any) -> Any:
    if power == np.round(power.real) and abs(power) < 2**31:
        return np.linalg.matrix_power(matrix, int(power.real))
    if matrix.dtype.kind != "c" and power.dtype.kind == "c":
        matrix = matrix.astype(np.complex128)
    return _stacked(
        matrix,
        lambda values: values**power,
        lambda t: _power_triangular(t, power),
        zero_allowed=bool(power.real > 0),
    )


# --- stacks


def _log(values: Any) -> Any:
    return np.where(values == 0, np.nan, np.log(values))


def _stacked(x: Any, of_values: Callable[[Any], Any], of_triangular: Callable[[Any], Any], zero_allowed: bool) -> Any:
    """A function of each matrix of a stack, in double precision, rounded to the precision of x."""
    x = floating(np.asarray(x))
    n = x.shape[-1]
    is_complex = x.dtype.kind == "c"
    stack = flat(x).astype(np.complex128 if is_complex else np.float64)
    result = np.full(stack.shape, np.nan, dtype=np.complex128)
    with np.errstate(all="ignore"):
        finite = np.isfinite(stack).all(axis=(-2, -1))
        hermitian = finite & (stack == np.conj(np.swapaxes(stack, -1, -2))).all(axis=(-2, -1))
        other = finite & ~hermitian
        if n and hermitian.any():
            result[hermitian] = _of_hermitian(stack[hermitian], of_values, is_complex, zero_allowed)
        if n and other.any():
            result[other] = _by_schur(stack[other], of_triangular, is_complex)
    if not is_complex:
        scale = np.abs(result).max(axis=(-2, -1), keepdims=True, initial=0)
        real = (np.abs(result.imag) <= 1e-6 * scale).all(axis=(-2, -1), keepdims=True)
        return np.where(real, result.real, np.nan).reshape(x.shape).astype(x.dtype)
    return result.reshape(x.shape).astype(x.dtype)


def _of_hermitian(stack: Any, of_values: Callable[[Any], Any], is_complex: bool, zero_allowed: bool) -> Any:
    values, vectors = np.linalg.eigh(stack)
    if zero_allowed:  # what is zero but for rounding
        noise = np.abs(values) <= 4 * stack.shape[-1] * _EPS * np.abs(values).max(axis=-1, keepdims=True)
        values = np.where(noise & (values < 0), 0.0, values)
    of = of_values(values.astype(np.complex128) if is_complex else values)
    return (vectors * of[..., None, :]) @ np.conj(np.swapaxes(vectors, -1, -2))


def _by_schur(stack: Any, of_triangular: Callable[[Any], Any], is_complex: bool) -> Any:
    from scipy.linalg import schur

    pairs = [schur(matrix, output="complex") for matrix in stack]
    t, z = np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])
    result = z @ of_triangular(t) @ np.conj(np.swapaxes(z, -1, -2))
    if not is_complex:  # a negative eigenvalue: the principal value is not real
        values = np.diagonal(t, axis1=-2, axis2=-1)
        size = np.abs(values).max(axis=-1, keepdims=True)
        tiny = 10 * t.shape[-1] * _EPS * size
        result[((values.real < -tiny) & (np.abs(values.imag) <= tiny)).any(axis=-1)] = np.nan
    return result


# --- triangular matrices


def _sqrt_triangular(t: Any) -> Any:
    n = t.shape[-1]
    r = np.zeros_like(t)
    place = np.arange(n)
    r[..., place, place] = np.sqrt(t[..., place, place])
    for distance in range(1, n):
        for i in range(n - distance):
            j = i + distance
            inner = (r[..., i, i + 1 : j] * r[..., i + 1 : j, j]).sum(axis=-1)
            above, below = t[..., i, j] - inner, r[..., i, i] + r[..., j, j]
            r[..., i, j] = np.where((above == 0) & (below == 0), 0, above / below)
    return r


@lru_cache(maxsize=1)
def _partial_fractions() -> tuple[Any, Any]:
    """Nodes and weights with log(1 + x) = sum of w x / (1 + p x), to the degree of the Pade approximant: those of Gauss and Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(_PADE)
    return (nodes + 1) / 2, weights / 2


def _log_triangular(t: Any) -> Any:
    n = t.shape[-1]
    place = np.arange(n)
    diagonal = np.log(t[..., place, place])
    r, roots = t, 0
    while roots < 100:
        x = r - np.eye(n)
        x[..., place, place] = np.expm1(diagonal / 2**roots)  # without the cancellation of r - 1
        if not np.abs(x).sum(axis=-2).max(initial=0) > _RADIUS:
            break
        r, roots = _sqrt_triangular(r), roots + 1
    result = np.zeros_like(t)
    for node, weight in zip(*_partial_fractions(), strict=True):
        result += weight * np.linalg.solve(np.eye(n) + node * x, x)
    result *= 2**roots
    result[..., place, place] = diagonal
    first, second = place[:-1], place[1:]
    result[..., first, second] = t[..., first, second] * _log_slope(
        t[..., first, first], t[..., second, second], diagonal[..., :-1], diagonal[..., 1:]
    )
    return result


def _log_slope(a: Any, b: Any, log_a: Any, log_b: Any) -> Any:
    """(log b - log a) / (b - a), accurate for b near a."""
    near = np.abs(a - b) <= 0.5 * np.abs(a + b)
    z = np.where(near, (b - a) / (b + a), 0)
    turns = np.where(near, np.ceil(((log_b - log_a).imag - np.pi) / (2 * np.pi)), 0)
    close = (2 * np.arctanh(z) + 2j * np.pi * turns) / np.where(a == b, 1, b - a)
    apart = (log_b - log_a) / np.where(a == b, 1, b - a)
    return np.where(a == b, 1 / a, np.where(near, close, apart))


def _power_triangular(t: Any, power: Any) -> Any:
    place = np.arange(t.shape[-1])
    result = expm(power * _log_triangular(t))
    result[..., place, place] = t[..., place, place] ** power
    return result
