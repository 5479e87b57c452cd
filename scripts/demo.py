"""`make demo`: fetch real photos, take them all the way to a public page of a site, check it and show it.

The photos are not ours to hand on, so they are fetched: the better set where the open internet is
reachable, else the one inside a Python package, which comes from wherever pip is configured to look.
Every photo is held to its SHA-256 and kept in ``demo/photos``.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_site import About, Site, check_room, running, walk

HOME = Path(__file__).parents[1] / "demo"

WITHOUT_NETWORK = """\
No photos could be fetched, and none are kept from an earlier run. Without a network the demo runs on
photos of your own: ten or more of one thing, taken all around it with plenty of overlap:
    make demo PHOTOS=path/to/folder"""


@dataclass(frozen=True)
class PhotoSet:
    """Photos that can be fetched: where from, on what terms, and the SHA-256 of each."""

    name: str
    title: str
    terms: str
    sha256: dict[str, str]
    fetch: Callable[["PhotoSet", Path], None]  # writes the files into a folder, or raises NotReachable

    @property
    def folder(self) -> Path:
        return HOME / "photos" / self.name


class NotReachable(Exception):
    """The set cannot be had from here now; the message says why."""


def from_the_web(photos: PhotoSet, folder: Path, patience_s: float = 5, limit_s: float = 120) -> None:
    """Fetch file by file; gives up soon, since another set is at hand."""
    began = time.monotonic()
    for name in photos.sha256:
        try:
            with urllib.request.urlopen(SCEAUX_AT + name, timeout=patience_s) as answer:
                (folder / name).write_bytes(answer.read())
        except (OSError, urllib.error.URLError) as error:
            raise NotReachable(f"{getattr(error, 'reason', None) or error}") from error
        if time.monotonic() - began > limit_s:
            raise NotReachable("the connection is too slow")


def from_a_package(photos: PhotoSet, folder: Path) -> None:
    """Fetch the source package with pip, which checks its hash, and take the photos out of it."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        wanted = Path(scratch) / "wanted.txt"
        wanted.write_text(f"kapture=={KAPTURE} --hash=sha256:{KAPTURE_SHA256}\n")
        # pip asks the package for its metadata; without isolation that needs nothing but setuptools.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--retries=2", "--no-deps", "--no-binary=:all:", "--no-build-isolation"]
        command += ["--require-hashes", f"--requirement={wanted}", f"--dest={scratch}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotReachable(f"pip could not fetch kapture {KAPTURE}: {done.stderr.strip()[-300:]}")
        with tarfile.open(Path(scratch) / f"kapture-{KAPTURE}.tar.gz") as archive:
            for name in photos.sha256:
                member = archive.extractfile(f"kapture-{KAPTURE}/samples/maupertuis_openMVG/images/{name}")
                if member is None:
                    raise NotReachable(f"kapture {KAPTURE} does not hold {name}")
                (folder / name).write_bytes(member.read())


SCEAUX_AT = "https://raw.githubusercontent.com/openMVG/ImageDataset_SceauxCastle/master/images/"
KAPTURE = "1.1.12"
KAPTURE_SHA256 = "1c3a4d5eaffe7d2df7135f8d8cf6f664ed7a4a4ac1d1f9cf3373934ddb7e4dba"

SETS = (
    PhotoSet(
        "sceaux",
        "the Château de Sceaux: 11 photos of 2832 x 2128",
        "Copyright 2012 Pierre Moulon; published as sample images of openMVG, without a licence.\n"
        "They are fetched for you to try Oberih with, and are not part of Oberih.",
        {
            "100_7100.JPG": "b475a1f74cd54536b6fe186fb165431ef0ee502f56b0d9895d6da576e364ee1e",
            "100_7101.JPG": "05de696ef02054a3d22af94f48fa3cb88df801cfe48561ad82010a130f408723",
            "100_7102.JPG": "9c25103cf8411909773a189d524eb959a0f8a9ac74a1632b3ca343b605b7e034",
            "100_7103.JPG": "eebf00b09b773aff229e53c4d8c744c5f64f3c004fa8edece0f3d8c917a19411",
            "100_7104.JPG": "3b18d6112bb68aa15e1e20d3be234ea4fa88ecf349f42d89bd7830d75ebe4fc6",
            "100_7105.JPG": "e67d29ccf210fab3227fec99e5a32862d3266f81bf4694eeb30cbe984a0b309f",
            "100_7106.JPG": "83a977d2a1b5eb733c88bde10646e649ff87f75a94faa240354907920c070cda",
            "100_7107.JPG": "7719235b80e88646ae8dfd8fddfcfcb4a03d4ef9133a62a551004cd5ccfd86c5",
            "100_7108.JPG": "f1e6fd28a291337d578488a70c713f580d53f4d5073a66659a0d2401ff7071b2",
            "100_7109.JPG": "64ae29fe51d7f45f81edec73d9004d6c99e1c198192487aa9e3d00ff4cd3d433",
            "100_7110.JPG": "cdc7bd37efaf04e6c84f7cc3cafdf5e6890b01756c936d60faae53dab95bf8e9",
        },
        from_the_web,
    ),
    PhotoSet(
        "maupertuis",
        "the Château de Maupertuis: 4 photos of 1600 x 1200",
        f"They come inside the source package of kapture {KAPTURE} (Naver, BSD licence), a sample set made\n"
        "for openMVG; the photos carry no licence of their own. They are fetched for you to try Oberih\n"
        "with, and are not part of Oberih.",
        {
            "MaupertuisTest_01.jpg": "074f2712717d2d31a294f280be36452329cb27f4b50bd4ff7dfed4241c1a8452",
            "MaupertuisTest_02.jpg": "5720cfd75767f35274db6ea5d527d8e0ebcf310e94d342b871ff76242f575827",
            "MaupertuisTest_03.jpg": "a44ec914086ce7e09f43a519dfc65b8d829b01a1b9c698d3009602044008fb97",
            "MaupertuisTest_04.jpg": "ff5cadb54fb70a3e8abbc110ab23bc6c2e796be6d73473a052b9694cf3774ff7",
        },
        from_a_package,
    ),
)


def whole(photos: PhotoSet, folder: Path) -> bool:
    """Whether the folder holds exactly what the set promises."""
    return all(
        (folder / name).is_file() and hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in photos.sha256.items()
    )


def obtain() -> PhotoSet:
    """The best set that is kept from before or can be fetched now."""
    kept = [photos for photos in SETS if whole(photos, photos.folder)]
    if kept:
        print(f"Photos: {kept[0].title} (fetched before, checksums right).\n{kept[0].terms}\n")
        return kept[0]
    for photos in SETS:
        print(f"Fetching photos of {photos.title} ...", flush=True)
        photos.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=photos.folder.parent) as scratch:
            try:
                photos.fetch(photos, Path(scratch))
                if not whole(photos, Path(scratch)):
                    raise NotReachable("what came is not what was expected (a checksum is wrong)")
            except NotReachable as error:
                print(f"  not from here: {error}", flush=True)
                continue
            photos.folder.mkdir(exist_ok=True)
            for name in photos.sha256:
                (Path(scratch) / name).replace(photos.folder / name)
        print(f"  fetched, checksums right.\n{photos.terms}\n", flush=True)
        return photos
    raise SystemExit(WITHOUT_NETWORK)


def check(site: Site, identifier: str, photos: int = 0) -> str:
    """Hold the public record to what was promised, over HTTP and with a reader that is not ours. Its page.

    ``photos``: so many have to be in the model.
    """
    import trimesh

    tail = identifier.removeprefix("ark:/")
    page = f"{site.address}/records/{tail}"
    record = json.loads(fetched(f"{site.address}/api/v1/records/{tail}"))
    shown = fetched(page).decode()
    title = next(iter(record["titles"].values()))
    if title not in shown or "oberih-viewer" not in shown:
        raise SystemExit(f"{page} does not show {title}.")
    files = {(one["role"], one.get("format") or ""): one["path"] for one in reversed(record["files"])}
    for wanted in (("poster", ""), ("full", ""), ("download", "glb")):
        if wanted not in files:
            raise SystemExit(f"The record has no file for {' '.join(wanted)}.")
    poster = fetched(f"{site.address}/files/{files['poster', '']}")
    data = fetched(f"{site.address}/files/{files['download', 'glb']}")
    model = trimesh.load(io.BytesIO(data), file_type="glb")
    triangles = sum(len(part.faces) for part in model.geometry.values())
    if not triangles or not poster:
        raise SystemExit("The public model holds no triangles.")
    used = record["quality"]["photos"]
    if used < photos:
        raise SystemExit(f"Only {used} of {photos} photos are in the model.")
    print(f"\nChecked: {used} photos are in the model, which has {triangles:,} triangles.")
    if used < FEW:
        print(fragment(record, page))
    return page


def fragment(record: dict[str, Any], page: str) -> str:
    """That few photos give a part of a thing, and where all of it is to be seen."""
    quality = record["quality"]
    share = quality.get("coverage_percent")
    much = f", {share} % of what they show" if share is not None else ""
    return (
        f"{quality['photos']} photos are few: the model is a fragment{much}. All that they show is\n"
        f"in the photos themselves, on its page:  {page}#photos\n"
        f"{FEW} photos or more, from all around, give the whole:  make demo PHOTOS=folder"
    )


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return bytes(answer.read())


def about(photos: PhotoSet | None, folder: Path) -> About:
    """What the page says of the thing."""
    if photos is None:
        name = folder.resolve().name
        return About({"en": name, "uk": name}, {}, {"uri": IN_COPYRIGHT})
    return ABOUT[photos.name]


FEW = 10  # photos: fewer show one side of a thing
IN_COPYRIGHT = "https://rightsstatements.org/vocab/InC/1.0/"
CASTLE = ({"en": "castle", "uk": "замок"}, {"en": "palace", "uk": "палац"})
ABOUT = {
    "sceaux": About(
        {"en": "The Château de Sceaux", "uk": "Палац у Со"},
        {"en": "A palace near Paris, built from 1856 to 1862 on the site of Colbert's house.",
         "uk": "Палац під Парижем, зведений у 1856–1862 роках на місці дому Кольбера."},
        {"uri": IN_COPYRIGHT, "holder": "Pierre Moulon", "credit": "Photos: Pierre Moulon, openMVG"},
        (48.7747, 2.2956), {"en": "Île-de-France", "uk": "Іль-де-Франс"}, CASTLE,
    ),
    "maupertuis": About(
        {"en": "The Château de Maupertuis", "uk": "Палац Мопертюї"},
        {"en": "Four photos of a palace in France: enough for a first look at it in 3D.",
         "uk": "Чотири світлини палацу у Франції: досить, щоб уперше роздивитися його в об’ємі."},
        {"uri": IN_COPYRIGHT, "credit": "Photos: openMVG, in the samples of kapture"},
        (45.2168, 5.7932),  # kapture says it: samples/maupertuis/kapture/sensors/records_gnss.txt
        {"en": "Isère, France", "uk": "Ізер, Франція"}, CASTLE, nobody=True,
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description="From real photos to a public page, on a site that runs here."
    )
    parser.add_argument("--photos", type=Path, help="your own photos instead of the demo's")
    parser.add_argument("--out", type=Path, help="folder of the site's data (default: demo/sites/<name>)")
    options = parser.parse_args()
    named = options.photos.resolve().name if options.photos else ""
    check_room(options.out or HOME / "sites" / named)
    found = None if options.photos else obtain()
    photos = options.photos or found.folder
    if not photos.is_dir():
        raise SystemExit(f"{photos} is no folder of photos.")
    out = options.out or HOME / "sites" / photos.resolve().name
    attended = sys.stdin is not None and sys.stdin.isatty()
    try:
        with running(out, stays=not attended) as site:
            shown = walk(site, photos, about(found, photos))
            page = check(site, shown, len(found.sha256) if found else 0)
            print(f"Walk around it:  {page}")
            print(f"The whole site:  {site.address}/")
            if site.admin:
                print(f"Become its admin, and see the other side (once): {site.admin}")
            if attended:
                print("Ctrl-C ends it.", flush=True)
                site.wait()
            else:
                print(f"The site goes on running. This ends it:  kill {site.pid}", flush=True)
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    main()
