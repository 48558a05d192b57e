"""The lecture notes' own recipe: linear betas, T = 1000, the network finds the noise, L_simple."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes in ten classes, by the recipe of the lecture notes",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [64, 96], "blocks": [2, 2], "heads": 4},
    process={"schedule": {"name": "linear"}, "frame": {"name": "vp"}},
    parameterization="eps",
    data_std=0.714,
    loss={"weight": "simple", "condition_dropout": 0.1},
    training={"batch": 128, "learning_rate": 1e-3, "warmup": 500, "cooldown": 0.2},
    generation=Generation(sampler="ddpm", steps=100, grid="uniform", guidance=2.0),
    sha256="e2b3c94c2e58d9e305117b35dec5ef17bc27ac51f9c194c960da063054507a83",
    trained_with="python -m pedesis_zoo train fashion-mnist-eps --steps 2800",
    notes="The recipe of the notes: betas rise linearly from 0.0001 to 0.02 over T = 1000 steps, the network finds "
    "the noise under L_simple, and knows the time by a sinusoidal embedding. It differs from theirs in this: t is "
    "drawn from all of (0, 1] and not from the 1000 steps, the embedding is of log-SNR(t), the input is scaled to "
    "unit variance, and pictures are drawn in 100 steps of the 1000.",
)
