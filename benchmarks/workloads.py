"""The problems: expressions of scalars that every peer understands, and where there is one, the form that symgraph's users write."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from .measure import Values

__all__ = ["ARRAY_EXPRESSIONS", "BATCHES", "Workload", "array_values", "many", "of_operations", "pendulum", "stencil"]


@dataclass(frozen=True)
class Workload:
    """Scalar outputs of scalar arguments, at many rows.

    Attributes:
        form: the arguments and outputs for symgraph, with matrices, if it has a form of its own; `pack` makes its arguments' values of the scalars'.
        total: whether results are summed over all rows (that form does it itself).
        direct: functions of the packed values that somebody would write by hand, each made by a function without arguments, with its module.
    """

    args: Sequence[Any]
    outputs: Sequence[Any]
    values: Values
    form: tuple[Sequence[Any], Sequence[Any]] | None = None
    pack: Callable[[Values], list[Any]] = list
    total: bool = False
    gradient: Sequence[Any] = ()
    direct: Mapping[str, tuple[str, Callable[[], Callable[..., Any]]]] = field(default_factory=dict)


# --- four expressions of arrays

x, y, z, k, r, t, v = sp.symbols("x y z k r t v", positive=True)


def _cdf(d: Any) -> Any:
    return sp.erfc(-d / sp.sqrt(2)) / 2


_d1 = (sp.log(x / k) + (r + v**2 / 2) * t) / (v * sp.sqrt(t))
ARRAY_EXPRESSIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "poly": ((x, y), x**5 - 3 * x**3 * y + 2 * x * y**2 - y + 1),
    "trig": ((x, y), sp.sin(x) * sp.cos(y) + sp.exp(-(x**2)) * sp.tanh(y)),
    "gauss": ((x, y, z), sp.exp(-((x - y) ** 2) / (2 * z**2)) / (sp.sqrt(2 * sp.pi) * z)),
    "Black-Scholes": (
        (x, k, r, t, v),
        x * _cdf(_d1) - k * sp.exp(-r * t) * _cdf(_d1 - v * sp.sqrt(t)),
    ),
}


def array_values(count: int, rows: int) -> list[Any]:
    """Numbers in [0.5, 2] for so many arguments."""
    rng = np.random.default_rng(0)
    return [rng.uniform(0.5, 2, rows) for _ in range(count)]


# --- expressions of any number of operations


def of_operations(count: int, symbols: Sequence[Any]) -> Any:
    """A sum with about `count` operations, in which nothing is there twice: terms such as `0.31*x*sin(y + 0.78)`, five operations each."""
    rng = np.random.default_rng(count)
    picks = rng.integers(0, len(symbols), size=(max(1, count // 5), 2))
    numbers = rng.uniform(0.1, 1, size=(len(picks), 2))
    terms = [
        sp.Float(a) * symbols[i] * (sp.sin(symbols[j] + sp.Float(b)) if place % 3 == 0 else symbols[j] + sp.Float(b))
        for place, ((i, j), (a, b)) in enumerate(zip(picks, numbers, strict=True))
    ]
    return sp.Add(*terms)


def many(expressions: int, parameters: int, rows: int) -> Workload:
    """Many expressions of the same parameters."""
    args = sp.symbols(f"p:{parameters}")
    p, s, e = args, sp.sin, sp.exp
    rng, outputs = np.random.default_rng(2), []
    for _ in range(expressions):
        a, b, c, d = (p[i] for i in rng.integers(0, parameters, 4))
        u, w = map(sp.Float, rng.uniform(0.2, 2, 2))
        outputs.append(u * a * s(b + w * c) + e(-a * d) / (1 + w * c**2) + sp.sqrt(1 + b**2))
    return Workload(args, outputs, list(rng.uniform(0.1, 1, (parameters, rows))))


# --- pendulums


@functools.cache
def pendulum(links: int, rows: int = 1) -> Workload:
    """Full mass matrix and forcing of a pendulum on a cart, with everything a symbol."""
    from sympy.physics.mechanics import dynamicsymbols, find_dynamicsymbols
    from sympy.physics.mechanics.models import n_link_pendulum_on_cart

    model = n_link_pendulum_on_cart(links)
    mass, forcing = model.mass_matrix_full, model.forcing_full
    moving = sorted(find_dynamicsymbols(mass) | find_dynamicsymbols(forcing), key=str)
    plain = {f: sp.Symbol(str(f.func)) for f in moving}
    mass, forcing = mass.xreplace(plain), forcing.xreplace(plain)
    names = sorted((mass.free_symbols | forcing.free_symbols) - {dynamicsymbols._t}, key=str)
    values = np.random.default_rng(3).uniform(0.3, 1.2, (len(names), rows))
    return Workload(names, [*mass, *forcing], list(values), (names, [mass, forcing]))


# --- batches


def _matrices(symbols: Sequence[Any]) -> tuple[list[Any], Callable[[Values], list[Any]]]:
    """Symbols for all entries, and what makes arrays of matrices of their values."""
    shapes = [s.shape for s in symbols]
    plain = [sp.Symbol(f"{s.name}_{i}_{j}") for s in symbols for i in range(s.rows) for j in range(s.cols)]

    def pack(values: Values) -> list[Any]:
        arrays, start = [], 0
        for rows, columns in shapes:
            part = values[start : start + rows * columns]
            arrays.append(np.stack(part, axis=-1).reshape(*np.shape(part[0]), rows, columns))
            start += rows * columns
        return arrays

    return plain, pack


def _explicit(symbols: Sequence[Any], plain: Sequence[Any]) -> list[Any]:
    """The symbols as explicit matrices of plain symbols."""
    iterator = iter(plain)
    return [sp.Matrix(*s.shape, lambda i, j: next(iterator)) for s in symbols]


A, B, b = sp.MatrixSymbol("A", 3, 3), sp.MatrixSymbol("B", 3, 3), sp.MatrixSymbol("b", 3, 1)


def _small(symbols: Sequence[Any], form: Any, explicit: Callable[..., Any], direct: Any, rows: int) -> Workload:
    plain, pack = _matrices(symbols)
    result = explicit(*_explicit(symbols, plain))
    values = np.random.default_rng(4).uniform(-1, 1, (len(plain), rows))
    values[[0, 4, 8]] += 3  # A is far from singular
    outputs = list(result) if isinstance(result, sp.MatrixBase) else [result]
    return Workload(plain, outputs, list(values), (list(symbols), [form]), pack, direct=direct)


def _jitted(name: str) -> Callable[[], Callable[..., Any]]:
    def make() -> Callable[..., Any]:
        import jax

        jax.config.update("jax_enable_x64", True)
        linalg = {"matmul": jax.numpy.matmul, "det": jax.numpy.linalg.det, "solve": jax.numpy.linalg.solve}
        made = jax.jit(linalg[name])
        return lambda *arrays: jax.block_until_ready(made(*arrays))

    return make


def products(rows: int) -> Workload:
    direct = {"numpy": ("numpy", lambda: np.matmul), "jax matrices": ("jax", _jitted("matmul"))}
    return _small([A, B], A * B, lambda a, c: a * c, direct, rows)


def determinants(rows: int) -> Workload:
    direct = {"numpy": ("numpy", lambda: np.linalg.det), "jax matrices": ("jax", _jitted("det"))}
    return _small([A], sp.Determinant(A), lambda a: a.det(method="berkowitz"), direct, rows)


def solves(rows: int) -> Workload:
    direct = {"numpy": ("numpy", lambda: np.linalg.solve), "jax matrices": ("jax", _jitted("solve"))}
    return _small([A, b], A**-1 * b, lambda a, c: a.adjugate() * c / a.det(method="berkowitz"), direct, rows)


def kalman(rows: int) -> Workload:
    """The update of a Kalman filter: four states, two of them measured."""
    m, P = sp.MatrixSymbol("m", 4, 1), sp.MatrixSymbol("P", 4, 4)
    H, R, w = sp.MatrixSymbol("H", 2, 4), sp.MatrixSymbol("R", 2, 2), sp.MatrixSymbol("w", 2, 1)
    symbols = [m, P, H, R, w]
    gain = P * H.T * (H * P * H.T + R) ** -1
    plain, pack = _matrices(symbols)
    me, Pe, He, Re, we = _explicit(symbols, plain)
    S = He * Pe * He.T + Re
    K = Pe * He.T * S.adjugate() / (S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0])
    outputs = [*(me + K * (we - He * me)), *((sp.eye(4) - K * He) * Pe)]
    rng = np.random.default_rng(5)
    roots, noise = rng.normal(size=(rows, 4, 4)), rng.normal(size=(rows, 2, 2))
    arrays = [
        rng.normal(size=(rows, 4)),
        roots @ roots.swapaxes(1, 2) + np.eye(4),
        rng.normal(size=(rows, 8)),
        noise @ noise.swapaxes(1, 2) + np.eye(2),
        rng.normal(size=(rows, 2)),
    ]
    values = np.concatenate([a.reshape(rows, -1) for a in arrays], axis=1).T
    form = [m + gain * (w - H * m), (sp.Identity(4) - gain * H) * P]

    def by_hand() -> Callable[..., Any]:
        return _kalman_numpy

    return Workload(plain, outputs, list(values), (symbols, form), pack, direct={"numpy": ("numpy", by_hand)})


def _kalman_numpy(m: Any, P: Any, H: Any, R: Any, w: Any) -> list[Any]:
    cross = P @ H.mT
    gain = np.linalg.solve(H @ cross + R, cross.mT).mT
    return [m + gain @ (w - H @ m), P - gain @ (H @ P)]


def robot(rows: int) -> Workload:
    """Place and Jacobian of a robot's tool behind six joints (much like a PUMA 560)."""
    arm = [(0.672, 0, 1), (0, 0.4318, 0), (0.15, 0.0203, -1), (0.4318, 0, 1), (0, 0, -1), (0.2, 0, 0)]
    angles = sp.symbols("q1:7")
    frame = sp.eye(4)
    for a, (along_z, along_x, turn) in zip(angles, arm, strict=True):
        s, c, st, ct = sp.sin(a), sp.cos(a), turn, 1 - abs(turn)
        joint = [
            [c, -s * ct, s * st, along_x * c],
            [s, c * ct, -c * st, along_x * s],
            [0, st, ct, along_z],
            [0, 0, 0, 1],
        ]
        frame = frame * sp.Matrix(joint)
    place = frame[:3, 3]
    jacobian = place.jacobian(angles)
    values = np.random.default_rng(6).uniform(-np.pi, np.pi, (6, rows))
    return Workload(angles, [*place, *jacobian], list(values), (angles, [place, jacobian]))


def mixture(rows: int) -> Workload:
    """The log-likelihood of a mixture of three Gaussians, and its gradient."""
    i, n = sp.Symbol("i", integer=True), sp.Symbol("n", integer=True, positive=True)
    X = sp.IndexedBase("X", shape=(n,))
    w, m, s = sp.symbols("w:3"), sp.symbols("m:3"), sp.symbols("s:3")

    def density(at: Any) -> Any:
        parts = zip(w, m, s, strict=True)
        return sp.log(
            sp.Add(*[a * sp.exp(-((at - c) ** 2) / (2 * d**2)) / (sp.sqrt(2 * sp.pi) * d) for a, c, d in parts])
        )

    parameters = [*w, *m, *s]
    outputs = [density(x), *[density(x).diff(p) for p in parameters]]
    values = [np.random.default_rng(7).normal(0, 2, rows), 0.2, 0.3, 0.5, -1.0, 0.1, 1.0, 1.0, 0.5, 2.0]
    form = ([X, *parameters], [sp.Sum(density(X[i]), (i, 0, n - 1))])
    return Workload([x, *parameters], outputs, values, form, total=True, gradient=parameters)


BATCHES: dict[str, tuple[Callable[[int], Workload], int]] = {
    "products of 3 x 3": (products, 1_000_000),
    "determinants of 3 x 3": (determinants, 1_000_000),
    "solves of 3 x 3": (solves, 1_000_000),
    "Kalman update": (kalman, 100_000),
    "robot's place and Jacobian": (robot, 100_000),
    "mixture, value and gradient": (mixture, 100_000),
}


# --- a stencil


def stencil(rows: int) -> tuple[Any, Any, list[Any], Callable[[Any, Any], Any]]:
    """A step of the heat equation on a square grid: arguments, expression, values, and the same by hand for any array library."""
    n, m, c = sp.Symbol("n", integer=True, positive=True), sp.Symbol("m", integer=True, positive=True), sp.Symbol("c")
    u = sp.MatrixSymbol("u", n, m)
    inner = u[1 : n - 1, 1 : m - 1]
    around = u[0 : n - 2, 1 : m - 1] + u[2:n, 1 : m - 1] + u[1 : n - 1, 0 : m - 2] + u[1 : n - 1, 2:m]

    def by_hand(u: Any, c: Any) -> Any:
        inner = u[1:-1, 1:-1]
        return inner + c * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * inner)

    side = max(3, int(rows**0.5))
    return (
        [u, c],
        inner + c * (around - 4 * inner),
        [np.random.default_rng(8).uniform(0, 1, (side, side)), 0.1],
        by_hand,
    )
