"""Between words and numbers: a vocabulary, the tokens of a caption, and what a caption mentions.

A token is the place of a word in the vocabulary, counted from 1; 0 fills the end of short captions. A word that
is not in the vocabulary is never dropped in silence: it is reported together with the nearest known words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PAD = 0
SPELLINGS = {
    "armor": "armour",
    "blond": "blonde",
    "boy": "man",
    "girl": "woman",
    "gray": "grey",
    "men": "man",
    "pants": "trousers",
    "violet": "purple",
    "women": "woman",
}
MEANINGS = {
    "crown": "king queen prince princess royal",
    "cyan": "turquoise teal aqua",
    "dagger": "knife dirk",
    "dress": "gown princess",
    "ghoul": "zombie ghost skeleton undead",
    "hat": "beanie",
    "hero": "warrior fighter knight adventurer soldier",
    "human": "person people elf",
    "kobold": "goblin gnome imp",
    "lizard": "snake reptile crocodile frog",
    "man": "guy male lord king prince",
    "mummy": "zombie undead",
    "orc": "goblin troll ogre",
    "person": "man woman boy girl human hero",
    "pink": "magenta",
    "purple": "magenta lilac",
    "robe": "gown",
    "boots": "shoes",
    "cloak": "cape",
    "curly": "wavy curls",
    "glasses": "spectacles",
    "sad": "unhappy upset crying",
    "serious": "angry neutral",
    "shirt": "tee jumper sweater jacket",
    "skull": "skeleton",
    "smiling": "happy smile grin laughing",
    "spear": "lance pike",
    "staff": "rod stick",
    "steel": "silver iron metal",
    "sunglasses": "shades",
    "sword": "blade katana saber",
    "trousers": "jeans",
    "turtleneck": "jumper sweater",
    "wand": "rod",
    "winged": "wings angel",
    "wizard": "witch sorcerer mage warlock magician",
    "woman": "lady female queen princess",
}
"""Words that a model may know, and others that are near them in meaning."""
LIKE = 0.75  # difflib's ratio from which a word is a misspelling, and not just another word
NEGATIONS = {"no", "not", "without"}
WORD = re.compile(r"[^\W_]+|[^\w\s\x00-\x7f\u2000-\u206f\ufe0f]")
"""Letters and digits of any script; or a sign, such as an emoji, that is no punctuation."""
PLURAL = {
    "boots",
    "earrings",
    "gloves",
    "glasses",
    "leggings",
    "pigtails",
    "sandals",
    "shorts",
    "sunglasses",
    "trousers",
}
MASS = {"armour", "hair", "mail", "skin"}


def split(caption: str) -> list[str]:
    """The words of a caption: lower case, without punctuation ("Orc-woman, a sword." -> orc woman a sword)."""
    return WORD.findall(re.sub(r"['\u2019]s\b", "", caption.lower()))


@dataclass(frozen=True)
class Encoded:
    """A caption as numbers.

    Attributes:
        ids: tokens of the known words, in order. unknown: each other word, with known words near it.
    """

    ids: list[int]
    unknown: dict[str, list[str]] = field(default_factory=dict)

    def complaint(self) -> str:
        """One sentence per unknown word, or ""."""
        complaints = []
        for word, near in self.unknown.items():
            if word in NEGATIONS:
                hint = "Name what is to be left out as the negative prompt instead."
            else:
                hint = f"Did you mean {' or '.join(near)}?" if near else "Nothing like it is known."
            complaints.append(f'The model does not know "{word}". {hint}')
        return " ".join(complaints)


class Vocabulary:
    """The words a text model knows.

    Args:
        words: in the order of their tokens; kept in the header of the model's weights.
    """

    def __init__(self, words: Iterable[str]):
        self.words = tuple(words)
        self.ids = {word: i for i, word in enumerate(self.words, start=1)}
        if len(self.ids) != len(self.words):
            raise ValueError("a vocabulary must not list a word twice")

    def __len__(self) -> int:
        """How many tokens there are, the filling one included: the rows of an embedding table."""
        return len(self.words) + 1

    def find(self, word: str) -> int | None:
        """The token of a word, perhaps in another spelling, or in singular for plural, or None."""
        if word in self.ids:
            return self.ids[word]
        stems = [SPELLINGS.get(word, ""), f"{word}s", word.removesuffix("s"), word.removesuffix("es")]
        return next((self.ids[stem] for stem in stems if stem in self.ids), None)

    def near(self, word: str) -> list[str]:
        """Known words that are near an unknown one in meaning, or else those that it may be a misspelling of."""
        meant = [known for known, others in MEANINGS.items() if word in others.split() and known in self.ids]
        return meant or difflib.get_close_matches(word, self.words, n=3, cutoff=LIKE)

    def encode(self, caption: str) -> Encoded:
        """The tokens of a caption, and the words that have none."""
        ids, unknown = [], {}
        for word in split(caption):
            token = self.find(word)
            if token is None:
                unknown[word] = self.near(word)
            else:
                ids.append(token)
        return Encoded(ids, unknown)

    def decode(self, ids: Iterable[int]) -> str:
        """The words of tokens; filling and negative (null) tokens say nothing."""
        return " ".join(self.words[i - 1] for i in ids if i > PAD)

    def tokens(self, captions: Sequence[str], length: int) -> NDArray[np.int64]:
        """Tokens (N, length), filled up with 0.

        Raises:
            ValueError: a caption with a word that is not known, or with more than `length` words.
        """
        table = np.full((len(captions), length), PAD, dtype=np.int64)
        for row, caption in zip(table, captions, strict=True):
            encoded = self.encode(caption)
            if encoded.unknown:
                raise ValueError(encoded.complaint())
            if len(encoded.ids) > length:
                raise ValueError(f"at most {length} words fit, but the caption has {len(encoded.ids)}: {caption!r}")
            row[: len(encoded.ids)] = encoded.ids
        return table


class Phrases:
    """What captions mention: finds phrases such as "red robe", the longest first, each word used once.

    Args:
        meanings: phrase -> (kind, value), e.g. "red robe" -> ("body", "red robe").
    """

    def __init__(self, meanings: Mapping[str, tuple[str, str]]):
        self.meanings = {tuple(phrase.split()): meaning for phrase, meaning in meanings.items()}
        self.longest = max(len(phrase) for phrase in self.meanings)

    def mentions(self, caption: str) -> dict[str, str]:
        """{kind: value} of the phrases in a caption; the first one where a kind is mentioned twice."""
        found: dict[str, str] = {}
        words, place = split(caption), 0
        while place < len(words):
            for length in range(self.longest, 0, -1):
                meaning = self.meanings.get(tuple(words[place : place + length]))
                if meaning is not None:
                    found.setdefault(*meaning)
                    place += length - 1
                    break
            place += 1
        return found


def with_article(thing: str) -> str:
    """ "an axe", "a red robe", but "red boots" and "chain mail"."""
    last = thing.split()[-1]
    if last in PLURAL or last in MASS:
        return thing
    return f"an {thing}" if thing[0] in "aeiou" else f"a {thing}"


def listed(things: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join([", ".join(things[:-1]), things[-1]] if len(things) > 1 else things)
