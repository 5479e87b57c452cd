"""The first level is small whatever it is made of: it is what somebody on a bad line sees first."""

from pathlib import Path

import numpy as np

from oberih.formats import Model, format_named, load_model
from oberih.geometry import Mesh
from oberih.products.levels import MEDIUM, SMALL, coarser, finest, limited
from oberih.progress import Progress


def noise(cells: int, texels: int) -> Model:
    """The worst there is to pack: a surface of noise, painted with noise, and as surely measured as noise."""
    random = np.random.default_rng(7)
    x, z = (one.ravel() for one in np.meshgrid(*[np.linspace(-1, 1, cells + 1)] * 2, indexing="ij"))
    y = random.normal(0.2, 0.5 / cells, len(x))
    corner = (np.arange(cells)[:, None] * (cells + 1) + np.arange(cells)).ravel()
    a, b, c, d = (corner + step for step in (0, 1, cells + 2, cells + 1))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    uv = np.stack([x, z], axis=1) * 0.499 + 0.5
    return Model((
        Mesh(
            np.stack([x, y, z], axis=1).astype(np.float32), faces,
            confidence=random.random(len(x), np.float32), uv=uv[faces].astype(np.float32),
            texture=random.integers(0, 256, (texels, texels, 3), dtype=np.uint8),
        ),
    ))  # fmt: skip


def test_even_noise_is_small_at_first(tmp_path: Path) -> None:
    model, progress = noise(180, 1400), Progress()
    assert model.triangles > SMALL.triangles
    full = finest(tmp_path, model, progress)
    assert full.path.stat().st_size > SMALL.bytes
    small = coarser(tmp_path, "small", full, limited(model, MEDIUM, progress), progress)
    assert small is not None and small.path.stat().st_size <= SMALL.bytes
    (part,) = load_model(small.path, format_named("glb")).parts
    assert part.texture is not None and part.confidence is not None
    assert 1_000 < len(part.faces) <= SMALL.triangles and 200 < max(part.texture.shape) <= SMALL.texture_px
