"""Days, hours and weather of a recording, in folded text.

With the shadows and the sky of a picture they tell where it was taken. Years before `RECENT` are history.
"""

import re

from oberih.trust._prose.finding import any_case, as_written, finder

__all__ = ["moments"]

RECENT = 2000  # nobody recorded for this archive before
MONTHS = r"""(?:january|february|march|april|may|june|july|august|september|october|november|december
    |січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня)"""


def is_recent(found: re.Match[str], _: str) -> bool:
    year = int(found["year"])
    return year >= RECENT or len(found["year"]) == 2


moments = finder(
    (as_written(r"(?<![\d.,/-])(?P<year>\d{4})[-./](?:0\d|1[0-2])[-./](?:[0-2]\d|3[01])(?!\d)"), is_recent),
    (
        as_written(r"(?<![\d.,/-])\d{1,2}[./-](?:0?\d|1[0-2])[./-](?P<year>\d{4}|\d{2})(?!\d|[.,/-]\d)"),
        is_recent,
    ),
    (any_case(rf"(?<!\d)\d{{1,2}}(?:st|nd|rd|th)?\ (?:of\ )?{MONTHS},?\ (?P<year>\d{{4}})(?!\d)"), is_recent),
    (any_case(rf"\b{MONTHS}\ \d{{1,2}}(?:st|nd|rd|th)?,?\ (?P<year>\d{{4}})(?!\d)"), is_recent),
    as_written(r"(?<![\d:.,])(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?![\d:])"),
    any_case(r"(?<!\w)\d{1,2}(?:[:.][0-5]\d)?\ ?(?:a\.?m\.?|p\.?m\.?|o'clock)(?!\w)"),
    any_case(
        r"""(?<!\w)(?: (?:during|after|before|in|at) \ (?:the\ |a\ )?
        (?: rain | snowfall | snowstorm | thunderstorm | storm | hail | fog | sunset | sunrise | dawn | dusk
        | air\ raid | shelling )
        | (?:під\ час | після | перед | на) \ (?: дощу | дощем | снігопад\w{1,2} | гроз\w{1,2} | бур\w{1,2}
        | градом | туман\w{1,2} | світанк\w{1,2} | світанні | заход\w{0,2}\ сонця | сход\w{0,2}\ сонця
        | обстріл\w{1,2} | повітрян\w{2,4}\ тривог\w{1,2} ) )(?!\w)"""
    ),
)
