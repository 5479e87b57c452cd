"""Ukrainian in Latin letters: the examples of the resolution itself."""

import pytest

from oberih.trust.romanisation import romanised


@pytest.mark.parametrize(
    ("word", "latin"),
    [
        ("алушта", "alushta"), ("борщагівка", "borshchahivka"), ("вінниця", "vinnytsia"),
        ("галаґан", "halagan"), ("єнакієве", "yenakiieve"), ("наєнко", "naienko"), ("медвин", "medvyn"),
        ("їжакевич", "yizhakevych"), ("кадиївка", "kadyivka"), ("йосипівка", "yosypivka"),
        ("стрий", "stryi"), ("харків", "kharkiv"), ("біла", "bila"), ("гоща", "hoshcha"),
        ("юрій", "yurii"), ("крюківка", "kriukivka"), ("яготин", "yahotyn"), ("феодосія", "feodosiia"),
        ("згорани", "zghorany"), ("розгон", "rozghon"), ("русь", "rus"), ("знам'янка", "znamianka"),
    ],
)  # fmt: skip
def test_words_of_the_resolution(word: str, latin: str) -> None:
    assert romanised(word) == latin
