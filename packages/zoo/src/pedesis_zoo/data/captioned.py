"""Pictures with captions, by name, as training wants them."""

from __future__ import annotations

from collections.abc import Callable

from pedesis_zoo.data import avatars, heroes
from pedesis_zoo.data.sets import CaptionedSet


def of_heroes() -> CaptionedSet:
    """32x32 adventurers; see `pedesis_zoo.data.heroes`."""
    return CaptionedSet(
        "heroes",
        (3, 32, 32),
        heroes.vocabulary(),
        heroes.LENGTH,
        "CC0-1.0 (Dungeon Crawl Stone Soup tiles)",
        lambda batch, seed, device: heroes.HeroBatches(batch, seed, device=device),
    )


def of_avatars() -> CaptionedSet:
    """16x16 faces; see `pedesis_zoo.data.avatars`."""
    return CaptionedSet(
        "avatars",
        (3, 16, 16),
        avatars.vocabulary(),
        avatars.LENGTH,
        "CC0-1.0 (DiceBear Pixel Art)",
        lambda batch, seed, device: avatars.AvatarBatches(batch, seed, device=device),
    )


CAPTIONED: dict[str, Callable[[], CaptionedSet]] = {"heroes": of_heroes, "avatars": of_avatars}
