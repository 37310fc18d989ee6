"""From what a program computed to what users get: arrays of their own, that share memory with nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["own_results"]


def own_results(outputs: Sequence[Any], leaves: Sequence[Any], offered: Sequence[Any] = ()) -> list[Any]:
    """Each output as a writable array that is no view of another one, of a leaf or of a constant; shape () as a NumPy scalar.

    An output that is one of the arrays that were `offered` for it stays that array.

    >>> x = np.ones(2)
    >>> a, b = own_results([x, x], [x])
    >>> a is x or a is b
    False
    """
    seen = set(map(id, leaves))
    given = {id(array) for array in offered if array is not None}
    results: list[Any] = []
    for output in outputs:
        if id(output) in given and id(output) not in seen:
            seen.add(id(output))
            results.append(output)
            continue
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
