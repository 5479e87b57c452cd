"""One typed place for settings: a file, overruled by the environment, checked when read."""

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from oberih.errors import InputError, OutputError
from oberih.i18n import language
from oberih.settings import FILE, ServiceSettings, Settings, change, load, load_service
from oberih.settings.faults import FORMS

LVIV = {"url": "s3://bucket/lviv?endpoint=https://s3.example", "threat": "Lviv"}


def written(path: Path) -> dict[str, Any]:
    return tomllib.loads((path / FILE).read_text())


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path / FILE)
    assert (settings.copies, settings.verify_every_days, settings.naming_authority) == (3, 90, "99999")
    assert settings.stores == {} and settings.custodians == {}


def test_what_is_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / FILE
    change(path, lambda table: table.update(copies=2, stores={"lviv": LVIV}))
    change(path, lambda table: table.update(publisher="Музей"))
    again = load(path)
    assert again.copies == 2 and again.publisher == "Музей"
    assert again.stores["lviv"].threat == "Lviv" and not again.stores["lviv"].packages
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [FILE]  # no draft is left


def test_the_environment_overrules_the_file_and_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / FILE
    change(path, lambda table: table.update(stores={"lviv": LVIV}))
    monkeypatch.setenv("OBERIH_COPIES", "5")
    monkeypatch.setenv("OBERIH_STORES__LVIV__SECRET_KEY", "hush")
    monkeypatch.setenv("OBERIH_ARCHIVE", "/archive")  # an option of the commands, no setting
    settings = change(path, lambda table: table.update(publisher="Museum"))
    assert settings.copies == 5 and settings.publisher == "Museum"
    secret = settings.stores["lviv"].secret_key
    assert secret is not None and secret.get_secret_value() == "hush"
    assert settings.stores["lviv"].url == LVIV["url"]
    assert "hush" not in repr(settings) and "hush" not in str(settings.model_dump(mode="json"))
    assert written(tmp_path) == {"publisher": "Museum", "stores": {"lviv": LVIV}}


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"copies": 0}, "copies"),
        ({"copies": "many"}, "copies"),
        ({"publisher": " "}, "publisher"),
        ({"resolver": "n2t.net"}, "resolver"),
        ({"resolver": "javascript:alert(1)"}, "resolver"),
        ({"colour": "blue"}, "colour: not a setting"),
        ({"stores": {"Lviv!": LVIV}}, "stores.Lviv!"),
        ({"stores": {"lviv": {**LVIV, "colour": 1}}}, "stores.lviv.colour"),
        ({"stores": {"lviv": {}}}, "stores.lviv.url"),
        ({"naming_authority": "12"}, "naming_authority"),
        ({"naming_authority": "1234567890"}, "naming_authority"),  # no identifier could be made with it
        ({"verify_rate": -1}, "verify_rate"),
    ],
)
def test_every_wrong_setting_is_named(tmp_path: Path, table: dict[str, Any], named: str) -> None:
    path = tmp_path / FILE
    change(path, lambda t: t.update(publisher="Museum"))
    with pytest.raises(InputError, match=named) as caught:
        change(path, lambda t: t.update(table))
    assert caught.value.advice
    assert load(path).publisher == "Museum" and written(tmp_path) == {"publisher": "Museum"}


def test_a_wrong_value_is_never_shown_since_it_may_be_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(tmp_path / FILE, lambda table: table.update(stores={"lviv": LVIV}))
    monkeypatch.setenv("OBERIH_STORES__LVIV__SECRET_KEYS", "hush")
    with pytest.raises(InputError) as caught:
        load(tmp_path / FILE)
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("data", [b"copies = [", b"\xff\xfe", b"copies = 1\ncopies = 2"])
def test_a_broken_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / FILE)
    with pytest.raises(InputError, match="cannot be read"):
        change(tmp_path / FILE, lambda table: table.update(copies=2))
    assert (tmp_path / FILE).read_bytes() == data  # somebody can still mend it


def test_where_a_file_is_broken_and_what_is_allowed_is_said_in_ukrainian(tmp_path: Path) -> None:
    path = tmp_path / FILE
    for data, words in (
        (b"copies = 3\nworkers = \n", "рядок 2"), (b"url = 'x'", "url: тут має бути адреса"),
        (b"workers = 65", "workers: щонайбільше 64"), (b"gpu = 'x'", "gpu: можна 'auto', 'no'"),
    ):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            load_service(path)
        said = language("uk")(caught.value.message)
        assert words in said and not re.search("[A-Za-z]{3,} [a-z]{2,}", said.replace(str(path), "")), said


def test_every_form_that_a_setting_can_have_is_known() -> None:
    described = json.dumps([kind.model_json_schema() for kind in (Settings, ServiceSettings)])
    assert {
        json.loads(one) for one in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', described)
    } <= FORMS.keys()


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        change(tmp_path / "gone" / FILE, lambda table: table.update(copies=2))
    path = tmp_path / FILE
    change(path, lambda table: table.update(copies=2))

    def replaced(table: dict[str, Any]) -> None:
        path.unlink()
        path.mkdir()

    with pytest.raises(OutputError):
        change(path, replaced)
    assert [p.name for p in tmp_path.glob(f".{FILE}*")] == []


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_environment_may_hold_keys_of_stores_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was removed, or that is to be added."""
    path = tmp_path / FILE
    monkeypatch.setenv("OBERIH_STORES__LVIV__SECRET_KEY", "hush")
    monkeypatch.setenv("OBERIH_STORES__ODESA", "")
    assert load(path).stores == {}
    settings = change(path, lambda table: table.update(stores={"lviv": LVIV}))
    assert settings.stores["lviv"].secret_key is not None and list(settings.stores) == ["lviv"]
    assert change(path, lambda table: table.pop("stores")).stores == {}
    monkeypatch.delenv("OBERIH_STORES__ODESA")
    monkeypatch.setenv("OBERIH_STORES__ODESA__URL", "odesa")  # one that only the environment knows
    assert load(path).stores["odesa"].url == "odesa"


@pytest.mark.parametrize("value", ["x", "[1]", '"x"', "{"])
def test_nonsense_in_the_environment_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("OBERIH_STORES", value)
    with pytest.raises(InputError, match="stores"):
        load(tmp_path / FILE)
