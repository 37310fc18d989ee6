"""One training step of a perceptron with a hidden layer (784-128-10, batches of 128, float32): symgraph, NumPy by hand, and JAX if it is there.

    python benchmarks/mlp_step.py

Every one of them computes the softmax cross entropy, its gradient, and the step of gradient descent; after 20 steps from the same start the losses
must agree. The programs run in turns; the medians are printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import symgraph as sg

INPUTS, HIDDEN, CLASSES, BATCH, RATE = 784, 128, 10, 128, 0.1
Step = Callable[[], float]


def start() -> tuple[Any, list[Any]]:
    """A batch with its labels (one column for each class), and the weights to begin with."""
    rng = np.random.default_rng(0)
    data = rng.random((BATCH, INPUTS), dtype=np.float32)
    labels = np.eye(CLASSES, dtype=np.float32)[rng.integers(CLASSES, size=BATCH)]
    shapes = [(INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)]
    weights = [(rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32) for shape in shapes]
    return (data, labels), weights


def with_symgraph() -> Step:
    (data, labels), weights = start()
    with sg.Graph().as_default():
        x, target = sg.placeholder(np.float32, (None, INPUTS)), sg.placeholder(np.float32, (None, CLASSES))
        w1, b1, w2, b2 = [sg.Variable(weight) for weight in weights]
        logits = sg.matmul(sg.tanh(sg.matmul(x, w1) + b1), w2) + b2
        shifted = logits - sg.reduce_max(logits, axis=-1, keepdims=True)
        likelihood = shifted - sg.log(sg.reduce_sum(sg.exp(shifted), axis=-1, keepdims=True))
        loss = -sg.reduce_mean(sg.reduce_sum(target * likelihood, axis=-1))
        step = sg.train.GradientDescentOptimizer(RATE).minimize(loss)
        run = sg.Session().make_callable([step, loss], [x, target])
    return lambda: float(run(data, labels)[1])


def by_hand() -> Step:
    (data, labels), (w1, b1, w2, b2) = start()

    def step() -> float:
        hidden = np.tanh(data @ w1 + b1)
        logits = hidden @ w2 + b2
        shifted = logits - logits.max(axis=-1, keepdims=True)
        exponentials = np.exp(shifted)
        sums = exponentials.sum(axis=-1, keepdims=True)
        loss = -(labels * (shifted - np.log(sums))).sum() / BATCH
        error = (exponentials / sums - labels) / np.float32(BATCH)
        back = (error @ w2.T) * (1 - hidden * hidden)
        for weight, slope in ((w2, hidden.T @ error), (b2, error.sum(0)), (w1, data.T @ back), (b1, back.sum(0))):
            weight -= np.float32(RATE) * slope
        return float(loss)

    return step


def with_jax() -> Step:
    import jax
    import jax.numpy as jnp

    (data, labels), weights = start()
    state, data, labels = [jnp.asarray(weight) for weight in weights], jnp.asarray(data), jnp.asarray(labels)

    def loss_of(parameters: Any, x: Any, target: Any) -> Any:
        w1, b1, w2, b2 = parameters
        logits = jnp.tanh(x @ w1 + b1) @ w2 + b2
        return -jnp.mean(jnp.sum(target * jax.nn.log_softmax(logits), axis=-1))

    @jax.jit
    def update(parameters: Any, x: Any, target: Any) -> Any:
        loss, slopes = jax.value_and_grad(loss_of)(parameters, x, target)
        return loss, [weight - RATE * slope for weight, slope in zip(parameters, slopes, strict=True)]

    def step() -> float:
        nonlocal state
        loss, state = update(state, data, labels)
        jax.block_until_ready(state)
        return float(loss)

    return step


def main() -> None:
    steps: dict[str, Step] = {"symgraph": with_symgraph(), "NumPy by hand": by_hand()}
    try:
        steps["JAX jit"] = with_jax()
    except ImportError:
        print("JAX is not installed")
    losses = {name: [step() for _ in range(20)] for name, step in steps.items()}
    for name, found in losses.items():
        np.testing.assert_allclose(found, losses["NumPy by hand"], rtol=1e-4, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(100):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - begin)
    for name, taken in times.items():
        print(f"{name:15} median {statistics.median(taken) * 1e3:7.3f} ms, fastest {min(taken) * 1e3:7.3f} ms")


if __name__ == "__main__":
    main()
