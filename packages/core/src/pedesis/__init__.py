"""Pedesis: diffusion models, from the formulas of the lecture notes to pictures.

Read in this order: gaussian, schedules, process, parameterizations, denoiser, guidance, samplers, losses. Around them
are rooms: theory, training, editing, nn, physics, lessons, utils, and doctor, which examines your own diffusion code.

    data -> process -> network -> loss                   training
    noise -> denoiser (+ guidance) -> sampler -> image   generation
"""

__version__ = "0.1.0"
