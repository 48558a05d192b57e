"""Models as folders, and folders on a hub: config.json, model.safetensors, README.md (see `pedesis_zoo.models.remote`).

    save_pretrained(model, "FOLDER")                    # bit by bit what it is
    push_to_hub(model, "owner/name")
    model = from_pretrained("owner/name", revision="v1")   # or a folder; zoo.load("hub:owner/name@v1") is the same

Loading is strict: the file must have the sha256 that config.json names, and exactly the weights of its network.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pedesis.utils.files import atomic
from pedesis_zoo.models.loading import ImageModel, PointModel, load, load_any, load_points
from pedesis_zoo.models.own_files import own_card
from pedesis_zoo.models.packing import SCALE, pack, packable, unpacked
from pedesis_zoo.models.remote import CONFIG, MODEL, README, fetched, library, sentences, weight_file
from pedesis_zoo.models.weights import file_sha256, load_weights, save_weights

Model = ImageModel | PointModel | str | Path
"""A model that is loaded, its name in the zoo or on a hub, or its weight file."""


def save_pretrained(model: Model, folder: str | Path) -> Path:
    """Write a model into a folder, which is made if need be; loading it gives every weight bit by bit.

    Raises:
        ValueError: no such model, one that could not be loaded again, or a folder that cannot be written.
    """
    module, about, name = _parts(model)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot make the folder {folder}: {error.strerror}") from None
    described = {key: value for key, value in about.items() if key not in ("format", "model")}
    sha256 = save_weights(folder / MODEL, module, described, **_smallest(module))
    config = {"library_name": "pedesis", "sha256": sha256, **load_weights(folder / MODEL)[1]}
    for file, text in ((CONFIG, json.dumps(config, indent=1) + "\n"), (README, card_text(folder / MODEL, about, name))):
        with atomic(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return folder


def from_pretrained(
    source: str | Path,
    revision: str | None = None,
    sha256: str | None = None,
    endpoint: str | None = None,
    cache: str | Path | None = None,
) -> ImageModel | PointModel:
    """A model from a folder, or from "OWNER/NAME" on a hub; what was fetched once needs no network.

    Args:
        revision, endpoint, cache: see `pedesis_zoo.models.remote.fetched`.
        sha256: what the weight file must hash to, whatever config.json says.

    Raises:
        ValueError: no such folder or repository, a file that was altered or is no model of this library, no network.
    """
    local = Path(source).is_dir()
    path = weight_file(Path(source) if local else fetched(str(source), revision, endpoint, cache))
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise ValueError(f"{source} is another model than the one wanted: its sha256 is {found}, expected {sha256}")
    return load_points(path) if load_weights(path)[1]["kind"] == "points" else load(path)


def push_to_hub(
    model: Model,
    repository: str,
    revision: str | None = None,
    private: bool = False,
    token: str | None = None,
    endpoint: str | None = None,
    message: str = "A model of Pedesis",
) -> str:
    """Put a model on a hub as one commit, in a repository that is made if need be; returns the address of the commit.

    Args:
        repository: "OWNER/NAME". revision: the branch; None for main.
        token: None for the one that `hf auth login` keeps.

    Raises:
        ValueError: no such model, no right to write there, no network, or huggingface_hub is not installed.
    """
    hub = library()
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(model, folder)
        api = hub.HfApi(endpoint=endpoint, token=token)
        with sentences(f"{repository} cannot be pushed"):
            api.create_repo(repository, private=private, exist_ok=True)
            if revision is not None:
                api.create_branch(repository, branch=revision, exist_ok=True)
            done = api.upload_folder(repo_id=repository, folder_path=folder, revision=revision, commit_message=message)
    return str(done.commit_url)


def card_text(path: Path, about: dict[str, Any], name: str) -> str:
    """The card of a weight file with the metadata that hubs read."""
    license = str(about.get("license") or "other").lower()
    tasks = {"image": "text-to-image" if about["model"]["network"].get("text") else "unconditional-image-generation"}
    front = ["---", "library_name: pedesis", f"license: {json.dumps(license)}"]
    front += [f"pipeline_tag: {tasks[about['kind']]}"] if about["kind"] in tasks else []
    front += ["tags:", "- diffusion", "---"]
    _, _, body = own_card(path).partition("\n")
    return "\n".join(front) + f"\n\n# {name}\n{body}"


def _parts(model: Model) -> tuple[nn.Module, dict[str, Any], str]:
    if isinstance(model, ImageModel | PointModel):
        data = {**model.about["data"], "shape": list(model.shape), "classes": list(model.classes)}
        return model.denoiser, {**model.about, "data": data}, model.name
    return load_any(model)


def _smallest(module: nn.Module) -> dict[str, Any]:
    """How a weight file can be written smallest without another bit in any weight."""
    state = {name: value.detach().cpu() for name, value in module.state_dict().items()}

    def half(value: Tensor) -> Tensor:
        return value.half().to(value.dtype)

    large = packable(module)
    short = all(torch.equal(half(value), value) for name, value in state.items() if name not in large)
    if short and large and all(torch.equal(_packed(name, state[name]), state[name]) for name in large):
        return {"packed": True}
    if short and all(torch.equal(half(state[name]), state[name]) for name in large):
        return {}
    return {"dtype": torch.float32}


def _packed(name: str, value: Tensor) -> Tensor:
    levels, scale = pack(value)
    return unpacked({name: levels, name + SCALE: scale})[name]
