"""Classifier guidance with the published models: off it is unconditional, on it makes the classifier believe."""

import numpy as np
import pytest

import pedesis_zoo as zoo
from pedesis_zoo.generation.batches import finished
from pedesis_zoo.generation.classifier import class_probabilities, classifier_guidance, classifiers, load_classifier

MODEL, CLASSIFIER = "fashion-mnist", "fashion-mnist-classifier"

if CLASSIFIER not in zoo.list_models() or MODEL not in zoo.list_models():
    pytest.skip("the classifier or its model is not trained", allow_module_level=True)


@pytest.fixture(scope="module")
def clothes() -> zoo.ImageModel:
    return zoo.load(MODEL)


def test_the_classifier_of_a_data_set_is_found() -> None:
    assert classifiers("fashion-mnist") == [CLASSIFIER] and classifiers("digits") == []
    with pytest.raises(ValueError, match="noisy-classifier"):
        load_classifier("fashion-mnist-features")


def test_without_scale_it_is_unconditional(clothes: zoo.ImageModel) -> None:
    classifier = load_classifier(CLASSIFIER)
    *_, last = classifier_guidance(clothes, classifier, "sneaker", [3], guidance=0.0, steps=3)
    assert np.array_equal(last.x0, zoo.sample(clothes, None, [3], guidance=0.0, steps=3))


def test_the_classifier_comes_to_believe_what_was_asked(clothes: zoo.ImageModel) -> None:
    classifier, asked = load_classifier(CLASSIFIER), clothes.classes.index("sneaker")
    ends = []
    for scale in (0.0, 4.0):
        story = list(classifier_guidance(clothes, classifier, "sneaker", range(8), guidance=scale, steps=8))
        beliefs = np.stack([class_probabilities(classifier, snapshot) for snapshot in story])
        np.testing.assert_allclose(beliefs.sum(-1), 1, atol=1e-5)
        assert beliefs.shape == (9, 8, 10) and beliefs[0].max() < 0.9, "noise convinces nobody"
        ends.append(beliefs[-1, :, asked].mean())
    assert ends[0] < 0.5 and ends[1] > 0.8, ends


@pytest.mark.everywhere
def test_steered_pictures_depend_on_their_seed_alone(clothes: zoo.ImageModel, precision: str) -> None:
    def steered(seeds: list[int]) -> np.ndarray:
        ways = classifier_guidance(clothes, load_classifier(CLASSIFIER), "bag", seeds, guidance=4.0, steps=2)
        return finished(ways)

    whole = steered(list(range(11)))
    for seeds in ([0], [9], [0, 1, 2]):
        assert np.array_equal(steered(seeds), whole[seeds])


def test_it_needs_classes_and_the_same_process(clothes: zoo.ImageModel) -> None:
    classifier = load_classifier(CLASSIFIER)
    from dataclasses import replace

    with pytest.raises(ValueError, match="needs a model with classes"):
        classifier_guidance(replace(clothes, classes=()), classifier, None)
