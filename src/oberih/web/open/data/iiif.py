"""IIIF Presentation: the pictures for any viewer of version 3, the model as a scene for those of version 4.

Version 4 is young: what is written here is held to the schemas of its validator.
"""

from collections.abc import Mapping
from typing import Any

from oberih.archive.metadata import statement
from oberih.catalogue.public import PublicFile, PublicRecord, PublicView
from oberih.catalogue.public.records import LEVELS, Point
from oberih.i18n import available, language, say
from oberih.web.open.addresses import House, data_of, file_of, page_of
from oberih.web.open.data.mapping import largest, publisher

__all__ = ["manifest", "scene_manifest"]

CONTEXT = "http://iiif.io/api/presentation/{}/context.json"
RIGHTS = (
    "http://creativecommons.org/licenses/", "http://creativecommons.org/publicdomain/",
    "http://rightsstatements.org/vocab/",
)  # fmt: skip
CREDIT = {code: language(code)(say("Credit")) for code in available()}
RECORDED = {code: language(code)(say("Recorded")) for code in available()}
MICRO = 1e6
Json = dict[str, Any]


def labels(texts: Mapping[str, str]) -> dict[str, list[str]]:
    return {tag: [text] for tag, text in texts.items()}


def manifest(record: PublicRecord, house: House) -> Json | None:
    """A manifest of version 3, a canvas for each picture; None if there are none of a known size."""
    address = house.address
    own = data_of(address, record.id, "iiif.json")
    pictures = [
        one for one in (*largest(record, "poster"), *record.files_for("picture", "turntable")) if one.size_px
    ]
    if not pictures:
        return None
    canvases = [canvas(f"{own}/{number}", one, record, address) for number, one in enumerate(pictures, 1)]
    return {**head(record, house, own, 3), "items": canvases}


def head(record: PublicRecord, house: House, own: str, version: int) -> Json:
    """What manifests of both versions have in common."""
    address, by = house.address, labels(publisher(record, house))
    told: Json = {
        "@context": CONTEXT.format(version), "id": own, "type": "Manifest", "label": labels(record.titles),
        "homepage": [{
            "id": page_of(address, record.id), "type": "Text", "label": labels(record.titles),
            "format": "text/html",
        }],
        "provider": [{
            "id": address, "type": "Agent", "label": by,
            "homepage": [{"id": address, "type": "Text", "label": by, "format": "text/html"}],
        }],
        "seeAlso": [{
            "id": data_of(address, record.id, "schema.jsonld"), "type": "Dataset",
            "format": "application/ld+json", "profile": "https://schema.org",
        }],
    }  # fmt: skip
    if record.summary:
        told["summary"] = labels(record.summary)
    rights = statement(record.rights.uri if record.rights else None)
    if rights.startswith(RIGHTS):
        told["rights"] = rights
    if record.recorded:
        told["metadata"] = [{"label": labels(RECORDED), "value": {"none": [record.recorded]}}]
    if record.rights and record.rights.credit:
        told["requiredStatement"] = {"label": labels(CREDIT), "value": {"none": [record.rights.credit]}}
    small = [one for one in record.files_for("poster") if one.size_px]
    if small:
        told["thumbnail"] = [picture(min(small, key=lambda one: one.size_px or (0, 0)), address)]
    return told


def picture(file: PublicFile, address: str) -> Json:
    width, height = file.size_px or (0, 0)
    return {
        "id": file_of(address, file.path), "type": "Image", "format": file.media_type, "width": width,
        "height": height,
    }  # fmt: skip


def canvas(own: str, file: PublicFile, record: PublicRecord, address: str) -> Json:
    shown = picture(file, address)
    return {
        "id": own, "type": "Canvas", "label": labels(record.titles), "width": shown["width"],
        "height": shown["height"],
        "items": [{
            "id": f"{own}/page", "type": "AnnotationPage",
            "items": [{
                "id": f"{own}/picture", "type": "Annotation", "motivation": "painting", "body": shown,
                "target": own,
            }],
        }],
    }  # fmt: skip


def scene_manifest(record: PublicRecord, house: House) -> Json | None:
    """A manifest of version 4: the model in a scene, from where it is looked at, and what is said of it."""
    address = house.address
    own = data_of(address, record.id, "iiif4.json")
    model = next((found[0] for level in LEVELS if (found := record.files_for(level))), None)
    if model is None:
        return None
    scene: Json = {"id": f"{own}/scene", "type": "Scene"}
    painted = [{
        "id": f"{own}/model", "type": "Annotation", "motivation": ["painting"],
        "body": {"id": file_of(address, model.path), "type": "Model", "format": model.media_type},
        "target": scene,
    }]  # fmt: skip
    whole: Json = {**scene, "label": labels(record.titles)}
    if record.scene is not None:
        painted.append(camera(own, "camera", scene, record.scene.view, record.scene.field_deg))
        if record.scene.unit == "m":
            whole["spatialScale"] = {"type": "Quantity", "quantityValue": 1.0, "unit": "m"}
    whole["items"] = [{"id": f"{own}/page", "type": "AnnotationPage", "items": painted}]
    said = [
        comment(f"{own}/said/{one.id}/{tag}", tag, "\n".join(filter(None, (title, one.texts.get(tag)))),
                scene, one.at)
        for one in record.annotations for tag, title in one.titles.items()
    ]  # fmt: skip
    if said:
        whole["annotations"] = [{"id": f"{own}/said", "type": "AnnotationPage", "items": said}]
    return {**head(record, house, own, 4), "items": [whole]}


def camera(own: str, name: str, scene: Json, view: PublicView, field_deg: int) -> Json:
    body = {
        "id": f"{own}/{name}/body", "type": "PerspectiveCamera", "fieldOfView": field_deg,
        "lookAt": point(view.target),
    }  # fmt: skip
    return {
        "id": f"{own}/{name}", "type": "Annotation", "motivation": ["painting"], "body": body,
        "target": place(f"{own}/{name}/place", scene, view.eye),
    }  # fmt: skip


def comment(own: str, tag: str, text: str, scene: Json, at: Point) -> Json:
    body = {
        "id": f"{own}/text", "type": "TextualBody", "language": [tag], "format": "text/plain", "value": text,
    }  # fmt: skip
    return {
        "id": own, "type": "Annotation", "motivation": ["commenting"], "body": body,
        "target": place(f"{own}/place", scene, at),
    }  # fmt: skip


def place(own: str, scene: Json, at: Point) -> Json:
    return {"id": own, "type": "SpecificResource", "source": scene, "selector": [point(at)]}


def point(at: Point) -> Json:
    """In the units of the model: y is up."""
    x, y, z = (one / MICRO for one in at)
    return {"type": "PointSelector", "x": x, "y": y, "z": z}
