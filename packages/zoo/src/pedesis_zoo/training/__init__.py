"""Training and publishing: from a recipe, or your own pictures, to a weight file, and from there into the package.

run, objectives, interruption       a plan and its run, what it minimizes, and what happens when it is interrupted
own_data, fine_tuning               anybody's pictures and points; beginning from trained weights
publishing                          hash, golden output, pictures and card of a model of the package

This room may know all others; only the command line knows it.
"""

__all__ = ["fine_tuning", "interruption", "objectives", "own_data", "publishing", "run"]
