"""Trained for likelihood: a learned noise schedule and a learned variance."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes, trained for bits per dimension",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [128, 144], "blocks": [2, 2], "heads": 3, "variance": True},
    process={"schedule": {"name": "learned", "maximum": 13.3, "minimum": -6.0}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.714,
    loss={"name": "learned-schedule", "condition_dropout": 0.1},
    training={"batch": 128, "learning_rate": 1e-3, "warmup": 500, "cooldown": 0.3},
    generation=Generation(sampler="ddpm", steps=100, grid="uniform", guidance=1.0),
    sha256="3df6f58970dd7e1055299d503632cd344deb8323d17061c3b247110fe72d18fe",
    trained_with="python -m pedesis_zoo train fashion-mnist-nll --start fashion-mnist --steps 2000",
)
