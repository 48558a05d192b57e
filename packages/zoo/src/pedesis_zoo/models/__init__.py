"""Models: what they are (recipes, kept measurements), their weight files, and how a name becomes one that is ready.

registry, recipe, cards             names, plain data and what is said of them; they do not import torch
measurements                        the numbers and curves that are kept beside a model
weights, packing, own_files         the file formats, and weight files that are not the package's
remote                              models on a hub, as files on this machine
loading, arguments, notebook        ready to use; what callers may give; how models show themselves

One folder per pretrained model lies beside these files. This room knows the core and the data, and no way to draw.
"""

__all__ = [
    "arguments",
    "cards",
    "loading",
    "measurements",
    "notebook",
    "own_files",
    "packing",
    "recipe",
    "registry",
    "remote",
    "weights",
]
