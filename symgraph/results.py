"""From what a program computed to what users get: arrays of their own, that share memory with nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["own_results"]


def own_results(outputs: Sequence[Any], leaves: Sequence[Any]) -> list[Any]:
    """Each output as a writable array that is no view of another one, of a leaf or of a constant; shape () as a NumPy scalar.

    >>> x = np.ones(2)
    >>> a, b = own_results([x, x], [x])
    >>> a is x or a is b
    False
    """
    seen = {id(leaf) for leaf in leaves}
    results: list[Any] = []
    for output in outputs:
        if output is None or isinstance(output, np.generic):
            results.append(output)
            continue
        array = np.asarray(output)
        if array.ndim == 0:
            results.append(array[()])
            continue
        if array.base is not None or id(array) in seen or not array.flags.writeable or not array.flags.owndata:
            array = array.copy(order="C")
        seen.add(id(array))
        results.append(array)
    return results
