"""The walls of the house, read from the source with ``ast``: nothing here imports symgraph.

Each check is a function from a file to its faults (``"line: what"``), so that the samples at the end can show that it
finds what it looks for.
"""

import ast
import re
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1] / "symgraph"

LAYERS = [
    {"errors"},
    {"shapes", "structure", "operators"},
    {"graph"},
    {"nodes"},
    {"ops"},
    {"differentiate", "rewriting", "translation"},
    {"program"},
    {"backends"},
    {"feeds", "precision", "results", "destinations", "specialization"},
    {"compiled"},
    {"session", "arguments", "sampling", "differentiable", "inspection", "fast_calls"},
    {"functions"},
]  # then the rest (train, fit, testing, draw, export, ...), then __init__
SIDEWAYS = {("translation", "differentiate")}
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
REST, TOP = len(LAYERS), len(LAYERS) + 1

BACKENDS = re.compile("llvm|jax|dask|torch|cupy", re.IGNORECASE)
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
RUNS_FILES = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
MAX_LINES = 450


class Source(NamedTuple):
    path: str  # inside the package: "ops/elementwise.py"
    text: str
    parts: frozenset[str]  # the package's modules and folders: "graph", "ops", ...

    @property
    def part(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)


def rank(part: str) -> int:
    return TOP if part == "__init__" else RANK.get(part, REST)


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except what stands under ``if TYPE_CHECKING:``."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            stack.extend(node.orelse)
        else:
            stack.extend(ast.iter_child_nodes(node))


def imported_modules(source: Source) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of all that is imported: ``from . import a`` in ops/ gives symgraph.ops.a."""
    package = ["symgraph", *source.path.split("/")[:-1]]
    for node in run_time_nodes(source.tree):
        match node:
            case ast.Import(names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module, names, level):
                base = package[: len(package) + 1 - level] if level else []
                base = [*base, *(module.split(".") if module else [])]
                yield from ((node.lineno, ".".join([*base, alias.name])) for alias in names)
            case ast.Call(func, [ast.Constant(str(name)), *_]) if ast.unparse(func).endswith("import_module"):
                yield node.lineno, f"symgraph{name}" if name.startswith(".") else name


def imported_parts(source: Source) -> Iterator[tuple[int, str]]:
    """(line, part) of every other part of symgraph that the file imports; what is no part is ``__init__``'s."""
    for line, module in imported_modules(source):
        root, part, *_ = [*module.split("."), ""]
        if root == "symgraph":
            part = part if part in source.parts else "__init__"
            if part != source.part:
                yield line, part


def upward_imports(source: Source) -> Iterator[str]:
    here = source.part
    for line, part in imported_parts(source):
        below = rank(part) < rank(here) or rank(part) == rank(here) == REST or (here, part) in SIDEWAYS
        if not below:
            yield f"{line}: {here} imports {part}; a module that is not in LAYERS counts as one of the rest"


def backend_names_in_ops(source: Source) -> Iterator[str]:
    """In code: names, attributes, arguments, imports, strings; docstrings and comments may speak freely."""
    if source.part != "ops":
        return
    nodes = list(ast.walk(source.tree))
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if id(node) not in docstrings:
            words = [value for _, value in ast.iter_fields(node) if isinstance(value, str) and BACKENDS.search(value)]
            yield from (f"{getattr(node, 'lineno', '?')}: {word!r}" for word in words)


def text_or_file_that_runs(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Call(ast.Name(name) | ast.Attribute(ast.Name("builtins"), name)) if name in RUNS_TEXT:
                yield f"{node.lineno}: {name}()"
            case ast.keyword("allow_pickle", value) if not (isinstance(value, ast.Constant) and value.value is False):
                yield f"{value.lineno}: allow_pickle"
    for line, module in imported_modules(source):
        if module.split(".")[0] in RUNS_FILES:
            yield f"{line}: import {module}"


def too_long(source: Source) -> Iterator[str]:
    if (lines := source.text.count("\n")) > MAX_LINES:
        yield f"{lines} lines, more than {MAX_LINES}: split it where a reader would"


def swallowed_exceptions(source: Source) -> Iterator[str]:
    """``except Exception: pass``, also bare, in a tuple, with ``...`` or ``continue``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)} if node.type else {"Exception"}
            idle = all(isinstance(s, ast.Pass | ast.Continue) or ast.unparse(s) == "..." for s in node.body)
            if idle and kinds & {"Exception", "BaseException"}:
                yield f"{node.lineno}: except that hides every error"


CHECKS = [upward_imports, backend_names_in_ops, text_or_file_that_runs, too_long, swallowed_exceptions]


def sources() -> list[Source]:
    files = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    parts = frozenset(name.split("/")[0].removesuffix(".py") for name in files)
    return [Source(name, path.read_text("utf-8"), parts) for name, path in files.items()]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_walls(check):
    assert [f"symgraph/{source.path}:{fault}" for source in sources() for fault in check(source)] == []


def test_no_import_cycle_between_parts():
    imports: dict[str, set[str]] = {}
    for source in sources():
        imports.setdefault(source.part, set()).update(part for _, part in imported_parts(source))
    TopologicalSorter(imports).prepare()  # raises CycleError with the cycle


# (check, path, text): one fault in each bad sample, none in the good ones

BAD = [
    (upward_imports, "graph.py", "from symgraph.ops import add"),
    (upward_imports, "graph.py", "def f():\n    from .session import Session"),
    (upward_imports, "ops/array.py", "from ..program import Program"),
    (upward_imports, "ops/array.py", "import symgraph.session"),
    (upward_imports, "differentiate.py", "from . import rewriting"),
    (upward_imports, "differentiate.py", "from .translation import translate"),
    (upward_imports, "session.py", "import symgraph as sg"),
    (upward_imports, "train.py", "from symgraph import gradients"),
    (upward_imports, "shapes.py", "from .helpers import pairs"),
    (upward_imports, "graph.py", "import_module('symgraph.session')"),
    (backend_names_in_ops, "ops/linalg.py", "if xp.__name__ == 'jax.numpy': pass"),
    (backend_names_in_ops, "ops/linalg.py", "import cupy"),
    (backend_names_in_ops, "ops/linalg.py", "def compute_llvm(x): pass"),
    (text_or_file_that_runs, "graph.py", "eval('1')"),
    (text_or_file_that_runs, "graph.py", "import builtins\nbuiltins.exec('1')"),
    (text_or_file_that_runs, "graph.py", "def f():\n    from pickle import loads"),
    (text_or_file_that_runs, "graph.py", "np.load(file, allow_pickle=True)"),
    (too_long, "graph.py", "x = 1\n" * (MAX_LINES + 1)),
    (swallowed_exceptions, "graph.py", "try:\n    f()\nexcept Exception:\n    pass"),
    (swallowed_exceptions, "graph.py", "try:\n    f()\nexcept:\n    ..."),
    (swallowed_exceptions, "graph.py", "try:\n    f()\nexcept (KeyError, Exception) as e:\n    pass"),
]
GOOD = [
    (upward_imports, "graph.py", "from .errors import GraphError\nfrom . import shapes\nimport numpy as np"),
    (upward_imports, "graph.py", "if TYPE_CHECKING:\n    from .session import Session"),
    (upward_imports, "ops/array.py", "from .elementwise import add\nfrom ..graph import Node\nfrom . import linalg"),
    (upward_imports, "translation/rules.py", "from symgraph.differentiate import gradients"),
    (upward_imports, "fit.py", "from .train import minimise\nfrom .functions import function"),
    (upward_imports, "__init__.py", "from .functions import function\nfrom . import train"),
    (backend_names_in_ops, "ops/linalg.py", '"""Also on JAX."""\ndef f():\n    "Dask"  # torch\n'),
    (backend_names_in_ops, "backends/jax.py", "import jax"),
    (text_or_file_that_runs, "graph.py", "re.compile('a')\nnode.eval()\nnp.load(file, allow_pickle=False)"),
    (too_long, "graph.py", "x = 1\n" * MAX_LINES),
    (swallowed_exceptions, "graph.py", "try:\n    f()\nexcept KeyError:\n    pass\nexcept Exception:\n    raise"),
]
PARTS = frozenset({*RANK, "__init__", "train", "fit", "helpers"})


@pytest.mark.parametrize(
    ("check", "path", "text", "faults"), [(*sample, 1) for sample in BAD] + [(*sample, 0) for sample in GOOD]
)
def test_the_checks_themselves(check: Callable[[Source], Iterator[str]], path: str, text: str, faults: int):
    assert len(list(check(Source(path, text, PARTS)))) == faults
