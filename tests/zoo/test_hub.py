"""Models as folders and on a hub: bit by bit the same, strictly loaded, offline once they are here.

The hub is a server on this machine that speaks the part of the protocol that huggingface_hub's own client needs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch

import pedesis_zoo as zoo
from pedesis.utils.registry import UnknownName
from pedesis_zoo.interop import diffusers as interop
from pedesis_zoo.interop.hub import from_pretrained, push_to_hub, save_pretrained
from pedesis_zoo.models import registry
from pedesis_zoo.models.loading import load_any
from pedesis_zoo.models.registry import WEIGHTS, folder_of

REPOSITORY = "owner/digits"


class Hub(BaseHTTPRequestHandler):
    """Repositories in memory: name -> branch -> commit, and commit -> files."""

    protocol_version = "HTTP/1.1"
    branches: dict[tuple[str, str], str]
    commits: dict[str, dict[str, bytes]]
    asked: list[str]

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def files(self, repository: str, revision: str) -> dict[str, bytes] | None:
        commit = self.branches.get((repository, revision), revision)
        if commit not in self.commits:
            code = "RevisionNotFound" if (repository, "main") in self.branches else "RepoNotFound"
            self.answer({}, 404, X_Error_Code=code)
            return None
        return self.commits[commit]

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.split("?")[0].strip("/").split("/")
        if path[0] != "api":
            repository, revision, file = "/".join(path[:2]), path[3], "/".join(path[4:])
            found = self.files(repository, revision)
            if found is not None:
                commit = self.branches.get((repository, revision), revision)
                self.answer(found[file], ETag=f'"{hashlib.sha1(found[file]).hexdigest()}"', X_Repo_Commit=commit)
            return
        repository, revision = "/".join(path[2:4]), path[5] if len(path) > 5 else "main"
        found = self.files(repository, revision)
        if found is None:
            return
        commit = self.branches.get((repository, revision), revision)
        if len(path) > 4 and path[4] == "tree":
            rows = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in found.items()
            ]
            self.answer(rows)
        else:
            self.answer({"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in found]})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0].strip("/").split("/")
        if path[1] == "validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif path[1] == "repos":
            self.answer({"url": f"http://{self.headers['Host']}/{REPOSITORY}", "id": REPOSITORY})
        elif path[4] == "branch":
            self.answer({})
        elif path[4] == "preupload":
            names = [file["path"] for file in json.loads(content)["files"]]
            self.answer({"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]})
        else:
            rows = [json.loads(line) for line in content.splitlines()]
            files = {
                row["value"]["path"]: base64.b64decode(row["value"]["content"]) for row in rows if row["key"] == "file"
            }
            commit = hashlib.sha1(content).hexdigest()
            self.commits[commit] = files
            self.branches["/".join(path[2:4]), path[5]] = commit
            self.answer(
                {"commitUrl": f"http://{self.headers['Host']}/{REPOSITORY}/commit/{commit}", "commitOid": commit}
            )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    handler = type("Handler", (Hub,), {"branches": {}, "commits": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def same_bits(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ["digits", "fashion-mnist-student-1", "toy-moons"])
def test_a_folder_gives_back_every_bit(name: str, tmp_path: Path) -> None:
    """Packed weights stay packed, and the file is the published one."""
    folder = save_pretrained(name, tmp_path / name)
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    again, (module, _, _) = from_pretrained(folder), load_any(name)
    assert same_bits(again.denoiser, module)
    assert (folder / "model.safetensors").stat().st_size <= (folder_of(name) / WEIGHTS).stat().st_size + 200
    second = save_pretrained(again, tmp_path / "again")
    assert (second / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_weights_of_every_length_keep_every_bit(tmp_path: Path) -> None:
    """Weights that neither 8 nor 16 bits hold are written in 32."""
    model = zoo.load("digits", "cpu")
    with torch.no_grad():
        for weight in model.denoiser.parameters():
            weight.mul_(1 + 1e-6)
    assert same_bits(from_pretrained(save_pretrained(model, tmp_path)).denoiser, model.denoiser)


def test_the_card_has_metadata_that_hubs_read(tmp_path: Path) -> None:
    card = huggingface_hub.ModelCard.load(save_pretrained("digits", tmp_path) / "README.md")
    assert card.data.library_name == "pedesis" and card.data.license == "apache-2.0"
    assert card.data.pipeline_tag == "unconditional-image-generation"
    assert card.content.count("# digits") == 1


def test_a_folder_that_was_altered_is_refused(tmp_path: Path) -> None:
    folder = save_pretrained("digits", tmp_path / "one")
    weights = folder / "model.safetensors"
    with pytest.raises(ValueError, match="another model than the one wanted"):
        from_pretrained(folder, sha256="0" * 64)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match="is not the file that config.json describes"):
        from_pretrained(folder)
    (folder / "config.json").write_text("[")
    with pytest.raises(ValueError, match="no JSON"):
        from_pretrained(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"config.json and model.safetensors make one"):
        from_pretrained(folder)
    with pytest.raises(ValueError, match="cannot make the folder"):
        save_pretrained("digits", folder / "README.md" / "below")


def test_there_and_back_over_a_hub(hub: str, tmp_path: Path) -> None:
    where = {"endpoint": hub, "cache": tmp_path / "cache"}
    first = push_to_hub("digits", REPOSITORY, endpoint=hub)
    model = zoo.load("digits", "cpu")
    assert same_bits(from_pretrained(REPOSITORY, **where).denoiser, model.denoiser)
    with torch.no_grad():
        next(model.denoiser.parameters()).mul_(2)
    push_to_hub(model, REPOSITORY, endpoint=hub)
    known = from_pretrained(REPOSITORY, **where).denoiser
    assert not same_bits(known, model.denoiser), "what is here is used until a revision is named"
    commit = first.rpartition("/")[2]
    assert same_bits(from_pretrained(REPOSITORY, commit, **where).denoiser, known)
    fresh = from_pretrained(REPOSITORY, endpoint=hub, cache=tmp_path / "fresh")
    assert same_bits(fresh.denoiser, model.denoiser)


def test_what_was_fetched_needs_no_network(hub: str, tmp_path: Path) -> None:
    push_to_hub("digits", REPOSITORY, endpoint=hub)
    from_pretrained(REPOSITORY, endpoint=hub, cache=tmp_path)
    assert from_pretrained(REPOSITORY, endpoint="http://127.0.0.1:9", cache=tmp_path).classes


def test_branches_are_revisions(hub: str, tmp_path: Path) -> None:
    push_to_hub("digits", REPOSITORY, endpoint=hub)
    push_to_hub("fashion-mnist-student-1", REPOSITORY, revision="clothes", endpoint=hub)
    shapes = [from_pretrained(REPOSITORY, each, endpoint=hub, cache=tmp_path).shape for each in (None, "clothes")]
    assert shapes == [(1, 8, 8), (1, 28, 28)]


def test_load_takes_the_name_of_a_model_on_a_hub(hub: str, tmp_path: Path) -> None:
    push_to_hub("digits", REPOSITORY, endpoint=hub)
    code = (
        "import pedesis_zoo as zoo\n"
        f"model = zoo.load('hub:{REPOSITORY}', 'cpu')\n"
        "assert (model.sample('3', range(2)) == zoo.sample('digits', '3', range(2))).all()\n"
        f"assert model.name == 'hub:{REPOSITORY}' and 'sha256' in zoo.card('hub:{REPOSITORY}@main')\n"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_what_a_hub_does_not_have_is_one_sentence(hub: str, tmp_path: Path) -> None:
    where = {"endpoint": hub, "cache": tmp_path}
    with pytest.raises(ValueError, match="hub:owner/absent cannot be fetched"):
        from_pretrained("owner/absent", **where)
    with pytest.raises(ValueError, match="cannot be fetched"):
        from_pretrained("not a name", **where)
    with pytest.raises(ValueError, match="cannot be fetched"):
        from_pretrained("owner/away", endpoint="http://127.0.0.1:9", cache=tmp_path)
    with pytest.raises(ValueError, match="cannot be pushed"):
        push_to_hub("digits", REPOSITORY, endpoint="http://127.0.0.1:9")
    push_to_hub("digits", REPOSITORY, endpoint=hub)
    with pytest.raises(ValueError, match="hub:owner/digits@v9 cannot be fetched"):
        from_pretrained(REPOSITORY, "v9", **where)
    with pytest.raises(UnknownName):
        push_to_hub("digitz", REPOSITORY, endpoint=hub)


def test_a_pipeline_of_diffusers_comes_from_a_hub(hub: str, tmp_path: Path) -> None:
    """Its four files and no other, and the second time without a network."""
    theirs = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    small = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 4}
    blocks = {"down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D")}
    unet = theirs.UNet2DModel(sample_size=8, **small, **blocks)
    folder = tmp_path / "pipeline"
    theirs.DDPMPipeline(unet, theirs.DDPMScheduler()).save_pretrained(folder)
    (folder / "run_me.py").write_text("raise RuntimeError\n")
    huggingface_hub.HfApi(endpoint=hub).upload_folder(repo_id="owner/theirs", folder_path=folder)
    cache = tmp_path / "cache"
    fetched = interop.load("hub:owner/theirs", endpoint=hub, cache=cache)
    assert not list(cache.rglob("run_me.py"))
    x, t = torch.randn(2, 3, 8, 8), 0.5
    local = interop.load(folder)
    assert torch.equal(fetched.denoiser(x, t).x0, local.denoiser(x, t).x0)
    again = interop.load("hub:owner/theirs", endpoint="http://127.0.0.1:9", cache=cache)
    assert torch.equal(again.denoiser(x, t).x0, local.denoiser(x, t).x0)
    push_to_hub("digits", REPOSITORY, endpoint=hub)
    with pytest.raises(ValueError, match="hub:owner/digits holds no such model: model_index.json and"):
        interop.load(f"hub:{REPOSITORY}", endpoint=hub, cache=cache)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a model of its own, which must not be imported to be found."""
    models = tmp_path / "strangers_models"
    (models / "strangers-digits").mkdir(parents=True)
    (models / "__init__.py").write_text("raise RuntimeError('imported')\n")
    for file in ("recipe.py", WEIGHTS, "card.md", "samples.png"):
        (models / "strangers-digits" / file).write_bytes((folder_of("digits") / file).read_bytes())
    info = tmp_path / "strangers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pedesis_zoo.models]\nstrangers = strangers_models\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.offered.cache_clear()
    yield models
    registry.offered.cache_clear()
    registry.recipe.cache_clear()


def test_models_of_other_packages_are_models_of_the_zoo(package: Path) -> None:
    assert "strangers-digits" in zoo.list_models() and "strangers-digits" in zoo.list_models("strangers*", "image")
    assert zoo.recipe("strangers-digits").data == "digits" and "# digits" in zoo.card("strangers-digits")
    assert (zoo.sample("strangers-digits", "3", [0]) == zoo.sample("digits", "3", [0])).all()
    assert (package / "strangers-digits" / WEIGHTS) == folder_of("strangers-digits") / WEIGHTS
    with pytest.raises(UnknownName, match="did you mean 'strangers-digits'"):
        zoo.load("stranger-digits")


def test_two_models_of_one_name_and_an_empty_offer_are_one_sentence(package: Path) -> None:
    (package / "strangers-digits").rename(package / "digits")
    with pytest.raises(ValueError, match="two models are named 'digits'"):
        zoo.list_models()
    entry = package.parent / "strangers-1.0.dist-info" / "entry_points.txt"
    entry.write_text("[pedesis_zoo.models]\nstrangers = absent_package\n")
    registry.offered.cache_clear()
    with pytest.raises(ValueError, match="'absent_package', which is no package"):
        zoo.list_models()
