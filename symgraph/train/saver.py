"""Saver: the values of variables in files, written so that a crash at any moment leaves the last good one."""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile

import numpy as np

from ..errors import ArgumentError, CheckpointError, ShapeError
from ..graph import Node, get_default_graph
from ..nodes import Variable
from ..session import Session
from ..shapes import format_shape

__all__ = ["Saver", "latest_checkpoint"]

_SUFFIX = ".npz"
_serial = itertools.count()


class Saver:
    """Saves the values that variables have in a session, and restores them.

    Args:
        var_list: the variables (or a single one), or a dict from names in the file to variables; all variables of the default graph if None.
        reshape: whether values are given the shapes of the variables, where only these differ.
        max_to_keep: how many of the newest checkpoints of this Saver are kept; None or 0 for all.

    A checkpoint is one file, `save_path` with ".npz" behind it: a zip archive of NumPy arrays, with the variables' names, which
    `numpy.load` reads too. It is written under a temporary name, forced to the disk, and then renamed; so the file of that name is always whole:
    the new one, or the old one. Nothing is pickled. A file named "checkpoint" beside it lists the checkpoints, as in TensorFlow.

    Raises ArgumentError where there are no variables.

    >>> import tempfile
    >>> from symgraph import Session, Variable, assign
    >>> w = Variable(3.0, name="w")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saver, session = Saver([w]), Session()
    ...     path = saver.save(session, f"{folder}/model", global_step=7)
    ...     _ = session.run(assign(w, 0.0))
    ...     saver.restore(session, path)
    ...     path.removeprefix(folder), session.run(w)
    ('/model-7', np.float64(3.0))
    """

    def __init__(
        self,
        var_list: Variable | Sequence[Variable] | Mapping[str, Variable] | None = None,
        reshape: bool = False,
        sharded: bool = False,
        max_to_keep: int | None = 5,
    ) -> None:
        if var_list is None:
            var_list = get_default_graph().get_collection("variables")
        elif isinstance(var_list, Variable):
            var_list = [var_list]
        for variable in var_list.values() if isinstance(var_list, Mapping) else var_list:
            if not isinstance(variable, Variable):
                raise TypeError(f"var_list must hold Variables, but {variable!r} is a {type(variable).__name__}")
        named = dict(var_list) if isinstance(var_list, Mapping) else {v.name: v for v in var_list}
        if not named:
            raise ArgumentError("No variables to save: build them before the Saver, or give var_list")
        self._variables = named
        self._reshape, self._max_to_keep = reshape, max_to_keep
        self._kept: list[str] = []

    @property
    def last_checkpoints(self) -> list[str]:
        """The paths of the checkpoints that are kept, oldest first."""
        return list(self._kept)

    def save(
        self,
        sess: Session,
        save_path: str | os.PathLike[str],
        global_step: Any = None,
        latest_filename: str = "checkpoint",
    ) -> str:
        """Write the variables' values, as they are in the session now, and return the path for `restore`.

        Args:
            save_path: folder and name. The folder must exist.
            global_step: a number, or a variable with the number, that is put behind the name: "model-7".
            latest_filename: the name of the file that lists the checkpoints.

        Raises ArgumentError where the folder does not exist, or `save_path` has no name behind it.
        """
        if os.path.basename(save_path) in ("", ".", ".."):
            raise ArgumentError(f"The save_path {os.fspath(save_path)!r} has no file name: put one behind the folder")
        names = list(self._variables)
        if isinstance(global_step, Node):
            *values, step = sess.run([*self._variables.values(), global_step])
        else:
            values, step = sess.run(list(self._variables.values())), global_step
        path = os.fspath(save_path) if step is None else f"{os.fspath(save_path)}-{int(step)}"
        if not Path(path).parent.is_dir():
            raise ArgumentError(f"The folder of the save_path {path!r} does not exist")
        with _whole_file(Path(path + _SUFFIX), Path(save_path).name) as file:
            _write(file, dict(zip(names, values, strict=True)))
        old = self._note(path)
        with _whole_file(Path(path).with_name(latest_filename), latest_filename) as file:
            file.write(_listing(self._kept).encode())
        for each in old:  # the newest one is there and listed by now
            Path(each + _SUFFIX).unlink(missing_ok=True)
        return path

    def _note(self, path: str) -> list[str]:
        """Add a checkpoint to those that are kept, and return those that are not any more."""
        self._kept = [*[each for each in self._kept if each != path], path]
        if not self._max_to_keep:
            return []
        old, self._kept = self._kept[: -self._max_to_keep], self._kept[-self._max_to_keep :]
        return old

    def restore(self, sess: Session, save_path: str | os.PathLike[str]) -> None:
        """Give the session's variables the values of a checkpoint: all of them, or none if there is an error.

        Raises CheckpointError where the file is not there, damaged, or lacks a variable; ShapeError, FeedTypeError where a value does not fit.
        """
        found = _read(os.fspath(save_path), list(self._variables))
        values = {}
        for name, variable in self._variables.items():
            values[variable] = _reshaped(found[name], variable, name) if self._reshape else found[name]
        sess.load(values)


def _reshaped(value: Any, variable: Variable, name: str) -> Any:
    """A value in the shape of its variable, where that is known."""
    if not isinstance(variable.initial_value, np.ndarray):
        return value
    shape = variable.initial_value.shape
    if value.size != variable.initial_value.size:
        raise ShapeError(
            f"The value of {name!r} in the checkpoint has the shape {format_shape(value.shape)}, which cannot become "
            f"{format_shape(shape)}, that of {variable!r}"
        )
    return value.reshape(shape)


def latest_checkpoint(checkpoint_dir: str | os.PathLike[str], latest_filename: str = "checkpoint") -> str | None:
    """The path of the newest checkpoint of a folder, for `Saver.restore`; None where there is none.

    Raises CheckpointError where the file that lists them is damaged.

    >>> latest_checkpoint("no/such/folder") is None
    True
    """
    folder = Path(checkpoint_dir)
    try:
        content = (folder / latest_filename).read_bytes()
    except FileNotFoundError:
        return None
    lines = content.decode(errors="replace").splitlines()
    listed = [line for line in lines if line.startswith("model_checkpoint_path: ")]
    listed += [line for line in reversed(lines) if line.startswith("all_")]
    for name in [_listed(line, folder / latest_filename) for line in listed]:
        if (folder / (name + _SUFFIX)).is_file():
            return str(folder / name)
    return None


def _listed(line: str, file: Path) -> str:
    """The name in a line of the file that lists checkpoints."""
    with suppress(ValueError):
        name = json.loads(line.partition(": ")[2])
        if isinstance(name, str) and "\0" not in name:
            return name
    raise CheckpointError(
        f"The file {file}, which lists checkpoints, is damaged: there is no name in its line {line!r}. Give restore the path of a checkpoint"
    )


def _listing(paths: Sequence[str]) -> str:
    """The text that lists checkpoints, newest first in the first line, by names in their folder, as TensorFlow writes it."""
    names = [json.dumps(Path(path).name, ensure_ascii=False) for path in paths]
    return "".join([f"model_checkpoint_path: {names[-1]}\n", *[f"all_model_checkpoint_paths: {n}\n" for n in names]])


# --- files


@contextmanager
def _whole_file(path: Path, family: str) -> Iterator[IO[bytes]]:
    """A file to write that gets its name only when all of it is on the disk; `family` is how its name begins."""
    temporary = path.with_name(f".{path.name}.{next(_serial)}.{os.getpid()}.tmp")
    _remove_orphans(path.parent, family)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name must be on the disk as well
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _remove_orphans(folder: Path, family: str) -> None:
    """Remove the temporary files that processes left which are gone."""
    if os.name != "posix":
        return
    for orphan in folder.glob(f".{_literal(family)}*.tmp"):
        *_, serial, process, _ = orphan.name.split(".")
        if serial.isdigit() and process.isdigit() and not _is_running(int(process)):
            orphan.unlink(missing_ok=True)


def _literal(name: str) -> str:
    """A name for `glob`, taken as it is."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _write(file: IO[bytes], arrays: Mapping[str, Any]) -> None:
    """A zip archive of arrays in NumPy's format; unlike `numpy.savez` it takes any name."""
    with ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _read(path: str, names: Sequence[str]) -> dict[str, Any]:
    """Those arrays of a checkpoint."""
    try:
        with open(path + _SUFFIX, "rb") as file:
            present, found = _arrays(file, names)
    except FileNotFoundError:
        raise CheckpointError(
            f"The passed save_path is not a valid checkpoint: there is no file {path + _SUFFIX}"
        ) from None
    missing = [name for name in names if name not in found]
    if missing:
        raise CheckpointError(
            f"The checkpoint {path} has no value for the variables {missing}; it has {sorted(present)}"
        )
    return found


def _arrays(file: IO[bytes], names: Sequence[str]) -> tuple[set[str], dict[str, Any]]:
    """The names that a checkpoint has, and those arrays that are among them."""
    try:
        with ZipFile(file) as archive:
            present = {each.removesuffix(".npy") for each in archive.namelist()}
            members = {name: io.BytesIO(archive.read(f"{name}.npy")) for name in names if name in present}
        # here the checksums are right
        return present, {name: np.lib.format.read_array(m, allow_pickle=False) for name, m in members.items()}
    except Exception as error:  # zipfile, its methods of compression and NumPy's format have many kinds of them
        raise CheckpointError(
            f"The passed save_path is not a valid checkpoint: {file.name} is damaged: {error}"
        ) from error
