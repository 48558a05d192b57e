"""Words to pictures: pixel-art adventurers, 32x32, from a prompt."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="32x32 pixel-art heroes from words",
    kind="image",
    data="heroes",
    network={
        "name": "unet",
        "widths": [112, 176],
        "blocks": [2, 2],
        "heads": 4,
        "text": {"width": 192, "layers": 2, "heads": 4},
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.57,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 128, "learning_rate": 1.5e-3, "warmup": 500, "cooldown": 0.2},
    generation=Generation(sampler="dpm++2m", steps=16, grid="uniform", guidance=3.0),
    sha256="96156a16cc78202f3e26cea21b1691a89f862f5f8e71f2a186b694bbf236a826",
    trained_with="python -m pedesis_zoo train heroes --steps 3000",
)
