"""Data: found in the promised order, checked, and missing in a helpful way."""

import gzip
import hashlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedesis.utils.registry import UnknownName
from pedesis_zoo.data import fashion_mnist, load_data
from pedesis_zoo.data.folder import load_folder, read_picture
from pedesis_zoo.data.search import DataNotFound


def idx(array: np.ndarray) -> bytes:
    """An array in the idx format of MNIST."""
    return struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


@pytest.fixture
def fabricated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny 'Fashion-MNIST' in torchvision's layout, its hashes made known."""
    rng = np.random.default_rng(0)
    arrays = {"images": rng.integers(0, 256, (6, 28, 28), dtype=np.uint8), "labels": np.arange(6, dtype=np.uint8)}
    files = {f"train-{kind}-idx{array.ndim}-ubyte": idx(array) for kind, array in arrays.items()}
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setitem(fashion_mnist.FILES, "train", hashes)
    monkeypatch.setattr(fashion_mnist, "SYSTEM", ())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("PEDESIS_DATA", raising=False)
    return tmp_path


def test_idx_files_are_read_plain_or_gzipped(fabricated: Path) -> None:
    images = load_data("fashion-mnist", "train", root=fabricated)
    assert images.pixels.shape == (6, 28, 28, 1) and images.labels.tolist() == list(range(6))
    for path in (fabricated / "FashionMNIST" / "raw").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert np.array_equal(load_data("fashion-mnist", "train", root=fabricated).pixels, images.pixels)


@pytest.mark.parametrize("where", ["root", "environment", "cache"])
def test_search_order(fabricated: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == "environment":
        monkeypatch.setenv("PEDESIS_DATA", str(fabricated))
    if where == "cache":
        (fabricated / "empty").mkdir()
        (fabricated / "FashionMNIST").rename(fabricated / "empty" / "FashionMNIST")
        monkeypatch.setenv("XDG_CACHE_HOME", str(fabricated / "empty"))
        (fabricated / "empty" / "pedesis").symlink_to(fabricated / "empty")
    assert len(load_data("fashion-mnist", "train", root=fabricated if where == "root" else None).pixels) == 6


def test_missing_data_say_where_and_how(fabricated: Path) -> None:
    with pytest.raises(
        DataNotFound, match=r"(?s)not on this machine.*nowhere.*empty/pedesis.*--download.*apt-get"
    ) as caught:
        load_data("fashion-mnist", "train", root=fabricated / "nowhere")
    assert isinstance(caught.value, ValueError)


def test_altered_and_broken_files_are_refused(fabricated: Path) -> None:
    path = fabricated / "FashionMNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    good = path.read_bytes()
    path.write_bytes(gzip.compress(gzip.decompress(good)[:-1] + b"\x07"))
    with pytest.raises(ValueError, match="not the published file"):
        load_data("fashion-mnist", "train", root=fabricated)
    path.write_bytes(good[:-6])
    with pytest.raises(ValueError, match="cannot be read"):
        load_data("fashion-mnist", "train", root=fabricated)


def test_a_download_that_fails_is_one_sentence(fabricated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    def unreachable(*args: object, **kwargs: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", unreachable)
    with pytest.raises(DataNotFound, match="could not be downloaded.*no route"):
        load_data("fashion-mnist", "train", root=fabricated / "nowhere", download=True)


def test_a_download_lands_where_it_is_looked_for(fabricated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    def deliver(root: str, download: bool) -> None:
        assert download
        Path(root).mkdir(parents=True)
        (fabricated / "FashionMNIST").rename(Path(root) / "FashionMNIST")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", deliver)
    assert len(load_data("fashion-mnist", "train", root=None, download=True).pixels) == 6


def test_digits_split_keeps_all_classes() -> None:
    train, test = load_data("digits", "train"), load_data("digits", "test")
    assert len(train.pixels) + len(test.pixels) == 1797 and train.pixels.shape[1:] == (8, 8, 1)
    assert set(train.labels.tolist()) == set(test.labels.tolist()) == set(range(10))
    assert train.pixels.max() == 255


def test_unknown_sets_and_splits() -> None:
    with pytest.raises(UnknownName, match="did you mean 'digits'"):
        load_data("digit")
    with pytest.raises(UnknownName, match="did you mean 'train'"):
        load_data("digits", "trian")


def test_your_own_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Subfolders are classes; gray, transparent, animated and turned pictures are handled, the rest is named."""
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
    Image.new("L", (40, 30), 200).save(tmp_path / "cats" / "gray.png")
    Image.new("RGBA", (50, 50), (255, 0, 0, 0)).save(tmp_path / "cats" / "clear.png")
    Image.new("P", (33, 33)).save(tmp_path / "dogs" / "palette.gif")
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "dogs" / "moving.gif", save_all=True, append_images=frames[1:])
    turned = Image.new("RGB", (60, 40), "black")
    turned.paste("white", (0, 0, 60, 5))
    exif = turned.getexif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "dogs" / "turned.jpg", exif=exif)
    Image.new("RGB", (2, 90)).save(tmp_path / "dogs" / "thin.png")
    (tmp_path / "dogs" / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("ignored")

    images = load_folder(tmp_path, 16)
    assert images.classes == ("cats", "dogs") and images.labels.tolist() == [0, 0, 1, 1, 1]
    assert images.pixels.shape == (5, 16, 16, 3)
    assert (images.pixels[0] == 255).all(), "transparency lies on white"
    moving, palette, upright = images.pixels[2], images.pixels[3], images.pixels[4]
    assert moving[8, 8].tolist() == [255, 0, 0] or moving[8, 8, 0] > 240
    assert palette.shape == (16, 16, 3)
    assert upright[-1].mean() > 200 > upright[0].mean(), "the EXIF orientation is obeyed"
    printed = capsys.readouterr().err
    assert "broken.png cannot be read" in printed and "thin.png is 2x90 pixels" in printed


def test_grey_folders_have_one_channel_and_flat_folders_no_classes(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), (7, 7, 7)).save(tmp_path / "a.png")
    images = load_folder(tmp_path, 8)
    assert images.pixels.shape == (1, 8, 8, 1) and images.classes == ()


def test_pictures_of_more_than_eight_bits_keep_their_brightness(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "sixteen.png")
    Image.fromarray(ramp).save(tmp_path / "sixteen.tif")
    Image.fromarray(ramp.astype(np.float32)).save(tmp_path / "real.tif")
    images = load_folder(tmp_path, 16)
    assert len(images.pixels) == 2 and "real.tif has 32 bits a pixel" in capsys.readouterr().err
    assert (images.pixels[..., 0] == np.arange(256).reshape(16, 16)).all()


@pytest.mark.parametrize("folder", ["absent", "."])
def test_a_folder_without_pictures_is_named(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ValueError, match="not a folder|no picture"):
        load_folder(tmp_path / folder, 16)


def _pictures(root: Path, *names: str) -> None:
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (i, 0, 255 - i)).save(path, format="PNG")


def test_class_folders_may_be_links_and_loops_end(tmp_path: Path) -> None:
    _pictures(tmp_path, "real/cat/a.png", "real/dog/a.png", "set/bird/a.png")
    for name in ("cat", "dog"):
        (tmp_path / "set" / name).symlink_to(tmp_path / "real" / name)
    (tmp_path / "set" / "again").symlink_to(tmp_path / "real" / "cat")  # the same pictures under two names
    (tmp_path / "set" / "bird" / "loop").symlink_to(tmp_path / "set")
    images = load_folder(tmp_path / "set", 8)
    assert images.classes == ("again", "bird", "cat", "dog") and len(images.pixels) == 4


def test_what_systems_leave_in_folders_is_no_class_and_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junk = (".ipynb_checkpoints/a.png", "dog/.thumbnails/a.png", "dog/.thumbnails/b.png", "__MACOSX/dog/c.png")
    _pictures(tmp_path, "cat/a.png", "dog/a.png", "dog/._a.png", *junk)
    for name in ("cat/a.heic", "cat/b.HEIC", "notes.txt", "README"):
        (tmp_path / name).write_text("something else")
    images = load_folder(tmp_path, 8)
    assert images.classes == ("cat", "dog") and len(images.pixels) == 2
    printed = capsys.readouterr().err
    assert (
        "left out: 9 files" in printed
        and "2 .heic" in printed
        and "1 .txt" in printed
        and "1 without a suffix" in printed
    )
    assert "2 in .thumbnails" in printed and "1 hidden" in printed


def test_classes_are_in_natural_order(tmp_path: Path) -> None:
    _pictures(tmp_path, *(f"{i}/a.png" for i in range(1, 13)), "b/a.png", "12 b/a.png", "a.png", "other/a.png")
    images = load_folder(tmp_path, 8)
    assert images.classes == (*map(str, range(1, 13)), "12 b", "b", "other")
    assert np.bincount(images.labels).tolist() == [1] * 14 + [2], "what lies beside folders joins a folder `other`"


def test_every_common_suffix_is_read(tmp_path: Path) -> None:
    _pictures(tmp_path, *(f"a{suffix}" for suffix in (".png", ".jfif", ".JPE", ".ppm", ".dib", ".jp2", ".apng")))
    assert len(load_folder(tmp_path, 8).pixels) == 7


def damaged() -> Iterator[bytes]:
    """Small pictures with random bytes changed, most of them near the beginning, where EXIF and headers are."""
    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 255, (24, 20, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", (72, 1)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        whole = io.BytesIO()
        picture.save(whole, format=kind, exif=exif.tobytes())
        for _ in range(400):
            content = bytearray(whole.getvalue())
            for place in random.integers(0, min(len(content), 300), 5):
                content[place] = random.choice([0, 255, 1, 2, 0x80])
            yield bytes(content)


@pytest.mark.filterwarnings("ignore")
def test_no_damaged_picture_ends_a_run(tmp_path: Path) -> None:
    """Pillow lets struct.error, KeyError, RuntimeError and others through; here they are one sentence each."""
    path, refused = tmp_path / "a.jpg", 0
    for content in [fractional_width(), *damaged()]:
        path.write_bytes(content)
        picture, trouble = read_picture(path, 8)
        assert (picture is None) == bool(trouble)
        refused += picture is None
    assert refused > 100


def fractional_width() -> bytes:
    """A good JPEG whose EXIF turns it and gives its width as a fraction: `ImageOps.exif_transpose` fails on it."""
    tags = [struct.pack(">HHII", 0x100, 5, 1, 38), struct.pack(">HHII", 0x112, 3, 1, 6 << 16)]
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 2) + b"".join(tags) + bytes(4) + struct.pack(">II", 20, 1)
    whole = io.BytesIO()
    Image.new("RGB", (20, 24)).save(whole, format="JPEG", exif=exif)
    return whole.getvalue()


def test_a_picture_with_broken_exif_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pictures(tmp_path, "a.png")
    (tmp_path / "odd.jpg").write_bytes(fractional_width())
    assert len(load_folder(tmp_path, 8).pixels) == 1
    assert "odd.jpg cannot be read as a picture (struct.error)" in capsys.readouterr().err
