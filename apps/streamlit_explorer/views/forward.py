"""The diffusion kernel q(z_t | x) on a picture: at once, along a film strip, and step by step."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import page
import streamlit as st
from figures import forward as charts
from figures.style import counted

from pedesis.lessons import forward, pictures, schedules

KERNEL, STEP = "pedesis.process:Process.marginal", "pedesis.process:Process.transition"
FILM = (0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1)


def choose() -> tuple[str, pictures.Pixels]:
    """The chosen picture, and a short name that stands for it in cache keys."""
    choice = st.pills(
        "Picture",
        [*pictures.PICTURES, "upload", "camera"],
        default=pictures.PICTURES[0],
        required=True,
        key="picture",
        bind=page.LINK,
    )
    if choice in pictures.PICTURES:
        return choice, pictures.picture(choice)
    if choice == "upload":
        file = st.file_uploader("A picture of at most 1 MB; it stays on this machine.", key="file", max_upload_size=1)
    else:
        file = st.camera_input("Look into the camera; the picture stays on this machine.", key="photo")
    if file is not None:
        data = file.getvalue()
        try:
            return hashlib.sha256(data).hexdigest(), pictures.read(data)
        except ValueError as error:
            st.error(f"{error} The {pictures.PICTURES[0]} stands in.", icon=":material/broken_image:")
    return pictures.PICTURES[0], pictures.picture(pictures.PICTURES[0])


@st.cache_data(max_entries=64, show_spinner=False)
def walk(name: str, _picture: pictures.Pixels, schedule: str, t: float, steps: int, seed: int) -> forward.Noisy:
    """The chain, once for each setting; `name` stands for the picture."""
    return forward.walk(_picture, schedule, t, steps, seed)


def show(x_t: forward.Noisy, caption: str, width: int | Literal["stretch"] = "stretch") -> None:
    """A noisy picture, sharp at any size."""
    page.picture(forward.show(x_t), caption, f"The noisy picture, {caption}", width)


with page.lesson(
    "Forward process on an image",
    "The forward process adds Gaussian noise to a picture $x_0$ until nothing but noise is left. "
    "Because sums of Gaussians are Gaussian, the noisy picture $x_t$ (the slides' $z_t$) can be drawn "
    "for any time $t$ in one jump: that is the **diffusion kernel**.",
    KERNEL,
    STEP,
    "pedesis.gaussian:Gaussian.sample",
    "pedesis.lessons.forward:walk",
):
    left, right = st.columns([3, 2], gap="large")
    with left:
        name, picture = choose()
    with right, st.container(horizontal=True, vertical_alignment="bottom"):
        schedule = page.schedule(note="How fast the signal fades: the page Schedules compares them.")
        with page.more():
            seed = page.seed(note="Same seed, same noise.")
    t = st.slider("Time t: from the picture (0) to noise (1)", 0.0, 1.0, 0.3, 0.01, key="t", bind=page.LINK)

    now = schedules.level(schedule, t)
    jumped = forward.jump(picture, schedule, t, seed)
    left, right = st.columns([3, 2], gap="large")
    with left:
        clean, noisy = st.columns(2, wrap=False)
        with clean:
            page.picture(picture, "$x_0$, the picture", "The picture")
        with noisy, st.container(key="noisy"):
            show(jumped, f"$x_t$ at $t = {t:.2f}$")
        with st.container(horizontal=True, gap="xsmall", key="film"):
            for time, frame in zip(FILM, forward.film(picture, schedule, FILM, seed), strict=True):
                show(frame, f"t = {time:g}", width=112)
        st.caption("The same noise all along, more and more of it.")
    with right:
        page.formula(KERNEL)
        st.latex(forward.kernel_formula(schedule, t))
        with st.container(horizontal=True, gap="medium"):
            st.metric(
                "signal $\\bar\\alpha_t$", f"{now.alpha_bar:.4f}", help="The power of what is left of the picture."
            )
            st.metric("noise $1-\\bar\\alpha_t$", f"{now.noise**2:.4f}", help="The variance of what was added.")
            log_snr = f"{now.log_snr:.2f}" if np.isfinite(now.log_snr) else "∞"
            st.metric("log SNR", log_snr, help="Natural logarithm of signal over noise.")
        page.plot(lambda: charts.position(schedules.curves(schedule), t), "position")

    st.subheader("Step by step, or in one jump?", anchor=False)
    st.markdown(
        "The chain takes many small steps, each with fresh noise. However many it takes from $0$ to $t$, "
        "the law of $x_t$ is that of the one jump; the picture is another draw from it."
    )
    page.formula(STEP)
    steps = st.select_slider("Steps from 0 to t", (1, 2, 5, 10, 20, 50, 100, 200), 50, key="steps", bind=page.LINK)
    if t == 0:
        st.info("At t = 0 no noise has been added yet: there is nothing to compare. Move t up.")
    else:
        walked = walk(name, picture, schedule, t, steps, seed)
        drawn = {"one jump": jumped, counted(steps): walked}
        left, right = st.columns([3, 2], gap="large")
        with left:
            for column, (way, x_t) in zip(st.columns(2, wrap=False), drawn.items(), strict=True):
                with column:
                    show(x_t, way)
        with right:
            rows = {way: forward.moments(x_t, picture, schedule, t) for way, x_t in drawn.items()}
            rows["the law"] = forward.law(picture, schedule, t)
            st.table(
                {
                    "": list(rows),
                    "mean $x_t$": [f"{m.mean:.3f}" for m in rows.values()],
                    "std $x_t$": [f"{m.std:.3f}" for m in rows.values()],
                    "mean $\\epsilon$": [f"{m.noise_mean:.3f}" for m in rows.values()],
                    "std $\\epsilon$": [f"{m.noise_std:.3f}" for m in rows.values()],
                },
                hide_index=True,
            )
            noise = {way: forward.added(x_t, picture, schedule, t) for way, x_t in drawn.items()}
            page.plot(lambda: charts.noise_histogram(forward.histogram(noise)), "noise")
