"""Data: what models are trained on and measured against; `load_data("fashion-mnist", "train")`.

sets, load                              what a set is; all sets by name
digits, fashion_mnist, points, folder   finite sets: bundled, installed, computed, your own pictures
cifar, imagenet, stored                 finite sets of others; pictures that need not fit in memory
composed, captioned, captions           endless sets of composed pictures with words: heroes, avatars, pixel_art
search, digests                         where files are looked for; what two sets have in common

This room knows the core's tools only, and no model.
"""

from pedesis_zoo.data.load import known_sets, load_data, training_data
from pedesis_zoo.data.sets import DATASETS, ImageSet, TrainingData

__all__ = ["DATASETS", "ImageSet", "TrainingData", "known_sets", "load_data", "training_data"]
