"""Training: optimisers against their published formulas, clipping, variables in expressions, and checkpoints that survive a crash."""

import contextlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symgraph as sg
from symgraph import Session, Variable, train

# --- optimisers: the published formulas, in plain NumPy, on f(w) = sum(c * w**4 - w)

START, C = np.array([[1.5, -0.5], [0.25, 2.0]]), np.array([[1.0, 2.0], [3.0, 0.5]])


def slope(w):
    return 4 * C * w**3 - 1


def descent(w, g, t, state):
    return w - 0.01 * g


def momentum(w, g, t, state):
    state["a"] = 0.9 * state.get("a", 0) + g
    return w - 0.01 * state["a"]


def nesterov(w, g, t, state):
    state["a"] = 0.9 * state.get("a", 0) + g
    return w - 0.01 * (g + 0.9 * state["a"])


def adagrad(w, g, t, state):
    state["a"] = state.get("a", 0.1) + g**2
    return w - 0.3 * g / np.sqrt(state["a"])


def rmsprop(w, g, t, state):
    state["s"] = 0.8 * state.get("s", 1.0) + 0.2 * g**2
    state["m"] = 0.5 * state.get("m", 0) + 0.01 * g / np.sqrt(state["s"] + 1e-3)
    return w - state["m"]


def centered(w, g, t, state):
    state["s"] = 0.8 * state.get("s", 1.0) + 0.2 * g**2
    state["g"] = 0.8 * state.get("g", 0.0) + 0.2 * g
    state["m"] = 0.5 * state.get("m", 0) + 0.01 * g / np.sqrt(state["s"] - state["g"] ** 2 + 1e-3)
    return w - state["m"]


def adam(w, g, t, state):
    state["m"] = 0.8 * state.get("m", 0) + 0.2 * g
    state["v"] = 0.95 * state.get("v", 0) + 0.05 * g**2
    rate = 0.1 * np.sqrt(1 - 0.95**t) / (1 - 0.8**t)
    return w - rate * state["m"] / (np.sqrt(state["v"]) + 1e-3)


OPTIMIZERS = {
    descent: lambda: train.GradientDescentOptimizer(0.01),
    momentum: lambda: train.MomentumOptimizer(0.01, 0.9),
    nesterov: lambda: train.MomentumOptimizer(0.01, 0.9, use_nesterov=True),
    adagrad: lambda: train.AdagradOptimizer(0.3),
    rmsprop: lambda: train.RMSPropOptimizer(0.01, decay=0.8, momentum=0.5, epsilon=1e-3),
    centered: lambda: train.RMSPropOptimizer(0.01, 0.8, 0.5, 1e-3, centered=True),
    adam: lambda: train.AdamOptimizer(0.1, 0.8, 0.95, 1e-3),
}
every_optimizer = pytest.mark.parametrize("formula", OPTIMIZERS, ids=lambda f: f.__name__)


def loss_of(w):
    return sg.reduce_sum(C * w**4 - w)


@every_optimizer
def test_trajectory(formula):
    w = Variable(START, name="w")
    step, session = OPTIMIZERS[formula]().minimize(loss_of(w)), Session()
    expected, state = START, {}
    for t in range(1, 31):
        assert session.run(step) is None
        expected = formula(expected, slope(expected), t, state)
        np.testing.assert_allclose(session.run(w), expected, rtol=1e-13, atol=1e-15)
    assert np.max(np.abs(expected - START)) > 0.1


@every_optimizer
def test_single_precision_stays_so(formula):
    w = Variable(START.astype(np.float32))
    optimizer = OPTIMIZERS[formula]()
    step, session = optimizer.minimize(sg.reduce_sum(w * w)), Session()
    session.run(step)
    assert session.run(w).dtype == np.float32
    for name in optimizer.get_slot_names():
        assert session.run(optimizer.get_slot(w, name)).dtype == np.float32


@every_optimizer
def test_two_variables_are_trained_as_one_of_both(formula):
    first, second = Variable(START[0]), Variable(START[1])
    loss = sg.reduce_sum(C[0] * first**4 - first) + sg.reduce_sum(C[1] * second**4 - second)
    step, session = OPTIMIZERS[formula]().minimize(loss), Session()
    expected, state = START, {}
    for t in range(1, 6):
        session.run(step)
        expected = formula(expected, slope(expected), t, state)
    np.testing.assert_allclose(session.run([first, second]), expected, rtol=1e-13)


@every_optimizer
def test_a_run_that_fails_changes_nothing(formula):
    w, x = Variable(START), sg.placeholder()
    optimizer = OPTIMIZERS[formula]()
    step, session = optimizer.minimize(sg.reduce_sum(sg.matmul(w, x) ** 2)), Session()
    session.run(step, {x: np.eye(2)})
    everything = sg.global_variables()
    before = session.run(everything)
    with pytest.raises(ValueError, match="matmul"):
        session.run(step, {x: np.eye(3)})
    for old, new in zip(before, session.run(everything), strict=True):
        np.testing.assert_array_equal(old, new)


def test_slots_have_tensorflows_names_and_are_not_trainable():
    with sg.name_scope("s"):
        v = Variable([1.0, 2.0], name="v")
    adam = train.AdamOptimizer()
    adam.minimize(sg.reduce_sum(v * v))
    assert [x.name for x in sg.global_variables()] == ["s/v", "beta1_power", "beta2_power", "s/v/Adam", "s/v/Adam_1"]
    assert sg.trainable_variables() == [v]
    assert adam.get_slot(v, "v").name == "s/v/Adam_1"
    assert adam.get_slot(v, "nothing") is None and adam.get_slot_names() == ["m", "v"]


def test_slots_of_a_variable_whose_first_value_is_a_node():
    w = Variable(sg.constant([2.0, 3.0]) * 2)
    step, session = train.AdagradOptimizer(1.0).minimize(sg.reduce_sum(w * w)), Session()
    session.run(step)
    np.testing.assert_allclose(session.run(w), [4 - 8 / np.sqrt(64.1), 6 - 12 / np.sqrt(144.1)], rtol=1e-14)


@every_optimizer
def test_complex_variables_go_downhill(formula):
    w = Variable(np.array([1 + 2j, -1j]))
    loss = sg.reduce_sum(sg.abs(w - (0.5 + 0.25j)) ** 2)
    step, session = OPTIMIZERS[formula]().minimize(loss), Session()
    before = session.run(loss)
    for _ in range(20):
        session.run(step)
    assert session.run(loss) < 0.9 * before


def test_learning_rate_as_a_node():
    w, rate, count = Variable(1.0), sg.placeholder(), Variable(0, trainable=False)
    step, session = train.GradientDescentOptimizer(rate).minimize(3 * w, global_step=count), Session()
    session.run(step, {rate: 0.5})
    session.run(step, {rate: 0.25})
    assert session.run([w, count]) == [1 - 1.5 - 0.75, 2]


@pytest.mark.parametrize("staircase", [False, True])
def test_learning_rate_that_decays(staircase):
    w, count = Variable(0.0), Variable(0, trainable=False)
    rate = train.exponential_decay(0.5, count, 2, 0.1, staircase)
    step, session = train.GradientDescentOptimizer(rate).minimize(w, global_step=count), Session()
    for _ in range(4):
        session.run(step)
    exponents = np.arange(4) // 2 if staircase else np.arange(4) / 2
    assert session.run(w) == pytest.approx(-np.sum(0.5 * 0.1**exponents), rel=1e-14)


def test_compute_clip_apply():
    w, unused = Variable([3.0, 4.0]), Variable(1.0)
    optimizer = train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(sg.reduce_sum(w * w) / 2)
    assert [v for _, v in pairs] == [w, unused] and pairs[1][0] is None
    clipped, norm = sg.clip_by_global_norm([g for g, _ in pairs], 1.0)
    step = optimizer.apply_gradients(list(zip(clipped, [v for _, v in pairs], strict=True)))
    session = Session()
    assert session.run(norm) == 5
    session.run(step)
    np.testing.assert_allclose(session.run(w), [2.4, 3.2], rtol=1e-15)
    assert sg.get_collection(sg.GraphKeys.TRAIN_OP) == [step]


def test_the_optimum_of_an_expression():
    a, b = sp.symbols("a b")
    expr = (a - 3) ** 2 + sp.exp(b) - 2 * b + a * b / 10
    best = sp.nsolve([expr.diff(a), expr.diff(b)], [a, b], [3, 0.5])
    va, vb = Variable(0.0), Variable(0.0)
    step, session = train.MomentumOptimizer(0.1, 0.5).minimize(sg.translate(expr, {a: va, b: vb})), Session()
    for _ in range(200):
        session.run(step)
    np.testing.assert_allclose(session.run([va, vb]), np.array(best, float).ravel(), rtol=1e-12)


# --- clipping


def test_clip_by_value():
    np.testing.assert_array_equal(sg.clip_by_value([-2.0, 0.5, np.inf], -1.0, 1.0).eval(), [-1, 0.5, 1])


@pytest.mark.parametrize(("axes", "norms"), [(None, 13.0), (-1, [[5.0], [12.0]]), (0, [[3.0, 4.0, 12.0]])])
def test_clip_by_norm(axes, norms):
    t = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 12.0]])
    expected = t * np.minimum(1.0, 4.5 / np.asarray(norms))
    np.testing.assert_allclose(sg.clip_by_norm(t, 4.5, axes=axes).eval(), expected, rtol=1e-15)


def hand_made_step(x, target, w1, b1, w2, b2, rate):
    """Loss, and weights after a step of descent, of a perceptron with a hidden layer and the softmax cross entropy."""
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    error = (weights - target) / len(x)
    back = error @ w2.T * (1 - hidden**2)
    slopes = x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)
    new = [w - rate * slope for w, slope in zip((w1, b1, w2, b2), slopes, strict=True)]
    return -np.mean(np.sum(target * np.log(weights), -1)), new


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize(
    "batch", [1, 3, 4, 9]
)  # as many rows as classes among them: axes must not be taken for each other
def test_a_step_of_a_perceptron_is_the_one_by_hand(backend, batch):
    rng = np.random.default_rng(batch)
    x, target = rng.normal(size=(batch, 5)), np.eye(3)[rng.integers(3, size=batch)]
    start = [rng.normal(size=shape) for shape in [(5, 4), (4,), (4, 3), (3,)]]
    inputs, labels = sg.placeholder("float64", (None, 5)), sg.placeholder("float64", (None, 3))
    w1, b1, w2, b2 = variables = [Variable(value) for value in start]
    logits = sg.matmul(sg.tanh(sg.matmul(inputs, w1) + b1), w2) + b2
    shifted = logits - sg.reduce_max(logits, axis=-1, keepdims=True)
    likelihood = shifted - sg.log(sg.reduce_sum(sg.exp(shifted), axis=-1, keepdims=True))
    loss = -sg.reduce_mean(sg.reduce_sum(labels * likelihood, axis=-1))
    step = train.GradientDescentOptimizer(0.5).minimize(loss)
    session = Session(backend=backend)
    values = start
    for _ in range(3):
        expected, values = hand_made_step(x, target, *values, 0.5)
        _, found = session.run([step, loss], {inputs: x, labels: target})
        assert found == pytest.approx(expected, rel=1e-12)
        for have, want in zip(session.run(variables), values, strict=True):
            np.testing.assert_allclose(have, want, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_what_is_assigned_belongs_to_the_variable_alone(backend):
    x = sg.placeholder("float64", (3,))
    v, w, u = Variable(np.zeros(3)), Variable(np.zeros(3)), Variable(np.zeros(3))
    double = sg.exp(x) * 2.0
    updates = [sg.assign(v, x), sg.assign(w, double), sg.assign(u, sg.assign_add(w, double))]
    session, fed = Session(backend=backend), np.array([0.0, 1.0, 2.0])
    results = session.run([double, *updates], {x: fed})
    expected = [results[0].copy(), np.array([0.0, 1.0, 2.0]), results[0].copy(), 2 * results[0], 2 * results[0]]
    for array in (fed, *results):
        array[:] = -1.0
    for have, want in zip(session.run([v, w, u]), [expected[1], expected[3], expected[4]], strict=True):
        np.testing.assert_array_equal(have, want)


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
def test_numbers_and_rows_are_assigned_to_the_whole_variable(backend):
    x, row = sg.placeholder("float64", ()), sg.placeholder("float64", (4,))
    v = Variable(np.ones((3, 4)))
    session = Session(backend=backend)
    np.testing.assert_array_equal(session.run(sg.assign(v, sg.exp(x)), {x: 0.0}), np.ones((3, 4)))
    np.testing.assert_array_equal(session.run(sg.assign_add(v, row * 2.0), {row: np.arange(4.0)})[2], [1, 3, 5, 7])
    np.testing.assert_array_equal(session.run(sg.assign_sub(v, 1.0)), session.run(v))
    assert session.run(v)[0, 3] == 6.0


def test_what_is_small_is_not_clipped():
    t = np.array([3.0, 4.0])
    np.testing.assert_array_equal(sg.clip_by_norm(t, 5.5).eval(), t)
    (same,), norm = sg.clip_by_global_norm([t], 5.5)
    np.testing.assert_array_equal(same.eval(), t)
    assert norm.eval() == 5


def test_zeros_and_infinities():
    (zero,), _ = sg.clip_by_global_norm([np.zeros(2)], 1.0)
    np.testing.assert_array_equal(zero.eval(), [0, 0])
    (first, second), _ = sg.clip_by_global_norm([[1.0, 2.0], [np.inf]], 1.0)
    assert np.all(np.isnan(first.eval())) and np.all(np.isnan(second.eval()))


def test_no_norm_of_nothing():
    with pytest.raises(sg.ArgumentError, match="no arrays"):
        sg.global_norm([None])


# --- variables in expressions

x, a = sp.symbols("x a")


def test_every_float_becomes_a_variable():
    expr = 2.5 * sp.sin(1.5 * x) + sp.Piecewise((x**2.0, x > 0.5), (0.25, True)) + 3 * x
    y = sg.translate(expr, trainable="floats")
    values = sorted(float(v.initial_value) for v in sg.trainable_variables())
    assert values == [0.25, 0.5, 1.5, 2.0, 2.5]  # the integer 3 stays
    assert Session().run(y, {x: 0.75}) == pytest.approx(float(expr.subs(x, 0.75)), rel=1e-15)


def test_equal_floats_at_different_places_are_different_variables():
    sg.translate(2.0 * x + sp.exp(2.0 * a) + 2.0 * x * a, trainable="floats")
    assert len(sg.trainable_variables()) == 3


def test_equal_parts_share_their_variables():
    part = sp.sin(1.5 * x)
    first, second = sg.translate([part + 1, sp.exp(part)], trainable="floats")
    assert len(sg.trainable_variables()) == 1
    assert sg.gradients(first, sg.trainable_variables())[0] is not None
    assert sg.gradients(second, sg.trainable_variables())[0] is not None


def test_a_fitted_expression_comes_back():
    data = np.linspace(0, 2, 40)
    y = sg.translate(1.0 * sp.exp(-1.0 * x), trainable="floats")
    target = sg.placeholder()
    step = train.AdamOptimizer(0.05).minimize(sg.reduce_mean((y - target) ** 2))
    with Session() as session:
        for _ in range(1500):
            session.run(step, {x: data, target: 2.5 * np.exp(-0.75 * data)})
        fitted = sg.to_sympy(y)
    coefficient, exponential = fitted.as_two_terms()
    assert coefficient == pytest.approx(2.5, abs=1e-4)
    assert exponential.args[0].coeff(x) == pytest.approx(-0.75, abs=1e-4)


def test_to_sympy_of_matrices_and_arrays():
    W, v = sp.MatrixSymbol("W", 2, 2), sp.MatrixSymbol("v", 2, 1)
    u, k = sp.IndexedBase("u", shape=(3,)), sp.Symbol("k", integer=True)
    weights = Variable([[1.0, 2.0], [3.0, 4.0]])
    product, total = sg.translate([W * v, sp.Sum(u[k] * a, (k, 0, 2))], {W: weights, u: Variable([1.0, 2.0, 4.0])})
    assert sg.to_sympy(product).subs(v, sp.Matrix([1, 1])).doit() == sp.Matrix([3.0, 7.0])
    assert sg.to_sympy(total).doit() == 7.0 * a
    session = Session()
    session.run(sg.assign(weights, np.eye(2)))
    assert sg.to_sympy(product, session).subs(v, sp.Matrix([1, 2])).doit() == sp.Matrix([1.0, 2.0])


def test_to_sympy_of_leaves_and_of_what_is_no_expression():
    assert sg.to_sympy(sg.translate(a)) == a
    assert sg.to_sympy(Variable(2.5)) == 2.5
    assert sg.to_sympy(sg.translate(a, {a: Variable(1.5)})) == 1.5
    with pytest.raises(sg.ArgumentError, match="not translated"):
        sg.to_sympy(Variable(1.0) * 2)
    with pytest.raises(TypeError):
        sg.to_sympy(a)


def test_depth_is_no_limit_for_trainable_floats():
    deep = x
    with sp.evaluate(False):
        for _ in range(3000):
            deep = sp.sin(sp.Add(deep, sp.Float(0.5)))
    node = sg.translate(deep, trainable="floats")
    assert len(sg.trainable_variables()) == 3000
    assert sg.to_sympy(node).args[0].args[1] == 0.5


def test_trainable_has_one_meaning():
    with pytest.raises(sg.ArgumentError, match="floats"):
        sg.translate(x, trainable=True)


def test_collections_of_the_default_graph():
    with sg.name_scope("net"):
        w = Variable(1.0, name="w")
    b = Variable(1.0, name="b", trainable=False)
    assert sg.global_variables() == [w, b] and sg.trainable_variables() == [w]
    assert sg.global_variables("net/") == [w] and sg.get_collection("losses") == []
    sg.add_to_collection(sg.GraphKeys.LOSSES, w)
    assert sg.get_collection("losses") == [w]


# --- checkpoints


def trained():
    """Variables of several dtypes and shapes, a step that changes them, and a session in which it has run."""
    w, z = Variable(START, name="w"), Variable(np.array(1 + 2j), name="z")
    count = Variable(0, name="count", trainable=False)
    loss = sg.reduce_sum(w * w) + sg.abs(z) ** 2
    step, session = train.AdamOptimizer(0.1).minimize(loss, global_step=count), Session()
    for _ in range(3):
        session.run(step)
    return session, step


def test_restored_training_goes_on_as_if_nothing_had_happened(tmp_path):
    session, step = trained()
    saver = train.Saver()
    path = saver.save(session, tmp_path / "model")
    assert path == str(tmp_path / "model")
    everything = sg.global_variables()
    assert len(everything) == 9  # with the optimiser's own
    session.run(step)
    expected = session.run(everything)
    other = Session()
    saver.restore(other, path)
    other.run(step)
    for have, want in zip(other.run(everything), expected, strict=True):
        assert np.array_equal(have, want) and have.dtype == want.dtype


def test_numpy_reads_checkpoints_without_pickle(tmp_path):
    session, _ = trained()
    path = train.Saver().save(session, tmp_path / "model")
    with np.load(f"{path}.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {v.name for v in sg.global_variables()}
        assert np.array_equal(arrays["w/Adam"], session.run(sg.get_default_graph().get_operation_by_name("w/Adam")))


def test_the_oldest_go_and_the_latest_is_known(tmp_path):
    w = Variable(0.0)
    saver, session = train.Saver(max_to_keep=2), Session()
    assert train.latest_checkpoint(tmp_path) is None
    for step in range(4):
        session.run(sg.assign(w, float(step)))
        saver.save(session, tmp_path / "model", global_step=step)
        assert train.latest_checkpoint(tmp_path) == str(tmp_path / f"model-{step}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint", "model-2.npz", "model-3.npz"]
    assert saver.last_checkpoints == [str(tmp_path / "model-2"), str(tmp_path / "model-3")]
    saver.restore(session, saver.last_checkpoints[0])
    assert session.run(w) == 2
    (tmp_path / "model-3.npz").unlink()
    assert train.latest_checkpoint(tmp_path) == str(tmp_path / "model-2")


@pytest.mark.parametrize("keep", [0, None])
def test_all_are_kept_on_request(tmp_path, keep):
    w, count = Variable(0.0), Variable(7)
    saver, session = train.Saver([w], max_to_keep=keep), Session()
    for step in [*range(8), count]:
        saver.save(session, tmp_path / "model", global_step=step)
    assert len(list(tmp_path.glob("model-*.npz"))) == 8


def test_names_in_the_file_can_be_given(tmp_path):
    w = Variable([1.0, 2.0], name="w")
    path = train.Saver({"file": w, "../weird name.npy": w}).save(Session(), tmp_path / "model[1]")
    other = Variable([0.0, 0.0])
    session = Session()
    train.Saver({"../weird name.npy": other}).restore(session, path)
    assert np.array_equal(session.run(other), [1, 2])


def test_what_cannot_be_saved_or_restored(tmp_path):
    with pytest.raises(ValueError, match="No variables to save"):
        train.Saver()
    w = Variable([1.0, 2.0], name="w")
    session, saver = Session(), train.Saver()
    with pytest.raises(ValueError, match="is not a valid checkpoint"):
        saver.restore(session, tmp_path / "nothing")
    with pytest.raises(sg.ArgumentError, match="does not exist"):
        saver.save(session, tmp_path / "no folder" / "model")
    with pytest.raises(TypeError):
        train.Saver([w, 3])
    path = saver.save(session, tmp_path / "model")
    more = Variable(0.0, name="more")
    with pytest.raises(sg.CheckpointError, match=r"no value for the variables .*more"):
        train.Saver([w, more]).restore(session, path)
    with pytest.raises(sg.ShapeError):
        train.Saver({"w": more}).restore(session, path)
    column = Variable([[0.0], [0.0]])
    train.Saver({"w": column}, reshape=True).restore(session, path)
    assert np.array_equal(session.run(column), [[1], [2]])
    session.close()
    with pytest.raises(RuntimeError):
        saver.save(session, tmp_path / "model")


def test_a_failing_restore_changes_nothing(tmp_path):
    first, second = Variable(1.0), Variable([1.0, 2.0])
    session = Session()
    path = train.Saver({"a": Variable(5.0), "b": Variable([5.0, 5.0, 5.0])}).save(session, tmp_path / "model")
    with pytest.raises(sg.ShapeError):
        train.Saver({"a": first, "b": second}).restore(session, path)
    assert session.run(first) == 1


@pytest.mark.parametrize("where", [0.01, 0.3, 0.6, 0.99])
def test_damaged_files_are_noticed(tmp_path, where):
    w = Variable(np.arange(1000.0), name="w")
    session, saver = Session(), train.Saver()
    path = saver.save(session, tmp_path / "model")
    file = Path(f"{path}.npz")
    whole = file.read_bytes()
    place = int(where * len(whole))
    file.write_bytes(whole[:place])
    with pytest.raises(sg.CheckpointError, match="damaged"):
        saver.restore(session, path)
    file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
    with contextlib.suppress(sg.CheckpointError):
        saver.restore(session, path)
    assert np.array_equal(session.run(w), np.arange(1000.0))


def test_objects_are_not_unpickled(tmp_path):
    w = Variable(1.0, name="w")
    with zipfile.ZipFile(tmp_path / "model.npz", "w") as archive, archive.open("w.npy", "w") as member:
        np.lib.format.write_array(member, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="pickle"):
        train.Saver([w]).restore(Session(), tmp_path / "model")


class _Stop(Exception):
    pass


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_an_error_while_saving_leaves_the_old_file(tmp_path, monkeypatch, call):
    w = Variable(np.arange(5.0))
    session, saver = Session(), train.Saver()
    path = saver.save(session, tmp_path / "model")
    session.run(sg.assign(w, np.zeros(5)))

    def stop(*args, **kwargs):
        raise _Stop

    target = (np.lib.format, "write_array") if call == "write" else (os, call)
    with monkeypatch.context() as patched:
        patched.setattr(*target, stop)
        with pytest.raises(_Stop):
            saver.save(session, tmp_path / "model")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint", "model.npz"]
    saver.restore(session, path)
    assert np.array_equal(session.run(w), np.arange(5.0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_process_that_is_killed_while_it_saves_loses_nothing():
    kills = 1000 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 40
    script = Path(__file__).parents[1] / "scripts" / "kill_saver.py"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    told = re.fullmatch(rf"{kills} kills, (\d+) in the middle of a file, (\d+) saves, .* nothing lost\n", done.stdout)
    assert told and int(told[1]) > 0 and int(told[2]) >= kills
