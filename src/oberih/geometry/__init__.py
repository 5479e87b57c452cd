"""Cameras, views, meshes, clouds and transforms: the nouns that every other room speaks.

Conventions, everywhere in Oberih:

- World frame: right-handed, unit is the reconstruction's own until a scale is known, then metres.
- Camera frame: x right, y down, z forward (as COLMAP and OpenCV). ``x_cam = R @ x_world + t``.
- Image coordinates in pixels, origin at the upper left **corner** of the upper left pixel (as COLMAP):
  the centre of ``image[row, col]`` is ``(col + 0.5, row + 0.5)``.
- Arrays of vectors are ``(N, 3)``, faces ``(F, 3) int32`` counter-clockwise seen from outside.
"""

from oberih.geometry.camera import Camera, Pose, View
from oberih.geometry.mesh import Mesh, PointCloud
from oberih.geometry.scene import Scene
from oberih.geometry.transform import Similarity

__all__ = ["Camera", "Mesh", "PointCloud", "Pose", "Scene", "Similarity", "View"]
