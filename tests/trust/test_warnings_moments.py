"""A reviewer is warned of days, hours and weather: with shadows they tell where it was taken (case 9)."""

import pytest

from oberih.trust.warnings import warnings_in


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Recorded on 14 June 2026 at 15:42.", ["14 June 2026", "15:42"]),
        ("June 14th, 2026", ["June 14th, 2026"]),
        ("Знято 14 червня 2026, о 9:05 ранку? ні, 14:30–16:05.", ["14 червня 2026", "14:30", "16:05"]),
        (
            "Дата: 2023-05-01T12:30:00Z, 01.05.2023, 1/5/23",
            ["2023-05-01", "12:30:00", "01.05.2023", "1/5/23"],
        ),
        ("at 3 pm, after the storm", ["3 pm", "after the storm"]),
        ("під час дощу, потім на світанку", ["під час дощу", "на світанку"]),
        ("Фасад пошкоджено 24.03.2022 після обстрілу.", ["24.03.2022", "після обстрілу"]),
    ],
)
def test_moments_are_noticed(text: str, told: list[str]) -> None:
    assert [one.text for one in warnings_in(text) if one.kind == "moment"] == told


@pytest.mark.parametrize(
    "text",
    [
        "Built on 12 May 1787, rebuilt in 1905, restored in 2011.",
        "Збудовано 12.05.1787, освячено 1654-05-12; XVII століття.",
        "A plan at 1:50, version 1.2.3, КВ-12/03/2015; may 2000 people come in June 2026.",
        "The dawn of the baroque; на заході України; дощова труба; Storm Petrel (a boat).",
    ],
)
def test_history_is_no_moment(text: str) -> None:
    assert [one.text for one in warnings_in(text) if one.kind == "moment"] == []
