"""A perceptron learns to tell red points from blue ones: softmax, cross-entropy, gradient descent.

Prints the loss on the way and ends with the accuracy on points that it has not seen. Where matplotlib is installed it draws the
points and the line that it found into perceptron.png, in the current folder.
"""

from importlib.util import find_spec

import numpy as np

import symgraph as sg

rng = np.random.default_rng(0)


def clouds(count):
    """`count` blue points around (2, 2), then as many red ones around (-2, -2), and their classes as rows [1, 0] and [0, 1]."""
    centres = np.repeat([[2.0, 2.0], [-2.0, -2.0]], count, axis=0)
    return centres + rng.normal(size=(2 * count, 2)), np.repeat(np.eye(2), count, axis=0)


# --- the graph

sg.Graph().as_default()

X = sg.placeholder(name="points")
c = sg.placeholder(name="classes")
W = sg.Variable(rng.normal(size=(2, 2)), name="weights")
b = sg.Variable(rng.normal(size=2), name="bias")

p = sg.softmax(sg.add(sg.matmul(X, W), b))  # for each point, the probabilities of the two classes
J = sg.negative(sg.reduce_sum(sg.multiply(c, sg.log(p))))  # cross-entropy
step = sg.train.GradientDescentOptimizer(learning_rate=0.01).minimize(J)

# --- training

points, classes = clouds(50)
session = sg.Session()
losses = []
for i in range(101):
    loss, _ = session.run([J, step], {X: points, c: classes})  # the loss from before the step
    losses.append(loss)
    if i % 20 == 0:
        print(f"step {i:3d}  loss {loss:8.4f}")

# --- what it has learned

new_points, new_classes = clouds(500)
guesses = session.run(p, {X: new_points}).argmax(axis=1)
accuracy = np.mean(guesses == new_classes.argmax(axis=1))
print(f"accuracy on {len(new_points)} new points: {accuracy:.1%}")
assert losses[-1] < losses[0]
assert accuracy > 0.98  # no line does better than 99.8 % in the mean: the clouds overlap

if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    weights, bias = session.run([W, b])
    (w1, w2), b0 = (
        weights[:, 0] - weights[:, 1],
        bias[0] - bias[1],
    )  # both classes are equally probable where w x + b = 0
    ends = np.array([-4.0, 4.0])
    plt.plot(ends, -(w1 * ends + b0) / w2, "k-")
    plt.scatter(*points.T, c=np.where(classes[:, 0] == 1, "blue", "red"))
    plt.axis([-5, 5, -5, 5])
    plt.savefig("perceptron.png")
    print("the picture is in perceptron.png")
