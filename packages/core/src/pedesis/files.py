"""Files that are whole or absent: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def check_writable(path: Path) -> None:
    """Before a long computation: raise ValueError if its result could not be written to `path`."""
    if not path.parent.is_dir():
        raise ValueError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
    if path.is_dir():
        raise ValueError(f"cannot write {path}: it is a folder; name a file")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"cannot write {path}: no permission to write in {path.parent}")


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` at the end, or remove it after an error.

    Raises:
        ValueError: the folder of `path` does not exist, or cannot be written to.
    """
    path = Path(path)
    check_writable(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # some writers make private files
        os.replace(temporary, path)
    except PermissionError as error:
        raise ValueError(f"cannot write {path}: permission denied") from error
    finally:
        temporary.unlink(missing_ok=True)
