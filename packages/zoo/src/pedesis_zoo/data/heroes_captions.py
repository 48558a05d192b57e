"""What is said of a hero: some of the things that can be seen, in one of several phrasings."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from pedesis_zoo.data.tokenizer import listed, with_article

MOST = 7  # attributes named in one caption
WORDS = ("a an and with in wearing holding carrying armed hero",)  # besides those for the attributes
CLOTHES = ("body", "legs")
EXTRAS = ("cloak", "boots", "gloves", "head")
HANDS = ("weapon", "shield")


def caption(visible: Mapping[str, str], seed: int, must: tuple[str, ...] = ()) -> str:
    """A caption: a function of what is visible ({kind: words}) and a seed.

    Args:
        must: kinds that it has to name.
    """
    rng = Random(seed)
    named = choose(visible, rng, must)
    if rng.random() < 0.2:
        return tags(named, rng)
    return sentence(named, rng)


def choose(visible: Mapping[str, str], rng: Random, must: tuple[str, ...]) -> dict[str, str]:
    """Which attributes to name: a random number of them, race and gender more often than the others."""
    who = [kind for kind in ("race", "gender") if kind in visible and (kind in must or rng.random() < 0.85)]
    if who == ["gender"] and visible.get("race") != "human":
        who = []  # a cat is not "a man"
    others = [kind for kind in visible if kind not in ("race", "gender", *must)]
    rng.shuffle(others)
    asked = [kind for kind in must if kind not in who]
    most = min(len(others), MOST - len(who) - len(asked))
    count = most if rng.random() < 0.35 else rng.randint(0 if who else min(1, most), most)
    others = others[:count]
    return {kind: visible[kind] for kind in (*who, *asked, *others)}


def subject(named: Mapping[str, str]) -> str:
    """ "orc woman", "orc", "woman", or "hero" where nothing is said."""
    return " ".join(named[kind] for kind in ("race", "gender") if kind in named) or "hero"


def tags(named: Mapping[str, str], rng: Random) -> str:
    """ "orc woman, axe, red robe": the way of people in a hurry."""
    things = [words for kind, words in named.items() if kind not in ("race", "gender")]
    rng.shuffle(things)
    return ", ".join([subject(named), *things])


def sentence(named: Mapping[str, str], rng: Random) -> str:
    """ "an orc woman with long red hair, in a red robe and a white cloak, holding an axe"."""
    clothes = [with_article(named[kind]) for kind in CLOTHES if kind in named]
    extras = [with_article(named[kind]) for kind in EXTRAS if kind in named]
    hands = [with_article(named[kind]) for kind in HANDS if kind in named]
    rng.shuffle(extras)
    who = with_article(subject(named))
    if "hair" in named:
        who += f" with {with_article(named['hair'])}"

    style = rng.randrange(3)
    if style == 0:  # everything worn in one list
        outfit = f" {rng.choice(('wearing', 'in'))} {listed(clothes + extras)}" if clothes or extras else ""
    elif style == 1:
        outfit = (f" in {listed(clothes)}" if clothes else "") + (f" with {listed(extras)}" if extras else "")
    else:
        outfit = (f" in {listed(clothes)}" if clothes else "") + (f", wearing {listed(extras)}" if extras else "")
    held = f"{rng.choice(('holding', 'holding', 'carrying', 'armed with'))} {listed(hands)}" if hands else ""
    if held and rng.random() < 0.25:
        return f"{who} {held}{',' if outfit and not outfit.startswith(',') else ''}{outfit}"
    return f"{who}{outfit}{', ' + held if held else ''}"
