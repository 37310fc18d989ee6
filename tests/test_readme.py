"""The README tells the truth.

Its ```python blocks run, section by section: the blocks under one heading share a namespace, as a reader types them
one after the other, and every section starts from nothing. A ```text block right after a ```python block is what that
block prints (whitespace and ``...`` as in doctests).
"""

import contextlib
import doctest
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parents[1] / "README.md"
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


class Block(NamedTuple):
    section: str
    language: str
    line: int  # of its first line of code, from 1
    code: str
    before: str  # the last line before its fence that is not blank


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a Markdown text, in order."""
    found, section, fence = [], "", None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if fence is None and line.startswith("#"):
            section = line.lstrip("# ")
        elif line.startswith("```"):
            if fence is None:
                fence = number
            else:
                code = "".join(f"{inner}\n" for inner in lines[fence + 1 : number])
                before = next((b for b in reversed(lines[:fence]) if b.strip()), "")
                found.append(Block(section, lines[fence][3:].strip(), fence + 2, code, before))
                fence = None
    assert fence is None, f"line {fence + 1}: a block that is never closed"
    return found


def run(block: Block, namespace: dict) -> str:
    """Run a block and return what it printed; tracebacks show the README's own lines."""
    code = compile("\n" * (block.line - 1) + block.code, str(README), "exec")
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, namespace)
    return out.getvalue()


def check_section(section: list[Block]) -> None:
    namespace: dict = {"__name__": "__readme__"}
    printed = None
    for block in section:
        if block.language == "text" and block.before == "```" and printed is not None:
            same = doctest.OutputChecker().check_output(block.code, printed, OPTIONS)
            assert same, f"README.md, line {block.line}: printed\n{printed}\nwhere it says\n{block.code}"
        printed = run(block, namespace) if block.language == "python" else None


BLOCKS = blocks(README.read_text("utf-8"))
SECTIONS: dict[str, list[Block]] = {}
for block in BLOCKS:
    SECTIONS.setdefault(block.section, []).append(block)


@pytest.mark.parametrize("name", dict.fromkeys(b.section for b in BLOCKS if b.language == "python"))
def test_section(name):
    check_section(SECTIONS[name])


def test_two_set_up_commands():
    """``.ci/run`` takes them from here by these marks; each is one line."""
    found = {b.before: b.code for b in BLOCKS if re.fullmatch("<!-- install-.* -->", b.before)}
    assert list(found) == ["<!-- install-and-run -->", "<!-- install-and-test -->"]
    assert all(command.count("\n") == 1 for command in found.values())
    assert "examples/affine.py" in found["<!-- install-and-run -->"]
    assert "pytest" in found["<!-- install-and-test -->"]


SAMPLE = """\
# One
```python
a = 1
## a comment
```

```python
print(a, "b")
```

```text
1   b
```
## Two
```python
a
```
"""


def test_the_checker_itself():
    found = blocks(SAMPLE)
    assert [(b.section, b.language, b.line) for b in found] == [
        ("One", "python", 3),
        ("One", "python", 8),
        ("One", "text", 12),
        ("Two", "python", 16),
    ]
    check_section(found[:3])
    with pytest.raises(AssertionError, match="line 12: printed"):
        check_section([*found[:2], found[2]._replace(code="2 b\n")])
    with pytest.raises(NameError):
        check_section(found[3:])
