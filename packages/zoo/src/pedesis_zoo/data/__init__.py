"""Data sets by name: `load_data("fashion-mnist", "train")`."""

from pedesis_zoo.data.sets import DATASETS, ImageSet, TrainingData, load_data, training_data

__all__ = ["DATASETS", "ImageSet", "TrainingData", "load_data", "training_data"]
