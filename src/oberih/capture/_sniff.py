"""What is this file? Told by its first bytes, never by its name."""

import struct

HEAD = 4096  # bytes that `media_type` wants to see

JPEG, PNG, TIFF, WEBP, AVIF = "image/jpeg", "image/png", "image/tiff", "image/webp", "image/avif"
HEIF, RAW = "image/heif", "image/x-adobe-dng"

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF_BRANDS = (b"avif", b"avis")
CAMERA_RAW_BRANDS = (b"crx ",)


def media_type(head: bytes) -> str:
    """Media type of a kind of photo that can be read, "" for everything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(box_size(head), 64), 4))}
        if head[8:12] in AVIF_BRANDS or brands.intersection(AVIF_BRANDS):
            return AVIF
        if head[8:12] in HEIF_BRANDS or brands.intersection((b"heic", b"heix")):
            return HEIF
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return RAW if is_raw(head) else TIFF
    return ""


def other_kind(head: bytes) -> str:
    """A few words for a file that is no photo, ready for "not a photo, but {kind}"."""
    if not head:
        return "an empty file"
    if head[4:8] == b"ftyp":
        if head[8:12] in CAMERA_RAW_BRANDS:
            return "a camera's raw file of a kind that is not read; export it as DNG or JPEG"
        if head[8:12] in (b"M4A ", b"M4B "):
            return "a sound recording"
        return "a video"
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free") or head.startswith(b"\x1aE\xdf\xa3"):
        return "a video"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "a video"
    if head[:3] == b"\0\0\1" and head[3] in (0xB3, 0xBA):
        return "a video"
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            return kind
    return "a text file" if is_text(head) else "a file of an unknown kind"


def what_to_do(kind: str) -> str:
    """Advice for a file of which `other_kind` says ``kind``, or "" if there is none for it."""
    if kind == "a video":
        return "Take single photos, or export single frames of the video as JPEG."
    if kind.startswith("a camera's raw file"):
        return "Export it as DNG or JPEG."
    if "graphic" in kind or "picture" in kind:
        return "Convert it to JPEG."
    if "unpack" in kind:
        return "Unpack it first, and give the folder."
    return "Copy it from the camera again, or leave it out." if kind == "an empty file" else ""


SIGNATURES = (
    (b"GIF8", "a GIF graphic"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document; unpack it first"),
    (b"\x1f\x8b", "a compressed archive; unpack it first"),
    (b"7z\xbc\xaf", "a compressed archive; unpack it first"),
    (b"Rar!", "a compressed archive; unpack it first"),
    (b"ID3", "a sound recording"),
    (b"OggS", "a sound recording"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file of a kind that is not read; export it as DNG or JPEG"),
    (b"glTF", "a 3D model"),
    (b"ply\n", "a 3D model"),
    (b"ply\r", "a 3D model"),
    (b"BM", "a BMP graphic; save it as PNG or JPEG"),
    (b"\0\0\0\x0cjP", "a JPEG 2000 picture; save it as PNG or JPEG"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def box_size(head: bytes) -> int:
    return int.from_bytes(head[:4], "big")


def is_text(head: bytes) -> bool:
    if b"\0" in head:
        return head.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16 with its mark
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut in two at the end
    return True


def is_raw(head: bytes) -> bool:
    """Is this TIFF structure a DNG or another sensor recording, whose first image is only a preview?

    The first directory of such files says DNGVersion, or that its image is a reduced one beside others.
    """
    if head[8:10] == b"CR":  # Canon's CR2
        return True
    order = "<" if head[:2] == b"II" else ">"
    if head[2:4] not in (b"*\0", b"\0*"):
        return False  # BigTIFF
    (at,) = struct.unpack_from(order + "I", head, 4)
    if at + 2 > len(head):
        return False
    (count,) = struct.unpack_from(order + "H", head, at)
    tags: dict[int, int] = {}
    for entry in range(at + 2, min(at + 2 + 12 * count, len(head) - 11), 12):
        tag, kind = struct.unpack_from(order + "HH", head, entry)
        tags[tag] = struct.unpack_from(order + ("H" if kind == 3 else "I"), head, entry + 8)[0]
    reduced = bool(tags.get(254, 0) & 1) and 330 in tags  # NewSubfileType, SubIFDs
    return 50706 in tags or reduced
