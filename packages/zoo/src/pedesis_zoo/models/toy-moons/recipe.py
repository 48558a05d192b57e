"""Two moons, in the plane: for the explorer, and for experiments that take seconds."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="Two moons in the plane",
    kind="points",
    data="moons",
    network={"name": "mlp", "width": 192, "layers": 4},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.919,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 512, "steps": 12000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
    generation=Generation(sampler="heun", steps=30, grid="log-snr", guidance=1.0),
    sha256="d2fa1ff90b30b630fc5ab2f54640b05482305dd49d7e962343c56510f589352c",
)
