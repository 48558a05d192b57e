"""CIFAR-10 on large GPUs: as many pictures as EDM's runs see, 200 million; nobody has trained it yet."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="32x32 pictures in color in ten classes, for a large GPU",
    kind="image",
    data="cifar-10",
    network={
        "name": "unet",
        "patch": 1,
        "widths": [192, 384, 384],
        "blocks": [3, 3, 3],
        "heads": 6,
        "embedding": 768,
        "detail": 64,
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.5,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 512, "steps": 390_625, "learning_rate": 1e-3, "warmup": 10_000, "cooldown": 0.2},
    generation=Generation(sampler="dpm++2m", steps=20, grid="uniform", guidance=1.0),
    sha256="",
    trained_with="torchrun --nproc-per-node 8 -m pedesis_zoo train cifar-10 --augment flip",
    hardware="not trained yet; docs/scaling.md says what it takes",
    notes="The numbers of its training are chosen, not tuned: nobody has trained it yet.",
)
