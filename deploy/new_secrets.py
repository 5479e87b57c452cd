#!/usr/bin/env python3
"""Random secrets of a service on several machines, into the file .env beside this one; only once.

Keep a copy where the machines are not. OBERIH_IDENTITY opens what the service has sealed.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

KEYS = (
    "OBERIH_SECRET_KEY",
    "OBERIH_DATABASE_KEY",
    "OBERIH_READER_KEY",
    "OBERIH_S3_KEY",
    "OBERIH_S3_READER_KEY",
)
LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # of Bech32 (BIP 173), in which age writes keys
KIND = "age-secret-key-"


def identity() -> str:
    """A new age key (X25519): any 32 bytes are one."""
    bits = int.from_bytes(secrets.token_bytes(32)) << 4  # 52 groups of 5 bits
    data = [bits >> 5 * place & 31 for place in reversed(range(52))]
    head = [ord(letter) >> 5 for letter in KIND] + [0] + [ord(letter) & 31 for letter in KIND]
    check = polymod([*head, *data, 0, 0, 0, 0, 0, 0]) ^ 1
    data += [check >> 5 * place & 31 for place in reversed(range(6))]
    return (KIND + "1" + "".join(LETTERS[one] for one in data)).upper()


def polymod(values: list[int]) -> int:
    found = 1
    for value in values:
        top = found >> 25
        found = (found & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            found ^= term if top >> place & 1 else 0
    return found


def main() -> int:
    path = Path(__file__).with_name(".env")
    made = {
        name: base64.urlsafe_b64encode(secrets.token_bytes(33)).decode().replace("-", "x").replace("_", "y")
        for name in KEYS
    }
    made["OBERIH_IDENTITY"] = identity()
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{path} is there already, and stays as it is.\n")
        return 1
    with os.fdopen(file, "w") as out:
        out.writelines(f"{name}={value}\n" for name, value in made.items())
    sys.stdout.write(f"{path}: keep a copy of it elsewhere.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
