"""Choosing pairs: few, and those that overlap."""

import numpy as np
from numpy.typing import NDArray

from oberih.reconstruct.pairing import (
    all_pairs,
    bridging_pairs,
    components,
    nearby_pairs,
    sequential_pairs,
    similar_pairs,
    vlad,
)


def walk(count: int, seen: int = 120, step: int = 15, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Descriptors of ``count`` photos along a wall: each shows ``seen`` details, ``step`` of them new."""
    rng = np.random.default_rng(seed)
    wall = rng.gamma(0.6, 40, (step * count + seen, 128))
    noise = rng.normal(0, 4, (count, seen, 128))
    return [
        np.clip(wall[i * step : i * step + seen] + noise[i], 0, 255).astype(np.uint8) for i in range(count)
    ]


def test_all_pairs() -> None:
    assert all_pairs(3) == {(0, 1), (0, 2), (1, 2)}
    assert len(all_pairs(60)) == 60 * 59 // 2


def test_sequential_pairs_are_linear_in_the_number_of_photos() -> None:
    pairs = sequential_pairs(range(100), 3)
    assert {(0, 1), (0, 2), (0, 3), (0, 6), (0, 12), (0, 24), (0, 48), (0, 96)} <= pairs
    assert (0, 4) not in pairs
    counts = [len(sequential_pairs(range(n), 5)) for n in (500, 1000, 2000)]
    assert counts[2] / counts[1] < 2.2 and counts[1] / counts[0] < 2.3
    assert sequential_pairs([3, 0, 2, 1], 1) == {(0, 3), (0, 2), (1, 2), (2, 3), (0, 1)}


def test_nearby_pairs_know_the_size_of_a_degree() -> None:
    """Four photos in a row of 50 m at 60 degrees north, where a degree of longitude is half as long."""
    positions = [(60.0, 30.0 + i * 50 / 55_597) for i in range(4)]
    assert nearby_pairs(positions, 1, max_distance_m=60) == {(0, 1), (1, 2), (2, 3)}
    assert nearby_pairs(positions, 1, max_distance_m=40) == set()
    assert nearby_pairs([None, *positions[:2], None, positions[2]], 1) == {(1, 2), (2, 4)}
    assert nearby_pairs([None, None, positions[0]], 5) == set()


def test_photos_that_share_details_are_similar() -> None:
    vectors = vlad(walk(40))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    pairs = similar_pairs(vectors, 4)
    near = [abs(a - b) <= 4 for a, b in pairs]
    assert np.mean(near) > 0.9
    assert {(i, i + 1) for i in range(39)} <= pairs
    assert len(pairs) <= 40 * 4


def test_vlad_is_repeatable_and_takes_photos_without_features() -> None:
    photos = [*walk(5), np.zeros((0, 128), np.uint8)]
    first, again = vlad(photos, seed=3), vlad(photos, seed=3)
    assert (first == again).all()
    assert (first[5] == 0).all()
    assert vlad([np.zeros((0, 128), np.uint8)] * 2).shape[0] == 2


def test_components() -> None:
    assert components(6, [(4, 5), (5, 1), (2, 3)]) == [[1, 4, 5], [2, 3], [0]]
    assert components(0, []) == []


def test_bridges_join_what_is_not_connected_yet() -> None:
    vectors = vlad(walk(10))
    groups = [list(range(6)), list(range(6, 10))]
    done = {(5, 6)}
    found = bridging_pairs(vectors, groups, done, 2)
    assert (4, 6) in found and (5, 7) in found
    assert not found & done
    assert all((a < 6) != (b < 6) for a, b in found)
    assert len(found) <= 4 * 2
