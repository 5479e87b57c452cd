"""Coordinates in all usual notations, codes for places and links to maps, in folded text.

Two numbers side by side are coordinates only if they are as exact as such are, or something says what they
are: records of heritage are full of measurements.
"""

import re

import h3

from oberih.trust._prose.finding import any_case, as_written, finder

__all__ = ["coordinates"]

DECIMAL = r"[-+]?\d{1,3}[.,]\d{2,15}"
# Which hemisphere: a letter of its own, or words in English, Ukrainian or Russian.
SIDE = r"""(?:
    [NSEW](?![^\W\d_]) | (?:north|south|east|west)\b
  | (?:пн|пд|сх|зх?|зах|півн|півд|північ\w{0,4}|південн\w{0,4}|східн\w{0,4}|західн\w{0,4}|с|ю|в)\.?\ ?[шд]
  | (?:Пн|Пд|Сх|Зх)(?!\w))"""
MINUTES = r"""(?:
    \d{1,3}\ ?(?:°|d(?=[\d\ ])|deg\.?|degrees?|град\.?|градус\w{0,3})\ ?
    \d{1,2}(?:[.,]\d{1,10})?\ ?(?:'(?!')|m(?=[\d\ ])|min\.?|minutes?|хв\.?|хвилин\w?)?)"""
SECONDS = r"""(?:
    \ ?\d{1,2}(?:[.,]\d{1,10})?\ ?(?:\"|''|s(?!\w)|sec\.?|seconds?|сек\.?|секунд\w?))"""
ANGLE = rf"(?:{MINUTES}{SECONDS}?)"
SPELT = r"\d{1,3}[-\ :]\d{2}[-\ :]\d{2}(?:[.,]\d{1,10})?"  # 51 29 38
CUE = any_case(r"coord|координат|\bgps\b|геолокац|\blat\b|latitude|широт|\blocation\b")
CUE_BEFORE, CUE_AFTER = 40, 15  # characters
PLUS = "23456789CFGHJMPQRVWX"  # digits of Open Location Code
WORD = r"[^\W\d_]{2,30}"
MAPS = any_case(
    r"""(?: maps?\.google | google\.[a-z.]{2,6}/maps | goo\.gl/maps | maps\.app\.goo | g\.co/maps
    | openstreetmap\.org | osm\.org | bing\.com/maps | maps\.apple | waze\.com | what3words\.com | w3w\.co
    | wego\.here | omaps\.app | organicmaps | mapy\.c[oz] | yandex\.[a-z.]{2,6}/maps | 2gis\. | wikimapia
    | geohack | plus\.codes | visicom | deepstatemap | liveuamap | mapcarta | kadastr\.live | map\.land\.gov
    )[^\s<>\"']{0,300}"""
)
EXACT_DIGITS, SAID_DIGITS = (
    4,
    2,
)  # after the mark: a place that nothing says to be one, and one that something does


def is_pair(found: re.Match[str], text: str) -> bool:
    """Whether two decimal numbers are a place. Shares and ratios (0.3127, 0.3290) are none."""
    numbers = [found["one"].replace(",", "."), found["other"].replace(",", ".")]
    sizes = sorted(abs(float(number)) for number in numbers)
    if sizes[0] > 90 or sizes[1] > 180 or sizes[1] < 3:
        return False
    digits = min(len(number.partition(".")[2]) for number in numbers)
    start = found.start()
    sides = sum(found[side] is not None for side in "abcd")
    said = sides > 1 or CUE.search(text, max(0, start - CUE_BEFORE), found.end() + CUE_AFTER)
    return digits >= (SAID_DIGITS if said else EXACT_DIGITS)


def is_grid(found: re.Match[str], _: str) -> bool:
    """A reference in a grid has as many digits east as north."""
    return len(found["digits"].replace(" ", "")) % 2 == 0


def is_index(found: re.Match[str], _: str) -> bool:
    return bool(h3.is_valid_cell(found[0].lower()))


coordinates = finder(
    MAPS,
    any_case(r"\bgeo:-?\d[^\s<>\"']{3,100}"),  # RFC 5870
    any_case(
        r"https?://[^\s<>\"']{3,200}?[?&@\#/](?:m?lat|ll|q|center|pin)?=?-?\d{1,3}\.\d{2,}[^\s<>\"']{0,200}"
    ),
    # 51.4939, 31.2947 | 51,4939 31,2947 | N 51.49° E 31.29° | lat=51.49&lon=31.29
    (
        as_written(
            rf"""(?<![\d.,]) (?:(?<![^\W_])(?P<a>{SIDE})\ ?)? (?P<one>{DECIMAL})\ ?°?\ ?(?P<b>{SIDE})?
            (?:[\s,;/|_\"':=)(&]{{1,6}}|\ -\ )
            (?:(?:і|й|та|and|lon|lng|long|longitude|довгота|(?P<c>{SIDE}))[\s:=\"']{{1,4}})?
            (?P<other>{DECIMAL})(?![.,]?\d)(?:\ ?°?\ ?(?P<d>{SIDE}))?"""
        ),
        is_pair,
    ),
    as_written(rf"(?<![\d.,]){DECIMAL}\ ?°\ ?{SIDE}"),
    as_written(rf"(?<![^\W_]){SIDE}\ ?{DECIMAL}\ ?°"),
    as_written(rf"(?<![\d.,])\d{{1,3}}[.,]\d{{4,15}}\ ?{SIDE}"),
    any_case(r"\b(?:lat|latitude|lon|lng|longitude|широта|довгота)\W{0,4}[-+]?\d{1,3}[.,]\d{2,15}"),
    as_written(r"(?<![\d.,])[-+]\d{2}\.\d{3,9}[-+]\d{3}\.\d{3,9}"),  # ISO 6709
    # 51°29'38"N | 51° 29.634' пн. ш. | 51 degrees 29 minutes north
    any_case(rf"(?<![^\W_])(?<![.,]){ANGLE}\ ?{SIDE}"),
    any_case(rf"(?<![^\W_]){SIDE}\ ?{ANGLE}"),
    any_case(rf"(?<![\d.,]){ANGLE}[\s,;/]{{1,3}}(?:(?:і|та|and)\ )?{ANGLE}"),
    # 51 29 38 N 31 17 41 E | N51-29-38_E31-17-41 | 512938N0311741E
    any_case(rf"(?<![\d.,]){SPELT}\ ?[NS][\W_]{{0,4}}{SPELT}\ ?[EW](?![^\W_])"),
    any_case(rf"(?<![^\W_])[NS]\ ?{SPELT}[\W_]{{1,4}}[EW]\ ?{SPELT}"),
    as_written(r"(?<!\d)\d{4}(?:\d{2})?[NS]\W?\d{5}(?:\d{2})?[EW]"),
    # MGRS: 36U UB 50850 07370
    (
        as_written(
            r"""(?<![^\W_])(?:[1-9]|[1-5]\d|60)\ ?[C-HJ-NP-X]\ ?[A-HJ-NP-Z][A-HJ-NP-V]\ ?
            (?P<digits>\d{2,5}\ \d{2,5}|\d{4,10})(?![^\W_])"""
        ),
        is_grid,
    ),
    # UTM: 36U 381600 5706000
    as_written(
        r"""(?<![^\W_])\d{1,2}\ ?[C-HJ-NP-X][\s,;:]{1,2}(?:E\ ?)?0?\d{6}(?:[.,]\d{1,4})?\ ?m?\ ?E?
        [\s,;]{1,3}(?:N\ ?)?\d{7}(?:[.,]\d{1,4})?(?!\d)"""
    ),
    # Gauss-Krüger: X=5706000 Y=6381600, in either alphabet
    any_case(r"(?<!\w)[xх]\ ?[:=]?\ ?\d{7}(?:[.,]\d{1,4})?\W{1,6}[yу]\ ?[:=]?\ ?\d{6,8}(?!\d)"),
    as_written(rf"(?<![^\W_])[{PLUS}]{{8}}\+[{PLUS}]{{2,7}}(?!\w)"),
    as_written(rf"(?<![^\W_])(?=\d{{0,5}}[C-X])[{PLUS}]{{4,6}}\+[{PLUS}]{{2,3}}(?!\w)"),
    any_case(rf"(?:///\ ?|\b(?:what3words|w3w)\W{{1,4}}){WORD}\.{WORD}\.{WORD}"),
    any_case(r"\b(?:geohash|геохеш)\W{1,4}[0-9b-hjkmnp-z]{5,12}\b"),
    (any_case(r"(?<![^\W_])8[0-9a-f]{14}(?![^\W_])"), is_index),  # H3
)
