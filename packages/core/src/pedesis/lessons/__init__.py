"""The computations behind the explorer: numbers and numpy arrays in, numbers and numpy arrays out.

One module per topic, pure functions only. Pages hold widgets, `figures` draws; neither needs torch, and
everything that a page shows can be tested without a browser.
"""

__all__ = [
    "brownian",
    "denoising",
    "elbo",
    "errata",
    "evidence",
    "faster",
    "fokker_planck",
    "forward",
    "guidance",
    "interpretations",
    "kernels",
    "library",
    "mixtures",
    "pictures",
    "plane",
    "reverse",
    "sampling",
    "schedules",
    "training",
]
