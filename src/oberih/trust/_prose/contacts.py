"""Telephone numbers, e-mail, accounts and number plates, in folded text."""

import re
from typing import Literal

from oberih.trust._prose.finding import Finder, any_case, as_written, finder

__all__ = ["CONTACTS", "plates"]

OTHER_NUMBER = any_case(r"(?:інв|inv|№|\bno|isbn|issn|ean|арк|фонд|спр)[\w.]{0,12}[\s:№.]{0,4}$")


def is_telephone(found: re.Match[str], text: str) -> bool:
    digits = sum(character.isdigit() for character in found[0])
    return 8 <= digits <= 15 and not OTHER_NUMBER.search(text[max(0, found.start() - 20) : found.start()])


CONTACTS: dict[Literal["e-mail", "account", "phone"], Finder] = {
    "e-mail": finder(
        any_case(
            r"""(?<![\w.+-])[\w.+-]{1,64}\ ?(?:@|\(at\)|\[at\]|\(собака\))\ ?[\w-]{1,63}
            (?:\ ?(?:\.|\(dot\)|\[dot\])\ ?[\w-]{2,63}){1,4}"""
        ),
    ),
    "account": finder(
        any_case(
            r"""(?:t\.me|telegram\.me|wa\.me|instagram\.com|facebook\.com|fb\.com|vk\.com|tiktok\.com
            |linkedin\.com|viber\.com|signal\.me)/[^\s<>\"']{2,100}"""
        ),
        as_written(r"(?<![\w.@/])@[A-Za-z]\w{3,31}(?![\w@])"),
    ),
    "phone": finder(
        (as_written(r"(?<![\w+])\+\d[\d()\ .-]{6,20}\d(?!\d)"), is_telephone),
        (as_written(r"(?<![\w.,/-])\(?0\d{2}\)?[\ -]?\d{3}[\ -]?\d{2}[\ -]?\d{2}(?![\w-])"), is_telephone),
        as_written(r"(?<![\w.,/-])(?:8[\ -]?)?\(0\d{2,4}\)[\ -]?\d{1,3}[\ -]?\d{2}[\ -]?\d{2}(?!\w)"),
        as_written(r"(?<!\w)\(\d{3}\)\ ?\d{3}-\d{4}(?!\d)"),
        any_case(
            r"""(?<!\w)(?:tel|phone|mobile|cell|тел|телефон\w{0,2}|моб|вайбер|viber|whatsapp)[.:]{0,2}
            \ ?[\d(+][\d()\ .-]{3,18}\d"""
        ),
    ),
}

# Letters that look alike in both alphabets: no others are on Ukrainian plates.
ALIKE = "ABEIKMHOPCTXАВЕІКМНОРСТХ"
LARGE = "A-ZА-ЯІЇЄҐ"

plates = finder(
    as_written(rf"(?<![\w-])[{ALIKE}]{{2}}[\ -]?\d{{4}}[\ -]?[{ALIKE}]{{2}}(?![\w-])"),
    as_written(r"(?<![\w-])[A-Z]{2}[\ -]\d{3}[\ -][A-Z]{2}(?![\w-])"),  # France, Italy
    as_written(r"(?<![\w-])[A-Z]{2}\d{2}\ [A-Z]{3}(?![\w-])"),  # Britain
    # Plates of other countries look like inventory numbers: they count where a vehicle is spoken of.
    as_written(
        rf"""(?<!\w)(?i: номерн\w{{2}}\ знак\w{{0,2}} | держ\.?\ ?номер\w{{0,2}} | автомобіл\w{{1,3}} | авто
        | машин[аиіоу]\w? | (?:licen[cs]e|number)\ plates? | cars? | vans? | trucks? | vehicles? )
        [^\w\n]{{1,4}}(?:[^\W\d_]{{2,12}}[^\w\n]{{1,3}}){{0,3}}
        (?=[{LARGE}\d\ -]{{0,9}}\d{{2}})(?=[\d\ -]{{0,6}}[{LARGE}])
        [{LARGE}\d]{{1,4}}[\ -]?[{LARGE}\d]{{1,5}}(?:[\ -]?[{LARGE}\d]{{1,4}})?(?!\w)"""
    ),
)
