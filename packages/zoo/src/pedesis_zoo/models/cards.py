"""Model cards: what a model is and what was measured of it, as Markdown. Reading them does not import torch."""

from __future__ import annotations

from pathlib import Path

from pedesis.utils.registry import UnknownName
from pedesis_zoo.models.registry import CARD, folder_of, list_models, own_file


def card(name: str | Path) -> str:
    """The model card, as Markdown; of a weight file of your own, what its header says of it.

    Raises:
        UnknownName: no such model. ValueError: a file that is missing, altered, or no weight file.
    """
    if (own := own_file(name)) is not None:
        from pedesis_zoo.models.own_files import own_card

        return own_card(own)
    name = str(name)
    path = folder_of(name) / CARD
    if not path.is_file():
        raise UnknownName("model card", name, list_models())
    return path.read_text()
