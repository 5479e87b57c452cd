"""USD from strangers: nothing outside its folder or package is looked at, and damage is said."""

import shutil
import zipfile

import numpy as np
import pytest
from pxr import Sdf

from oberih.errors import UnreadableModel
from oberih.formats import usd
from oberih.formats.model import Model
from oberih.formats.reading import read_model
from oberih.geometry import Mesh
from oberih.progress import Progress

TRIANGLE = """
def Mesh "m" {{
    int[] faceVertexCounts = {counts}
    int[] faceVertexIndices = {corners}
    point3f[] points = {points}
}}
"""
SQUARE = Mesh(
    np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]], np.float32),
    np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    uv=np.zeros((2, 3, 2), np.float32),
    texture=np.zeros((8, 8, 3), np.uint8),
)


def text_of(head="", more="", counts="[3]", corners="[0, 1, 2]", points="[(0,0,0),(1,0,0),(0,1,0)]"):
    return f"#usda 1.0\n{head}" + TRIANGLE.format(counts=counts, corners=corners, points=points) + more


def drawing_in(how, where):
    if how == "sublayer":
        return text_of(f"(\n    subLayers = [@{where}@]\n)\n")
    if how == "variant":
        return text_of(
            more=f"""
def "v" (
    prepend variantSets = "s"
    variants = {{
        string s = "one"
    }}
) {{
    variantSet "s" = {{
        "one" (
            references = @{where}@</m>
        ) {{
        }}
    }}
}}
"""
        )
    return text_of(more=f'def "v" (\n    {how} = @{where}@</m>\n) {{\n}}\n')


def packed(path, **files):
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(name.replace("__", "/").replace("_usda", ".usda"), content)
    return path


HOW = ["sublayer", "references", "payload", "variant"]
OUT = [
    "../secret.usda",
    "/etc/passwd",
    "https://example.org/a.usda",
    "sub/../../secret.usda",
    "file:secret.usda",
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("where", OUT)
def test_what_leads_out_is_refused_before_it_is_opened(tmp_path, how, where):
    (tmp_path / "secret.usda").write_text(text_of())
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.usda").write_text(drawing_in(how, where))
    with pytest.raises(UnreadableModel, match="outside its folder"):
        usd.read(folder / "a.usda")
    with pytest.raises(UnreadableModel, match="outside its folder"):
        usd.read(packed(folder / "a.usdz", a_usda=drawing_in(how, where)))


@pytest.mark.parametrize("how", HOW)
def test_what_lies_with_it_is_drawn_in(tmp_path, how):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.usda").write_text(text_of())
    (tmp_path / "a.usda").write_text(drawing_in(how, "./sub/b.usda"))
    expected = 1 if how == "sublayer" else 2
    assert usd.read(tmp_path / "a.usda").triangles == expected
    package = packed(tmp_path / "a.usdz", a_usda=drawing_in(how, "sub/b.usda"), sub__b_usda=text_of())
    assert usd.read(package).triangles == expected


@pytest.mark.parametrize("how", HOW)
def test_what_is_not_there_is_not_looked_for_elsewhere(tmp_path, how, monkeypatch):
    """USD would look in the working directory, and from a package in the folder around it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "b.usda").write_text(text_of())
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "a.usda").write_text(drawing_in(how, "b.usda"))
    model = usd.read(tmp_path / "a.usda")
    assert model.triangles == 1 and "b.usda" in model.notes[0]
    (tmp_path / "b.usda").write_text(text_of())
    model = usd.read(packed(tmp_path / "p.usdz", a_usda=drawing_in(how, "b.usda")))
    assert model.triangles == 1 and "b.usda" in model.notes[0]


def test_a_link_that_leads_out_is_not_followed(tmp_path):
    (tmp_path / "secret.usda").write_text(text_of())
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "b.usda").symlink_to(tmp_path / "secret.usda")
    (folder / "a.usda").write_text(drawing_in("references", "./b.usda"))
    assert usd.read(folder / "a.usda").triangles == 1


def test_layers_that_draw_in_each_other_end(tmp_path):
    (tmp_path / "a.usda").write_text(drawing_in("references", "./b.usda"))
    (tmp_path / "b.usda").write_text(drawing_in("sublayer", "./a.usda"))
    assert usd.read(tmp_path / "a.usda").triangles >= 1


def test_value_clips_and_nested_packages_are_left_out(tmp_path):
    clips = """
def "v" (
    clips = {
        dictionary default = {
            asset[] assetPaths = [@/etc/passwd@]
            string primPath = "/x"
            double2[] active = [(0, 0)]
        }
    }
) {
}
"""
    (tmp_path / "a.usda").write_text(text_of(more=clips))
    assert usd.read(tmp_path / "a.usda").triangles == 1
    packed(tmp_path / "in.usdz", b_usda=text_of())
    (tmp_path / "a2.usda").write_text(drawing_in("references", "./in.usdz[b.usda]"))
    assert usd.read(tmp_path / "a2.usda").triangles == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"counts": "[4]"}, "3 corners where 4"),
        ({"counts": "[-3]"}, "corners where"),
        ({"counts": "[2147483647, 2147483647]"}, "corners where"),
        ({"corners": "[0, 1, 3]"}, "not among its 3 points"),
        ({"corners": "[0, -1, 2]"}, "not among its 3 points"),
        ({"head": "(\n    metersPerUnit = 0\n)\n"}, "no usable unit"),
        ({"head": "(\n    metersPerUnit = 1e300\n)\n"}, "no usable unit"),
        ({"points": "[]"}, "neither a surface nor points"),
        ({"more": "}"}, "damaged"),
    ],
)
def test_a_wrong_mesh_is_refused_with_the_reason(tmp_path, wrong, said):
    (tmp_path / "a.usda").write_text(text_of(**wrong))
    with pytest.raises(UnreadableModel, match=said):
        usd.read(tmp_path / "a.usda")


@pytest.fixture
def package(tmp_path):
    usd.write_usdz(tmp_path / "whole.usdz", Model((SQUARE,)), Progress())
    return tmp_path / "whole.usdz"


def test_a_package_must_be_one(tmp_path, package):
    for name in ("a.usd", "a.usdc"):
        shutil.copy(package, tmp_path / name)
        with pytest.raises(UnreadableModel, match="not what its name says"):
            usd.read(tmp_path / name)
    (tmp_path / "b.usdz").write_text(text_of())
    with pytest.raises(UnreadableModel, match="not what its name says"):
        usd.read(tmp_path / "b.usdz")
    with pytest.raises(UnreadableModel, match="first file"):
        usd.read(packed(tmp_path / "c.usdz", readme="x", a_usda=text_of()))
    with zipfile.ZipFile(tmp_path / "d.usdz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.usda", text_of())
    with pytest.raises(UnreadableModel, match="compressed"):
        usd.read(tmp_path / "d.usdz")
    with zipfile.ZipFile(tmp_path / "bomb.usdz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.usda", b" " * 50_000_000)
    with pytest.raises(UnreadableModel, match="far too much"):
        usd.read(tmp_path / "bomb.usdz")


def test_a_texture_that_leads_out_or_is_broken_is_left_out_with_a_note(tmp_path):
    model = Model((SQUARE,))
    usd.write_usd(tmp_path / "a.usd", model, Progress())
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    back = usd.read(tmp_path / "a.usd")
    assert back.parts[0].texture is None and "a.jpg" in back.notes[0]
    layer = Sdf.Layer.FindOrOpen(str(tmp_path / "a.usd"))
    file = layer.GetAttributeAtPath("/model/material_1/texture.inputs:file")
    for number, where in enumerate(["../a.jpg", "/etc/passwd", "https://example.org/b.png"]):
        file.default = Sdf.AssetPath(where)
        layer.Export(str(tmp_path / f"x{number}.usd"))
        back = usd.read(tmp_path / f"x{number}.usd")
        assert back.parts[0].texture is None and len(back.notes) == 1


def test_what_fuzzing_found(tmp_path, package):
    (tmp_path / "a.usda").write_bytes(text_of().encode().replace(b"point3f", b"point\xb8f"))
    with pytest.raises(UnreadableModel, match="damaged"):
        usd.read(tmp_path / "a.usda")
    (tmp_path / "b.usda").write_bytes(
        text_of('(\n    upAxis = "\x01"\n)\n').encode().replace(b"\x01", b"\xb9")
    )
    with pytest.raises(UnreadableModel, match="damaged"):
        usd.read(tmp_path / "b.usda")
    data = package.read_bytes()
    central, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    for place, value in (
        (central + 42, b"\xff\xff\xff\xff"),  # where the first file begins
        (end + 16, b"\xff\xff\xff\x7f"),  # where the list of files begins
        (central + 28, b"\0\0"),  # a file without a name
    ):
        broken = bytearray(data)
        broken[place : place + len(value)] = value
        (tmp_path / "c.usdz").write_bytes(broken)
        with pytest.raises(UnreadableModel):
            usd.read(tmp_path / "c.usdz")


@pytest.mark.parametrize("ending", [".usd", ".usdz"])
def test_a_truncated_file_is_refused_or_read_never_worse(tmp_path, ending):
    writer = usd.write_usdz if ending == ".usdz" else usd.write_usd
    whole = tmp_path / f"whole{ending}"
    writer(whole, Model((SQUARE,)), Progress())
    data = whole.read_bytes()
    for length in range(0, len(data) - 1, 64):
        cut = tmp_path / f"cut{length}{ending}"
        cut.write_bytes(data[:length])
        with pytest.raises(UnreadableModel):
            usd.read(cut)


def test_the_door_gives_the_reader_s_words(tmp_path):
    (tmp_path / "a.usd").write_text(text_of(corners="[0, 1, 9]"))
    with pytest.raises(UnreadableModel, match="not among its 3 points"):
        read_model(tmp_path / "a.usd")
    (tmp_path / "b.usd").write_text(text_of())
    assert read_model(tmp_path / "b.usd").triangles == 1


def test_a_file_at_which_the_library_ends_the_process_is_refused(tmp_path, monkeypatch):
    """Found by fuzzing: USD ends its process at a crate whose prims have no name."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # USD leaves a report of its crash there
    usd.write_usd(tmp_path / "whole.usd", Model((SQUARE,)), Progress())
    for place, value in ((85, b"\xff\xff\xff\x7f"), (104, b"\0" * 9)):
        broken = bytearray((tmp_path / "whole.usd").read_bytes())
        broken[place : place + len(value)] = value
        (tmp_path / "broken.usd").write_bytes(broken)
        with pytest.raises(UnreadableModel, match="damaged"):
            read_model(tmp_path / "broken.usd")
