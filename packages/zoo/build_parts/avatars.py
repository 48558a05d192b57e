"""Write the parts archive of the avatars: avatars.npz from the npm package `@dicebear/pixel-art` 9.4.3.

    npm pack @dicebear/pixel-art@9.4.3
    python packages/zoo/build_parts/avatars.py dicebear-pixel-art-9.4.3.tgz

The package keeps each part as SVG on a grid of 16x16 whole units, so it is painted here without loss. One thing
differs: there, beards are lightened and masked by their own brightness, which all but hides the dark ones; here
they are painted in the colour of the hair.
"""

from __future__ import annotations

import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

ARCHIVES = Path(__file__).parent.parent / "src" / "pedesis_zoo" / "data" / "archives"
SIZE = 16
COMPONENT = {"earrings": "accessories", "clothes": "clothing"}  # what the package calls a kind, if not the same
HEAD = "M4 2h8v1h1v3h1v2h-1v3h-1v1H9v1h4v1h1v2H2v-2h1v-1h4v-1H4v-1H3V8H2V6h1V3h1V2Z"  # of lib/index.js
FACE = "M4 2h8v1h1v3h1v2h-1v3h-1v1H4v-1H3V8H2V6h1V3h1V2Z"
Tile = NDArray[np.float64]


def inside(path: str, evenodd: bool) -> NDArray[np.bool_]:
    """Which pixels an SVG path fills, (16, 16), from the winding number of its vertical edges."""
    winding = np.zeros((SIZE, SIZE), dtype=int)
    x = y = 0
    start = (0, 0)

    def edge(to: int) -> None:
        winding[min(y, to) : max(y, to), x:] += 1 if to > y else -1

    for command, text in re.findall(r"([MmHhVvZz])([^MmHhVvZz]*)", path):
        numbers = [int(n) for n in re.findall(r"-?\d+", text)]
        relative = command.islower()
        if command in "Mm":
            x, y = (numbers[0] + x, numbers[1] + y) if relative else (numbers[0], numbers[1])
            start = (x, y)
        elif command in "Hh":
            x = numbers[0] + x * relative
        else:
            to = start[1] if command in "Zz" else numbers[0] + y * relative
            edge(to)
            x, y = start if command in "Zz" else (x, to)
    return winding % 2 == 1 if evenodd else winding != 0


def over(canvas: Tile, colour: str, alpha: Tile) -> None:
    """Paint a colour on premultiplied (16, 16, 4)."""
    rgb = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] if len(colour) == 7 else [int(colour[1], 16) / 15] * 3
    paint = np.stack([*(alpha * c for c in rgb), alpha], axis=-1)
    canvas[:] = paint + canvas * (1 - alpha[..., None])


def paint(element: ElementTree.Element, canvas: Tile, evenodd: bool = False) -> None:
    """Paint an SVG element and what it contains; of a masked group, the mask."""
    for child in element:
        fill = child.get("fill") or element.get("fill") or ""
        odd = evenodd or child.get("fill-rule") == "evenodd"
        if child.tag == "path":
            opacity = float(child.get("fill-opacity") or child.get("opacity") or 1)
            over(canvas, fill, inside(child.attrib["d"], odd) * opacity)
        elif child.tag in ("g", "mask"):
            if not child.get("mask"):
                paint(child, canvas, odd)
        else:
            sys.exit(f"<{child.tag}> is not known here")


def rgba(canvas: Tile) -> NDArray[np.uint8]:
    """Premultiplied -> uint8 with straight opacity."""
    alpha = canvas[..., 3:]
    straight = np.divide(canvas[..., :3], alpha, out=np.zeros_like(canvas[..., :3]), where=alpha > 0)
    return np.concatenate([straight * 255, alpha * 255], axis=-1).round().astype(np.uint8)


def part(svg: str, colour: str) -> Tile:
    """One component in one colour."""
    canvas = np.zeros((SIZE, SIZE, 4))
    painted = re.sub(r"\$\{escape\.xml\(`\$\{colors\.\w+\}`\)\}", f"#{colour}", svg)
    paint(ElementTree.fromstring(f"<svg>{painted}</svg>"), canvas)
    return canvas


def components(tarball: str) -> dict[tuple[str, str], str]:
    """(kind, variant) -> SVG, from the files of the package."""
    found = {}
    with tarfile.open(tarball) as archive:
        for name in archive.getnames():
            if match := re.fullmatch(r"package/lib/components/(\w+)\.js", name):
                text = archive.extractfile(name).read().decode()  # type: ignore[union-attr]
                for variant, svg in re.findall(r"^    (\w+): \(components, colors\) => `(.*)`,$", text, re.M):
                    found[match[1], variant] = svg
    return found


def wanted() -> Iterator[tuple[str, str, str]]:
    """(kind, variant, colour) of every picture that avatars.tsv has words for."""
    for line in (ARCHIVES / "avatars.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            kind, _, variants, colours = line.split("\t")
            for colour in re.findall(r"[0-9a-f]{6}", colours):
                yield from ((kind, variant, colour) for variant in variants.split())


def main(tarball: str) -> None:
    svgs, tiles = components(tarball), []
    names = list(wanted())
    for kind, variant, colour in names:
        if kind == "skin":  # with eyes: their shape and colour have no words, so each is one more picture of the skin
            tile = part(f'<path d="{HEAD}" fill="#{colour}"/><path d="{FACE}" fill="#fff" fill-opacity=".1"/>', colour)
            shape, eye_colour = variant.split("-")
            eyes = part(svgs["eyes", shape], eye_colour)
            tile = eyes + tile * (1 - eyes[..., 3:])
        else:
            tile = part(svgs[COMPONENT.get(kind, kind), variant], colour)
        tiles.append(rgba(tile))
    np.savez_compressed(ARCHIVES / "avatars.npz", pixels=np.stack(tiles), names=np.array(names))


if __name__ == "__main__":
    main(*sys.argv[1:])
