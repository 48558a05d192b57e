"""Draw the pictures of the README with the models of the zoo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import pedesis_zoo as zoo
from pedesis.images import enlarge, grid, save_png

PICTURES = Path(__file__).parent / "pictures"


def denoising() -> None:
    """Three pictures on their way from noise: a row each of x_t, then a row each of the x0 estimate."""
    story = list(zoo.generate("fashion-mnist", ["sneaker", "dress", "ankle boot"], seeds=(20, 21, 22), steps=21))
    moments = story[::3]
    rows = [np.stack([s.x_t[i] for s in moments]) for i in range(3)] + [
        np.stack([s.x0[i] for s in moments]) for i in range(3)
    ]
    save_png(enlarge(grid(np.concatenate(rows), columns=len(moments), gap=1), 3), PICTURES / "denoising.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    denoising()
