"""Everything that a person reads has a Ukrainian form, with the right plurals and the same parts."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from oberih import errors, i18n
from oberih.i18n import ENGLISH, available, from_environment, from_json, language, say, to_json

SOURCE = Path(i18n.__file__).parent
ERRORS = set(errors.__all__)
SPEAKERS = {"say", "t", "tongue", "speak"}
OTHERS = {"quantile", "minimize_scalar"}  # of other libraries: their methods are no texts


def constants(node: ast.AST) -> Iterator[str]:
    """String constants that ``node`` may become: itself, or the branches of a conditional or a sum."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def said_in(path: Path) -> Iterator[tuple[str, int]]:
    """Texts for people in a source file: what is said, what errors tell, what notes and methods tell."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        wanted: list[ast.expr] = []
        if name in SPEAKERS or name in ERRORS:
            wanted = node.args[:2]
        elif name == "note":
            wanted = node.args[-1:]
        elif name == "figure":
            wanted = node.args[2:]
        if name not in OTHERS:
            wanted += [keyword.value for keyword in node.keywords if keyword.arg in ("method", "reason")]
        for argument in wanted:
            yield from ((text, node.lineno) for text in constants(argument))


def all_said() -> dict[str, str]:
    """Every text for people, with a place where it is said."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        found |= {text: f"{path.name}:{line}" for text, line in said_in(path)}
    return found | in_templates()


def in_templates() -> dict[str, str]:
    found = {}
    for path in sorted(SOURCE.rglob("*.j2")):
        with path.open("rb") as file:
            for line, _, text, _ in babel_extract(file, ["t"], [], {"trim_blocks": "true"}):
                for one in [text] if isinstance(text, str) else text or ():
                    if one:
                        found[one] = f"{path.name}:{line}"
    return found


def all_written() -> set[str]:
    """Every text in the source: some reach people by way of a constant, or of a table."""
    nodes = (node for path in SOURCE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text())))
    return in_templates().keys() | {
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def parts_of(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_everything_said_has_a_ukrainian_form() -> None:
    ukrainian = language("uk")
    missing = {text: where for text, where in all_said().items() if ukrainian.catalogue.get(text) is None}
    plurals = {message.id[1] for message in ukrainian.catalogue if isinstance(message.id, tuple)}
    assert {text: where for text, where in missing.items() if text not in plurals} == {}


def test_nothing_is_translated_that_nobody_says() -> None:
    texts = (one.id[0] if isinstance(one.id, tuple) else one.id for one in language("uk").catalogue)
    assert {text for text in texts if text} - all_written() == set()


@pytest.mark.parametrize("code", [code for code in available() if code != "en"])
def test_catalogue_keeps_the_parts_and_has_all_plurals(code: str) -> None:
    with (i18n.LOCALE / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    for message in catalogue:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if isinstance(message.id, tuple):
            assert len(strings) == catalogue.num_plurals, message.id
        for translated in strings if message.id else ():
            assert translated, message.id
            assert parts_of(translated) == parts_of(ids[-1]), message.id


def test_errors_are_never_put_together_with_f_strings() -> None:
    """An f-string can't be translated; `say` can."""
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ERRORS
        and any(isinstance(argument, ast.JoinedStr) for argument in node.args)
    ]
    assert found == []


def test_plurals() -> None:
    uk = language("uk")
    said = [
        uk.say("{count} more photo was used.", "{count} more photos were used.", count=n)
        for n in (1, 2, 5, 11, 21, 22, 25)
    ]
    forms = [re.sub(r"\d+", "", text) for text in said]
    assert forms[0] == forms[4] != forms[1]
    assert forms[1] == forms[5] != forms[2]
    assert forms[2] == forms[3] == forms[6]
    assert (
        say("{count} more photo was used.", "{count} more photos were used.", count=1)
        == "1 more photo was used."
    )


def test_a_said_text_is_a_string_that_can_be_said_again() -> None:
    text = say("{time} left", time=say("{seconds} s", seconds=5))
    assert text == "5 s left"
    assert language("uk")(text) == "залишилося 5 с"
    assert ENGLISH(text) == "5 s left"
    assert language("uk")("no such text") == "no such text"


def test_a_said_text_can_be_kept_as_json() -> None:
    text = say("{stage}: done in {time}", stage="x", time=say("{seconds} s", seconds=5))
    kept = from_json(json.loads(json.dumps(to_json(text))))
    assert kept == text and language("uk")(kept) == "x: готово за 5 с"
    assert from_json(to_json("plain")) == "plain"


def test_numbers_have_the_language_s_decimal_mark() -> None:
    assert language("uk").say("{x:.1f} %", x=12.5) == "12,5 %"
    assert ENGLISH.say("{x:.1f} %", x=12.5) == "12.5 %"
    assert language("uk").say("{x:,.{d}f}", x=1234.567, d=2) == "1\u00a0234,57"


@pytest.mark.parametrize(
    "template",
    ["no part", "{a}", "{{{a}}} {{}}", "{a:>4}|{b:,.1f}|{a!r:>6}", "{b.real:.0f} {c[0]}", "{b:{c[1]}}"],
)
def test_texts_are_filled_in_as_python_does(template: str) -> None:
    parts = {"a": "x", "b": 1234.5, "c": ["y", ".2f"]}
    assert say(template, **parts) == ENGLISH.say(template, **parts) == template.format(**parts)


def test_a_part_that_is_missing_is_told() -> None:
    with pytest.raises(KeyError, match="count"):
        say("{count} photos")


def test_language_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "uk_UA.UTF-8")
    assert from_environment().code == "uk"
    assert from_environment(["en"]).code == "en"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    assert from_environment().code == "en"
    monkeypatch.setenv("LC_ALL", "xx_YY")
    assert from_environment().code == "en"
