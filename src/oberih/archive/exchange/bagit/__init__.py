"""BagIt: packages of files that prove themselves whole. Read in versions 0.93 to 1.0, written in 1.0.

`validate_bag` checks any bag by RFC 8493 and the drafts before it. A finding's code is the section that was
broken (or, for warnings, the advice that was not taken):

    RFC8493-2      the bag is a folder of plain files
    RFC8493-2.1.1  bagit.txt: there, two lines, a version and an encoding that are known
    RFC8493-2.1.2  the folder data/ is there
    RFC8493-2.1.3  payload manifests: at least one, well-formed, every payload file exactly once
    RFC8493-2.2.1  tag manifests: well-formed, list the payload manifests and no payload
    RFC8493-2.2.2  bag-info.txt: labels and values, Payload-Oxum right
    RFC8493-2.2.3  fetch.txt: well-formed, names files of the payload manifests
    RFC8493-2.3    text of tag files: encoding, no needless byte-order mark
    RFC8493-2.4    names of checksum algorithms
    RFC8493-3      complete and valid: no file missing, every checksum right
    RFC8493-5.1    paths (and links) that lead out of the bag
    RFC8493-5.2    addresses in fetch.txt that are not of the web
    RFC8493-5.3    sizes in fetch.txt that are not the file's
    RFC8493-6.1.1  names that differ only in case or in Unicode normalization
    RFC8493-6.1.2  names that Windows cannot hold
    RFC8493-6.1.3  manifests in the way of md5sum

Nothing is ever fetched here, no link is followed, and no path of a manifest is ever opened: manifests are
compared with what the folder was found to hold.
"""

from oberih.archive.exchange.bagit.reading import Bag, Fetch, read_bag
from oberih.archive.exchange.bagit.validation import bag_bytes, validate_bag
from oberih.archive.exchange.bagit.writing import pack_bag, write_bag
from oberih.archive.exchange.unpacking import Limits, unpacked
from oberih.archive.findings import Finding

__all__ = [
    "Bag",
    "Fetch",
    "Finding",
    "Limits",
    "bag_bytes",
    "pack_bag",
    "read_bag",
    "unpacked",
    "validate_bag",
    "write_bag",
]
