"""A model of the zoo at work: x_t and the estimate of x_0 at every step, two samplers from the same noise."""

from __future__ import annotations

from functools import partial

import page
import streamlit as st
from figures import denoising as charts
from walks import EACH, NO_CLASS, PICTURES, asked, kept, load, own_models, walk

import pedesis_zoo as zoo
from pedesis.lessons import denoising, pictures
from pedesis_zoo.generation.editing import inpaint

ESTIMATE, ANCESTRAL = "pedesis.theory.kernels:x0_from_eps", "pedesis.samplers.ancestral:Ancestral"
HOLE_STEPS, FILLINGS = 20, 4
STEPS = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50)
CLOCK = [i / 40 for i in range(40, -1, -1)]


def filled(
    name: str, wanted: str, guidance: float, seed: int, sampler: str, steps: int, which: int, hole: str, passes: int
) -> pictures.Pixels:
    """Picture number `which` of a walk (the settings before it) with a hole cut in it, filled from several seeds."""
    place = kept(name, wanted, guidance, seed, sampler, steps, which, hole, passes)
    if "filled" not in place:
        picture = walk(name, wanted, guidance, seed, sampler, steps).x0[-1, which]
        condition = asked(wanted)[which] if wanted == EACH else asked(wanted)
        bar = st.progress(0.0, "filling")
        for shot in inpaint(
            load(name),
            picture,
            denoising.hole(hole, *picture.shape[:2]),
            condition,
            range(FILLINGS),
            repeats=passes,
            guidance=guidance,
            steps=HOLE_STEPS,
            sampler="ddpm",
        ):
            bar.progress(shot.step / shot.steps)
        bar.empty()
        place["filled"] = shot.x0
    found: pictures.Pixels = place["filled"]
    return found


def show(pixels: pictures.Pixels, caption: str) -> None:
    """A sheet of pictures, sharp at any size."""
    page.picture(pixels, caption, caption)


with page.lesson(
    "Denoising real images",
    "At every noise level a trained network guesses the finished picture: $\\hat x_0 = \\mathbb E[x_0\\mid x_t]$. "
    "A sampler moves $x_t$ a little towards the guess, asks again, and so walks from noise to a picture: "
    "the coarse shape is settled first, fine detail last.",
    ESTIMATE,
    ANCESTRAL,
    "pedesis.samplers.ancestral:DDIM",
    "pedesis.samplers.base:Sampler.trajectory",
    "pedesis_zoo.generation.sampling:generate",
    "pedesis.editing:InpaintingDenoiser",
    "pedesis_zoo.generation.editing:inpaint",
    "pedesis.lessons.denoising:settled",
):
    names = [*zoo.list_models(kind="image"), *own_models()]
    left, right = st.columns(2, gap="large", vertical_alignment="center")
    with left:
        page.formula(ESTIMATE)
    with right:
        page.formula(ANCESTRAL, rows=True)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Model",
            names,
            names.index("fashion-mnist") if "fashion-mnist" in names else 0,
            key="model",
            bind=page.LINK,
            help="Every model of pictures in the zoo, and in the folder of --models.",
        )
        classes = load(name).classes
        if load(name).text is not None:
            wanted = st.text_input("Prompt", max_chars=200, key=f"prompt-{name}", bind=page.LINK)
        else:
            choices = [EACH, *classes, NO_CLASS] if classes else [NO_CLASS]
            wanted = st.selectbox("Class", choices, key=f"class-{name}", bind=page.LINK)
        low, high = load(name).generation.scales
        with page.more():
            guidance = st.slider(
                "Guidance",
                low,
                min(high, 8.0),
                1.0,
                0.5,
                key="guidance" if low == 0 else "guidance-of-students",
                bind=page.LINK,
                help="0 ignores the class, 1 follows it as the data do, more insists on it.",
            )
            seed = page.seed(note="Same seed, same noise.")
    settings = []
    for column, which, usual in zip(st.columns(2, gap="large"), ("first", "second"), ("ddim", "ddpm"), strict=True):
        with column, st.container(horizontal=True):
            sampler = st.selectbox(
                f"{which.capitalize()} sampler",
                denoising.samplers(),
                denoising.samplers().index(usual),
                key=which,
                bind=page.LINK,
            )
            steps = st.select_slider("Steps", STEPS, 10, key=f"steps-{which}", bind=page.LINK)
            settings.append((sampler, steps))
    t = st.select_slider(
        "Time t: from noise (1) to the picture (0)",
        CLOCK,
        0.5,
        key="t",
        bind=page.LINK,
        help="Move it: all steps are kept.",
    )

    def walked(side: int) -> denoising.Walk:
        return walk(name, wanted, guidance, seed, *settings[side])

    def look(side: int) -> None:
        now, (sampler, steps) = walked(side), settings[side]
        done = now.at(t)
        calls = denoising.evaluations(sampler, load(name).denoiser.process, now.times)
        more = " and more" if sampler == "adaptive" else ""
        st.markdown(f"**{sampler}**: step {done} of {steps}, $t = {now.times[done]:.2f}$ ({calls} evaluations{more})")
        noisy, clean = st.columns(2, wrap=False)
        with noisy:
            show(denoising.sheet(now.x_t[done], 2), "$x_t$, where the walk is")
        with clean:
            show(denoising.sheet(now.x0[done], 2), "$\\hat x_0$, what the model expects")
        shown, strip = denoising.film(now, 0)
        show(strip, f"The first picture at steps {', '.join(map(str, shown))}: $x_t$ above $\\hat x_0$")

    for side, column in enumerate(st.columns(2, gap="large")):
        with column:
            page.later(partial(look, side), ("first", "second")[side])

    labels = [f"{sampler} {steps}" for sampler, steps in settings]
    if labels[0] == labels[1]:
        labels[1] += " again"

    def shares() -> dict[str, tuple[denoising.Values, dict[str, denoising.Values]]]:
        walks = {label: walked(side) for side, label in enumerate(labels)}
        return {label: (now.times, denoising.settled(now)) for label, now in walks.items()}

    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            "**What is settled when**: the share of the picture that $\\hat x_0$ has right (dotted: the second walk)"
        )
        page.plot(lambda: charts.settled(shares(), t), "settled")
    with right:
        st.markdown("**How far the two walks are apart**: rms distance of their $\\hat x_0$")
        page.plot(lambda: charts.apart(*denoising.apart(walked(0), walked(1)), t), "apart")
    st.caption(
        "Both walks start from the same noise. Samplers of the ODE (ddim, heun, dpm++2m) draw no more and end in the "
        "same picture, the closer the more steps; ddpm draws new noise at every step and ends in another picture "
        "of the same class. Bands are spatial frequencies: up to a quarter, up to half, and the rest of what the "
        "pixels can hold."
    )

    st.subheader("The same model fills holes", anchor=False)
    st.markdown(
        "Cut something out of a picture of the first walk. At every step the estimate $\\hat x_0$ is replaced by "
        "the picture wherever that is known, and the walk is drawn towards what fits."
    )
    with st.container(horizontal=True):
        hole = st.pills("Cut out", denoising.HOLES, key="hole", bind=page.LINK)
        which = st.segmented_control(
            "Of picture", range(1, PICTURES + 1), default=1, required=True, key="of", bind=page.LINK
        )
        passes = st.slider(
            "Passes", 1, 4, 1, key="passes", bind=page.LINK, width=200, help="Each step is repeated with new noise."
        )
    if hole is None:
        st.info("Choose what to cut out, and several fillings appear.")
    else:

        def fillings() -> None:
            whole = walked(0).x0[-1, which - 1]
            row = {"the hole": denoising.cut(whole, hole)}
            found = filled(name, wanted, guidance, seed, *settings[0], which - 1, hole, passes)
            row |= {f"filling {i}": pixels for i, pixels in enumerate(found, 1)}
            row |= {"what was there": whole}
            with st.container(horizontal=True, gap="small", key="fillings"):
                for caption, pixels in row.items():
                    page.picture(denoising.sheet(pixels[None], 1), caption, caption, 120, 256)

        page.later(fillings, "fillings")
