"""Forms and spellings of one word have one key, and different words do not."""

import pytest

from oberih.catalogue.public.words import fold, key, words_of

SAME = """
Чернігів Чернігова Чернігові Черніговом Chernihiv Chernihiv's Chernigov Чернигов
Київ Києва Києву Києві Києвом Ки́їв Kyiv Kiev Kyiv's Киев Kiew Kijów
Львів Львова Львові Lviv Lvov Lwów Lemberg
Харків Харкова Kharkiv Kharkov
Одеса Одеси Одесі Odesa Odessa
Запоріжжя Запоріжжі Zaporizhzhia Zaporizhia Zaporozhye
Миколаїв Миколаєва Mykolaiv Nikolaev
Вінниця Вінниці Vinnytsia Vinnitsa
Кам'янець Кам’янця Камʼянці Кам`янець Kamianets Kamenets Kamyanets
Хмельницький Хмельницького Khmelnytskyi Khmelnitsky
Тернопіль Тернополя Тернополем Ternopil Ternopol
Рівне Рівного Rivne Rovno
Суми Сум Сумах Sumy
Чернівці Чернівців Чернівцях Chernivtsi Chernovtsy
Ужгород Ужгорода Uzhhorod Uzhgorod
Дніпро Дніпра Дніпрі Dnipro Dnepr
Крим Криму Crimea Krym
Україна України Україні Ukraine Ukraina
Трускавець Трускавця Truskavets
Поділ Подолу Podil
церква церкви церкві церкву церквою церков церквах церквами церковь tserkva
замок замку замки замків замком zamok
будинок будинку будинки будинків
собор собору собори соборів соборами соборові Sobor
міст мосту мости мостів
дім дому доми домів
дзвін дзвону дзвони
камінь каменю камені
музей музею музеї музеїв muzei
школа школи шкіл школу
гора гори гір
вулиця вулиці вулиць vulytsia
пам'ятка пам'ятки пам'яток
фортеця фортеці фортець fortetsia
дерев'яна дерев’яної деревʼяний деревяні
Софія Софії Софію Софією Sofia Sophia
острів острова острови
архів архіву архіви
яр яру
church churches church's Churches
city cities
house houses
statue statues
cross crosses
box boxes
archive archives
Łódź Lodz
Zürich Zurich
XVII ХVІІ 17 ١٧
東 東
"""
DIFFERENT = (
    "арка архів|лев Львів|кава Київ|arch archive|statue state|хата гата|gold hold|голод холод|crime Crimea"
)
DIFFERENT += "|Миколая Миколаїв|собор сабор|XVI XVII|12 13|church chord"


def key_of(text: str) -> str:
    (word,) = words_of(text)
    return key(word)


@pytest.mark.parametrize("words", SAME.strip().splitlines())
def test_all_forms_and_spellings_of_a_word_have_one_key(words: str) -> None:
    assert len({key_of(word) for word in words.split()}) == 1


@pytest.mark.parametrize("words", DIFFERENT.split("|"))
def test_different_words_have_different_keys(words: str) -> None:
    one, other = map(key_of, words.split())
    assert one != other


def test_words_of_a_text() -> None:
    assert words_of("Церква Св. Миколая (1654–1667), O'Brien’s 🙂") == [
        "церква", "св", "миколая", "1654", "1667", "o'brien’s",
    ]  # fmt: skip


def test_numbers_and_letters_are_words_of_their_own() -> None:
    assert words_of("КВ-1234/5") == words_of("кв1234 5") == ["кв", "1234", "5"]


def test_numbers_of_other_scripts_and_of_rome() -> None:
    assert [key_of(text) for text in ("٣٤", "XIX", "ХІХ", "iv")] == ["34", "19", "19", "4"]
    assert key_of("vi" * 20) != "6"  # not a number, and no trouble


def test_keys_are_plain() -> None:
    strange = "ﬁ Ⅷ ½ ა ბ Ωmega ß İstanbul naïve अ 東京 \u0000 \ud800 \u202e ' ’’ _ __ ٤ x² Ă̈"
    for word in words_of(strange):
        for found in (key(word), fold(word)):
            assert found
            assert set(found) <= set("abcdefghijklmnopqrstuvwxyz0123456789"), word


def test_long_words_are_cut() -> None:
    assert len(words_of("щ" * 10_000)[0]) == 40


def test_the_folded_beginning_of_a_word_is_the_beginning_of_the_folded_word() -> None:
    for word in ("чернігів", "собор", "фортеця", "chernihiv", "шевченко", "п'ятницька"):
        for letters in range(2, len(word)):
            if word[letters - 1] != "'":
                assert fold(word).startswith(fold(word[:letters])), (word, letters)
