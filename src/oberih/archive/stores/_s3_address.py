"""Addresses of S3 stores: what they may say, and what obstore is told of it."""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from oberih.archive.stores import well_formed
from oberih.errors import InputError
from oberih.i18n import say

__all__ = ["configured", "parsed"]

OPTIONS = ("endpoint", "region", "virtual", "probe")
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


def parsed(url: str) -> tuple[str, str, dict[str, str]]:
    """Bucket, prefix and options of a store's address. Messages do not repeat what may be a secret."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    options.setdefault("endpoint", os.environ.get("AWS_ENDPOINT_URL", ""))
    endpoint = urlsplit(options["endpoint"])
    if "@" in parts.netloc or "@" in endpoint.netloc or not set(options) <= set(OPTIONS):
        raise InputError(
            say("The address of a store has only these options: {options}", options=", ".join(OPTIONS)),
            "Keys are given apart from the address, or as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
        )
    prefix = unquote(parts.path).strip("/")
    good = bool(BUCKET.fullmatch(parts.netloc)) and (not prefix or well_formed(prefix))
    if options["endpoint"]:
        good = good and endpoint.scheme in ("http", "https") and endpoint.netloc != ""
    else:
        del options["endpoint"]  # Amazon
    if not good:
        raise InputError(
            say("This is no address of an S3 store: {url}", url=url.partition("?")[0]),
            "It looks like s3://bucket/prefix?endpoint=https://host:port.",
        )
    return parts.netloc, prefix, options


def configured(bucket: str, options: Mapping[str, str]) -> dict[str, Any]:
    """What obstore wants to know of the server."""
    endpoint = options.get("endpoint", "")
    virtual = options.get("virtual", "0" if endpoint else "1") == "1"
    config: dict[str, Any] = {
        "checksum_algorithm": "SHA256",
        "virtual_hosted_style_request": virtual,
        "disable_bulk_delete": True,  # not every server knows it
    }
    if options.get("region"):
        config["region"] = options["region"]
    if endpoint:
        parts = urlsplit(endpoint)
        host = f"{bucket}.{parts.netloc}" if virtual else parts.netloc
        config["endpoint"] = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    return config
