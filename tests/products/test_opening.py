"""Where a look begins: at the body of the thing, whatever loose fragments lie about."""

from pathlib import Path

import numpy as np
import pytest

from oberih.formats import Model, format_named, load_model
from oberih.geometry import Mesh
from oberih.products import Choices, make_public
from oberih.products.cutting import pieces_of
from products.chapel import chapel

FAR = np.array([60.0, 3.0, 25.0])


@pytest.mark.usefixtures("small_pictures")
def test_a_look_begins_at_the_body_and_turns_about_it(tmp_path: Path) -> None:
    """A fragment 60 m away makes the box that holds all of it ten times as large as the chapel."""
    (body,) = chapel().parts
    corners = np.array([[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]]) + FAR
    scrap = Mesh(corners.astype(np.float32), np.array([[0, 1, 2]], np.int32))
    choices = Choices(turntable=0, downloads=(), smallest_piece=0)
    made = make_public(Model((body, scrap)), tmp_path / "v1", choices)
    assert max(made.manifest.size) > 50
    parts = load_model(made.out / "model.glb", format_named("glb")).parts
    part = max(parts, key=lambda one: len(one.faces))
    piece = pieces_of(part.vertices, part.faces)
    used = part.vertices[part.faces[piece == np.bincount(piece).argmax()].ravel()]
    middle = (used.min(axis=0) + used.max(axis=0)) / 2
    view = made.manifest.viewpoint
    eye, target = np.array(view.eye), np.array(view.target)
    assert np.linalg.norm(target - middle) < 1.5  # of a chapel 10 m long
    ahead = (target - eye) / np.linalg.norm(target - eye)
    away = used - eye
    across = np.linalg.norm(away - np.outer(away @ ahead, ahead), axis=1)
    half = np.tan(np.radians(view.field_deg) / 2)
    assert (across / (away @ ahead) < half * 5 / 3).all()  # all of it is in a picture of 4 to 3
    assert np.linalg.norm(eye - middle) < 40  # from as near as the chapel asks for
