"""Models on a hub: `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`, becomes a folder on this machine.

    config.json         what the model is, and the sha256 of its weights
    model.safetensors   the weights, a file as `pedesis_zoo.models.weights` writes it
    README.md           the card

Offline first: what was fetched once is used without asking the network, until another revision is named. Only these
three files are ever fetched (of a pipeline of diffusers, its four: `pedesis_zoo.interop.diffusers`). huggingface_hub is
imported when it is needed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PREFIX = "hub:"
CONFIG, MODEL, README = "config.json", "model.safetensors", "README.md"


def library() -> Any:
    """The package huggingface_hub. Raises ValueError if it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError:
        raise ValueError("huggingface_hub is needed for this: pip install 'pedesis-zoo[interop]'") from None
    return huggingface_hub


@contextmanager
def sentences(what: str) -> Iterator[None]:
    """What a hub or the network answers, as one sentence."""
    errors = library().errors
    clients = [sys.modules[name].HTTPError for name in ("httpx2", "httpx") if name in sys.modules]
    try:
        yield
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError, ValueError, *clients) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise ValueError(f"{what}: {' '.join(lines[:2])}") from None


def is_remote(name: object) -> bool:
    """Whether a name is that of a model on a hub."""
    return isinstance(name, str) and name.startswith(PREFIX)


def hub_file(name: str) -> Path:
    """The weight file of `hub:OWNER/NAME[@REVISION]`, fetched if it is not here yet. Raises ValueError."""
    return weight_file(fetched(*parts_of(name)))


def parts_of(name: str) -> tuple[str, str | None]:
    """The repository and the revision, or None, of `hub:OWNER/NAME[@REVISION]`."""
    repository, _, revision = name.removeprefix(PREFIX).partition("@")
    return repository, revision or None


def fetched(
    repository: str,
    revision: str | None = None,
    endpoint: str | None = None,
    cache: str | Path | None = None,
    needed: Sequence[str] = (CONFIG, MODEL),
) -> Path:
    """The folder of a model on this machine: one commit, whole.

    Args:
        repository: "OWNER/NAME". revision: a branch, a tag or a commit; None for the main branch.
        endpoint: the address of the hub, https://huggingface.co or what HF_ENDPOINT says if None.
        cache: where what was fetched is kept; that of huggingface_hub if None.
        needed: the files that make a model.

    Raises:
        ValueError: no such repository or revision, no network, or huggingface_hub is not installed.
    """
    hub = library()
    at = f"{repository}@{revision}" if revision else repository
    wanted = {
        "revision": revision,
        "endpoint": endpoint,
        "cache_dir": cache,
        "allow_patterns": [*needed, README],
    }
    with sentences(f"{PREFIX}{at} cannot be fetched"):
        for here in (True, False):
            try:
                folder = Path(hub.snapshot_download(repository, local_files_only=here, **wanted))
            except hub.errors.LocalEntryNotFoundError:
                if not here:
                    raise
                continue
            if all((folder / name).is_file() for name in needed):
                return folder
    raise ValueError(f"{PREFIX}{at} holds no such model: {' and '.join(needed)} make one")


def weight_file(folder: Path) -> Path:
    """The weight file of a folder, checked against its config.json. Raises ValueError."""
    try:
        config = json.loads((folder / CONFIG).read_text())
        with (folder / MODEL).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{folder} holds no model: {CONFIG} and {MODEL} make one ({error.strerror})") from None
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG} is no JSON: {error}") from None
    wanted = config.get("sha256") if isinstance(config, dict) else None
    if found != wanted:
        raise ValueError(
            f"{folder / MODEL} is not the file that {CONFIG} describes: its sha256 is {found}, expected {wanted}"
        )
    return folder / MODEL
