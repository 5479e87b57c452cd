"""Objects on stores that are not trusted, or where nothing can be changed: one file per version, for ever.

    objects/3f/3fa9…/            sha256 of the object's identifier
      v1.k7w2m9qx.tar.age        the files of version 1 and the inventory of that time, encrypted
      v1.json                    written last: the package's size and digest; the package is complete
      v2.9hd4c1tz.tar.age
      v2.json
      v2.2.json                  a second attempt, after the first was found damaged: it counts, not v2.json

Nothing is ever overwritten: each attempt has a name of its own. Whether the packages are whole can be checked
by anybody without a key. An encrypted one tells nothing but its size; a plain one is a tar file and names
its object. Unpacked one after the other, they give back the OCFL object byte for byte.
"""

from oberih.archive.packages.manifest import (
    Package,
    manifests,
    no_package,
    package_files,
    package_prefix,
    package_prefixes,
    read_manifest,
    strays,
)
from oberih.archive.packages.restore import Unpacked, unpack
from oberih.archive.packages.writing import sweep_packages, verify_package, write_package

__all__ = [
    "Package",
    "Unpacked",
    "manifests",
    "no_package",
    "package_files",
    "package_prefix",
    "package_prefixes",
    "read_manifest",
    "strays",
    "sweep_packages",
    "unpack",
    "verify_package",
    "write_package",
]
