"""Data sets by name: `load_data("fashion-mnist", "train")`."""

from pedesis_zoo.data.sets import DATASETS, ImageSet, load_data

__all__ = ["DATASETS", "ImageSet", "load_data"]
