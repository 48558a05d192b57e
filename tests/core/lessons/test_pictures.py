"""Bundled pictures, and whatever a visitor may upload."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pedesis.lessons import pictures


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_bundled_pictures(name: str) -> None:
    picture = pictures.picture(name)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 30  # something is on it
    picture[:] = 0
    assert pictures.picture(name).any()  # one visitor cannot paint over another's


def test_an_unknown_picture_is_named() -> None:
    with pytest.raises(ValueError, match="'dog'; there are: cat"):
        pictures.picture("dog")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I", "I;16", "F"])
def test_any_mode(mode: str) -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (32, 1)))
    image = Image.fromarray(np.asarray(ramp, dtype=np.uint16) * 257) if mode == "I;16" else ramp.convert(mode)
    picture = pictures.read(encoded(image, "TIFF" if mode in ("CMYK", "I", "F") else "PNG"))
    assert picture.shape == (32, 64, 3)
    assert picture[:, -8:].mean() > picture[:, :8].mean() + 150


def test_transparent_is_white_and_rotation_is_obeyed() -> None:
    assert (pictures.read(encoded(Image.new("RGBA", (8, 8), (200, 0, 0, 0)))) == 255).all()
    palette = Image.new("P", (8, 8), 3)
    assert (pictures.read(encoded(palette, "GIF", transparency=3)) == 255).all()
    tall = Image.new("RGB", (40, 20))
    tall.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees
    picture = pictures.read(encoded(tall, "JPEG", exif=exif))
    assert picture.shape == (40, 20, 3)
    assert picture[5, 10, 0] > 200
    assert picture[35, 10, 0] < 50


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (10, 10), color) for color in ("red", "blue")]
    assert pictures.read(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))[0, 0].tolist() == [
        255,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("size", "shape"), [((1, 1), (1, 1, 3)), ((2000, 1000), (64, 128, 3)), ((1, 3000), (128, 1, 3))]
)
def test_any_size_becomes_small(size: tuple[int, int], shape: tuple[int, int, int]) -> None:
    picture = pictures.read(encoded(Image.new("RGB", size, "green")))
    assert picture.shape == shape
    assert pictures.magnified(picture).shape[0] >= picture.shape[0]


def bomb(width: int, height: int) -> bytes:
    """A PNG header that promises many pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a picture that can be read; expected one of PNG, JPEG"),
        (b"hello, this is a letter", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (encoded(Image.effect_noise((99, 99), 50))[:2000], "damaged and cannot be decoded"),
        (encoded(Image.effect_noise((99, 99), 50), "JPEG")[:900], "damaged and cannot be decoded"),
        (bytes(1_000_001), "has 1.0 MB; at most 1 MB"),
        (bomb(5000, 4000), "has 5000 x 4000 pixels; at most 16 million"),
        (bomb(60000, 60000), "at most 16 million"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        pictures.read(data)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # Pillow warns about odd metadata
@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_damaged_files_never_do_anything_else(kind: str) -> None:
    whole = np.frombuffer(encoded(Image.fromarray(pictures.picture("sunset")), kind), dtype=np.uint8)
    generator = np.random.default_rng(0)
    for _ in range(40):
        broken = whole.copy()
        broken[generator.integers(0, len(broken) if generator.random() < 0.5 else 60, 6)] = generator.integers(
            0, 256, 6
        )
        data = broken[: generator.integers(20, len(broken) + 1)].tobytes()
        try:
            outcome = max(pictures.read(data).shape[:2]) <= pictures.MAX_SIDE
        except ValueError as error:
            outcome = str(error).startswith(("This is not", "The picture")) and "\n" not in str(error)
        assert outcome


def test_png_round_trip() -> None:
    cat = pictures.picture("cat")
    np.testing.assert_array_equal(pictures.read(pictures.png(cat)), cat)
