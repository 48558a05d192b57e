"""A small network is trained on points of the plane before one's eyes."""

from __future__ import annotations

import time

import page
import streamlit as st
from figures import sampling as shared
from figures import training as charts

from pedesis.lessons import mixtures, plane, sampling, training

DRAWING, SAMPLER, WALK, PARTICLES = "my drawing", "dpm++2m", 40, 300
AT_ONCE, PLAN, PAUSE = 100, 600, 0.15  # steps between two pictures, steps in all, seconds for the browser


def drawing() -> frozenset[int]:
    """The drawing that the address carries."""
    try:
        return training.cells(st.query_params.get("drawing", ""))
    except ValueError as error:
        st.error(f"{str(error).capitalize()}.", icon=":material/error:")
        return frozenset()


def keep(cells: frozenset[int]) -> None:
    """Put a drawing into the address."""
    st.query_params["drawing"] = training.word(cells)


def draw(cells: frozenset[int]) -> None:
    """A pad to draw on, with what is drawn."""
    key = f"pad-{st.session_state.setdefault('wiped', 0)}"

    def add() -> None:
        if chosen := st.session_state[key].selection.point_indices:  # nothing is chosen once the pad is drawn anew
            keep(cells | set(chosen))

    def wipe() -> None:
        st.session_state["wiped"] += 1  # a new pad: the old one would remember its lasso
        keep(frozenset())

    st.caption("Draw around an area, and again for another one; or click single points.")
    st.plotly_chart(
        charts.pad(cells),
        key=key,
        on_select=add,
        selection_mode=("lasso", "box", "points"),
        config={"displayModeBar": False},
    )
    st.button("Wipe", icon=":material/ink_eraser:", on_click=wipe, disabled=not cells)


def run_of(name: str, cells: frozenset[int], seed: int) -> training.Training:
    """The run of these settings, kept as long as they stay."""
    settings = name, cells if name == DRAWING else None, seed
    if st.session_state.get("settings") != settings:
        data = training.drawn(cells) if name == DRAWING else mixtures.mixture(name)
        st.session_state.update(settings=settings, run=training.Training(data, seed), goal=0, spent=0.0)
    run: training.Training = st.session_state["run"]
    return run


@st.cache_data(max_entries=32, show_spinner=False)
def walks(
    settings: tuple[object, ...], step: int, _run: training.Training
) -> tuple[dict[str, sampling.Walk], sampling.Law]:
    """Particles under the exact and the learned score, and the exact density at the same times."""
    both = {"exact score": _run.exact, f"learned score, step {step}": _run.learned()}
    found = {name: sampling.walk(denoiser, SAMPLER, WALK, "uniform", PARTICLES) for name, denoiser in both.items()}
    return found, sampling.law(next(iter(found.values())), lambda t, x: plane.density(_run.exact, t, x))


def show(run: training.Training, t: float) -> None:
    """Train a little, if there is more to do, and show where the run is."""
    going = run.step < st.session_state["goal"]
    if going:
        run.advance(min(AT_ONCE, st.session_state["goal"] - run.step))
        now = time.monotonic()
        st.session_state.update(spent=st.session_state["spent"] + now - st.session_state["since"], since=now)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**The loss** after {run.step} steps, {st.session_state['spent']:.1f} s (dotted: the least)")
        planned = max(PLAN, st.session_state["goal"], run.step)
        page.plot(charts.loss(*training.smoothed(run.losses), run.least, planned), "loss")
    with right:
        now = sampling.difference(run.exact, run.learned(), run.points[:200], t)
        st.markdown(f"**Exact and learned score** at $t = {t:.2f}$: apart by {now.average:.3f}")
        page.plot(shared.error_map(now), "scores")
    if going and run.step >= st.session_state["goal"]:
        st.rerun()


with page.lesson(
    "Train a network",
    "A network sees noisy points and guesses where they came from; the squared error of its guess is the **loss**. "
    "Watch it learn the score: where the arrows of the network fall on those of the exact formula, it is done.",
    "pedesis.lessons.training:Training",
    "pedesis.losses.denoising:VelocityError",
    "pedesis.training.fit:fit",
    "pedesis.nn:MLP",
):
    st.latex(
        r"L(\theta)=\mathbb E\,\|v-v_\theta(x_t,t)\|^2\ \ge\ \mathbb E\,\|v-\mathbb E[v\mid x_t]\|^2,"
        r"\qquad v=\alpha\,\epsilon-\sigma\,x_0"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Data", [*mixtures.PLANE, DRAWING], 1, key="data", bind=page.LINK, width=190)
        seed = page.seed("Seed", 120)
        buttons = st.container(horizontal=True, vertical_alignment="bottom")
    t = st.slider("Time t of the score: from the data (0) to noise (1)", 0.02, 1.0, 0.3, 0.02, key="t", bind=page.LINK)
    cells = drawing() if name == DRAWING else frozenset()
    if name == DRAWING and not cells:
        st.session_state.pop("settings", None)
        run = None
    else:
        run = run_of(name, cells, seed)
    if name == DRAWING:
        with st.expander("Draw points", icon=":material/draw:", expanded=run is None or not st.session_state["goal"]):
            draw(cells)
    going = run is not None and run.step < st.session_state["goal"]

    def start() -> None:
        st.session_state.update(goal=(run.step // PLAN + 1) * PLAN, since=time.monotonic())

    def stop() -> None:
        st.session_state["goal"] = run.step

    def anew() -> None:
        del st.session_state["settings"]

    with buttons:  # always there, so that nothing moves under a finger
        if going:
            st.button("Stop", icon=":material/pause:", key="stop", on_click=stop)
        else:
            label = "Go on" if run and run.step else "Train"
            look = {"icon": ":material/play_arrow:", "type": "primary", "disabled": run is None}
            st.button(label, key="start", on_click=start, **look)
        st.button("Start anew", icon=":material/replay:", key="anew", on_click=anew, disabled=not (run and run.step))

    if run is None:
        st.info("Draw at least one point, and a network can learn from it.")
    else:
        with st.container(key="live"):
            st.fragment(show, run_every=PAUSE if going else None)(run, t)

        st.subheader("What it generates", anchor=False)
        if going:
            st.info("Stop, or wait for the end, and particles walk under both scores.")
        else:
            settings, step = st.session_state["settings"], run.step
            page.plot(lambda: shared.race(*walks(settings, step, run)), "race")
            st.caption(
                "Pull the time, or press Play: the points, their paths and the exact density $q(x_t)$ move together. "
                "Both clouds start from the same noise; the left one has the true score, the right one the network's."
            )
