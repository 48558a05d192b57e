"""Words to faces, 16x16: the smallest model of text."""

from pedesis_zoo.models.recipe import Generation, Recipe

RECIPE = Recipe(
    title="16x16 pixel-art faces from words",
    kind="image",
    data="avatars",
    network={
        "name": "unet",
        "widths": [96, 128],
        "blocks": [2, 2],
        "heads": 4,
        "text": {"width": 128, "layers": 2, "heads": 4},
    },
    process={"schedule": {"name": "cosine"}, "frame": {"name": "vp"}},
    parameterization="v",
    data_std=0.5,
    loss={"weight": "v", "condition_dropout": 0.1},
    training={"batch": 128, "learning_rate": 2e-3, "warmup": 300, "cooldown": 0.3},
    generation=Generation(sampler="dpm++2m", steps=12, grid="uniform", guidance=2.0),
    sha256="ae4774b0498d636758d5fb859cf03092ab5164411978db5e0618de12774185a5",
    trained_with="python -m pedesis_zoo train avatars --steps 13000",
)
