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
    generation=Generation(sampler="dpm++2m", steps=16, grid="uniform", guidance=3.0),
    sha256="46d0e0bfc761704c401d0998c4fe417bc36fb0cfe5addcfccdd93c52bd8f46f1",
    trained_with=(
        "python -m pedesis_zoo train heroes --steps 3000, "
        "then train heroes --start heroes --steps 1348 --learning-rate 1.2e-3 and again --steps 1000"
    ),
)
