"""Composed sets: a picture is the stack of its parts, its caption is true, held-out pairs are never trained on."""

from collections import Counter
from functools import cache
from importlib.resources import files
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from pedesis.utils.images import to_pixels
from pedesis.utils.noise import splitmix64
from pedesis.utils.registry import UnknownName
from pedesis_zoo.data import avatars, heroes
from pedesis_zoo.data.composed import HIDDEN, CaptionBatches, ComposedSet
from pedesis_zoo.data.pixel_art import ABOVE_OUTLINE, BACKGROUND, uniforms
from pedesis_zoo.data.tokenizer import Vocabulary, split

SETS = pytest.mark.parametrize("data", [heroes, avatars], ids=["heroes", "avatars"])
MANY = 50_000


@cache
def many(data: ModuleType) -> tuple[np.ndarray, np.ndarray, list[str], list[dict[str, str]]]:
    """Values, labels, captions and what is visible, of the first 50,000 pictures for training."""
    values, labels, captions, visible = [], [], [], []
    for first in range(0, MANY, 5000):
        generated = data.lexicon().draw(0, np.arange(first, first + 5000))
        values.append(generated.values)
        labels.append(generated.labels)
        captions += generated.captions(range(first, first + 5000))
        visible += [generated.visible(row) for row in range(5000)]
    return np.concatenate(values), np.concatenate(labels), captions, visible


@SETS
def test_a_picture_is_the_alpha_composition_of_its_parts(data: ModuleType) -> None:
    parts = data.lexicon().parts
    pictures = np.random.default_rng(0).integers(0, len(parts.tiles), (200, 6))
    pixels, top = parts.compose(pictures)
    for row, chosen in enumerate(pictures):
        canvas = Image.new("RGBA", parts.size, (*BACKGROUND, 255))
        owner = np.zeros(parts.size)
        for layer, part in enumerate(chosen, start=1):
            canvas = Image.alpha_composite(canvas, Image.fromarray(parts.tiles[part]))
            owner[parts.tiles[part][..., 3] > 127] = layer
        np.testing.assert_array_equal(pixels[row], np.asarray(canvas)[..., :3])
        np.testing.assert_array_equal(top[row], owner)


def test_every_number_is_splitmix64_of_its_place() -> None:
    numbers = uniforms((3, 1), np.array([7, 10**12]), 4)
    expected = [[(splitmix64(3, 1, i, j) >> 11) / 2**53 for j in range(4)] for i in (7, 10**12)]
    np.testing.assert_array_equal(numbers, expected)


@SETS
@pytest.mark.parametrize("split", ["train", "held-out"])
def test_a_picture_depends_on_its_number_alone(data: ModuleType, split: str) -> None:
    together = data.lexicon().draw(5, np.arange(40), split)
    order = np.random.default_rng(0).permutation(40)
    shuffled = data.lexicon().draw(5, order, split)
    for field in ("values", "labels", "pixels"):
        np.testing.assert_array_equal(getattr(shuffled, field), getattr(together, field)[order])
    np.testing.assert_array_equal(data.lexicon().draw(5, np.array([17]), split).pixels[0], together.pixels[17])
    assert not np.array_equal(data.lexicon().draw(6, np.arange(40), split).pixels, together.pixels)


@SETS
def test_batches_are_a_function_of_step_and_row(data: ModuleType) -> None:
    batches = CaptionBatches(data.lexicon(), 12, data.LENGTH, seed=3)
    x0, tokens = batches(4, range(12))
    size = data.lexicon().parts.size
    assert x0.shape == (12, 3, *size) and tokens.shape == (12, data.LENGTH) and tokens.dtype == torch.int64
    parts = [batches(4, range(first, first + 4)) for first in (0, 4, 8)]
    assert torch.equal(torch.cat([part[0] for part in parts]), x0)
    assert torch.equal(torch.cat([part[1] for part in parts]), tokens)
    generated = data.lexicon().draw(3, np.arange(48, 60))
    np.testing.assert_array_equal(to_pixels(x0), generated.pixels)
    for row in range(12):
        mentions = data.lexicon().phrases.mentions(batches.vocabulary.decode(tokens[row].tolist()))
        assert mentions.items() <= generated.visible(row).items()


@SETS
def test_training_never_draws_a_held_out_pair(data: ModuleType) -> None:
    source: ComposedSet = data.lexicon()
    values, labels, _, _ = many(data)
    assert not source.held_out(values).any() and not source.held_out(labels).any()
    kinds = len(source.kinds)
    free = source.attributes(uniforms((1,), np.arange(20_000), 2 * kinds), None)  # what would be drawn otherwise
    assert 0.04 < source.held_out(free).mean() < 0.1


@SETS
def test_the_held_out_split_shows_and_names_a_held_out_pair(data: ModuleType) -> None:
    source: ComposedSet = data.lexicon()
    generated = data.lexicon().draw(0, np.arange(2000), "held-out")
    assert source.held_out(generated.labels).all()
    seen = Counter()
    for labels, caption in zip(generated.labels, generated.captions(range(2000)), strict=True):
        pair = source.held_out_kinds_of(labels)
        assert set(pair) <= data.lexicon().phrases.mentions(caption).keys()
        seen[pair] += 1
    assert set(seen) == set(source.held_out_kinds) and min(seen.values()) > 20


@SETS
def test_every_value_is_seen_and_every_word_is_used(data: ModuleType) -> None:
    source: ComposedSet = data.lexicon()
    _, labels, captions, _ = many(data)
    for k, kind in enumerate(source.kinds):
        counts = np.bincount(np.maximum(labels[:, k], 0), minlength=len(source.values[kind]))
        assert counts[1:].min() > 100, (kind, source.values[kind][1 + counts[1:].argmin()])
    words = Counter(word for caption in captions for word in split(caption))
    assert set(words) == set(data.lexicon().vocabulary) and min(words.values()) > 100


@SETS
def test_captions_name_only_what_is_visible(data: ModuleType) -> None:
    _, _, captions, visible = many(data)
    spoken = [data.lexicon().phrases.mentions(caption) for caption in captions]
    for mentions, seen, caption in zip(spoken, visible, captions, strict=True):
        assert mentions.items() <= seen.items(), caption
    named = Counter(kind for mentions in spoken for kind in mentions)
    assert set(named) == set(data.KINDS)
    assert max(len(split(caption)) for caption in captions) <= data.LENGTH
    Vocabulary(data.lexicon().vocabulary).tokens(captions, data.LENGTH)  # raises if a word is not known


@SETS
def test_no_word_of_a_caption_is_left_unexplained(data: ModuleType) -> None:
    """What is not part of an attribute is grammar, so no attribute can be named and be missed by the reader."""
    grammar = set(" ".join(data.lexicon().grammar).split())
    _, _, captions, _ = many(data)
    mentions = data.lexicon().phrases.mentions
    for caption in captions[:5000]:
        explained = Counter(word for value in mentions(caption).values() for word in value.split())
        rest = Counter(split(caption)) - explained
        assert set(rest) <= grammar, caption


@SETS
def test_removing_a_hidden_part_hardly_changes_the_picture(data: ModuleType) -> None:
    source: ComposedSet = data.lexicon()
    variants = uniforms((9,), np.arange(3000), len(source.layers))
    values = source.attributes(uniforms((8,), np.arange(3000), 2 * len(source.kinds)), None)
    generated = source.compose(values, variants)
    found = 0
    for kind, least in source.threshold.items():
        k = source.kinds.index(kind)
        for hidden in (True, False):
            rows = np.nonzero((values[:, k] > 0) & ((generated.labels[:, k] == HIDDEN) == hidden))[0]
            without = source.chosen_parts(values[rows], variants[rows])
            without[:, source.layers.index(kind)] = 0
            changed = (source.parts.compose(without)[0] != generated.pixels[rows]).any(-1)
            bright = generated.pixels[rows].max(-1) > ABOVE_OUTLINE
            count = (changed & bright).sum((1, 2))
            if hidden:
                assert (count < least + 3).all()  # 3: a few faint pixels of half-transparent edges
                found += len(rows)
            else:
                assert np.median(count) > least
    assert found > 100


@SETS
def test_no_two_values_have_the_same_words(data: ModuleType) -> None:
    words = [value for values in data.lexicon().values.values() for value in values if value]
    assert len(words) == len(set(words))


@SETS
def test_mistaken_names_are_answered_with_the_nearest(data: ModuleType) -> None:
    with pytest.raises(UnknownName, match="held-out"):
        data.lexicon().draw(0, np.arange(2), "heldout")
    kind, values = next((kind, values) for kind, values in data.lexicon().values.items() if len(values) > 5)
    with pytest.raises(UnknownName, match=values[1]):
        data.lexicon().value(kind, values[1] + "x")
    assert data.lexicon().value(kind, values[3]) == 3


def test_license_and_provenance_are_in_the_package() -> None:
    folder = files("pedesis_zoo.data") / "archives"
    assert "CC0 1.0 Universal" in (folder / "LICENSE").read_text()
    provenance = (folder / "PROVENANCE.md").read_text()
    for archive in folder.iterdir():
        if archive.name.endswith(".npz"):
            assert f"## {archive.name}" in provenance
