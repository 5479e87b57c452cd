"""Encryption to several keys, in streams; every altered or missing byte is noticed."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from oberih.archive.crypt import (
    checked_recipients,
    decrypted,
    encrypted,
    load_identities,
    new_identity,
    recipient_of_identity,
    save_identity,
)
from oberih.errors import Damaged, InputError, KeyNeeded, OutputError

CHUNK = 65_536 + 16  # of age, encrypted

LOCKED_FOR = "age18eumamp7qy8pyc2n4thmedg7akkn4q7rp37mtjuk0anu8sf5dycsjj5tv4"
LOCKED = """\
-----BEGIN AGE ENCRYPTED FILE-----
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBOYVJZaUpvajdTaW1Wekxv
MTBzZzJRIDEwClQ5WXpzZUljZW5PUDFmZFdnM0pnNWJSQUZ1WmRUYTByVk5nbXph
VG1FaTAKLS0tIHdkOWJyc3NmdEF1VnlFbHprSlduRGl6ZXVNZURZY01jSUxhcmtL
Z1NSMWMKNE3P38LCpkdUSUEDpTIg3zvf5Cn1QHy0pcvfSQjPdOpVDlejYvOT9oOF
Hss/LFMzHbWjr8l0Qwfu0Wgyp1qMj0TC7FfwvIN5mOOTexsjt21ZLaqfb8y+xBw6
Ult548VdnlMB/P5xekp8zmU7ALvNGwSHu/yBBNWkKuzOHLVdquXdB7IZeZzUJO5Y
9doGbd+o9gMNYA+i1ogzk+J2OCWbBNpnQTAQjdeFDeoeKFUBQaTbmRk+DniEHA==
-----END AGE ENCRYPTED FILE-----
"""  # scrypt with little work (2**10), written by the letter of the specification


@pytest.fixture(scope="module")
def key() -> tuple[str, str]:
    return new_identity()


def sealed(data: bytes, *recipients: str) -> bytes:
    return b"".join(encrypted([data], recipients))


def opened(data: bytes, *secrets: str) -> bytes:
    return b"".join(decrypted([data], secrets))


def age_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "age"]


def header_of(data: bytes) -> int:
    """Bytes of the header, to the end of its last line."""
    return data.index(b"\n", data.index(b"\n--- ") + 1) + 1


def test_any_one_of_three_keys_opens_it() -> None:
    keys = [new_identity() for _ in range(3)]
    data = sealed(b"a church" * 50_000, *(recipient for _, recipient in keys))
    assert b"church" not in data
    for secret, _ in keys:  # the two others are lost
        assert opened(data, secret) == b"a church" * 50_000
    assert opened(data, new_identity()[0], keys[1][0]) == b"a church" * 50_000


def test_somebody_else_s_key_opens_nothing(key: tuple[str, str]) -> None:
    with pytest.raises(KeyNeeded):
        opened(sealed(b"data", key[1]), new_identity()[0])
    with pytest.raises(KeyNeeded):
        opened(sealed(b"data", key[1]))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
@pytest.mark.parametrize("chunk", [1 << 20, 10_007])
def test_data_of_any_size_comes_back(key: tuple[str, str], size: int, chunk: int) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    chunks = [data[i : i + chunk] for i in range(0, size, chunk)]
    assert b"".join(decrypted(encrypted([b"", *chunks], [key[1]]), [key[0]])) == data


def test_a_bit_flipped_anywhere_is_found(key: tuple[str, str]) -> None:
    good = sealed(bytes(150_000), key[1])
    header = header_of(good)
    # All of the header and the nonce; first, middle and last bytes of each chunk and of its tag.
    places = {*range(header + 20), len(good) - 1, len(good) - 16, len(good) - 17}
    places |= {
        header + 16 + k * CHUNK + i for k in (0, 1) for i in (-1, 0, 1, 30_000, CHUNK - 17, CHUNK - 16)
    }
    for place in sorted(places):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        with pytest.raises((Damaged, KeyNeeded)) as caught:
            opened(bytes(bad), key[0])
        if place >= header:
            assert isinstance(caught.value, Damaged), place


def test_a_file_cut_anywhere_is_found_between_two_chunks_too(key: tuple[str, str]) -> None:
    good = sealed(bytes(3 * 65_536), key[1])
    header = header_of(good)
    assert len(good) == header + 16 + 3 * CHUNK
    bounds = [header + 16 + k * CHUNK for k in range(3)]
    for size in [
        0,
        1,
        20,
        header // 2,
        header - 1,
        header,
        header + 15,
        *bounds,
        bounds[1] + 1,
        len(good) - 1,
    ]:
        with pytest.raises(Damaged):
            opened(good[:size], key[0])
    for more in (b"\0", good, good[header + 16 :]):
        with pytest.raises(Damaged):
            opened(good + more, key[0])


def test_chunks_in_another_order_are_found(key: tuple[str, str]) -> None:
    good = sealed(bytes(3 * 65_536), key[1])
    start = header_of(good) + 16
    first, second, last = (good[start + k * CHUNK :][:CHUNK] for k in range(3))
    for chunks in ((second, first, last), (first, first, last), (first, last), (last,)):
        with pytest.raises(Damaged):
            opened(good[:start] + b"".join(chunks), key[0])


def test_what_the_source_raises_comes_out(key: tuple[str, str]) -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(100_000)
        raise FileNotFoundError("the disk is gone")

    with pytest.raises(FileNotFoundError, match="the disk is gone"):
        list(encrypted(broken(), [key[1]]))
    with pytest.raises(FileNotFoundError, match="the disk is gone"):
        list(decrypted(encrypted(broken(), [key[1]]), [key[0]]))
    assert age_threads() == []


def test_closing_early_stops_the_thread_and_closes_the_source(key: tuple[str, str]) -> None:
    closed = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(300_000)
        finally:
            closed.append(True)

    stream = decrypted(encrypted(endless(), [key[1]]), [key[0]])
    next(stream)
    time.sleep(0.05)  # the queues are full now, both threads wait
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True] and age_threads() == []


def test_a_slow_reader_does_not_make_memory_grow(key: tuple[str, str]) -> None:
    given = 0

    def source() -> Iterator[bytes]:
        nonlocal given
        for _ in range(100):
            given += 1 << 20
            yield bytes(1 << 20)

    taken = 0
    for piece in encrypted(source(), [key[1]]):
        taken += len(piece)
        time.sleep(0.0002)
        assert given - taken < 6 << 20


def test_ssh_keys_open_too(tmp_path: Path) -> None:
    path = tmp_path / "id"
    try:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    except FileNotFoundError:
        pytest.skip("there is no ssh-keygen here")
    recipient = path.with_suffix(".pub").read_text()
    assert opened(sealed(b"data", recipient), *load_identities(path)) == b"data"


def test_identity_files_are_for_their_owner_and_never_overwritten(
    tmp_path: Path, key: tuple[str, str]
) -> None:
    path = tmp_path / "keys" / "first.txt"
    save_identity(path, key[0])
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_identities(path) == (key[0],)
    assert f"# public key: {key[1]}\n" in path.read_text()
    with pytest.raises(OutputError):
        save_identity(path, new_identity()[0])
    assert load_identities(path) == (key[0],)


def test_an_identity_behind_a_passphrase(tmp_path: Path, key: tuple[str, str]) -> None:
    path = tmp_path / "key.txt"
    save_identity(path, key[0], "nine words of hope")  # this is slow, and is meant to be
    assert path.read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert key[0].encode() not in path.read_bytes()
    assert load_identities(path, lambda: "nine words of hope") == (key[0],)


def test_an_identity_that_another_program_locked(tmp_path: Path) -> None:
    path = tmp_path / "key.txt"
    path.write_text(LOCKED)
    assert [recipient_of_identity(s) for s in load_identities(path, lambda: "дев'ять слів надії")] == [
        LOCKED_FOR
    ]
    with pytest.raises(KeyNeeded, match="does not open"):
        load_identities(path, lambda: "guess")
    with pytest.raises(KeyNeeded, match="passphrase"):
        load_identities(path)


def test_a_busy_machine_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, decrypt, tried = tmp_path / "key.txt", pyrage.passphrase.decrypt, []
    path.write_text(LOCKED)

    def measures_badly(data: bytes, passphrase: str) -> bytes:
        tried.append(passphrase)
        if len(tried) < 3:
            raise pyrage.DecryptError("Excessive work parameter for passphrase.\nDecryption would take ...")
        return decrypt(data, passphrase)

    monkeypatch.setattr(pyrage.passphrase, "decrypt", measures_badly)
    assert len(load_identities(path, lambda: "дев'ять слів надії")) == 1 and len(tried) == 3


@pytest.mark.parametrize("text", ["", "# only words\n", "hello", "AGE-SECRET-KEY-1XYZ", "\x00" * 100])
def test_what_is_no_identity_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.txt"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_identities(path)
    assert "XYZ" not in caught.value.message  # it may be a secret with one wrong letter
    with pytest.raises(InputError):
        load_identities(tmp_path / "absent")


def test_recipients_are_checked_before_anything_is_encrypted(key: tuple[str, str]) -> None:
    assert checked_recipients([f"  {key[1]}\n", key[1]]) == (key[1],)
    assert recipient_of_identity(key[0]) == key[1]
    for bad in ("", "age1", key[1][:-1], key[0], "ssh-rsa AAAA", "ssh-ed25519 AAAA"):
        with pytest.raises(InputError):
            encrypted([b"data"], [key[1], bad])
    with pytest.raises(InputError, match="Nobody"):
        encrypted([b"data"], [])
