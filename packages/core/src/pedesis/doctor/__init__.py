"""The doctor tells people what is wrong with their diffusion code.

    report = doctor.examine(betas=betas, q_sample=q_sample, step=p_sample, prediction="eps")
    print(report)

It calls plain functions, reads the coefficients of what they compute, and holds them against the textbook and against a
catalogue of classic mistakes. `training` looks at a trained model, `convergence` at a whole sampler of any kind, and
`pedesis.doctor.adapters` are for well-known libraries. It knows the process and exact denoisers, and nothing of
networks, training or the zoo; it changes nothing outside.
"""

from pedesis.doctor.catalogue import CATALOGUE, Entry
from pedesis.doctor.convergence import Oracle, convergence
from pedesis.doctor.examination import examine
from pedesis.doctor.report import Finding, FindingsError, Report
from pedesis.doctor.training import TrainingReport, training

__all__ = [
    "CATALOGUE",
    "Entry",
    "Finding",
    "FindingsError",
    "Oracle",
    "Report",
    "TrainingReport",
    "convergence",
    "examine",
    "training",
]
