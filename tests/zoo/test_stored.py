"""Data larger than memory: the same bytes as in memory, in bounded memory; prepared folders; published files."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import pedesis_zoo as zoo
from pedesis_zoo.cli import app
from pedesis_zoo.data import load_data, stored
from pedesis_zoo.data.digests import held_out, sketch
from pedesis_zoo.data.folder import load_folder
from pedesis_zoo.data.search import DataNotFound
from pedesis_zoo.data.sets import ImageSet
from pedesis_zoo.models.registry import recipe
from pedesis_zoo.training.own_data import root_mean_square
from pedesis_zoo.training.run import plan, train


def folder_of_pictures(folder: Path, channels: int = 3) -> Path:
    """Thirty 12x12 pictures in two classes."""
    random = np.random.default_rng(0)
    for i in range(30):
        path = folder / ("ant", "bee")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (12, 12, channels), dtype=np.uint8)
        Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
    return folder


def check_same_set(one: ImageSet, other: ImageSet) -> None:
    assert np.array_equal(one.pixels, other.pixels) and np.array_equal(one.labels, other.labels)
    assert (one.classes, one.fingerprint, sketch(one)) == (other.classes, other.fingerprint, sketch(other))
    assert (one.shape, root_mean_square(one)) == (other.shape, root_mean_square(other))
    for step in (0, 3):
        (x, y), (z, w) = (each.batches(7, 1, "cpu")(step, range(2, 6)) for each in (one, other))
        assert x.equal(z) and y is not None and y.equal(w)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_set_in_a_file_is_the_set_in_memory(channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of_pictures(tmp_path / "pictures", channels)
    whole = load_folder(folder, 8)
    monkeypatch.setattr(stored, "LIMIT", 500)
    mapped = load_folder(folder, 8)
    assert isinstance(mapped.pixels, np.memmap) and not isinstance(whole.pixels, np.memmap)
    check_same_set(whole, mapped)
    for one, other in zip(held_out(whole, 0.4), held_out(mapped, 0.4), strict=True):
        assert isinstance(other, ImageSet) and isinstance(other.pixels, np.memmap)
        assert isinstance(one, ImageSet)
        check_same_set(one, other)


def test_a_prepared_folder_is_the_same_set(tmp_path: Path) -> None:
    folder, out = folder_of_pictures(tmp_path / "pictures"), tmp_path / "prepared"
    made = CliRunner().invoke(app, ["prepare", str(folder), "--size", "8", "--out", str(out)])
    assert made.exit_code == 0 and "30 pictures of (8, 8, 3)" in made.stdout, made.output
    found = load_folder(out, 8)
    assert isinstance(found.pixels, np.memmap)
    check_same_set(load_folder(folder, 8), found)
    with pytest.raises(ValueError, match="prepared at 8x8 pixels, not 32: ask for --size 8"):
        load_folder(out, 32)


@pytest.mark.parametrize("how", ["cut", "labels", "words"])
def test_a_prepared_folder_that_is_not_whole_is_refused(how: str, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    stored.prepare(load_folder(folder_of_pictures(tmp_path / "pictures"), 8), out)
    if how == "cut":
        content = (out / stored.PIXELS).read_bytes()
        (out / stored.PIXELS).write_bytes(content[:-100])
    elif how == "labels":
        np.save(out / stored.LABELS, np.full(30, 2))
    else:
        (out / stored.DESCRIPTION).write_text("[]")
    with pytest.raises(ValueError, match="is not whole.*prepare it again"):
        load_folder(out, 8)


LIMITED = """
import resource, sys
import numpy as np
from pedesis_zoo.data import stored
from pedesis_zoo.data.digests import held_out, sketch
from pedesis_zoo.data.folder import load_folder
from pedesis_zoo.training.own_data import own_recipe
from pedesis_zoo.training.run import plan
load_folder(sys.argv[1] + "/one", 256).batches(4, 0, "cpu")(0, range(4))  # what any use of it allocates
used = next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + (100 << 20),) * 2)
stored.LIMIT = int(sys.argv[2])
try:
    data = load_folder(sys.argv[1], 256)
    assert data.pixels.nbytes == 1200 * 256 * 256 * 3
    chosen = plan(own_recipe(data), data, batch=4, steps=1, validate=0.1)
    batches = chosen.batches("cpu")
    total = sum(float(batches(step, range(4))[0].sum()) for step in range(300))
    print(chosen.data.fingerprint, total)
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_folder_larger_than_memory_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """236 MB of pictures where 100 MB may be allocated: held in memory they are too many, mapped they are not."""
    large, small = tmp_path / "large", tmp_path / "large" / "one"
    small.mkdir(parents=True)
    for i in range(1200):
        path = (small if i < 20 else large) / f"{i}.ppm"
        Image.merge("RGB", [Image.effect_noise((16, 16), 50) for _ in "RGB"]).save(path)

    def told(limit: int) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", LIMITED, str(large), str(limit)], capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert told(1 << 40) == "MemoryError\n"
    assert re.fullmatch(r"[0-9a-f]{64} \S+\n", told(1 << 24))


def check_trains(name: str, data: ImageSet, out: Path) -> None:
    """The recipe of a data set, with a smaller network, trains on it and is loaded again."""
    known = recipe(name)
    small = {"widths": [8] * len(known.network["widths"]), "blocks": [1] * len(known.network["widths"]), "heads": 2}
    shrunk = replace(known, network={**known.network, **small, "embedding": 8, "detail": 4})
    train(plan(shrunk, data, augment="flip", batch=2, steps=2), out)
    model = zoo.load(out, "cpu")
    assert model.data == name and model.classes == data.classes and model.shape == data.shape
    assert zoo.sample(model, data.classes[-1], range(2), steps=2).shape == (2, *data.pixels.shape[1:])


def words(*arguments: str) -> str:
    ran = CliRunner().invoke(app, list(arguments))
    return str(ran.exception)


def test_cifar_10_is_read_as_it_is_published(tmp_path: Path) -> None:
    folder, random = tmp_path / "cifar-10-batches-bin", np.random.default_rng(0)
    folder.mkdir()
    planes = random.integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    for i in range(6):
        name = "test_batch.bin" if i == 5 else f"data_batch_{i + 1}.bin"
        mine = planes[2 * i : 2 * i + 2].reshape(2, -1)
        (folder / name).write_bytes(b"".join(bytes([(2 * i + k) % 10]) + mine[k].tobytes() for k in range(2)))
    training, test = (load_data("cifar-10", split, tmp_path) for split in ("train", "test"))
    assert np.array_equal(np.concatenate([training.pixels, test.pixels]), planes.transpose(0, 2, 3, 1))
    assert training.labels.tolist() == list(range(10)) and test.labels.tolist() == [0, 1]
    assert training.classes[3] == "cat" and training.shape == (3, 32, 32)
    check_trains("cifar-10", training, tmp_path / "m.safetensors")
    (folder / "test_batch.bin").write_bytes(bytes(3072))
    with pytest.raises(ValueError, match=re.escape("test_batch.bin is not a file of CIFAR-10's binary version")):
        load_data("cifar-10", "test", tmp_path)
    with pytest.raises(DataNotFound, match=r"train files of CIFAR-10 are not on this machine[\s\S]*binary version"):
        load_data("cifar-10", "train", tmp_path / "elsewhere")


def test_imagenet_64_is_read_as_it_is_published(tmp_path: Path) -> None:
    published, out, random = tmp_path / "npz", tmp_path / "imagenet-64" / "train", np.random.default_rng(0)
    published.mkdir()
    planes = random.integers(0, 256, (22, 3, 64, 64), dtype=np.uint8)
    labels = random.integers(1, 1001, 22)
    for i in range(11):
        part = slice(2 * i, 2 * i + 2)
        np.savez(published / f"train_data_batch_{i}.npz", data=planes[part].reshape(2, -1), labels=labels[part])
    with pytest.raises(DataNotFound, match=r"ImageNet-64 are not on this machine[\s\S]*prepare FOLDER --size 64"):
        load_data("imagenet-64", "train", tmp_path)
    made = CliRunner().invoke(app, ["prepare", str(published), "--size", "64", "--out", str(out)])
    assert made.exit_code == 0, made.output
    found = load_data("imagenet-64", "train", tmp_path)
    assert np.array_equal(found.pixels, planes.transpose(0, 2, 3, 1)) and found.labels.tolist() == (labels - 1).tolist()
    assert found.source == "zoo" and len(found.classes) == 1000
    check_trains("imagenet-64", found, tmp_path / "m.safetensors")
    np.savez(published / "train_data_batch_3.npz", data=planes[:2, :, :32, :32].reshape(2, -1), labels=labels[:2])
    assert "batch_3.npz is not a file of downsampled ImageNet at 64x64" in words(
        "prepare", str(published), "--size", "64", "--out", str(tmp_path / "other")
    )
    assert not (tmp_path / "other").exists()
    assert "is the folder that is read" in words("prepare", str(published), "--out", str(published))
