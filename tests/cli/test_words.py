"""The command line in the reader's language: what click says itself, too."""

import errno
import inspect
import os

import click
import pytest

from oberih.cli import run
from oberih.cli.words import MODULES, SYSTEM, WORDS
from oberih.i18n import language


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["send", "--help"], 0, ["Використання: oberih send [ПАРАМЕТРИ]", "Параметри:", "[обов’язково]",
                                 "Показати цю довідку й вийти."]),
        (["serve", "--help"], 0, ["oberih.toml", "`oberih", "settings --data FOLDER`", "[типово: 8000;"]),
        (["stores", "--help"], 0, ["КОМАНДА [АРГУМЕНТИ]...", "Команди:"]),
        (["serve"], 2, ["Помилка: Бракує параметра '--data'.", "Довідка: «oberih serve --help»."]),
        (["send"], 2, ["Бракує аргументу"]),
        (["serve", "--data", "x", "--port", "0"], 2, ["Неправильне значення для '--port'", "не в межах"]),
        (["serve", "--data", "x", "--prt"], 2, ["Немає параметра '--prt'.", "Може, ось це: '--port'?"]),
        (["send", "x", "--to", "y", "--kind", "boat"], 2, ["'boat' — не 'building'"]),
        (["send", "a", "b", "--to", "y", "--sheet", "z"], 2, ["--sheet описує одну теку."]),
        (["settings", "--data", ""], 2, ["Шлях порожній."]),
    ],
)  # fmt: skip
def test_click_speaks_ukrainian(
    arguments: list[str], code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--lang", "uk"]) == code
    shown = "".join(capsys.readouterr())
    for one in words:
        assert one in shown
    for english in ("Usage", "Options", "Error", "Missing", "Invalid", "Show this"):
        assert english not in shown


def test_it_speaks_english_again(capsys: pytest.CaptureFixture[str]) -> None:
    run(["serve", "--lang", "uk"])
    capsys.readouterr()
    assert run(["serve", "--lang", "en"]) == 2
    assert "Error: Missing option '--data'." in capsys.readouterr().err


def test_the_words_are_those_of_this_release_of_click_and_translated() -> None:
    source = "".join(map(inspect.getsource, (*MODULES, click.core)))
    told = source.replace('"\n                    "', "")
    assert [one for one in WORDS if repr(one)[1:-1] not in told and one not in told] == []
    assert [one for one in WORDS + SYSTEM if language("uk").catalogue.get(one) is None] == []
    assert set(SYSTEM) <= {os.strerror(number) for number in errno.errorcode} | {"Name or service not known"}
