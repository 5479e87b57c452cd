"""What makes a record trustworthy: fixed bytes, sealed places, proofs."""

from oberih.trust.hashing import file_sha256

__all__ = ["file_sha256"]
