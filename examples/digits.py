"""Handwritten digits: a network of two layers, written with SymPy's matrices, learns to read them.

The matrices hold one picture in each column. Their number, B, stays a symbol: one expression serves for training on small
batches and for reading all test pictures at once. Needs scikit-learn, whose wheel contains the pictures (1797 of 8 x 8 pixels, from the UCI
repository, "Optical recognition of handwritten digits", E. Alpaydin and C. Kaynak, 1998).
"""

import numpy as np
import sympy as sp
from sklearn.datasets import load_digits

import symgraph as sg

PIXELS, HIDDEN, DIGITS = 64, 40, 10
rng = np.random.default_rng(0)

# --- the data: pictures as columns, and for each a column with a 1 in the row of its digit

pictures, digits = load_digits(return_X_y=True)
pictures = pictures.T / 16
wanted = np.eye(DIGITS)[digits].T
shuffled = rng.permutation(len(digits))
train, test = shuffled[:1400], shuffled[1400:]

# --- the network, in SymPy

B = sp.Symbol("B", integer=True, positive=True)
X, T = sp.MatrixSymbol("X", PIXELS, B), sp.MatrixSymbol("T", DIGITS, B)
W1, b1 = sp.MatrixSymbol("W1", HIDDEN, PIXELS), sp.MatrixSymbol("b1", HIDDEN, 1)
W2, b2 = sp.MatrixSymbol("W2", DIGITS, HIDDEN), sp.MatrixSymbol("b2", DIGITS, 1)

ones = sp.OneMatrix(1, B)
scores = W2 * (W1 * X + b1 * ones).applyfunc(sp.tanh) + b2 * ones

# cross entropy: the mean over the pictures of log(sum(exp(scores))) - (score of the wanted digit)
normaliser = (sp.OneMatrix(1, DIGITS) * scores.applyfunc(sp.exp)).applyfunc(sp.log) * sp.OneMatrix(B, 1)
hits = sp.OneMatrix(1, DIGITS) * sp.HadamardProduct(T, scores) * sp.OneMatrix(B, 1)
loss = (normaliser - hits) / B

# --- the weights are variables of the graph, bound to the symbols

weights = {
    W1: sg.Variable(rng.normal(0, PIXELS**-0.5, W1.shape), name="W1"),
    b1: sg.Variable(np.zeros(b1.shape), name="b1"),
    W2: sg.Variable(rng.normal(0, HIDDEN**-0.5, W2.shape), name="W2"),
    b2: sg.Variable(np.zeros(b2.shape), name="b2"),
}
J, output = sg.translate([loss, scores], weights)
step = sg.train.GradientDescentOptimizer(learning_rate=0.5).minimize(J)
session = sg.Session()


def accuracy(columns):
    """The share of pictures that are read right."""
    return np.mean(session.run(output, {X: pictures[:, columns]}).argmax(axis=0) == digits[columns])


for epoch in range(1, 41):
    for batch in np.array_split(rng.permutation(train), 28):
        session.run(step, {X: pictures[:, batch], T: wanted[:, batch]})
    if epoch % 10 == 0:
        value = session.run(J, {X: pictures[:, train], T: wanted[:, train]}).item()
        print(
            f"epoch {epoch}: loss {value:.4f}, read right {accuracy(train):.1%} of {train.size}, new ones {accuracy(test):.1%} of {test.size}"
        )

assert value < 0.03
assert accuracy(train) > 0.99
assert accuracy(test) > 0.96
