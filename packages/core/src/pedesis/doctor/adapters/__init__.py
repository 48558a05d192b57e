"""Well-known libraries, ready to be examined: each adapter gives the arguments of `doctor.examine` or the sampler of
`doctor.convergence`.

    doctor.examine(**adapters.diffusers.chain(scheduler))
    doctor.convergence(adapters.diffusers.walk(scheduler))

They ask nothing of a library but the objects that they are given, and so import none of them.
"""

from pedesis.doctor.adapters import azula, denoising_diffusion_pytorch, diffusers, k_diffusion, smalldiffusion

__all__ = ["azula", "denoising_diffusion_pytorch", "diffusers", "k_diffusion", "smalldiffusion"]
