"""Run by Blender's own Python (see `blender_help`): opens files and prints as JSON what Blender sees in them.

Blender turns every file into its own frame, z up and in metres; told here is the y-up one again.
"""

import json
import sys

import bpy  # type: ignore[import-not-found]

IMPORTERS = {
    "fbx": ("import_scene.fbx", {}),  # Blender's own parser
    "fbx-ufbx": ("wm.fbx_import", {}),  # the newer one, built on ufbx
}


def opened(path: str, importer: str) -> dict:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if importer == "fbx":
        bpy.ops.preferences.addon_enable(module="io_scene_fbx")
    name, options = IMPORTERS[importer]
    package, function = name.split(".")
    getattr(getattr(bpy.ops, package), function)(filepath=path, **options)
    bpy.context.view_layer.update()
    objects = [o for o in bpy.context.scene.objects if o.type == "MESH"]
    return {
        "blender": bpy.app.version_string,
        "objects": [told(o) for o in sorted(objects, key=lambda o: o.name)],
        "others": sorted(o.type for o in bpy.context.scene.objects if o.type != "MESH"),
        "unit_m": bpy.context.scene.unit_settings.scale_length,
    }


def told(thing) -> dict:
    mesh = thing.data
    mesh.calc_loop_triangles()
    world = [thing.matrix_world @ v.co for v in mesh.vertices]
    world = [(p.x, p.z, -p.y) for p in world]  # y up
    turn = thing.matrix_world.to_3x3().normalized()
    normals = [turn @ n.vector for n in mesh.corner_normals]
    first = mesh.uv_layers[0].data if mesh.uv_layers else []
    colours = mesh.color_attributes[0] if mesh.color_attributes else None
    return {
        "name": thing.name,
        "vertices": len(mesh.vertices),
        "triangles": len(mesh.loop_triangles),
        "polygons": len(mesh.polygons),
        "bounds": [
            [min(p[i] for p in world) for i in range(3)],
            [max(p[i] for p in world) for i in range(3)],
        ],
        "corners": [loop.vertex_index for loop in mesh.loops][:600],
        "points": world[:200],
        "normals": [(n.x, n.z, -n.y) for n in normals[:600]],
        "uv_layers": len(mesh.uv_layers),
        "uv_count": len(first),
        "uv": [tuple(item.uv) for item in first[:600]],
        "colour_count": len(colours.data) if colours else 0,
        "colour_domain": colours.domain if colours else "",
        "colours": [tuple(item.color_srgb) for item in colours.data[:600]] if colours else [],
        "images": [pictured(image) for image in images(thing)],
        "diffuse": [list(slot.material.diffuse_color) for slot in thing.material_slots if slot.material],
    }


def images(thing):
    for slot in thing.material_slots:
        tree = slot.material.node_tree if slot.material else None
        for node in tree.nodes if tree else []:
            if node.type == "TEX_IMAGE" and node.image and any(o.is_linked for o in node.outputs):
                yield node.image


def pictured(image) -> dict:
    """Size, and the colours at a few places: fractions of width and of height from the top."""
    width, height = image.size
    pixels = image.pixels[:] if width * height <= 1 << 20 else []
    spots = {}
    for across, down in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        x, y = int(across * width), height - 1 - int(down * height)  # Blender's rows go up
        spots[f"{across} {down}"] = [round(255 * v) for v in pixels[4 * (y * width + x) :][:3]]
    return {"size": [width, height], "packed": image.packed_file is not None, "spots": spots}


if __name__ == "__main__":
    answers = [opened(path, importer) for path in sys.argv[2:] for importer in sys.argv[1].split(",")]
    print("\nBLENDER " + json.dumps(answers))
