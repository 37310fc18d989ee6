"""Object code on disk, so that what was compiled once is not compiled again: by this process or any other one.

A file has a name that says all that its code depends on: the text, the processor, and the versions of symgraph, llvmlite and LLVM. So a file is
never out of date; it is only there or not. Whatever goes wrong with the disk is no error: then code is compiled, as without a cache.

The environment variable `SYMGRAPH_CACHE` is "0" for no cache at all, or the folder it is in; `SYMGRAPH_CACHE_SIZE` how many megabytes it may have
(256 if it is not set).
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["Cache", "cache"]

_HEAD = b"symgraph object code 1\n"
_DIGEST = 32
_NAME = re.compile(
    r"[0-9a-f]{64}\.(object|[^.]*\.new)"
)  # the files that are ours: nothing else in the folder is touched
_FORGOTTEN = 3600  # seconds after which a file that was never finished belongs to nobody any more
_MEGABYTES = 256


class Cache:
    """Object code in the files of one folder.

    Args:
        folder: where they are. It is made when there is something to keep.
        limit: how many bytes they may have together, about; those that were not used for the longest time go first.

    Several processes and threads may use one folder: a file appears when it is complete.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = Cache(Path(folder))
    ...     [cache.get("the text", "this machine", make) for make in (lambda: b"code", lambda: b"never made")]
    [b'code', b'code']
    """

    def __init__(self, folder: Path, limit: int = _MEGABYTES << 20) -> None:
        self.folder, self.limit = folder, limit

    def get(self, text: str, machine: str, make: Callable[[], bytes]) -> bytes:
        """What `make` gives for `text` on `machine`, made only if it is not there."""
        name = hashlib.sha256(b"\0".join([_versions(), machine.encode(), text.encode()])).hexdigest()
        path = self.folder / f"{name}.object"
        code = _read(path)
        if code is None:
            code = make()
            self._write(path, code)
        return code

    def _write(self, path: Path, code: bytes) -> None:
        data = b"".join([_HEAD, hashlib.sha256(code).digest(), code])
        if len(data) > self.limit:
            return
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, new = tempfile.mkstemp(".new", f"{path.stem}.", self.folder)
        except OSError:  # a folder that cannot be written to
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(new, path)
        except OSError:  # the disk is full, or (on Windows) someone reads the same file just now
            with suppress(OSError):
                os.unlink(new)
            return
        # one write in 64 looks at all files, and every large one: so the limit is kept about, and writing stays cheap
        if path.name < "04" or 64 * len(data) > self.limit:
            self.trim()

    def trim(self) -> None:
        """Remove the files that were not used for the longest time, until the others are within the limit."""
        files = []
        with suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with suppress(OSError):
                        status = entry.stat()
                        files.append((status.st_mtime, status.st_size, entry))
        total = sum(size for _, size, _ in files)
        now = time.time()
        for used, size, entry in sorted(files, key=lambda item: item[0]):
            forgotten = entry.name.endswith(".new")
            if (now - used > _FORGOTTEN) if forgotten else (total > self.limit):
                with suppress(OSError):
                    os.unlink(entry.path)
                total -= size


def _read(path: Path) -> bytes | None:
    """The code in a file, which counts as used now; None if there is none. A file that is damaged is removed."""
    try:
        with path.open("rb") as file:
            if not _is_own(file.fileno()):
                return None
            data = file.read()
    except OSError:
        return None
    start = len(_HEAD) + _DIGEST
    code = data[start:]
    if data[:start] != _HEAD + hashlib.sha256(code).digest():
        with suppress(OSError):
            path.unlink()
        return None
    with suppress(OSError):
        os.utime(path)
    return code


def _is_own(handle: int) -> bool:
    """Whether nobody but the user (or the administrator) can have written the file: its code is run."""
    if not hasattr(os, "geteuid"):
        return True
    status = os.fstat(handle)
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


@functools.cache
def _versions() -> bytes:
    from importlib import metadata

    import llvmlite
    import llvmlite.binding as llvm

    try:
        own = metadata.version("symgraph")
    except metadata.PackageNotFoundError:  # run from its sources
        own = ""
    return f"{own} {llvmlite.__version__} {llvm.llvm_version_info}".encode()


def cache() -> Cache | None:
    """The cache that the environment asks for; None for no cache."""
    return _cache(os.environ.get("SYMGRAPH_CACHE", ""), os.environ.get("SYMGRAPH_CACHE_SIZE", ""))


@functools.cache
def _cache(setting: str, size: str) -> Cache | None:
    if setting == "0":
        return None
    try:
        megabytes = float(size) if size else _MEGABYTES
    except ValueError:
        warnings.warn(f"SYMGRAPH_CACHE_SIZE is a number of megabytes, not {size!r}", RuntimeWarning, stacklevel=2)
        megabytes = _MEGABYTES
    try:
        folder = Path(setting).expanduser() if setting else _usual_folder()
    except RuntimeError:  # there is no home
        return None
    return Cache(folder, int(megabytes * (1 << 20)))


def _usual_folder() -> Path:
    """Where programs keep such files on this operating system."""
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "symgraph" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "symgraph"
    given = os.environ.get("XDG_CACHE_HOME", "")  # the convention says that a relative one is to be ignored
    return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "symgraph"
