"""`make demo`: fetch real photos, reconstruct them, check the result and show it.

The photos are not ours to hand on, so they are fetched: the better set where the open internet is
reachable, else the one inside a Python package, which comes from wherever pip is configured to look.
Every photo is held to its SHA-256 and kept in ``demo/photos``.
"""

import argparse
import functools
import hashlib
import http.server
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


def reconstruct(photos: Path, out: Path) -> None:
    """Run the command that anybody would run, and show it."""
    oberih = Path(sys.executable).with_name("oberih")
    command = [str(oberih), "reconstruct", str(photos), "-o", str(out)]
    print("$ oberih " + " ".join(command[1:]), flush=True)
    child = subprocess.Popen(command)
    try:
        code = child.wait()
    except KeyboardInterrupt:  # the terminal told the child too: let it stop cleanly
        code = child.wait()
    if code:
        raise SystemExit(code)


def check(out: Path, all_of_them: bool) -> None:
    """Hold the result to what was promised, with a reader that is not ours."""
    import trimesh

    for name in ("model.glb", "mesh.ply", "points.ply", "report.json", "report.html", "preview.png"):
        if not (out / name).is_file() or not (out / name).stat().st_size:
            raise SystemExit(f"The result is not whole: {out / name} is missing or empty.")
    report = json.loads((out / "report.json").read_bytes())
    photos = report["photos"]
    used = sum(photo["used"] for photo in photos)
    if all_of_them and used < len(photos):
        raise SystemExit(f"Only {used} of {len(photos)} photos are in the model: see {out / 'report.html'}")
    model = trimesh.load(out / "model.glb")
    triangles = sum(len(part.faces) for part in model.geometry.values())
    if not triangles:
        raise SystemExit("model.glb holds no triangles.")
    print(f"\nChecked: {used} of {len(photos)} photos are in the result.")
    print(f"Surface (mesh.ply): {report['surface']['triangles']:,} triangles.")
    print(f"Model (model.glb): {triangles:,} triangles, simplified to be drawn easily.")


def serve(out: Path) -> None:
    """Show the result until Ctrl-C."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(out))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        print(f"See it at http://127.0.0.1:{server.server_port}/report.html   (Ctrl-C ends this)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main() -> None:
    parser = argparse.ArgumentParser(description="Reconstruct real photos and show the result.")
    parser.add_argument("--photos", type=Path, help="your own photos instead of the demo's")
    parser.add_argument("--out", type=Path, help="folder for the result (default: demo/results/<name>)")
    options = parser.parse_args()
    if options.photos:
        photos, name = options.photos, options.photos.resolve().name
    else:
        found = obtain()
        photos, name = found.folder, found.name
    out = options.out or HOME / "results" / name
    reconstruct(photos, out)
    check(out, all_of_them=options.photos is None)
    print(f"Open {out / 'report.html'} in a browser; model.glb opens in any 3D viewer.")
    if sys.stdin is not None and sys.stdin.isatty():
        serve(out)


if __name__ == "__main__":
    main()
