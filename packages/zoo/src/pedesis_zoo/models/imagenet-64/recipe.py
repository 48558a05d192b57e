"""ImageNet at 64x64 on large GPUs: as many pictures as EDM2's smallest run sees, 2^30; nobody has trained it yet."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="64x64 pictures in color in a thousand classes, for large GPUs",
    kind="image",
    data="imagenet-64",
    network={
        "name": "unet",
        "patch": 2,
        "widths": [256, 512, 768],
        "blocks": [3, 3, 3],
        "heads": 12,
        "embedding": 1024,
        "detail": 64,
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.5,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 2048, "steps": 524_288, "learning_rate": 1e-3, "warmup": 10_000, "cooldown": 0.2},
    generation=Generation(sampler="dpm++2m", steps=20, grid="uniform", guidance=1.5, interval=(-2.0, 5.0)),
    sha256="",
    trained_with="srun --nodes 4 --ntasks-per-node 8 python -m pedesis_zoo train imagenet-64 --augment flip",
    hardware="not trained yet; docs/scaling.md says what it takes",
    notes="The numbers of its training are chosen, not tuned: nobody has trained it yet.",
)
