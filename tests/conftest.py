"""What all tests share."""

from __future__ import annotations

import pytest
import torch

from pedesis.utils.precision import SWITCH


@pytest.fixture(autouse=True)
def default_precision() -> None:
    """Every test starts from PyTorch's own defaults."""
    torch.set_default_dtype(torch.float32)


@pytest.fixture(params=["float32", "bfloat16"])
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both arithmetics that a network can run in, whichever is the faster here."""
    monkeypatch.setenv(SWITCH, request.param)
    return str(request.param)
