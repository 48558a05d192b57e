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
    sha256="5d56ce73fad7ebd6423134e2c12a12ed937f28221dd4d27d14b8fbe410f0b903",
)
