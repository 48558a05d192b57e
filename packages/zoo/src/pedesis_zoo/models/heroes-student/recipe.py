"""Words to pictures at once: pixel-art adventurers, 32x32, in four steps, and the guidance slider still works."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="32x32 pixel-art heroes from words, in 4 steps",
    kind="image",
    data="heroes",
    network={
        "name": "unet",
        "widths": [112, 176],
        "blocks": [2, 2],
        "heads": 4,
        "text": {"width": 192, "layers": 2, "heads": 4},
        "guided": True,
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.57,
    loss={
        "name": "distillation",
        "teacher": "heroes",
        "steps": 4,
        "substeps": 3,
        "scales": [1.0, 6.0],
        "sampler": "unipc",
    },
    training={"batch": 64, "learning_rate": 3e-4, "warmup": 100, "cooldown": 0.3},
    generation=Generation(sampler="ddim", steps=4, grid="uniform", guidance=3.0, scales=(1.0, 6.0)),
    sha256="f431b0d03fef09a73f81c448af3b1c4fdb67de47837a677a6bf450da491e5e57",
    trained_with=(
        "python -m pedesis_zoo train heroes-student --start heroes --optimizer muon --learning-rate 6e-4 --steps 380"
    ),
    hardware="one or two cores of an x86-64 server processor, beside other work; bfloat16, in between float32",
)
