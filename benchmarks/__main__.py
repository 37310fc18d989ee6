"""symgraph beside its peers, in one process tree and in turns, every result checked against mpmath first.

    python -m benchmarks [sections] [--quick] [--million] [--peers numba,jax] [--out docs]

Each section runs in a process of its own, so that the number of threads can be set in its environment; arrays run twice, with one thread (and on one
core) and with all. Without `--out` tables are printed only.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .measure import Options, Row
from .report import headline, markdown, plot
from .sections import SECTIONS

_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "VECLIB_MAXIMUM")
_ROOT = Path(__file__).parents[1]
_INTRODUCTION = """# Benchmarks

Written by `python -m benchmarks {arguments}` ({seconds:.0f} s). {headline}

Times are medians, in brackets the minimum, and how many times symgraph's. All programs take turns, on the same numbers, and arguments are in the form
each of them wants before its time is taken. Before that every result is compared with mpmath's at three rows, or more. "Copy of the same bytes" is a
copy of an array that reads and writes as many bytes as arguments and results have, into new memory. Nothing is cached but where it says so.

![times](benchmarks.png)

"""


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, "all"], default="all", help="what is measured (all)")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer turns")
    parser.add_argument("--tiny", action="store_true", help="only try everything out")
    parser.add_argument("--million", action="store_true", help="growth of compile time up to a million operations")
    parser.add_argument(
        "--peers", default="", help="only these, such as numba,jax; the default is all that are installed"
    )
    parser.add_argument("--out", type=Path, help="the folder that benchmarks.md and benchmarks.png are written to")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="how many are all threads")
    given = parser.parse_args()
    level = 0 if given.tiny else 1 if given.quick else 2
    options = Options(level, given.threads, given.million, tuple(given.peers.split(",")) if given.peers else ())
    if given.child:
        (section,) = given.sections
        given.child.write_text(json.dumps([dataclasses.asdict(row) for row in SECTIONS[section](options)]))
        return
    start = time.monotonic()
    wanted = list(SECTIONS) if "all" in given.sections else given.sections
    rows = []
    for section in wanted:
        for threads in sorted({1, given.threads}) if section in ("arrays", "batches") else [1]:
            began = time.monotonic()
            rows += _in_process(section, dataclasses.replace(options, threads=threads))
            print(f"{section}, threads: {threads}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    text = markdown(rows)
    if given.out is None:
        print(f"{headline()}\n\n{text}")
        return
    given.out.mkdir(exist_ok=True)
    drawn = plot(rows, given.out / "benchmarks.png")
    first = _INTRODUCTION.format(
        arguments=" ".join(sys.argv[1:]), seconds=time.monotonic() - start, headline=headline()
    )
    (given.out / "benchmarks.md").write_text(
        (first if drawn else first.replace("![times](benchmarks.png)\n\n", "")) + text
    )


def _in_process(section: str, options: Options) -> list[Row]:
    """The rows of a section from a process with so many threads; with one, it has one core too."""
    environment = dict(os.environ, SYMGRAPH_CACHE="0", JAX_PLATFORMS="cpu", PYTHONWARNINGS="ignore")
    environment |= {f"{name}_NUM_THREADS": str(options.threads) for name in _THREADS}
    environment["NUMEXPR_MAX_THREADS"] = str(options.threads)
    flags = [["--tiny"], ["--quick"], []][options.level] + (["--million"] if options.million else [])
    flags += ["--peers", ",".join(options.peers)] if options.peers else []

    def on_one_core() -> None:
        if options.threads == 1 and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "rows.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks",
            section,
            "--child",
            str(result),
            "--threads",
            str(options.threads),
        ]
        done = subprocess.run([*command, *flags], cwd=_ROOT, env=environment, preexec_fn=on_one_core, check=False)
        if done.returncode or not result.exists():
            return [Row(section, "all", "", note=f"the process ended with {done.returncode}")]
        return [Row(**row) for row in json.loads(result.read_text())]


if __name__ == "__main__":
    main()
