"""Batches: each row of each step is a function of the seed, wherever the data lie."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from pedesis.training import (
    ArrayBatches,
    DatasetBatches,
    Flipped,
    LoaderBatches,
    Shards,
)


def test_batches_are_permutations_of_the_data() -> None:
    data = torch.arange(10.0)[:, None]
    batches = ArrayBatches(data, None, batch=4, seed=2)
    seen = torch.cat([batches(step, range(4))[0] for step in range(5)]).flatten()
    assert seen[:10].sort().values.tolist() == seen[10:].sort().values.tolist() == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
    assert torch.equal(batches(1, range(2, 4))[0], batches(1, range(4))[0][2:])


def test_a_loader_is_read_row_by_row_whatever_its_batch(pairs: DataLoader[Any]) -> None:
    whole, parts = LoaderBatches(pairs, batch=4, seed=5), LoaderBatches(pairs, batch=4, seed=5)
    seen = []
    for step in range(5):
        x0, label = whole(step, range(4))
        seen += label.tolist()  # type: ignore[union-attr]
        assert torch.equal(x0[:, 0] * 10, label)  # type: ignore[arg-type]
        for rows in (range(1), range(1, 4)):
            assert torch.equal(parts(step, rows)[0], x0[rows.start : rows.stop])
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10)) and seen[:10] != seen[10:]
    late = LoaderBatches(pairs, batch=4, seed=5)
    assert torch.equal(late(4, range(4))[0], x0)
    with pytest.raises(ValueError, match="floating"):
        LoaderBatches(DataLoader(torch.arange(8), batch_size=2), 2)(0, range(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no batch"):
        LoaderBatches(DataLoader(torch.empty(0, 2), batch_size=2), 2)(0, range(2))  # type: ignore[arg-type]


def test_mirroring_is_a_function_of_seed_step_and_row() -> None:
    pixels = torch.zeros(64, 2, 2, 1, dtype=torch.uint8)
    pixels[:, :, 0] = 255
    flipped = Flipped(ArrayBatches(pixels, None, 64), seed=1)
    x0 = flipped(3, range(64))[0]
    mirrored = x0[:, 0, 0, 0] < 0
    assert 16 <= mirrored.sum() <= 48 and not torch.equal(mirrored, flipped(4, range(64))[0][:, 0, 0, 0] < 0)
    assert torch.equal(torch.cat([flipped(3, range(5))[0], flipped(3, range(5, 64))[0]]), x0)
    with pytest.raises(ValueError, match="only pictures"):
        Flipped(ArrayBatches(torch.zeros(4, 2), None, 4))(0, range(4))


def test_shards_are_the_array_that_they_were_cut_from(tmp_path: Path) -> None:
    pixels = (torch.rand(23, 4, 4, 1, generator=torch.Generator().manual_seed(0)) * 256).to(torch.uint8)
    for name, part in zip("abcd", pixels.split([5, 1, 0, 17]), strict=True):
        np.save(tmp_path / f"{name}.npy", part.numpy())
    labels = torch.arange(23)
    whole, cut = ArrayBatches(pixels, labels, 8), ArrayBatches(Shards(tmp_path), labels, 8)
    for step in (0, 3, 1):  # over the end of an epoch, and back
        for rows in (range(8), range(3, 5)):
            for one, other in zip(whole(step, rows), cut(step, rows), strict=True):
                assert one is not None and other is not None and torch.equal(one, other)


def test_shards_that_are_no_array_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no .npy files"):
        Shards(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((2, 4), np.uint8))
    np.save(tmp_path / "b.npy", np.zeros((2, 5), np.uint8))
    with pytest.raises(ValueError, match=r"b.npy holds uint8 \(5,\), and .*a.npy uint8 \(4,\)"):
        Shards(tmp_path)
    (tmp_path / "b.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(ValueError, match="b.npy cannot be read"):
        Shards(tmp_path)
    np.save(tmp_path / "b.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="b.npy cannot be read"):
        Shards(tmp_path)


def test_a_folder_of_pictures_is_read_row_by_row(tmp_path: Path) -> None:
    """Also with random transformations, each row is a function of (seed, step, row), whoever asks for it."""
    for kind in ("ant", "bee"):
        (tmp_path / kind).mkdir()
        for i in range(5):
            Image.new("L", (6, 6), 20 * i + len(kind)).save(tmp_path / kind / f"{i}.png")
    change = transforms.Compose([transforms.Grayscale(), transforms.RandomCrop(4), transforms.ToTensor(), noisy])
    folder = ImageFolder(str(tmp_path), change)
    read: list[int] = []

    class Watched(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return len(folder)

        def __getitem__(self, index: int) -> Any:
            read.append(index)
            return folder[index]

    batches = DatasetBatches(Watched(), batch=4, seed=3)
    assert not read
    x0, labels = batches(2, range(4))
    assert x0.shape == (4, 1, 4, 4) and labels is not None and len(read) == 4
    some, their = batches(2, range(1, 3))
    assert len(read) == 6 and their is not None
    assert torch.equal(some, x0[1:3]) and torch.equal(their, labels[1:3])
    assert torch.equal(labels, torch.tensor([folder.targets[i] for i in read[:4]]))
    with pytest.raises(ValueError, match="these batches have 4 rows"):
        batches(0, range(3, 5))


def noisy(x: torch.Tensor) -> torch.Tensor:
    return x + torch.rand(())
