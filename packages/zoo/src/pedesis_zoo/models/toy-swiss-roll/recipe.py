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
    sha256="b948a412ceadb29c87ec8283f1d35f100d6349421c5dfe5003316623eceda219",
)
