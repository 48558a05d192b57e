"""Where data are looked for, in order: `root`, $PEDESIS_DATA, the user's cache, the system's folders.

Nothing is downloaded unless the caller asks for it; the content of every file is checked by sha256.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class DataNotFound(ValueError):
    """A data set is not on this machine; says where it was looked for and how to get it."""


def cache_folder() -> Path:
    """The user's cache: $XDG_CACHE_HOME/pedesis or ~/.cache/pedesis. Raises DataNotFound for a user without a home."""
    if cache := os.environ.get("XDG_CACHE_HOME"):
        return Path(cache) / "pedesis"
    try:
        return Path.home() / ".cache" / "pedesis"
    except RuntimeError:  # no HOME, and nobody of this number in the system's list of users
        raise DataNotFound("this user has no home folder to keep data in; set PEDESIS_DATA to a folder") from None


def folders(root: str | Path | None, below: str, system: Iterable[str] = ()) -> list[Path]:
    """The folders to look in, in order; `below` is the data set's own folder in the first three."""
    places = [Path(root)] if root is not None else []
    if "PEDESIS_DATA" in os.environ:
        places.append(Path(os.environ["PEDESIS_DATA"]))
    with suppress(DataNotFound):
        places.append(cache_folder())
    found = [place / below for place in places] + places
    return list(dict.fromkeys([*found, *(Path(folder) for folder in system)]))


def find(files: Iterable[str], places: Iterable[Path]) -> Path | None:
    """The first folder that holds all the files."""
    names = list(files)
    return next((place for place in places if all((place / name).is_file() for name in names)), None)
