"""Which photos should be compared? All with all while they are few; beyond that, likely neighbours only.

Comparing is what grows quadratically. For a large set each photo is compared with a bounded number of
others: those taken just before and after (people walk), those that look alike (retrieval: VLAD of the
photos' own features; no vocabulary to download), and those taken nearby where the phone knew the place.
Matching time is then close to linear in the number of photos.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "all_pairs",
    "bridging_pairs",
    "components",
    "nearby_pairs",
    "sequential_pairs",
    "similar_pairs",
    "vlad",
]

Pairs = set[tuple[int, int]]  # indices of photos, the smaller first

EARTH_M = 6_371_000.0
WORDS = 64
SAMPLE = 60_000  # descriptors from which the visual words are learned


def pair(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def all_pairs(count: int) -> Pairs:
    return {(a, b) for a in range(count) for b in range(a + 1, count)}


def sequential_pairs(order: Sequence[int], overlap: int) -> Pairs:
    """Each photo of the sequence with the next ``overlap``, and with those 2, 4, 8 ... times further on."""
    steps = [*range(1, overlap + 1)]
    step = 2 * overlap
    while step < min(len(order), 64 * overlap) and overlap > 0:
        steps.append(step)
        step *= 2
    return {pair(order[i], order[i + s]) for s in steps for i in range(len(order) - s)}


def nearby_pairs(
    positions: Sequence[tuple[float, float] | None], neighbours: int, max_distance_m: float = 200.0
) -> Pairs:
    """Each photo with its ``neighbours`` nearest ones by (latitude, longitude) in degrees."""
    known = [i for i, position in enumerate(positions) if position is not None]
    if len(known) < 3:
        return set()
    angles = np.radians(np.array([positions[i] for i in known], np.float64))
    flat = EARTH_M * np.stack([angles[:, 0], angles[:, 1] * np.cos(angles[:, 0].mean())], axis=1)
    pairs: Pairs = set()
    for here, i in enumerate(known):
        distance = np.linalg.norm(flat - flat[here], axis=1)
        distance[here] = np.inf
        for there in np.argsort(distance, kind="stable")[:neighbours]:
            if distance[there] <= max_distance_m:
                pairs.add(pair(i, known[there]))
    return pairs


def vlad(descriptors: Sequence[NDArray[np.uint8]], seed: int = 0) -> NDArray[np.float32]:
    """``(N, WORDS * D)`` unit vectors, one per photo: photos that show the same have a large dot product.

    Vectors of locally aggregated descriptors (Jegou et al. 2010) with intra-normalisation (Arandjelovic and
    Zisserman 2013): per visual word the sum of what its descriptors differ from it.
    """
    rng = np.random.default_rng(seed)
    length = max((d.shape[1] for d in descriptors), default=128)
    share = max(1, SAMPLE // max(1, len(descriptors)))
    sample = [d if len(d) <= share else d[rng.choice(len(d), share, replace=False)] for d in descriptors]
    words = visual_words(np.concatenate([np.zeros((0, length), np.uint8), *sample]), rng)
    result = np.zeros((len(descriptors), len(words) * length), np.float32)
    for row, d in zip(result, descriptors, strict=True):
        if len(d) == 0:
            continue
        values = d.astype(np.float32)
        word = nearest(values, words)
        total = np.zeros_like(words)
        np.add.at(total, word, values - words[word])
        total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-6)
        row[:] = (total / np.linalg.norm(total)).ravel()
    return result


def visual_words(sample: NDArray[np.uint8], rng: np.random.Generator, rounds: int = 8) -> NDArray[np.float32]:
    """``(K, D)`` centres of k-means, K at most ``WORDS``."""
    values = sample.astype(np.float32)
    if len(values) <= WORDS:
        return values if len(values) else np.zeros((1, sample.shape[1]), np.float32)
    words = values[rng.choice(len(values), WORDS, replace=False)]
    for _ in range(rounds):
        word = nearest(values, words)
        count = np.bincount(word, minlength=WORDS)
        total = np.zeros_like(words)
        np.add.at(total, word, values)
        words = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], words).astype(np.float32)
    return words


def nearest(values: NDArray[np.float32], words: NDArray[np.float32]) -> NDArray[np.intp]:
    """Index of the nearest of ``words`` for each of ``values``."""
    return np.argmax(values @ words.T - 0.5 * (words**2).sum(axis=1), axis=1)


def similar_pairs(vectors: NDArray[np.float32], neighbours: int) -> Pairs:
    """Each photo with the ``neighbours`` whose `vlad` vectors are most like its own."""
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    best = np.argsort(-alike, axis=1, kind="stable")[:, : max(0, min(neighbours, len(vectors) - 1))]
    return {pair(i, int(j)) for i, row in enumerate(best) for j in row}


def components(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of photos that are connected by ``pairs``, the largest first, each in order."""
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for a, b in pairs:
        root[find(a)] = find(b)
    groups: dict[int, list[int]] = {}
    for i in range(count):
        groups.setdefault(find(i), []).append(i)
    return sorted(groups.values(), key=lambda group: (-len(group), group))


def bridging_pairs(
    vectors: NDArray[np.float32], groups: Sequence[Sequence[int]], done: Pairs, per_photo: int
) -> Pairs:
    """Pairs that may join groups which nothing joins yet: for each photo outside the largest group, the
    most similar photos of other groups that it has not been compared with."""
    group_of = {i: number for number, group in enumerate(groups) for i in group}
    found: Pairs = set()
    for group in groups[1:]:
        for i in group:
            alike = vectors @ vectors[i]
            added = 0
            for j in np.argsort(-alike, kind="stable"):
                if added == per_photo:
                    break
                if group_of[int(j)] != group_of[i] and pair(i, int(j)) not in done:
                    found.add(pair(i, int(j)))
                    added += 1
    return found
