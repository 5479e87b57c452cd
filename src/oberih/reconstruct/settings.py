"""All settings of a reconstruction, and the presets that people choose from."""

from dataclasses import dataclass, field, replace
from typing import Literal

from oberih.reconstruct.depth import DepthSettings, Pass
from oberih.reconstruct.fidelity import FidelitySettings
from oberih.reconstruct.fusion import FusionSettings
from oberih.reconstruct.poses import PoseSettings
from oberih.reconstruct.surface import SurfaceSettings
from oberih.reconstruct.texture import TextureSettings

__all__ = ["PRESETS", "Preset", "Settings", "preset_settings"]

Preset = Literal["draft", "standard", "high"]
PRESETS: tuple[Preset, ...] = ("draft", "standard", "high")


@dataclass(frozen=True)
class Settings:
    """The settings of every stage; the defaults are the preset "standard"."""

    poses: PoseSettings = field(default_factory=PoseSettings)
    depth: DepthSettings = field(default_factory=DepthSettings)
    fusion: FusionSettings = field(default_factory=FusionSettings)
    surface: SurfaceSettings = field(default_factory=SurfaceSettings)
    texture: TextureSettings = field(default_factory=TextureSettings)
    fidelity: FidelitySettings = field(default_factory=FidelitySettings)
    texture_px: int = 4096  # longer side of the photos that the texture is made from


def preset_settings(preset: Preset) -> Settings:
    """``draft`` to see in minutes whether a set works, ``high`` for the finest detail of large photos."""
    standard = Settings()
    if preset == "draft":
        return replace(
            standard,
            poses=replace(standard.poses, max_pixels=3_000_000, upsample_below=0, max_features=4096),
            depth=replace(
                standard.depth,
                max_size=800,
                passes=(
                    Pass(4, sweeps=6, jitter=8.0, tries=6, far=11),
                    Pass(2, sweeps=2, jitter=4.0, tries=4, far=7),
                    Pass(1, sweeps=1, jitter=2.0, tries=4, far=5),
                ),
            ),
            texture=replace(standard.texture, triangles=150_000, max_size=4096),
            texture_px=1600,
        )
    if preset == "high":
        return replace(
            standard,
            depth=replace(
                standard.depth,
                max_size=3072,
                sources=6,
                best=3,
                passes=(
                    Pass(8, sweeps=6, jitter=8.0, tries=6, far=11),
                    Pass(4, sweeps=2, jitter=4.0, tries=4, far=7),
                    Pass(2, sweeps=2, jitter=2.0, tries=4, far=5),
                    Pass(1, sweeps=1, jitter=2.0, tries=4, far=5),
                    Pass(1, sweeps=1, jitter=1.0, tries=3, far=3, geometric=0.1),
                ),
            ),
            surface=replace(standard.surface, max_blocks=200_000),
            texture=replace(standard.texture, triangles=1_500_000),
            texture_px=8192,
        )
    return standard
