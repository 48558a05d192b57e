"""The feature extractor: a classifier of clean pictures. Its last hidden layer is the space of feature distances."""

from pedesis_zoo.models.recipe import Recipe

RECIPE = Recipe(
    title="Classifier of clean clothes: evaluates, never guides or trains",
    kind="clean-classifier",
    data="fashion-mnist",
    network={"name": "classifier", "widths": [64, 128], "blocks": [2, 2], "features": 128, "noise_aware": False},
    training={"batch": 128, "steps": 4640, "learning_rate": 2e-3, "cooldown": 0.5, "weight_decay": 0.05},
    license="Apache-2.0",
    sha256="6788debd33679a445f259e2f2671cba40cc0896ff29dae06853520c5d250c717",
    notes="Frozen: every published feature distance depends on these weights, so its hash never changes.",
)
