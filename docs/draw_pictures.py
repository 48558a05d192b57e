"""Draw the pictures of the README with the models of the zoo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import pedesis_zoo as zoo
from pedesis.utils.images import make_grid, resize_nearest, save_png
from pedesis_zoo.generation.batches import finished
from pedesis_zoo.generation.editing import inpaint, interpolate

PICTURES = Path(__file__).parent / "pictures"


def denoising() -> None:
    """Three pictures on their way from noise: a row each of x_t, then a row each of the x0 estimate."""
    story = list(zoo.generate("fashion-mnist", ["sneaker", "dress", "ankle boot"], seeds=(20, 21, 22), steps=21))
    moments = story[::3]
    rows = [np.stack([s.x_t[i] for s in moments]) for i in range(3)] + [
        np.stack([s.x0[i] for s in moments]) for i in range(3)
    ]
    save_png(
        resize_nearest(make_grid(np.concatenate(rows), columns=len(moments), gap=1), 3), PICTURES / "denoising.png"
    )


def heroes(side: int = 32, arm: int = 12) -> None:
    """Words to pictures, a row each: prompts; from one prompt to another; the weapon drawn anew; more guidance."""
    model = zoo.load("heroes")
    asked = (
        "an orc woman in a red robe with a white cloak, holding an axe",
        "a dwarf in golden armour with a blue shield",
        "a cat in a black robe with a purple cloak",
        "a green lizard with a golden staff",
        "a human woman with long red hair in a green dress",
        "a pink octopus with a white cap",
        "a vampire with a red cloak and a sword",
        "a minotaur with a spear",
    )
    first = zoo.sample(model, asked[0], [3])[0]
    hole = np.zeros((side, side), dtype=bool)
    hole[:, :arm] = True
    weapons = ("a sword", "a golden staff", "a spear", "a red club", "a trident", "a bow", "a scythe")
    anew = [
        finished(inpaint(model, first, hole, f"an orc woman in a red robe, holding {each}", [7], repeats=3))
        for each in weapons
    ]
    rows = [
        zoo.sample(model, asked, range(10, 18)),
        finished(interpolate(model, 3, 10, 8, asked[0], asked[2])),
        np.concatenate([first[None], *anew]),
        np.concatenate([zoo.sample(model, asked[0], [3], guidance=scale) for scale in (0, 0.5, 1, 2, 3, 4, 6, 8)]),
    ]
    save_png(resize_nearest(make_grid(np.concatenate(rows), 8, gap=1), 4), PICTURES / "heroes.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    denoising()
    heroes()
