"""The reverse process: particles walk from noise to data under any two samplers, by an exact or a learned denoiser."""

from __future__ import annotations

import numpy as np
import page
import streamlit as st
from figures import sampling as charts

import pedesis_zoo as zoo
from pedesis.lessons import mixtures, plane, sampling, schedules
from pedesis_zoo.data.points import load_points

SCHEDULE = "cosine"
PARTICLES, TRACKED, TRAINING, TRUTH, REFERENCE = 400, 64, 2000, 10_000, 20_000
TIMES = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
EXACT, LEARNED, ALL = "exact", "learned", "all"
IMPLICIT = "pedesis.samplers.ancestral:DDIM"

Data = tuple[str, int | None]  # a mixture, or a model of the zoo for what it was trained on; a class, or None for all


def points(data: Data, count: int, seed: int = 1) -> sampling.Points:
    """At most `count` draws of the data; of what a model of the zoo has learned, seed 0 gives its training points."""
    name, label = data
    if name in mixtures.PLANE:
        return mixtures.sample(name, count, seed)[0].numpy()
    drawn = load_points(zoo.recipe(name).data, seed=seed)
    return (drawn.points if label is None else drawn.points[drawn.labels == label])[:count]


@st.cache_data(show_spinner=False)
def classes(name: str) -> tuple[str, ...]:
    """The classes of a model of the zoo; a mixture has none."""
    return () if name in mixtures.PLANE else zoo.load_points(name).classes


@st.cache_resource(max_entries=64, show_spinner=False)
def denoiser(data: Data, kind: str, count: int = TRAINING) -> sampling.Denoiser:
    """The exact denoiser of a mixture, or of `count` training points of a model of the zoo; or that model itself."""
    name, label = data
    if name in mixtures.PLANE:
        return mixtures.denoiser(name, SCHEDULE)
    learned = zoo.load_points(name).denoiser
    if kind == LEARNED:
        return sampling.single(learned, label)
    return sampling.empirical(points(data, count, seed=0), learned.process)


@st.cache_data(max_entries=256, show_spinner=False)
def walk(
    data: Data, kind: str, sampler: str, steps: int, grid: str, seed: int, together: bool = False
) -> sampling.Walk:
    """One walk of all particles."""
    return sampling.walk(denoiser(data, kind), sampler, steps, grid, PARTICLES, seed, together)


@st.cache_data(max_entries=64, show_spinner=False)
def law(data: Data, _walk: sampling.Walk, steps: int, grid: str) -> sampling.Law:
    """The density at the moments of a walk, which are those of its steps and grid."""
    exact = denoiser(data, EXACT)
    if data[0] in mixtures.PLANE:
        return sampling.law(_walk, lambda t, x: plane.density(exact, t, x))
    drawn = points(data, REFERENCE)
    return sampling.law(_walk, lambda t, x: sampling.noised_histogram(drawn, exact.process, t, x))


@st.cache_data(max_entries=64, show_spinner=False)
def target(data: Data) -> tuple[schedules.Values, float]:
    """Quantiles of the data, and how near draws of the data come to them."""
    drawn = points(data, REFERENCE)
    quantiles = sampling.spread(drawn, PARTICLES)
    return quantiles, sampling.floor(drawn, quantiles)


@st.cache_data(max_entries=64, show_spinner=False)
def flow_end(data: Data) -> sampling.Points:
    """Where the flow of the exact denoiser ends."""
    return sampling.flow_end(denoiser(data, EXACT), TRACKED)


@st.cache_data(max_entries=256, show_spinner=False)
def flow_error(data: Data, sampler: str, grid: str) -> schedules.Values:
    """A deterministic sampler against the flow."""
    return sampling.flow_error(denoiser(data, EXACT), sampler, grid, flow_end(data))


@st.cache_data(max_entries=64, show_spinner=False)
def difference(data: Data, t: float) -> sampling.Difference:
    """The learned denoiser against the exact one at one time."""
    return sampling.difference(denoiser(data, EXACT, TRUTH), denoiser(data, LEARNED), points(data, PARTICLES), t)


@st.cache_data(max_entries=256, show_spinner=False)
def error_at(data: Data, t: float) -> float:
    """The learned denoiser's error at one time."""
    return sampling.error(denoiser(data, EXACT, TRUTH), denoiser(data, LEARNED), points(data, PARTICLES), t)


def distances(data: Data, kind: str, sampler: str, grid: str, seed: int) -> schedules.Values:
    """The distance from the data at every number of steps; a closed tab stops it."""
    quantiles, _ = target(data)
    bar, found = st.empty(), []
    for steps in sampling.STEPS:
        bar.progress(len(found) / len(sampling.STEPS), f"Walking with {sampler} in {steps} steps")
        found.append(sampling.distance(walk(data, kind, sampler, steps, grid, seed).samples, quantiles))
    bar.empty()
    return np.array(found)


def flow_errors(data: Data, samplers: list[str], grid: str) -> dict[str, schedules.Values]:
    """Several deterministic samplers against the flow; a closed tab stops it."""
    bar, found = st.empty(), {}
    for name in samplers:
        bar.progress(len(found) / len(samplers), f"Following the flow with {name}")
        found[name] = flow_error(data, name, grid)
    bar.empty()
    return found


def errors(data: Data) -> schedules.Values:
    """The learned denoiser's error at each of `TIMES`; a closed tab stops it."""
    bar, found = st.empty(), []
    for t in TIMES.tolist():
        bar.progress(len(found) / len(TIMES), "Comparing the learned with the exact denoiser")
        found.append(error_at(data, t))
    bar.empty()
    return np.array(found)


with page.lesson(
    "Reverse process",
    "Generation runs the forward process backwards: particles start in $\\mathcal N(0, I)$, and at every noise level a "
    "denoiser tells each of them where, on average, its data point is. Where the denoiser is exact, a formula and no "
    "network, whatever goes wrong is the fault of the **sampler** and of its steps.",
    *map(sampling.source, sampling.names()),
    "pedesis.theory.exact:MixtureDenoiser",
    "pedesis.theory.exact:EmpiricalDenoiser",
):
    st.latex(r"dx = \Big[f\,x - \tfrac{1+\eta^2}{2}\,g^2\,\nabla\log q(x_t)\Big]dt + \eta\,g\,dW,\qquad t:\ 1\to 0")
    st.markdown(
        "For every $\\eta$ this carries $q(x_1)$ back to $q(x_0)$. With $\\eta = 0$ it is a **flow**: a particle has "
        "one path, and where it starts decides where it ends. With $\\eta = 1$ it is a walk with fresh noise in every "
        "step. Samplers are ways to follow it in few steps; `ddim` takes $\\eta = 0$ and `ddpm` takes $\\eta = 1$ in"
    )
    page.formula(IMPLICIT)

    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        name = st.selectbox(
            "Data",
            [*mixtures.PLANE, *zoo.list_models(kind="points")],
            key="data",
            bind=page.LINK,
            width=190,
            help="For the models of the zoo (toy-...) the denoiser may also be the trained network.",
        )
        label = ALL
        if classes(name):
            label = st.selectbox("Class", [ALL, *classes(name)], key="class", bind=page.LINK, width=110)
        data = name, None if label == ALL else classes(name).index(label)
        with page.more():
            grid = st.selectbox(
                "Time grid",
                sampling.grids(),
                key="grid",
                bind=page.LINK,
                help="Where the steps are: even in t, its square root, log SNR, or a power of the noise level.",
            )
            seed = page.seed()
    kinds = (EXACT,) if name in mixtures.PLANE else (EXACT, LEARNED)
    sides = {}
    for column, side, usual in zip(st.columns(2, gap="large"), "AB", (1, 0), strict=True):
        with column, st.container(horizontal=True, gap="small"):
            sampler = st.selectbox(f"Sampler {side}", sampling.names(), usual, key=side, bind=page.LINK, width=190)
            kind = EXACT
            if len(kinds) > 1:
                kind = st.selectbox(
                    f"Denoiser {side}", kinds, "AB".index(side), key=f"denoiser-{side}", bind=page.LINK, width=140
                )
            sides[f"{side}: {sampler}" + f", {kind}" * (len(kinds) > 1)] = kind, sampler
    left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    with left:
        steps = st.select_slider("Steps from noise to data", sampling.STEPS, 16, key="steps", bind=page.LINK)
    with right:
        together = st.toggle("All particles start in one point", key="together", bind=page.LINK)

    def walks() -> dict[str, sampling.Walk]:
        return {side: walk(data, *way, steps, grid, seed, together) for side, way in sides.items()}

    page.plot(lambda: charts.race(walks(), law(data, next(iter(walks().values())), steps, grid)), "race")
    st.caption(
        "Press Play, or pull the time. Tinted: the density $q(x_t)$. Gray: the paths of a few particles, smooth "
        "without noise and jagged with it. A and B start from the same noise."
    )

    def compare() -> None:
        walked = walks().values()
        rows = {"": list(sides), "denoiser asked": [f"{one.evaluations} times" for one in walked]}
        if together:
            st.table(rows | {"spread of the ends": [f"{one.spread:.3f}" for one in walked]}, hide_index=True)
            st.caption(
                "One start, one end: the flow is a map from noise to data. With noise on the way, any end may be."
            )
        else:
            quantiles, floor = target(data)
            away = [sampling.distance(one.samples, quantiles) for one in walked]
            st.table(rows | {"distance from the data": [f"{value:.3f}" for value in away]}, hide_index=True)
            st.caption(
                "The distance (sliced Wasserstein) is how far particles must be moved, on average and seen from one "
                f"side, to look like the data. {PARTICLES} draws of the data themselves are {floor:.3f} away, "
                "by chance."
            )

    page.later(compare, "compare", height=8)

    st.subheader("How many steps?", anchor=False)
    st.markdown(
        "A step of finite length is wrong by a little, and the errors add up. On the left, how far the samples of A "
        "and B are from the data, down to the chance level of so few particles. On the right, a sharper look at "
        "samplers without noise: how far each particle ends from where the exact flow would take it. On these axes a "
        "method of order $p$ is a line of slope $-p$: twice the steps, $2^p$ times less error. (`heun` asks the "
        "denoiser twice a step.)"
    )
    quiet = [name for name in sampling.names() if not sampling.stochastic(name)]
    compared = st.multiselect(
        "Samplers without noise", quiet, ["ddim", "heun", "dpm++2m"], key="compared", bind=page.LINK
    )
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Distance from the data**")
        page.plot(
            lambda: charts.distances(
                {side: distances(data, *way, grid, seed) for side, way in sides.items()}, target(data)[1], steps
            ),
            "distances",
        )
    with right:
        st.markdown("**Distance from the flow**")
        if compared:
            page.plot(lambda: charts.flow_errors(flow_errors(data, compared, grid), steps), "flow-errors")
        else:
            st.info("Choose at least one sampler to see its error.")

    if LEARNED in kinds:
        st.subheader("Learned against exact", anchor=False)
        st.markdown(
            f"The network of `{name}` was trained to denoise these data. The best possible answer is known: "
            "the average over all training points that could have become $x_t$, each weighted by how likely that is."
        )
        st.latex(
            r"\mathbb E[x_0\mid x_t] = \sum_n w_n x_n,\qquad "
            r"w_n \propto \exp\Big(-\frac{\|x_t-\alpha x_n\|^2}{2\sigma^2}\Big)"
        )
        t = st.slider("Time t of the map", 0.02, 1.0, 0.3, 0.02, key="t", bind=page.LINK)
        left, right = st.columns([3, 2], gap="large")
        with left:
            st.markdown(f"**Where the network is wrong** at $t = {t:.2f}$")
            page.plot(lambda: charts.error_map(difference(data, t)), "error-map")
        with right:
            st.markdown("**How wrong it is** over time")
            page.plot(lambda: charts.error_curve(TIMES, errors(data), t, difference(data, t).average), "error-curve")
            st.caption(
                "Root mean square over draws of $x_t$; guessing $\\hat\\epsilon = 0$ would cost $\\sqrt 2$. Off the "
                "data, where no $x_t$ ever is, the network was never asked, and it does not matter what it says. Close "
                f"to $t = 0$ the exact denoiser sees {len(points(data, TRUTH, 0))} single points, the network smooths "
                "over them: this difference is what makes it draw anything new."
            )
            if classes(name) and label == ALL:
                st.caption(
                    "This network was trained with classes, and saw data without its class only one time in ten: "
                    "choose a class above to see it at its best."
                )
