"""The teacher of the Fashion-MNIST family: class-conditional, with condition dropout."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes in ten classes, with guidance",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [128, 144], "blocks": [2, 2], "heads": 3},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.714,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 128, "learning_rate": 2e-3, "warmup": 500, "cooldown": 0.2},
    generation=Generation(sampler="dpm++2m", steps=10, grid="uniform", guidance=2.0, interval=(-2.0, 5.0)),
    sha256="ef9efe602f33a2f07293df4d66fb31fa9eac48db85ed159e2befc250cff075cd",
    trained_with="python -m pedesis_zoo train fashion-mnist --steps 8200",
)
