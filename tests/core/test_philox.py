"""The noise that other languages repeat: known answers, the normal law, and the same bits in JavaScript."""

import shutil
import statistics
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from pedesis.utils import philox
from pedesis.utils.philox import Philox, inverse_normal, normal, words

MODULE = Path(__file__).parents[2] / "packages/zoo/src/pedesis_zoo/export/page/noise.js"


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers_of_the_paper_s_own_code(
    counter: tuple[int, ...], key: tuple[int, int], answer: tuple[int, ...]
) -> None:
    generated = philox.philox([np.array([part], dtype=np.uint64) for part in counter], key)
    assert tuple(int(word[0]) for word in generated) == answer


def test_the_quantile_is_that_of_the_normal_law() -> None:
    """Against the standard library, which holds the same algorithm with the logarithm of the machine."""
    p = (np.arange(0, 2**32, 2**32 // 4001, dtype=np.float64) + 0.5) / 2**32
    p = np.concatenate([p, [0.5 / 2**32, 1 - 0.5 / 2**32, 0.075, 0.925]])
    exact = [statistics.NormalDist().inv_cdf(each) for each in p]
    np.testing.assert_allclose(inverse_normal(p), exact, rtol=1e-14, atol=1e-300)


def test_numbers_are_normal_and_streams_and_seeds_are_unrelated() -> None:
    generated = np.stack([normal(seed, 20_000, stream) for seed in (0, 1, 2**40) for stream in (0, 1)]).astype(
        np.float64
    )
    for row in generated:
        assert stats.kstest(row, "norm").pvalue > 1e-3
    correlation = np.corrcoef(generated) - np.eye(len(generated))
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)


def test_a_picture_depends_on_its_seed_alone_and_each_call_is_a_new_stream() -> None:
    noise = Philox([7, 8])
    first, second = noise(torch.empty(2, 3, 4)), noise(torch.empty(2, 3, 4))
    assert not torch.equal(first, second)
    assert torch.equal(first[1:], Philox([8])(torch.empty(1, 3, 4)))
    assert torch.equal(second[0].flatten(), torch.from_numpy(normal(7, 12, stream=1)))
    assert np.array_equal(words(5, 3), words(5, 9)[:3])
    with pytest.raises(ValueError, match="2 seeds were given for a batch of 3"):
        noise(torch.empty(3, 1))
    with pytest.raises(ValueError, match="a seed must lie in"):
        normal(-1, 4)


def test_javascript_draws_the_same_bits() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    seeds = [0, 1, 123_456_789, 2**32 - 1, 2**32, 2**53 - 1]
    script = MODULE.read_text() + (
        f"for (const seed of {seeds}) for (const stream of [0, 3])"
        " process.stdout.write(new Uint8Array(normal(seed, 20001, stream).buffer));"
    )
    generated = subprocess.run(
        [node, "--input-type=module"], input=script.encode(), capture_output=True, check=True
    ).stdout
    here = b"".join(normal(seed, 20_001, stream).tobytes() for seed in seeds for stream in (0, 3))
    assert generated == here
