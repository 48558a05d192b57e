"""Lossless codecs on pictures whose information is known."""

import numpy as np
import pytest

from pedesis_zoo.evaluation.codecs import CODECS, codec_bits

NOISE = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), dtype=np.uint8)


@pytest.mark.parametrize("codec", CODECS)
def test_noise_cannot_be_compressed_and_nothing_costs_nothing(codec: str) -> None:
    pytest.importorskip("pillow_jxl")
    mosaic, alone = codec_bits(NOISE, codec)
    assert 8 <= mosaic < 9 and alone > 7.9
    mosaic, alone = codec_bits(np.zeros_like(NOISE), codec)
    assert mosaic < 0.1 and alone == 0


@pytest.mark.parametrize("codec", CODECS)
def test_two_levels_cost_about_a_bit_and_colors_count_three_times(codec: str) -> None:
    pytest.importorskip("pillow_jxl")
    two = (NOISE > 127).astype(np.uint8) * 255
    assert 1 <= codec_bits(two, codec)[0] < 2
    gray = np.repeat(two, 3, axis=3)  # three channels, one of them new
    assert codec_bits(gray, codec)[0] < 0.9
