"""A perceptron with a hidden layer tells apart what no line separates: two red clouds and two blue ones, placed crosswise.

Prints the loss on the way and ends with the accuracy on points that it has not seen, beside that of a perceptron without a hidden
layer. Where matplotlib is installed it draws the points and the boundary into multi_layer_perceptron.png, in the current folder.
"""

from importlib.util import find_spec

import numpy as np

import symgraph as sg

rng = np.random.default_rng(0)


def clouds(count):
    """`count` points around each of four corners, red at (0, 0) and (1, 1), blue at (0, 1) and (1, 0), and their classes."""
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    points = np.repeat(corners, count, axis=0) + 0.2 * rng.normal(size=(4 * count, 2))
    return points, np.repeat([[0.0, 1.0], [1.0, 0.0]], 2 * count, axis=0)


def layer(inputs, size_in, size_out):
    """An affine map with its own weights and bias."""
    with sg.name_scope("layer"):
        W = sg.Variable(rng.normal(size=(size_in, size_out)), name="weights")
        b = sg.Variable(rng.normal(size=size_out), name="bias")
    return sg.add(sg.matmul(inputs, W), b)


# --- the graph: two classifiers of the same points

sg.Graph().as_default()

X = sg.placeholder(name="points")
c = sg.placeholder(name="classes")

hidden = sg.sigmoid(layer(X, 2, 6))
deep = sg.softmax(layer(hidden, 6, 2))
flat = sg.softmax(layer(X, 2, 2))  # without a hidden layer, to compare


def cross_entropy(p):
    return sg.negative(sg.reduce_sum(sg.multiply(c, sg.log(p))))


J = cross_entropy(deep)
optimizer = sg.train.GradientDescentOptimizer(learning_rate=0.03)
step = sg.group(optimizer.minimize(J), optimizer.minimize(cross_entropy(flat)))

# --- training

points, classes = clouds(25)
session = sg.Session()
losses = []
for i in range(1501):
    loss, _ = session.run([J, step], {X: points, c: classes})  # the loss from before the step
    losses.append(loss)
    if i % 250 == 0:
        print(f"step {i:4d}  loss {loss:8.4f}")

# --- what it has learned

new_points, new_classes = clouds(250)


def accuracy(p):
    guesses = session.run(p, {X: new_points}).argmax(axis=1)
    return np.mean(guesses == new_classes.argmax(axis=1))


print(f"accuracy on {len(new_points)} new points: {accuracy(deep):.1%}, without the hidden layer {accuracy(flat):.1%}")
assert losses[-1] < losses[0]
assert accuracy(deep) > 0.95
assert accuracy(flat) < 0.8  # a line gets at most three of the four clouds right

if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    x1, x2 = np.meshgrid(np.linspace(-0.7, 1.7, 200), np.linspace(-0.7, 1.7, 200))
    blue = session.run(deep, {X: np.stack([x1, x2], axis=-1)})[
        ..., 0
    ]  # 200 x 200 points in one run: all but the last axis is a batch
    plt.contourf(x1, x2, blue, levels=[0, 0.5, 1], colors=["mistyrose", "lightblue"])
    plt.scatter(*points.T, c=np.where(classes[:, 0] == 1, "blue", "red"))
    plt.savefig("multi_layer_perceptron.png")
    print("the picture is in multi_layer_perceptron.png")
