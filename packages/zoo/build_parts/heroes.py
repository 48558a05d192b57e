"""Write the parts archive of the heroes: heroes.npz from the source package `crawl` 0.28.0 of Debian.

    apt-get source --download-only --tar-only crawl=0.28.0-1.1      (needs a deb-src line; root is not needed)
    python packages/zoo/build_parts/heroes.py crawl_0.28.0.orig.tar.xz

Takes only tiles that heroes-cc0.tsv allows, with the pixel hash written there, and that heroes.tsv has words for.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
ARCHIVES = HERE.parent / "src" / "pedesis_zoo" / "data" / "archives"
LAYER = {"race": "base", "head": "head", "weapon": "hand1", "shield": "hand2"}


def rows(path: Path) -> list[list[str]]:
    """The lines of a table, split at tabs, without comments."""
    return [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]


def main(tarball: str) -> None:
    allowed = {(layer, name): (path, digest) for layer, name, path, digest in rows(HERE / "heroes-cc0.tsv")}
    wanted = [
        (LAYER.get(kind, kind), name)
        for kind, _, *columns in rows(ARCHIVES / "heroes.tsv")
        for column in columns
        for name in column.split()
    ]
    paths = {f"source/rltiles/{allowed[part][0]}": part for part in wanted}
    pixels = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            part = paths.get(member.name.partition("/")[2])
            if part is None:
                continue
            tile = np.array(Image.open(io.BytesIO(archive.extractfile(member).read())).convert("RGBA"))  # type: ignore[union-attr]
            if hashlib.sha256(tile.tobytes()).hexdigest() != allowed[part][1]:
                sys.exit(f"{member.name}: its pixels are not those of the CC0 release")
            pixels[part] = tile
    if missing := [part for part in wanted if part not in pixels]:
        sys.exit(f"{tarball} lacks {missing}")
    np.savez_compressed(
        ARCHIVES / "heroes.npz",
        pixels=np.stack([pixels[part] for part in wanted]),
        layers=np.array([layer for layer, _ in wanted]),
        names=np.array([name for _, name in wanted]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
