"""NIST's reference problems of nonlinear regression: certified values beside ours.

The National Institute of Standards and Technology (USA) certifies 11 digits for each of these fits (StRD, public domain,
https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml). Two of them stand here in full.
"""

import numpy as np
import sympy as sp

import symgraph as sg

x, y = sp.symbols("x y")
b = b1, b2, b3, b4 = sp.symbols("b1:5")

problems = {
    # how onions grow: a sigmoid whose parameters are hard to tell apart
    "Rat43": {
        "model": b1 / (1 + sp.exp(b2 - b3 * x)) ** (1 / b4),
        "x": np.arange(1, 16),
        "y": [
            16.08,
            33.83,
            65.80,
            97.20,
            191.55,
            326.20,
            386.87,
            520.53,
            590.03,
            651.92,
            724.93,
            699.56,
            689.96,
            637.56,
            717.41,
        ],
        "starts": [(100, 10, 1, 1), (700, 5, 0.75, 1.3)],
        "certified": [6.9964151270e02, 5.2771253025e00, 7.5962938329e-01, 1.2792483859e00],
        "errors": [1.6302297817e01, 2.0828735829e00, 1.9566123451e-01, 6.8761936385e-01],
        "rss": 8.7864049080e03,
    },
    # biochemical oxygen demand: a common optimiser runs away from the first start
    "BoxBOD": {
        "model": b1 * (1 - sp.exp(-b2 * x)),
        "x": [1, 2, 3, 5, 7, 10],
        "y": [109, 149, 149, 191, 213, 224],
        "starts": [(1, 1), (100, 0.75)],
        "certified": [2.1380940889e02, 5.4723748542e-01],
        "errors": [1.2354515176e01, 1.0455993237e-01],
        "rss": 1.1680088766e03,
    },
}


def digits(values, certified):
    """How many decimal digits agree in all of them."""
    error = np.max(np.abs(np.divide(values, certified) - 1))
    return -np.log10(max(error, 1e-16))


for name, problem in problems.items():
    for number, start in enumerate(problem["starts"], 1):
        result = sg.fit(problem["model"], {x: problem["x"], y: problem["y"]}, dict(zip(b, start, strict=False)))
        print(f"\n{name} from start {number} {start}, {result.nfev} evaluations\n")
        print("             certified               ours     standard error certified               ours")
        rows = zip(
            result.names,
            problem["certified"],
            result.x,
            problem["errors"],
            result.standard_errors.values(),
            strict=True,
        )
        for parameter, certified, ours, error, our_error in rows:
            print(f"{parameter:>4} {certified:17.10e}  {ours:17.10e}           {error:17.10e}  {our_error:17.10e}")
        print(f" rss {problem['rss']:17.10e}  {result.rss:17.10e}")
        assert result.success
        assert digits(result.x, problem["certified"]) > 9
        assert digits(list(result.standard_errors.values()), problem["errors"]) > 8
        assert digits(result.rss, problem["rss"]) > 9

print("\nThe last one, in full:\n")
print(result)
print("\nAs SymPy:", result.expression.xreplace({n: n.round(4) for n in result.expression.atoms(sp.Float)}))
