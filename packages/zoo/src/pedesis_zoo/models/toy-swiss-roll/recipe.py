"""A roll, in the plane: for the explorer, and for experiments that take seconds."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="A roll in the plane",
    kind="points",
    data="swiss-roll",
    network={"name": "mlp", "width": 192, "layers": 4},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.868,
    loss={"weight": "v"},
    training={"batch": 512, "steps": 8000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
    generation=Generation(sampler="heun", steps=30, grid="log-snr", guidance=1.0),
    sha256="fe9f76856e8c716dc484bb3c171bf0052a830e040a02f52190757b50e438578e",
)
