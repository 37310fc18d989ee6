"""To look inside a Function, and to hand its machine code to others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import backends
from .backends.timing import recorded
from .errors import ArgumentError, NoMachineCodeError
from .graph import Node
from .nodes import symbol_name
from .precision import NUMBERS
from .program import Program

__all__ = ["Inspectable", "Profile"]


@dataclass(frozen=True)
class Profile:
    """Where the time of one call went.

    Attributes:
        seconds: for each kernel and each library step how long it took; "v7" is the value of that name in `Function.source`.
        total: how long the call took.

    >>> print(Profile({"sin to v1": 0.003, "add to v2": 0.0005}, 0.004))
    part          milliseconds   share
    sin to v1            3.000   75.0 %
    add to v2            0.500   12.5 %
    all else             0.500   12.5 %
    the call             4.000  100.0 %
    """

    seconds: dict[str, float]
    total: float

    def __str__(self) -> str:
        rest = max(self.total - sum(self.seconds.values()), 0.0)
        rows = [*self.seconds.items(), ("all else", rest), ("the call", self.total)]
        width = max(12, *[len(name) for name, _ in rows])
        lines = [f"{'part':{width}}  milliseconds   share"]
        lines += [f"{n:{width}}  {1e3 * s:12.3f}  {100 * s / (self.total or 1.0):5.1f} %" for n, s in rows]
        return "\n".join(lines)

    __repr__ = __str__


class Inspectable:
    """What a Function has to look inside, and to be called from C.

    >>> import sympy
    >>> from symgraph import function
    >>> x, y = sympy.symbols("x y")
    >>> print(function((x, y), sympy.exp(sympy.sin(x)) - y).source)
    f(x, y):
        v2 = sin(x)
        v3 = exp(v2)
        v4 = subtract(v3, y)
        return v4
    """

    __name__: str
    args: tuple[Any, ...]
    _default: Any
    _kind: Any
    _number: Any
    _of_numbers: bool
    _options: dict[str, Any]
    _parameters: list[Any]

    @property
    def source(self) -> str:
        """The straight-line program, for people to read: every step, in order, with equal parts computed once."""
        names = _leaf_names(self._default.leaves)
        arguments = ", ".join(parameter.name for parameter in self._parameters)
        return "\n".join([f"{self.__name__}({arguments}):", *_lines(self._default.program, names)])

    def llvm(self) -> str:
        """The kernels as LLVM's text, for contiguous arrays of float64. Raises NoMachineCodeError on other backends than "llvm"."""
        self._check_native()
        from .backends.llvm.inspection import llvm_text

        return llvm_text(self._default.program, self._options["contract"])

    def asm(self) -> str:
        """The kernels in this processor's assembly code, for contiguous arrays of float64. Raises NoMachineCodeError as `llvm`."""
        self._check_native()
        from .backends.llvm.inspection import assembly

        return assembly(self._default.program, self._options["contract"])

    def profile(self, *values: Any, **named: Any) -> Profile:
        """The time that each kernel and each library step of a call with these arguments takes. It is called twice: first to compile it.

        >>> import sympy
        >>> from symgraph import function
        >>> x = sympy.Symbol("x")
        >>> profile = function(x, sympy.exp(sympy.sin(x))).profile(np.ones(1000))
        >>> 0 < sum(profile.seconds.values()) < profile.total
        True
        """
        given = [np.asarray(value) if type(value) in NUMBERS else value for value in values]  # not by the builtin
        self._kind.__call__(self, *given, **named)
        with recorded() as seconds:
            start = time.perf_counter()
            self._kind.__call__(self, *given, **named)
            total = time.perf_counter() - start
        return Profile(seconds, total)

    @property
    def address(self) -> int:
        """The address of the C function `double f(double, ..., double)`, of the arguments in their order.

        For a Function with one output, a number, of numbers, on the backend "llvm", all of which is machine code; NoMachineCodeError for others.
        It is valid as long as the Function lives, needs no lock and holds none, and may be called from any thread:

        * `ctypes.CFUNCTYPE(c_double, c_double, c_double)(f.address)` is a ctypes function of two arguments;
        * a function that is compiled by `numba.njit` may call that object, which it takes from the scope around it;
        * C and Cython code cast it to `double (*)(double, double)`.
        """
        return int(self._machine().addresses["arguments"])

    def low_level(self, signature: str | None = None) -> Any:
        """A `scipy.LowLevelCallable`, which SciPy calls without Python: for Functions that have an `address`. It keeps the code alive.

        Args:
            signature: one of

                * "double (double)": `quad` of one argument, and the default then;
                * "double (int, double *)": `quad` with `args=`, `nquad`, and the default for several arguments (they come in the order of the
                  Function's; another number of them gives nan);
                * "int (double *, intptr_t, double *, void *)": `scipy.ndimage.generic_filter`, the arguments are the entries of the footprint.

        >>> import sympy
        >>> from scipy.integrate import quad
        >>> from symgraph import function
        >>> x, a = sympy.symbols("x a")
        >>> f = function((x, a), sympy.exp(-a * x**2), backend="llvm")
        >>> round(quad(f.low_level(), 0, 10, args=(1.0,))[0], 12)
        0.886226925453
        """
        import ctypes

        from scipy import LowLevelCallable

        number, pointer = ctypes.c_double, ctypes.POINTER(ctypes.c_double)
        kinds: dict[str, tuple[str, list[Any]]] = {
            "double (double)": ("arguments", [number, number]),
            "double (int, double *)": ("array", [number, ctypes.c_int, pointer]),
            "int (double *, intptr_t, double *, void *)": (
                "filter",
                [ctypes.c_int, pointer, ctypes.c_ssize_t, pointer, ctypes.c_void_p],
            ),
        }
        machine = self._machine()
        signature = signature or list(kinds)[len(self.args) != 1]
        if signature not in kinds or (signature == "double (double)" and len(self.args) != 1):
            raise ArgumentError(
                f"{self.__name__} has {len(self.args)} arguments and no signature {signature!r}; there are "
                + ", ".join(map(repr, kinds))
            )
        name, types = kinds[signature]
        function = ctypes.CFUNCTYPE(*types)(machine.addresses[name])
        function.machine = machine  # type: ignore[attr-defined]  # lives as long as the function
        return LowLevelCallable(function, signature=signature)

    def _check_native(self) -> None:
        if not backends.is_native(self._options["backend"]):
            raise NoMachineCodeError(
                f"{self.__name__} is computed by another backend, which makes no machine code: make it with backend='llvm'"
            )

    def _machine(self) -> Any:
        """The code of its C functions, made once."""
        self._check_native()
        if "_c_functions" not in self.__dict__:
            from .backends.llvm.inspection import c_functions
            from .backends.llvm.lanes import Unsupported

            if not self._of_numbers or self._number is not np.float64 or len(self._default.program.outputs) != 1:
                raise NoMachineCodeError(f"{self.__name__} is no function of float64 numbers with one number as output")
            places: dict[Node, int] = {node: i for i, node in enumerate(self._default.placeholders)}
            order = [places[leaf] for leaf in self._default.leaves]
            try:
                self.__dict__["_c_functions"] = c_functions(self._default.program, order, self._options["contract"])
            except Unsupported as error:
                raise NoMachineCodeError(f"{self.__name__} is not all machine code: it would need {error}") from None
        return self.__dict__["_c_functions"]


def _leaf_names(leaves: Sequence[Node]) -> list[str]:
    """The names of the symbols, where they tell them apart; else with numbers."""
    names = [symbol_name(getattr(leaf, "symbol", None) or leaf) for leaf in leaves]
    clear = len(set(names)) == len(names) and not any(name[:1] == "v" and name[1:].isdigit() for name in names)
    return names if clear else [f"{name}[v{place}]" for place, name in enumerate(names)]


def _lines(program: Program, names: Sequence[str]) -> list[str]:
    operands = dict(enumerate(names))
    lines = []
    for number, value in enumerate(program.constants, program.leaves):
        if np.ndim(value):
            operands[number] = f"v{number}"
            lines.append(f"v{number} = array of shape {np.shape(value)}")
        else:
            operands[number] = repr(value.item() if isinstance(value, np.generic) else value)
    for step in program.steps:
        operation = step.operation
        read = [operands[number] for number in step.inputs]
        read += [f"{name}={getattr(operation, name)!r}" for name in operation.attributes]
        operands[step.output] = f"v{step.output}"
        lines.append(f"v{step.output} = {type(operation).__name__}({', '.join(read)})")
    lines.append(f"return {', '.join(operands[number] for number in program.outputs)}")
    return [f"    {line}" for line in lines]
