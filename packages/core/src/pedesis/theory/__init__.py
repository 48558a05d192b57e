"""The rest of the theory, one module a topic: what is known exactly, and the bounds and likelihoods of any denoiser.

exact                           mixtures of Gaussians and the training set itself as denoisers: the truth of all tests
reverse, kernels, joint         p(x_s | x_t) from `Process.posterior`, variance rules; its three forms; whole paths
variance                        the optimal (analytic) variance of the reverse steps
elbo, likelihood, latent        the bound in three terms, exact likelihood, the VAE it generalizes
probability_flow                the velocity of the ODE and its divergence
step_search, cached             the best few steps of a bound, and a denoiser that is asked once

This room knows the heart up to `denoiser`. Samplers, editing and training build on it, never the other way round.
"""

__all__ = [
    "cached",
    "elbo",
    "exact",
    "joint",
    "kernels",
    "latent",
    "likelihood",
    "probability_flow",
    "reverse",
    "step_search",
    "variance",
]
