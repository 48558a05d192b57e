"""The registry of networks, so that a weight file can name the one it belongs to."""

from __future__ import annotations

from torch import nn

from pedesis.utils.registry import Registry

NETWORKS: Registry[nn.Module] = Registry("network")
