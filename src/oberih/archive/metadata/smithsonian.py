"""The Smithsonian's 3D metadata (0.6) as plain JSON: its records, linked by identifiers.

Project > Subject > Item > Capture Dataset > Capture Data Element > Capture Data File, and Model with its
Processing Actions; Devices, Actors, Rights and Scale Bars stand beside them. Field names are those of the
Smithsonian's own repository, which keeps these records. What is not known is left out.

For partners: who recorded is a pseudonym, days and hours are cut to months, there is no place.
"""

from collections.abc import Mapping, Sequence

from oberih.archive.metadata._smithsonian_records import (
    Actor,
    CaptureDataElement,
    CaptureDataFile,
    CaptureDataset,
    CaptureGiven,
    Device,
    Item,
    ModelRecord,
    ProcessingAction,
    Project,
    RightsRecord,
    ScaleBar,
    Smithsonian,
    Subject,
)
from oberih.archive.metadata._values import number
from oberih.archive.metadata._words import kind_words, month, rights_uri
from oberih.archive.metadata.description import CaptureInfo, CaptureOf, Description, ModelInfo, Rights
from oberih.archive.metadata.publication import Publication

__all__ = ["CaptureGiven", "Smithsonian", "captures_of", "model_of", "smithsonian"]

METHODS = {
    "photogrammetry": "photogrammetry", "video": "photogrammetry", "lidar": "laser_line",
    "structured light": "structured_light", "laser scan": "spherical_laser", "mixed": "mixed",
}  # fmt: skip
DATASETS = {"photogrammetry": "photogrammetry_image_set", "video": "photogrammetry_video"}


def smithsonian(
    description: Description, publication: Publication, captures: Sequence[CaptureGiven] = (),
    model: ModelInfo | None = None, *, project: Mapping[str, str] | None = None,
) -> Smithsonian:  # fmt: skip
    """The records. ``project`` may have "id", "name" and "description"."""
    here = publication.identifier
    actors, devices = actors_of(description, captures), devices_of(captures)
    elements, files = files_of(captures)
    publisher = english(publication.publisher) or here
    project = project or {"id": f"{here}#project", "name": publisher}
    inventory = [one.value for one in description.identifiers if one.kind == "inventory number"]
    keeper = description.repository.names if description.repository else {}
    kinds = kind_words(description)
    return Smithsonian(
        project=Project(
            project_id=project["id"],
            project_name=project["name"],
            project_description=project.get("description"),
            stakeholder=publisher,
        ),
        subject=Subject(
            subject_guid=f"{here}#subject",
            subject_name=description.title(),
            subject_display_name=description.title("en"),
            holding_entity_name=english(keeper),
            holding_entity_local_id=inventory[0] if inventory else None,
        ),
        item=Item(
            item_guid=here,
            subject_guid=f"{here}#subject",
            local_item_id=inventory[0] if inventory else None,
            item_display_name=f"{description.title('en')} ({kinds.get('en') or next(iter(kinds.values()))})"[
                :2000
            ],
            item_type="object" if description.kind in ("object", "statue") else "location",
            item_description=english(description.summary),
        ),
        actors=tuple(
            Actor(actor_id=key, actor_name=name, is_pseudonym=hidden)
            for name, (key, hidden) in actors.items()
        ),
        devices=tuple(
            Device(capture_device_component_id=key, model_name=name) for name, key in devices.items()
        ),
        capture_datasets=tuple(dataset(one, here, actors, devices) for one in captures),
        capture_data_elements=elements,
        capture_data_files=files,
        rights=rights_of(description, captures, model, here),
        scale_bars=tuple(
            ScaleBar(capture_dataset_guid=one.identifier, distance=one.info.scale_bar_m)
            for one in captures
            if one.info.scale_bar_m is not None
        ),
        model=model_record(model, publication, captures) if model else None,
        processing_actions=(action(model, here),) if model and model.made_by else (),
    )


def english(texts: Mapping[str, str]) -> str | None:
    """The English text, or else the main one."""
    return texts.get("en") or next(iter(texts.values()), None)


def actors_of(description: Description, captures: Sequence[CaptureGiven]) -> dict[str, tuple[str, bool]]:
    """Name or pseudonym -> (actor_id, whether it is a pseudonym)."""
    known = {person.known_as: person.name is None for person in description.people}
    known = {one.info.person: True for one in captures if one.info.person} | known
    return {
        name: (f"actor-{index + 1}", hidden) for index, (name, hidden) in enumerate(sorted(known.items()))
    }


def devices_of(captures: Sequence[CaptureGiven]) -> dict[str, str]:
    names = sorted({device for one in captures for device in one.info.devices})
    return {name: f"device-{index + 1}" for index, name in enumerate(names)}


def dataset(
    given: CaptureGiven, item: str, actors: Mapping[str, tuple[str, bool]], devices: Mapping[str, str]
) -> CaptureDataset:
    info = given.info
    return CaptureDataset(
        capture_dataset_guid=given.identifier,
        item_guid=item,
        capture_method=METHODS[info.method],
        capture_dataset_type=DATASETS.get(info.method, "scan_data_set"),
        oberih_method=info.method,
        capture_dataset_name=given.identifier,
        collected_by=actors[info.person][0] if info.person else None,
        date_of_capture=month(info.taken_from) if info.taken_from else None,
        date_of_capture_end=month(info.taken_to) if info.taken_to else None,
        collection_notes=info.conditions,
        capture_device_component_ids=tuple(devices[name] for name in info.devices),
        capture_software=info.software,
        file_count=info.files,
        image_count=info.photos,
        size_bytes=info.bytes,
        calibration_object_used="scale_bar" if info.scale_bar_m is not None else None,
        inventory_digest=given.inventory_digest,
    )


def files_of(
    captures: Sequence[CaptureGiven],
) -> tuple[tuple[CaptureDataElement, ...], tuple[CaptureDataFile, ...]]:
    """One element for each file: a phone makes one file of each view."""
    elements, files = [], []
    for given in captures:
        for index, (name, media_type) in enumerate(sorted(given.files.items())):
            key = f"{given.identifier}#{index + 1}"
            elements.append(
                CaptureDataElement(
                    capture_data_element_id=key,
                    capture_dataset_guid=given.identifier,
                    capture_sequence_number=index + 1,
                )
            )
            files.append(
                CaptureDataFile(
                    capture_data_element_id=key,
                    capture_data_file_name=name,
                    capture_data_file_type=media_type,
                )
            )
    return tuple(elements), tuple(files)


def rights_of(
    description: Description, captures: Sequence[CaptureGiven], model: ModelInfo | None, here: str
) -> tuple[RightsRecord, ...]:
    def record(rights: Rights, **of: str) -> RightsRecord:
        free = "publicdomain" in rights.uri
        return RightsRecord(
            data_rights_restriction="none" if free else "copyrighted",
            rights_uri=rights_uri(rights),
            rights_holder=rights.holder,
            **of,
        )

    found = [
        record(one.info.rights, capture_dataset_guid=one.identifier) for one in captures if one.info.rights
    ]
    own = model.rights if model and model.rights else description.rights
    return (*found, *([record(own, model_guid=here)] if own else []))


def model_record(model: ModelInfo, publication: Publication, captures: Sequence[CaptureGiven]) -> ModelRecord:
    made_from = [one.identifier for one in model.captures] or [one.identifier for one in captures]
    return ModelRecord(
        model_guid=publication.identifier,
        item_guid=publication.identifier,
        capture_dataset_guids=tuple(made_from),
        date_of_creation=month(model.made_at) if model.made_at else None,
        units=model.unit,
        point_count=model.points,
        face_count=model.triangles,
        display_face_count=model.display_triangles,
        vertices_count=model.vertices,
        has_uv_space=model.textures > 0 if model.textures is not None else None,
        map_count=model.textures,
        texel=model.texel,
        size=model.size,
        scale_source=model.scale_source,
        measured_error=model.error,
        files=publication.models,
    )


def action(model: ModelInfo, here: str) -> ProcessingAction:
    assert model.made_by
    error = model.error.value
    said = "unknown" if error is None else f"{number(error)} {model.error.unit}"
    return ProcessingAction(
        model_guid=here,
        date_of_action=month(model.made_at) if model.made_at else None,
        software_used=model.made_by,
        software_versions=model.software,
        action_description=f"measured error (95 %): {said}",
    )


def captures_of(records: Smithsonian) -> tuple[CaptureGiven, ...]:
    """The captures that the records tell of, in our own words again."""
    names = {one.actor_id: one.actor_name for one in records.actors}
    devices = {one.capture_device_component_id: one.model_name for one in records.devices}
    bars = {one.capture_dataset_guid: one.distance for one in records.scale_bars}
    rights = {one.capture_dataset_guid: one for one in records.rights if one.capture_dataset_guid}
    owners = {one.capture_data_element_id: one.capture_dataset_guid for one in records.capture_data_elements}
    return tuple(
        CaptureGiven(
            identifier=(key := one.capture_dataset_guid),
            inventory_digest=one.inventory_digest,
            files={
                file.capture_data_file_name: file.capture_data_file_type
                for file in records.capture_data_files
                if owners.get(file.capture_data_element_id) == key
            },
            info=CaptureInfo(
                method=one.oberih_method,
                devices=tuple(devices[device] for device in one.capture_device_component_ids),
                software=one.capture_software,
                person=names[one.collected_by] if one.collected_by else None,
                taken_from=one.date_of_capture,
                taken_to=one.date_of_capture_end,
                conditions=one.collection_notes,
                files=one.file_count,
                photos=one.image_count,
                bytes=one.size_bytes,
                scale_bar_m=bars.get(key),
                rights=Rights(uri=found.rights_uri, holder=found.rights_holder)
                if (found := rights.get(key))
                else None,
            ),
        )
        for one in records.capture_datasets
    )


def rights_from(record: RightsRecord | None) -> Rights | None:
    return Rights(uri=record.rights_uri, holder=record.rights_holder) if record else None


def model_of(records: Smithsonian) -> ModelInfo | None:
    """The model that the records tell of, in our own words again."""
    one = records.model
    if one is None:
        return None
    digests = {dataset.capture_dataset_guid: dataset.inventory_digest for dataset in records.capture_datasets}
    made = records.processing_actions[0] if records.processing_actions else None
    exact = [(key, digest) for key in one.capture_dataset_guids if (digest := digests.get(key))]
    return ModelInfo(
        captures=tuple(CaptureOf(identifier=key, inventory_digest=digest) for key, digest in exact),
        made_at=one.date_of_creation,
        made_by=made.software_used if made else None,
        software=made.software_versions if made else {},
        points=one.point_count,
        vertices=one.vertices_count,
        triangles=one.face_count,
        display_triangles=one.display_face_count,
        textures=one.map_count,
        texel=one.texel,
        unit=one.units,
        size=one.size,
        scale_source=one.scale_source,
        error=one.measured_error,
    )
