"""Files that are whole or absent: written under a temporary name beside their place, then renamed."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from torch import Tensor


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
def atomic(path: str | Path, previous: Path | None = None) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` at the end, or remove it after an error.

    Args:
        previous: where the file that was there goes, once the new one is whole.

    Raises:
        ValueError: the folder of `path` does not exist, or cannot be written to; the disk is full.
    """
    path = Path(path)
    check_writable(path)
    temporary = path.with_name(f"{_hidden(path)}.{os.getpid()}.part")
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # some writers make private files
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())  # a full disk may only be noticed here
        if previous is not None and path.exists():
            os.replace(path, previous)
        os.replace(temporary, path)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from error
    except SafetensorError as error:  # whose writer wraps what the system said
        raise ValueError(f"cannot write {path}: {str(error).rpartition('error: ')[2]}") from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def only_writer(*paths: Path) -> Iterator[None]:
    """Keep `paths` for this process, until it ends in whatever way; clear what a killed one was writing to them.

    Raises:
        ValueError: another process, on this machine or one that shares the folder, has the first of them.
    """
    lock = paths[0].with_name(f"{_hidden(paths[0])}.lock")
    try:
        lock.touch()  # where no file can be made, a FileLock waits as for another run
        held = FileLock(lock, timeout=0.5).acquire()
    except Timeout:
        raise ValueError(
            f"another run is writing {paths[0]}: wait until it has ended, or write into another file"
        ) from None
    except OSError as error:
        raise ValueError(f"cannot write {paths[0]}: {error.strerror or error}") from None
    with held:
        for path in paths:
            for part in path.parent.glob(f"{_hidden(path)}.*.part"):
                part.unlink(missing_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):  # where open files cannot be removed, an empty one stays
                lock.unlink()


def digest(header: str, tensors: Mapping[str, Tensor]) -> str:
    """sha256 over a description and every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(header.encode())
    for key in sorted(tensors):
        tensor = tensors[key].detach().cpu()
        total.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _hidden(path: Path) -> str:
    """The beginning of the names of what lies beside a file for a while; short, for names have limits."""
    return f".{zlib.crc32(path.name.encode()):08x}"
