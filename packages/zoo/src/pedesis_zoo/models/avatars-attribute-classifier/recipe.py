"""The judge of the avatars: which hair, clothes and mouth a picture shows."""

from pedesis_zoo.models.recipe import Recipe

RECIPE = Recipe(
    title="Reads the attributes of 16x16 avatars: evaluates, never guides or trains",
    kind="attribute-classifier",
    data="avatars",
    network={"name": "classifier", "widths": [64, 128], "blocks": [2, 2], "features": 128, "noise_aware": False},
    training={"batch": 128, "steps": 2000, "learning_rate": 2e-3, "warmup": 100, "cooldown": 0.5, "seed": 1_000_003},
    sha256="827118b683530775b0fb716331fc2a109683c9693c94079b2daa0d06dee8f274",
    notes="Trained on pictures of other seeds than the models it judges.",
)
