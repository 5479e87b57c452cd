"""How true is the textured model to the photos? It is rendered back into their cameras and compared.

PSNR and SSIM (Wang et al. 2004) over the part of each photo that the model covers, plainly and after a
gain per channel (photos of one scene differ in exposure; the texture has a single one).

A texture always resembles the photos that it was painted from. *Leaving one out* asks more: for a few
photos the model is painted again without them and compared with what they show. To keep this cheap it is
done on the first coarser level of detail, with at most `NEIGHBOURS` photos that see most of the same
points, at reduced size, and compared over what those photos see; `LeftOut.with_photo` is the figure of the
same level with the photo, for comparison.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from oberih.geometry import Mesh, Scene, View
from oberih.geometry.kernels import start_warp
from oberih.geometry.render import Renderer
from oberih.progress import Progress
from oberih.reconstruct.texture import Textured, TextureSettings, texture_mesh

__all__ = ["Fidelity", "FidelitySettings", "LeftOut", "ViewFidelity", "compare", "measure_fidelity"]

Read = Callable[[int], tuple[View, NDArray[np.uint8]]]

NEIGHBOURS = 10  # photos that the model is painted from when one is left out
ERODED_PX = 3  # the outline of the model is not compared


@dataclass(frozen=True)
class FidelitySettings:
    """How large the comparison is made."""

    max_px: int = 1200  # longer side of the pictures compared
    left_out: int = 3  # photos to leave out, spread over the set
    left_out_px: int = 1600  # longer side of the photos painted from then
    picture_px: int = 640  # width of one of the three pictures side by side


@dataclass(frozen=True)
class ViewFidelity:
    """The model against one photo. The ``gained`` figures are after a gain per channel."""

    view: str
    psnr_db: float
    psnr_gained_db: float
    ssim: float
    ssim_gained: float
    gain: tuple[float, float, float]
    compared: float  # share of the photo's pixels that were compared
    picture: str | None = None  # file name of photo | model | difference


@dataclass(frozen=True)
class LeftOut:
    """A photo that the model was painted without, and the same level of detail painted with it."""

    without_photo: ViewFidelity
    with_photo: ViewFidelity


@dataclass(frozen=True)
class Fidelity:
    """All photos; means are over photos of which anything was compared (nan: none)."""

    views: tuple[ViewFidelity, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def psnr_db(self) -> float:
        return mean([v.psnr_db for v in self.views])

    @property
    def psnr_gained_db(self) -> float:
        return mean([v.psnr_gained_db for v in self.views])

    @property
    def ssim(self) -> float:
        return mean([v.ssim for v in self.views])

    @property
    def ssim_gained(self) -> float:
        return mean([v.ssim_gained for v in self.views])

    @property
    def left_out_psnr_db(self) -> float:
        return mean([v.without_photo.psnr_gained_db for v in self.left_out])

    @property
    def left_out_ssim(self) -> float:
        return mean([v.without_photo.ssim_gained for v in self.left_out])


def measure_fidelity(
    textured: Textured,
    scene: Scene,
    read: Read,
    settings: FidelitySettings,
    folder: Path,
    progress: Progress,
) -> Fidelity:
    """Compare the model with every photo; pictures ``fidelity-<number>.jpg`` land in ``folder``.

    ``read(i)`` gives view ``i``: pinhole, with its undistorted image.
    """
    start_warp()
    folder.mkdir(parents=True, exist_ok=True)
    count = len(scene.views)
    chosen = spread(count, settings.left_out)
    with progress.stage("fidelity", count + 6 * len(chosen)) as stage:
        renderer = Renderer(textured.mesh)
        results = []
        # Photos needed again when others are left out are kept, small, so that each is read once.
        needed = set(chosen).union(*(neighbours(scene, index) for index in chosen))
        kept = {}
        for index in range(count):
            original = read(index)
            if index in needed:
                kept[index] = shrunk(*original, settings.left_out_px)
            view, photo = shrunk(*original, settings.max_px)
            image, raster = renderer.draw(view)
            mask = comparable(raster.covered, scene.views[index], view)
            result = compare(view.name, photo, image, mask)
            name = f"fidelity-{index:04d}.jpg"
            write_picture(folder / name, photo, image, mask, settings.picture_px)
            results.append(replace(result, picture=name))
            stage.tick()
        del renderer
        coarse = textured.lods[0] if textured.lods else textured.mesh
        with_photo = Renderer(coarse)
        left_out = []
        for index in chosen:
            left_out.append(leave_out(index, coarse, with_photo, scene, kept, settings, folder))
            stage.tick(6)
    return Fidelity(tuple(results), tuple(left_out))


def leave_out(
    index: int,
    mesh: Mesh,
    with_photo: Renderer,
    scene: Scene,
    photos: Mapping[int, tuple[View, NDArray[np.uint8]]],
    settings: FidelitySettings,
    folder: Path,
) -> LeftOut:
    """Paint ``mesh`` without photo ``index`` and compare both versions with the photo."""
    others = neighbours(scene, index)
    part = replace(scene, views=tuple(scene.views[i] for i in others))
    bare = replace(mesh, uv=None, texture=None)
    paint = TextureSettings(triangles=len(mesh.faces), max_size=4096, lods=())
    again = texture_mesh(bare, part, lambda i: photos[others[i]], paint, Progress())
    view, photo = shrunk(*photos[index], settings.max_px)
    image, raster = Renderer(again.mesh).draw(view)
    # What no other photo sees is a guess of the texture's, not a claim about the photo.
    seen = raster.covered & (again.labels[raster.face] >= 0)
    mask = comparable(seen, scene.views[index], view)
    name = f"left-out-{index:04d}.jpg"
    write_picture(folder / name, photo, image, mask, settings.picture_px)
    without = replace(compare(view.name, photo, image, mask), picture=name)
    return LeftOut(without, compare(view.name, photo, with_photo.draw(view)[0], mask))


def shrunk(view: View, image: NDArray[np.uint8], max_px: int) -> tuple[View, NDArray[np.uint8]]:
    """The view and its image with the longer side at most ``max_px``, resampled by area."""
    small = view.resized(max_px)
    size = (small.camera.width, small.camera.height)
    if size != (image.shape[1], image.shape[0]):
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small, image


def comparable(covered: NDArray[np.bool_], original: View, view: View) -> NDArray[np.bool_]:
    """``(H, W)`` pixels to compare: covered, inside the photo behind the pinhole image, not at an edge."""
    mask = covered.copy()
    if original.camera.distorted:
        camera = view.camera
        lens = original.camera.scaled(camera.width, camera.height)
        y, x = np.mgrid[: camera.height, : camera.width].reshape(2, -1) + 0.5
        rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones(len(x))], axis=1)
        px = lens.project(rays)
        inside = ((px > 0) & (px < (camera.width, camera.height))).all(axis=1)
        mask &= inside.reshape(mask.shape)
    kernel = np.ones((2 * ERODED_PX + 1, 2 * ERODED_PX + 1), np.uint8)
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def compare(
    name: str, photo: NDArray[np.uint8], image: NDArray[np.float32], mask: NDArray[np.bool_]
) -> ViewFidelity:
    """PSNR and SSIM of ``image`` against ``photo`` (both ``(H, W, 3)``, 0..255) over ``mask``."""
    if mask.sum() < 100:
        nothing = float("nan")
        return ViewFidelity(name, nothing, nothing, nothing, nothing, (1.0, 1.0, 1.0), 0.0)
    truth = photo.astype(np.float32)
    drawn, shown = image[mask].astype(np.float64), truth[mask].astype(np.float64)
    gain = (drawn * shown).sum(axis=0) / np.maximum((drawn * drawn).sum(axis=0), 1e-9)
    gained = np.clip(image * gain.astype(np.float32), 0, 255)
    red, green, blue = (float(g) for g in gain)
    return ViewFidelity(
        view=name,
        psnr_db=psnr(drawn, shown),
        psnr_gained_db=psnr(gained[mask].astype(np.float64), shown),
        ssim=ssim(image, truth, mask),
        ssim_gained=ssim(gained, truth, mask),
        gain=(red, green, blue),
        compared=float(mask.mean()),
    )


def psnr(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Peak signal-to-noise ratio in dB, peak 255; at most 99."""
    error = float(((a - b) ** 2).mean())
    return float(min(99.0, 10 * np.log10(255**2 / max(error, 1e-12))))


def ssim(a: NDArray[np.float32], b: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Mean structural similarity of the luma over ``mask`` (Gaussian window, sigma 1.5, 11 x 11)."""
    x, y = (cv2.cvtColor(np.ascontiguousarray(i, np.float32), cv2.COLOR_RGB2GRAY) for i in (a, b))
    x = np.where(mask, x, y)  # windows at the edge of the mask see no difference outside

    def blur(image: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    mx, my = blur(x), blur(y)
    vx, vy, vxy = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(similarity[mask].mean())


def neighbours(scene: Scene, index: int) -> list[int]:
    """The other views that see most of the points of view ``index``, in the views' order."""
    mine = np.zeros(len(scene.points), bool)
    mine[scene.points_of(index)] = True
    shared = np.bincount(scene.observed_view, mine[scene.observed_point], minlength=len(scene.views))
    shared[index] = -1
    best = np.argsort(-shared, kind="stable")[: min(NEIGHBOURS, len(scene.views) - 1)]
    return sorted(int(i) for i in best)


def spread(count: int, wanted: int) -> list[int]:
    """``wanted`` of ``count`` numbers, evenly spread and away from the ends; none of too few photos."""
    if count < 3:
        return []
    wanted = min(wanted, count)
    return sorted({int((i + 0.5) * count / wanted) for i in range(wanted)})


def write_picture(
    path: Path,
    photo: NDArray[np.uint8],
    image: NDArray[np.float32],
    mask: NDArray[np.bool_],
    width: int,
) -> None:
    """photo | model | difference (three times as strong; grey where nothing was compared)."""
    difference = np.clip(3 * np.abs(photo.astype(np.float32) - image), 0, 255)
    difference[~mask] = 96
    size = (width, max(1, round(width * photo.shape[0] / photo.shape[1])))
    parts: Sequence[NDArray[np.uint8]] = [
        cv2.resize(np.clip(part, 0, 255).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
        for part in (photo, image, difference)
    ]
    row = cv2.cvtColor(np.hstack(parts), cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".jpg", row, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def mean(values: Sequence[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else float("nan")
