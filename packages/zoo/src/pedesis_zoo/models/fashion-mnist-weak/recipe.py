"""A small model, trained briefly: the bad example of autoguidance."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes in ten classes, small and briefly trained",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [48, 64], "blocks": [1, 1], "heads": 2, "embedding": 128, "detail": 8},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.714,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 128, "steps": 1500, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.3},
    generation=Generation(sampler="dpm++2m", steps=10, grid="uniform", guidance=2.0),
    sha256="46f7801f6785cd538142dfef4b44465f19fed061e57d6bdd3a35cc287f77c253",
)
