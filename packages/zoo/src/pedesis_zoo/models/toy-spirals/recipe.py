"""Two spirals, in the plane: for the explorer, and for experiments that take seconds."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="Two spirals in the plane",
    kind="points",
    data="spirals",
    network={"name": "mlp", "width": 192, "layers": 4},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.851,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 512, "steps": 8000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
    generation=Generation(sampler="heun", steps=30, grid="log-snr", guidance=1.0),
    sha256="c283055e13c3d58f8dfcfd977ddcf3240ad24d4f0d84d4551077c14a32fdf022",
)
