"""The teacher's pictures in 1 step: distilled, with the guidance scale as an input."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="28x28 gray clothes in ten classes, in 1 step",
    kind="image",
    data="fashion-mnist",
    network={"name": "unet", "widths": [128, 144], "blocks": [2, 2], "heads": 3, "guided": True},
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.714,
    loss={
        "name": "distillation",
        "teacher": "fashion-mnist-student-4",
        "steps": 1,
        "substeps": 4,
        "scales": [1.0, 6.0],
    },
    training={"batch": 128, "learning_rate": 3e-4, "warmup": 100, "cooldown": 0.3},
    generation=Generation(sampler="ddim", steps=1, grid="uniform", guidance=2.0, scales=(1.0, 6.0)),
    sha256="b1a146e9e9303d7afe6a8dc42de1eec311e391370245bfadda78724c8ffdda5c",
    trained_with="python -m pedesis_zoo train fashion-mnist-student-1 --start fashion-mnist-student-4 --steps 1035",
)
