"""Mistakes in code that speaks of sigma, x_t = x_0 + sigma noise."""

from __future__ import annotations

from pedesis.doctor.catalogue.entry import Entry

REVERSE = ("step", "sample")

SIGMA_ENTRIES = (
    Entry(
        "sigma-squared",
        ("q_sample",),
        "the network never sees the noise level that it is asked about",
        "the noise is multiplied by sigma^2 or by its root, not by sigma, its standard deviation",
        "of the kind of missing-root-of-noise",
        ({"std": "sigma**2"}, {"std": "sqrt(sigma)"}),
    ),
    Entry(
        "scaled-input-kept",
        ("q_sample",),
        "gray, dull pictures",
        "x_t is divided by sqrt(1 + sigma^2): that is what a network is fed (c_in), not what a step goes on with",
        "huggingface/diffusers, scale_model_input; Karras et al. 2022, table 1",
        ({"x0_factor": "1 / sqrt(1 + sigma**2)", "std": "sigma / sqrt(1 + sigma**2)"},),
    ),
    Entry(
        "sigma-off-by-one",
        REVERSE,
        "faint noise is left in the pictures, or they are too smooth",
        "sigma is read at a neighboring step",
        "of the kind of t-off-by-one",
        ({"sigma": "sigmas[t - 1]"}, {"sigma": "sigmas[t + 1]"}),
    ),
    Entry(
        "next-sigma-off-by-one",
        REVERSE,
        "faint noise is left in the pictures, or they are too smooth",
        "the step leads to another sigma than that of the next step",
        "of the kind of alpha-bar-prev-shifted",
        ({"sigma_prev": "sigmas[s - 1]"}, {"sigma_prev": "sigmas[s + 1]"}),
    ),
    Entry(
        "derivative-not-divided",
        REVERSE,
        "samples explode, or stay noise",
        "x_t minus the denoised picture is used as the derivative; it has to be divided by sigma",
        "Karras et al. 2022, algorithm 1, line 4",
        ({"derivative": "x_t - prediction"}, {"derivative": "(x_t - prediction) / sigma**2"}),
    ),
    Entry(
        "derivative-reversed",
        REVERSE,
        "noise that gets louder",
        "the step goes up in sigma where it should go down: a sign is wrong",
        "of the kind of guidance-sign",
        ({"change": "sigma - sigma_down"}, {"change": "step_variance / sigma"}),
    ),
    Entry(
        "sigma-down-forgotten",
        REVERSE,
        "grainy pictures",
        "fresh noise is added, but the step leads to the next sigma itself, not below it to sigma_down",
        "crowsonkb/k-diffusion, get_ancestral_step",
        ({"sigma_down": "sigma_prev"},),
    ),
    Entry(
        "denoised-and-eps-mixed-up",
        REVERSE,
        "saturated pictures, or noise although the loss fell",
        "the network's answer is read as the denoised picture where it is the noise, or the other way round",
        "of the kind of prediction-mixed-up",
        ({"derivative": "prediction"}, {"derivative": "(x_t - prediction) / sigma"}),
    ),
    Entry(
        "start-not-scaled",
        ("sample",),
        "flat, gray pictures: the network is told of noise that is not there",
        "the walk begins at noise of standard deviation 1; with sigmas it begins at sigma_max times noise",
        "Karras et al. 2022, algorithm 1, line 2; huggingface/diffusers, init_noise_sigma",
        wrong="x = torch.randn(shape)",
        right="x = sigmas[0] * torch.randn(shape)",
    ),
)
