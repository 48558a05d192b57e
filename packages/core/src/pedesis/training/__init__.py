r"""Training as a generator: `fit` yields after every step, and the caller logs, plots, saves or stops.

    theta <- AdamW(theta, grad of the mean loss),    learning rate: warm-up, constant, linear cool-down
    ema_n = ema_(n-1) + (1 - (1 - 1/n)^(g+1)) (theta_n - ema_(n-1))        power-law average (Karras et al. 2024)

The average remembers a fixed fraction of the run, however long it is, so it needs no tuning and is good at any
step. Every random number is a function of (seed, step, row), and a checkpoint holds everything else, so a run
that was stopped and resumed ends in the same bits as one that was not. A batch may be computed in parts, which
are rows of it, and in several processes (`pedesis.utils.distributed`): the gradient is that of the whole but for
rounding.

fit, state, config, speed       the loop and its step; what a run holds; its plan
optimizers                      AdamW, or Muon for matrices
ema                             the average of the weights
batches, checkpoint             data as functions of (step, rows); everything that a resumed run needs
distillation, variational       students of few steps; learned variance and learned schedule
cross_entropy                   the losses of classifiers (`pedesis.guidance.classifiers`)

This room knows the heart, theory and samplers, and no editing.
"""

from pedesis.training.batches import ArrayBatches, Batches, DatasetBatches, Flipped, LoaderBatches, Shards
from pedesis.training.checkpoint import Damaged, agrees, check_whole, differences, read_header
from pedesis.training.config import TrainConfig, learning_rate
from pedesis.training.fit import Objective, fit, validation_loss
from pedesis.training.state import TrainState

__all__ = [
    "ArrayBatches",
    "Batches",
    "Damaged",
    "DatasetBatches",
    "Flipped",
    "LoaderBatches",
    "Objective",
    "Shards",
    "TrainConfig",
    "TrainState",
    "agrees",
    "check_whole",
    "differences",
    "fit",
    "learning_rate",
    "read_header",
    "validation_loss",
]
