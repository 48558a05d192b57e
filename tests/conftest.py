"""What all tests share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def default_precision() -> None:
    """Every test starts from PyTorch's own defaults."""
    torch.set_default_dtype(torch.float32)
