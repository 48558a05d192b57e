"""Where diffusion models come from: random walk, Brownian motion, Fokker-Planck, Langevin. Needs numpy and scipy only.

Read in this order: walk, brownian, fokker_planck, langevin.

    jumps on a lattice -> heat equation -> drift and diffusion -> Ornstein-Uhlenbeck = the forward process
"""

__all__ = ["brownian", "fokker_planck", "langevin", "walk"]
