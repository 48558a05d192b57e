"""Long checks on the published models, run by `make soak`."""

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis.samplers import SAMPLERS

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("name", zoo.list_models(kind="image"))
@pytest.mark.parametrize("sampler", list(SAMPLERS))
def test_pictures_are_byte_identical_for_any_number(name: str, sampler: str) -> None:
    model = zoo.load(name)
    label = model.classes[-3] if model.classes else None
    whole = zoo.sample(model, label, range(64), sampler=sampler, steps=6)
    for number in (1, 2, 3, 7):
        assert np.array_equal(zoo.sample(model, label, range(number), sampler=sampler, steps=6), whole[:number])
    assert np.array_equal(zoo.sample(model, label, [40], sampler=sampler, steps=6)[0], whole[40])


def test_guided_clothes_are_in_their_class() -> None:
    """2,000 pictures of all classes at scale 2: at least 95 % by the frozen judge."""
    from pedesis_zoo.data.search import DataNotFound
    from pedesis_zoo.evaluation import evaluate_images

    try:
        results = evaluate_images(zoo.load("fashion-mnist"), 2000, guidance=2.0)
    except DataNotFound as missing:
        pytest.skip(str(missing).splitlines()[0])
    assert results["class accuracy"].low >= 0.95, results
