"""Handwritten digits, 8x8: trains in about a minute; the example of the README and the model of the tests."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="8x8 handwritten digits, with guidance",
    kind="image",
    data="digits",
    network={
        "name": "unet",
        "patch": 1,
        "widths": [48, 96],
        "blocks": [1, 1],
        "heads": 2,
        "embedding": 128,
        "detail": 8,
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.849,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 128, "steps": 1200, "learning_rate": 3e-3, "warmup": 50, "cooldown": 0.5},
    generation=Generation(sampler="dpm++2m", steps=12, grid="uniform", guidance=2.0),
    sha256="00148144c715ceb6b5bd12ee43cc3c89cb346a6cdd851509493d6e974a698b54",
)
