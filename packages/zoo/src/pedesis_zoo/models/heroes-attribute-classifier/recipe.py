"""The judge of the heroes: which race, clothes and weapons a picture shows."""

from pedesis_zoo.models.recipe import Recipe

RECIPE = Recipe(
    title="Reads the attributes of 32x32 heroes: evaluates, never guides or trains",
    kind="attribute-classifier",
    data="heroes",
    network={
        "name": "classifier",
        "widths": [64, 128, 192],
        "blocks": [1, 2, 2],
        "features": 256,
        "noise_aware": False,
    },
    training={"batch": 128, "steps": 3000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.5, "seed": 1_000_003},
    sha256="41d054d7e7135f12beecfd842ee6306759ff3aa2d73231051c73cf5334dfeef3",
    notes="Trained on pictures of other seeds than the models it judges.",
)
