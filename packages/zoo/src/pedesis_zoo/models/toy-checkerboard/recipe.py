"""A checkerboard, in the plane: for the explorer, and for experiments that take seconds."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="A checkerboard in the plane",
    kind="points",
    data="checkerboard",
    network={"name": "mlp", "width": 192, "layers": 4},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.98,
    loss={"weight": "v"},
    training={"batch": 512, "steps": 8000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.7},
    generation=Generation(sampler="heun", steps=30, grid="log-snr", guidance=1.0),
    sha256="c1c6ed80bb47c2e408474e14591ead6319e691078a2d9b45bb5fa068a76f04a2",
)
