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
    training={"batch": 128, "learning_rate": 1.5e-3, "warmup": 150, "cooldown": 0.35},
    generation=Generation(sampler="dpm++2m", steps=16, grid="uniform", guidance=1.5, interval=(-3.0, 0.0)),
    sha256="42bfd383f49df36caa2b4c5793d42fc7bba305c209f296dc831c3b2471ee221e",
    trained_with=(
        "python -m pedesis_zoo train heroes --steps 3000, "
        "then train heroes --start heroes --steps 1348 --learning-rate 1.2e-3 and again --steps 1000, "
        "then --start heroes --optimizer muon --steps 3400 and again --steps 1500 --seed 1"
    ),
)
