"""The engine: from LLVM's text to object code, and from that to addresses of functions, which live as long as someone holds them."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ...graph import new_lock
from .cache import cache

__all__ = ["Host", "Machine", "function", "host", "level_of", "load", "once", "to_assembly", "to_object"]

_GENERATION = 200
_LONG = 500  # lines of text


class _Lock:
    """What holds a lock for a function."""

    def __init__(self) -> None:
        self._lock = new_lock(self)


Function = TypeVar("Function", bound=Callable[..., Any])


def once(function: Function) -> Function:
    """A function whose values are made once for all arguments: `functools.cache`, but for threads that ask at the same time too.

    Of two pieces of machine code one would be dropped, while someone has its address.

    >>> once(lambda place: [place])(3)
    [3]
    """
    kept: dict[tuple[Any, ...], Any] = {}
    lock = _Lock()

    @functools.wraps(function)
    def get(*arguments: Any) -> Any:
        if arguments not in kept:
            with lock._lock:
                if arguments not in kept:
                    kept[arguments] = function(*arguments)
        return kept[arguments]

    return get  # type: ignore[return-value]


class Host:
    """The processor that this runs on.

    Attributes:
        name, features, triple: as LLVM calls them.
        bits: the width of its vector registers.
        scales: whether it takes doubles apart, and puts them together, in one instruction each.
    """

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        features = llvm.get_host_cpu_features()
        self.name, self.triple = llvm.get_host_cpu_name(), llvm.get_process_triple()
        self.bits = 512 if features.get("avx512f") else 256 if features.get("avx2") else 128
        self.scales = all(features.get(name) for name in ("avx512f", "avx512dq", "avx512vl"))
        # LLVM prefers narrow vectors on processors where wide ones slow down the code around them; a kernel has none around it
        self.features = features.flatten() + (",-prefer-256-bit" if self.bits == 512 else "")
        self._lock = new_lock(self)
        self._jit: Any = None
        self._names = itertools.count()
        self._targets: dict[int, Any] = {}

    def new_target(self, level: int) -> Any:
        import llvmlite.binding as llvm

        target = llvm.Target.from_triple(self.triple)
        return target.create_target_machine(cpu=self.name, features=self.features, opt=level, jit=True)

    def _target(self, level: int) -> Any:
        if level not in self._targets:
            self._targets[level] = self.new_target(level)
        return self._targets[level]

    @functools.cached_property
    def description(self) -> str:
        """All of it that machine code depends on."""
        return f"{self.triple} {self.name} {self.features}"

    def to_object(self, text: str, level: int) -> bytes:
        import llvmlite.binding as llvm

        with self._lock, llvm.create_context() as context:
            return bytes(self._target(level).emit_object(llvm.parse_assembly(text, context)))

    def to_assembly(self, text: str, level: int) -> str:
        import llvmlite.binding as llvm

        with self._lock, llvm.create_context() as context:
            return str(self._target(level).emit_assembly(llvm.parse_assembly(text, context)))

    def load(self, code: bytes, names: Sequence[str], symbols: Mapping[str, int]) -> Machine:
        import llvmlite.binding as llvm

        with self._lock:
            number = next(self._names)
            if number % _GENERATION == 0:  # LLVM keeps a little of each library as long as its compiler lives
                self._jit = llvm.create_lljit_compiler(self.new_target(1))
            builder = llvm.JITLibraryBuilder().add_object_img(code)
            for name in names:
                builder.export_symbol(name)
            for name, address in symbols.items():
                builder.import_symbol(name, address)
            return Machine(self._jit, builder.link(self._jit, f"symgraph{number}"), names)


class Machine:
    """Machine code in memory, freed with this object. `addresses` are those of its functions, by name."""

    def __init__(self, jit: Any, tracker: Any, names: Sequence[str]) -> None:
        self.addresses = {name: int(tracker[name]) for name in names}
        self._keep = (tracker, jit)  # in the order in which they must go


@once
def host() -> Host:
    """The processor that this runs on, asked once."""
    return Host()


def level_of(text: str) -> int:
    """The level of optimisation that pays for text of this length, if it does not run for long."""
    return 0 if text.count("\n") > _LONG else 1


def to_object(text: str, level: int | None = None) -> bytes:
    """Object code of a module in LLVM's text, made or found in the cache on disk.

    Its values are the same at each level of optimisation. Level 1 allocates registers well, but does nothing to the text, which is in good shape:
    passes cost more than they bring. Level 0 takes a third of the time, and the code up to twice the time.
    """
    level = level_of(text) if level is None else level
    machine, kept = host(), cache()
    if kept is None:
        return machine.to_object(text, level)
    return kept.get(text, f"{machine.description} {level}", lambda: machine.to_object(text, level))


def to_assembly(text: str) -> str:
    """The processor's assembly code of a module in LLVM's text."""
    return host().to_assembly(text, level_of(text))


def load(code: bytes, names: Sequence[str], symbols: Mapping[str, int]) -> Machine:
    """The functions `names` of object code, ready to be called; `symbols` are the addresses of the C functions that they call."""
    return host().load(code, names, symbols)


def function(name: str, text: str, *arguments: Any, symbols: Mapping[str, int] | None = None) -> Any:
    """The function of that name in LLVM's text, which returns nothing, for ctypes; it has its `address` too. `symbols` are those that it calls."""
    machine = load(to_object(text), [name], symbols or {})
    made: Any = ctypes.CFUNCTYPE(None, *arguments)(machine.addresses[name])
    made.machine, made.address = machine, machine.addresses[name]
    return made
