"""The teacher's pictures in 4 steps: distilled, with the guidance scale as an input."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes in ten classes, in 4 steps",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [128, 144], "blocks": [2, 2], "heads": 3, "guided": True},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.714,
    loss={
        "name": "distillation",
        "teacher": "fashion-mnist",
        "steps": 4,
        "substeps": 3,
        "scales": [1.0, 6.0],
        "sampler": "unipc",
    },
    training={"batch": 64, "learning_rate": 3e-4, "warmup": 100, "cooldown": 0.3},
    generation=Generation(sampler="ddim", steps=4, grid="uniform", guidance=2.0, scales=(1.0, 6.0)),
    sha256="0eecceebc2f9285de71a7a89339485ffb6c45f8ed5ffd4ca6c6e756e8e4bd279",
    trained_with="python -m pedesis_zoo train fashion-mnist-student-4 --start fashion-mnist --steps 1225",
)
