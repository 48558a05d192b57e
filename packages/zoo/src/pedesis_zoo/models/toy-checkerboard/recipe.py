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
    sha256="967f2af360c0f8778a8091345adbc858b2de0b8bd4ccf51adb56801825a08fe2",
)
