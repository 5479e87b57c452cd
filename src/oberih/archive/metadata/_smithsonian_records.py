"""The records of the Smithsonian's 3D metadata (0.6), with the field names of its own repository."""

from typing import Literal

from pydantic import Field

from oberih.archive.metadata._values import Digest, Identity, Line, Model, Moment, Printable, Record, Text
from oberih.archive.metadata.description import CaptureInfo, MeasuredError, Method
from oberih.archive.metadata.publication import WebFile

__all__ = [
    "Actor",
    "CaptureDataElement",
    "CaptureDataFile",
    "CaptureDataset",
    "CaptureGiven",
    "Device",
    "Item",
    "ModelRecord",
    "ProcessingAction",
    "Project",
    "RightsRecord",
    "ScaleBar",
    "Smithsonian",
    "Subject",
]


class Project(Model):
    project_id: Identity
    project_name: Line
    project_description: Text | None = None
    stakeholder: Line | None = None


class Subject(Model):
    subject_guid: Identity
    subject_name: Line
    subject_display_name: Line
    holding_entity_name: Line | None = None
    holding_entity_local_id: Line | None = Field(default=None, description="inventory number")


class Item(Model):
    item_guid: Identity
    subject_guid: Identity
    local_item_id: Line | None = None
    item_display_name: Line
    item_type: Literal["object", "location"]
    item_description: Text | None = None


class Actor(Model):
    actor_id: Identity
    actor_name: Line = Field(description="a name that may be public, or a pseudonym")
    is_pseudonym: bool


class Device(Model):
    capture_device_component_id: Identity
    capture_device_component_type: Line = "camera"
    model_name: Line = Field(description="maker and model")


class RightsRecord(Model):
    capture_dataset_guid: Identity | None = None
    model_guid: Identity | None = None
    data_rights_restriction: Literal["none", "copyrighted"]
    rights_uri: Line
    rights_holder: Line | None = None


class ScaleBar(Model):
    capture_dataset_guid: Identity
    distance: float = Field(gt=0)
    units: Literal["m"] = "m"


class CaptureDataset(Model):
    capture_dataset_guid: Identity
    item_guid: Identity
    capture_method: Line
    capture_dataset_type: Line
    oberih_method: Method
    capture_dataset_name: Line
    collected_by: Identity | None = Field(default=None, description="actor_id")
    date_of_capture: Moment | None = Field(default=None, description="month")
    date_of_capture_end: Moment | None = None
    collection_notes: Text | None = None
    capture_device_component_ids: tuple[Identity, ...] = ()
    capture_software: tuple[Line, ...] = ()
    file_count: int | None = None
    image_count: int | None = None
    size_bytes: int | None = None
    calibration_object_used: Literal["scale_bar"] | None = None
    inventory_digest: Digest | None = None


class CaptureDataElement(Model):
    capture_data_element_id: Identity
    capture_dataset_guid: Identity
    capture_sequence_number: int = Field(ge=1)


class CaptureDataFile(Model):
    capture_data_element_id: Identity
    capture_data_file_name: Printable = Field(description="path in the capture")
    capture_data_file_type: Line
    variant_type: Literal["raw", "processed", "from_camera"] = "from_camera"


class ModelRecord(Model):
    model_guid: Identity
    item_guid: Identity
    capture_dataset_guids: tuple[Identity, ...]
    date_of_creation: Moment | None = None
    creation_method: Line = "scan-to-mesh"
    model_modality: Literal["mesh", "point_cloud"] = "mesh"
    model_purpose: Literal["master", "delivery_web"] = "master"
    units: Literal["m", "unit"]
    point_count: int | None = None
    face_count: int | None = None
    display_face_count: int | None = None
    vertices_count: int | None = None
    has_uv_space: bool | None = None
    map_count: int | None = None
    texel: float | None = None
    size: tuple[float, float, float] | None = None
    scale_source: Text | None = None
    measured_error: MeasuredError
    files: tuple[WebFile, ...] = ()


class ProcessingAction(Model):
    model_guid: Identity
    date_of_action: Moment | None = None
    action_method: Line = "reconstruction"
    software_used: Line
    software_versions: dict[str, str] = Field(default={})
    action_description: Text | None = None


class CaptureGiven(Model):
    """A capture that is told: its identifier, what is known of it, names and media types of its files."""

    identifier: Identity
    info: CaptureInfo
    inventory_digest: Digest | None = None
    files: dict[Printable, str] = Field(default={}, description="path -> media type")


class Smithsonian(Record):
    """All records of one publication."""

    schema_version: Literal["oberih-smithsonian-0.6/1"] = "oberih-smithsonian-0.6/1"
    project: Project
    subject: Subject
    item: Item
    actors: tuple[Actor, ...] = ()
    devices: tuple[Device, ...] = ()
    capture_datasets: tuple[CaptureDataset, ...] = ()
    capture_data_elements: tuple[CaptureDataElement, ...] = ()
    capture_data_files: tuple[CaptureDataFile, ...] = ()
    rights: tuple[RightsRecord, ...] = ()
    scale_bars: tuple[ScaleBar, ...] = ()
    model: ModelRecord | None = None
    processing_actions: tuple[ProcessingAction, ...] = ()
