"""The outputs of inner layers of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from pedesis.utils.registry import UnknownName


@contextmanager
def capture_outputs(network: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Context in which the network is asked; after it, the dictionary holds the output of each layer.

    Args:
        names: of layers, as `network.named_modules()` has them.

    Raises:
        UnknownName: no such layer. ValueError, at the end: a layer that answers with no tensor, or was not asked.
    """
    layers, heard, found = dict(network.named_modules()), dict[str, Any](), dict[str, Tensor]()
    for name in names:
        if name not in layers:
            raise UnknownName("layer", name, layers)
    with ExitStack() as hooks:
        for name in names:
            hooks.callback(layers[name].register_forward_hook(partial(_keep, heard, name)).remove)
        yield found
    for name in names:
        if not isinstance(heard.get(name), Tensor):
            raise ValueError(f"the layer {name!r} has no tensor to show; name one of its own layers, or another")
        found[name] = heard[name]


def _keep(heard: dict[str, Any], name: str, layer: nn.Module, inputs: Any, output: Any) -> None:
    heard[name] = output
