"""Eight Gaussians on a circle, in the plane: for the explorer, and for experiments that take seconds."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="Eight Gaussians on a circle in the plane",
    kind="points",
    data="eight-gaussians",
    network={"name": "mlp", "width": 192, "layers": 4},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.995,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 512, "steps": 12000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
    generation=Generation(sampler="heun", steps=30, grid="log-snr", guidance=1.0),
    sha256="d1bb38e2ccb4848a3ca777c289d3fe59cbd607c60b4cc0beb6480611417d6992",
)
