"""Files that are whole or absent: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


def check_writable(path: Path) -> None:
    """Before a long computation: raise ValueError if its result could not be written to `path`."""
    try:
        if not path.parent.is_dir():
            raise ValueError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
        if path.is_dir():
            raise ValueError(f"cannot write {path}: it is a folder; name a file")
        if not os.access(path.parent, os.W_OK):
            raise ValueError(f"cannot write {path}: no permission to write in {path.parent}")
        path.lstat()
    except FileNotFoundError:
        pass  # nothing is in the way
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` at the end, or remove it after an error.

    Raises:
        ValueError: the folder of `path` does not exist, or cannot be written to; the disk is full.
    """
    path = Path(path)
    check_writable(path)
    temporary = path.with_name(f".{zlib.crc32(path.name.encode()):08x}.{os.getpid()}.part")  # short: names have limits
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # some writers make private files
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())  # a full disk may only be noticed here
        os.replace(temporary, path)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from error
    except SafetensorError as error:  # whose writer wraps what the system said
        raise ValueError(f"cannot write {path}: {str(error).rpartition('error: ')[2]}") from error
    finally:
        temporary.unlink(missing_ok=True)
