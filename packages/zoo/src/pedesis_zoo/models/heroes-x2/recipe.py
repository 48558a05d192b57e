"""Super-resolution: a hero of 16x16 pixels becomes one of 32x32."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="Enlarges 16x16 heroes to 32x32",
    kind="super-resolution",
    data="heroes",
    network={"name": "unet", "widths": [80, 112], "blocks": [1, 2], "heads": 4, "text": None, "enlarges": 2},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.57,
    loss={"name": "enlarging", "factor": 2, "weight": "v", "condition_dropout": 0.0},
    training={"batch": 128, "learning_rate": 2e-3, "warmup": 300, "cooldown": 0.3},
    generation=Generation(sampler="dpm++2m", steps=10, grid="uniform", guidance=1.0),
    sha256="d3518a899e5ba5378e0a9df6f4c883e25a8d5f34ae588a9681fba2c0c7eeaf50",
    trained_with="python -m pedesis_zoo train heroes-x2 --steps 2253",
)
