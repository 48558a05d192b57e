"""p(y | x_t, t) at every noise level, for classifier guidance."""

from pedesis_zoo.models.recipe import Recipe

RECIPE = Recipe(
    title="Noise-aware classifier of clothes, for classifier guidance",
    kind="noisy-classifier",
    data="fashion-mnist",
    network={"name": "classifier", "widths": [64, 128], "blocks": [2, 2], "features": 128},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    data_std=0.714,
    training={"batch": 128, "steps": 3646, "learning_rate": 2e-3, "cooldown": 0.5, "weight_decay": 0.05},
    sha256="a1735ca4a67eceaea1af5eebc0719bc03374f4350bf15b24c2d4fb014f4802f4",
)
