"""Evaluation: how good a model is, measured anew; every number of a card comes from here.

images, prompts, points, super_resolution   distances, recall, accuracy: one module for each kind of model
metrics, codecs                             the distances themselves; what other codecs need for the same pictures
variational_bound, likelihood, levels       bits per dimension, of a model of the zoo and of anybody's pictures
comparison, curves, plots                   one's own pictures and models; quality against work and guidance
arena                                       a sampler, time grid, schedule or guidance rule of one's own beside ours

This room knows everything that draws, and nothing that trains.
"""

__all__ = [
    "arena",
    "codecs",
    "comparison",
    "curves",
    "images",
    "levels",
    "likelihood",
    "metrics",
    "plots",
    "points",
    "prompts",
    "super_resolution",
    "variational_bound",
]
