"""Vocabularies: every word becomes its token, or is reported."""

import numpy as np
import pytest

from pedesis_zoo.data.tokenizer import PAD, Phrases, Vocabulary, listed, split, with_article

WORDS = Vocabulary(["a", "orc", "woman", "sword", "boots", "grey", "axe", "torch", "battle"])


def test_tokens_are_places_in_the_list_and_come_back() -> None:
    assert len(WORDS) == 10
    assert WORDS.encode("a grey sword").ids == [1, 6, 4]
    assert WORDS.decode([1, 6, 4, PAD, PAD]) == "a grey sword" and WORDS.decode([-1, -1]) == ""
    np.testing.assert_array_equal(WORDS.tokens(["a sword", "orc"], 3), [[1, 4, 0], [2, 0, 0]])
    assert WORDS.tokens([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Orc-woman, a SWORD.", "orc woman a sword"),
        ("orc women; swords!", "orc woman sword"),
        ("an orc's boot", "orc boots"),
        ("gray torches", "grey torch"),
    ],
)
def test_case_punctuation_number_and_spelling_do_not_matter(written: str, meant: str) -> None:
    encoded = WORDS.encode(written.replace("an ", ""))
    assert encoded.unknown == {} and WORDS.decode(encoded.ids) == meant


def test_unknown_words_are_reported_with_the_nearest_known() -> None:
    encoded = WORDS.encode("a sward and a zyzzyva")
    assert encoded.ids == [1, 1]
    assert encoded.unknown["sward"][0] == "sword" and encoded.unknown["zyzzyva"] == [] and "and" in encoded.unknown
    assert 'does not know "sward". Did you mean sword?' in encoded.complaint()
    assert WORDS.encode("a sword").complaint() == ""
    with pytest.raises(ValueError, match="sward.*sword"):
        WORDS.tokens(["a sward"], 5)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("blade", ["sword"]),
        ("swords man", []),
        ("beard", []),
        ("wizzard", ["wizard"]),
        ("lance", []),
        ("witch", ["wizard"]),
    ],
)
def test_suggestions_are_near_in_meaning_or_misspelled_and_nothing_else(word: str, near: list[str]) -> None:
    """A beard is no halberd, whatever letters they share; what is not known is not suggested."""
    known = Vocabulary(["sword", "wizard", "halberd", "with", "mace", "black"])
    assert known.encode(word).unknown.get(word.split()[-1], []) == near


@pytest.mark.parametrize("written", ["орк топор", "a café", "剣 and sword", "an orc 🐱"])
def test_no_word_of_any_script_is_dropped(written: str) -> None:
    assert split(written) == written.split() and WORDS.encode(written).unknown


def test_a_negation_leads_to_the_negative_prompt() -> None:
    assert WORDS.encode("an orc without a sword").complaint().endswith("negative prompt instead.")


def test_captions_that_are_too_long_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 2 words.*has 3"):
        WORDS.tokens(["a grey sword"], 2)


def test_a_word_must_not_be_listed_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["a", "b", "a"])


def test_the_longest_phrase_is_the_one_that_is_meant() -> None:
    names = ("axe", "blue battle axe", "battle axe", "red robe", "black and red robe", "crown")
    phrases = Phrases({name: (name.split()[-1], name) for name in names})
    assert phrases.mentions("a crown, a black and red robe and a battle axe") == {
        "crown": "crown",
        "robe": "black and red robe",
        "axe": "battle axe",
    }
    assert phrases.mentions("a black robe, a red hat") == {}
    assert phrases.mentions("red robe or black and red robe") == {"robe": "red robe"}  # the first counts


def test_articles_and_lists() -> None:
    things = ["axe", "orange turban", "red boots", "chain mail", "crown", "long red hair", "red pigtails", "hat"]
    assert [with_article(thing) for thing in things] == [
        "an axe", "an orange turban", "red boots", "chain mail", "a crown", "long red hair", "red pigtails", "a hat",
    ]  # fmt: skip
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_words_are_split_at_anything_that_is_not_a_letter() -> None:
    assert split("Black-and-red  robe,\n(a crown)") == ["black", "and", "red", "robe", "a", "crown"]
