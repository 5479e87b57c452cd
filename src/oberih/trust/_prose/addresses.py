"""Addresses and names of settlements, in English and Ukrainian, in folded text.

Ukrainian shortens alike what is not alike: "пл." is a square or an area, "кв." a flat, a square (of metres)
or a quarter, "м." a town or metres, "буд." a house or built. What follows, and a number before, tell which.
"""

import re

from oberih.trust._prose.finding import any_case, as_written, finder

__all__ = ["addresses", "settlements"]

PROPER = "[А-ЯІЇЄҐ][а-яіїєґ'-]{2,30}"
# What may stand between "вул." and the name: initials, ranks, numbers.
TITLES = r"""(?:(?: ім\. | імені | ген\. | акад\. | св\. | [а-яіїєґ]{4,12}(?:а|ої|ого|ів) | [А-ЯІЇЄҐ]\.
    | \d{1,3}(?:-?[а-яіїєґ]{1,3})? )\ ?){0,3}"""
HOUSE = r"(?:,?\ (?:(?:буд(?:\.|инок)|б\.|д\.|№)\ ?)?\d{1,3}(?!\d)(?:[-/]\d{1,3})?[а-яіїєґА-ЯІЇЄҐ]?(?!\w))?"
STREET = r"""(?: вул(?:\.|иц[яіюе]\w?) | просп(?:\.|ект\w{0,3}) | пр-т\w? | бульв(?:\.|ар\w{0,3}) | б-р
    | пров(?:\.|ул\w{1,4}) | узв(?:\.|[оі]з\w{0,3}) | набережн\w{1,3} | наб\. | шосе | майдан\w{0,3}
    | туп(?:\.|ик\w{0,3}) | мікрорайон\w{0,3} | мкр\.? | ж/м | проїзд\w{0,2} | але[яїюєі]\w?
    | ул\. | улиц\w{1,3} | переул\w{1,4} )"""
SQUARE = r"(?: пл\. | площ[аіу] | площею )"
OF_SQUARE = r"""(?: Соборн | Центральн | Ринков | Контрактов | Базарн | Театральн | Вокзальн | Привокзальн
    | [А-ЯІЇЄҐ]\w{2,20}[сцз]ьк )"""
# The number is a year, a floor or a measure.
NO_HOUSE = r"""(?! \d | \s?(?: - | ст | вік | рок | рр?\. | поверх | м\b | мм | см | км | кв | [xх]\b | × | %
    | га\b | тис | грн ))"""
NO_FLAT = r"(?! \d | [.,]\d | \s?(?: м | см | км | саж | фут | верст | лікт | арш | дюйм | [²2] ))"
NO_BUILDING = r"""(?! - | [.,]\d | \ ?[%×]
    | \ ?(?: m | cm | mm | km | x | st | nd | rd | th | storey | floor | room | by )\b )"""
EN_STREET = r"""(?: Street | Avenue | Ave | Road | Rd | Lane | Square | Sq | Boulevard | Blvd | Drive | Dr
    | Court | Ct | Place | Pl | Terrace | Way | Close | Crescent | Quay | Row | Alley | Parkway | Highway
    | Hwy )"""
NO_STREET = "(?!(?:The|This|That|Each|Every|Our|An|In|On|At|Silk|Roman|Amber|Magic|Via|Main|High|Old|New)\\ )"
NO_VILLAGE = (
    "(?!(?:The|This|That|Our|Each|Every|Old|New|Whole|Another|Cossack|Olympic|Museum|Global|Open)\\ )"
)


def is_no_unit(found: re.Match[str], text: str) -> bool:
    """Whether no number stands before it: "5 м. Церква", "3 кв. 2022"."""
    before = text[max(0, found.start() - 2) : found.start()]
    return not before.rstrip()[-1:].isdigit()


addresses = finder(
    # вул. Шевченка, 12 | проспект Т. Шевченка | площа Ринок 4 | Андріївський узвіз
    as_written(rf"(?<!\w)(?i:{STREET})\ ?{TITLES}{PROPER}(?:\ {PROPER})?{HOUSE}"),
    as_written(rf"(?<!\w)(?i:{SQUARE})\ {TITLES}{PROPER}{HOUSE}"),
    as_written(rf"(?<!\w){PROPER}(?<=[йаеоіяуюхм])\ {STREET}(?!\w){HOUSE}"),
    as_written(rf"(?<!\w){OF_SQUARE}\w{{1,3}}\ {SQUARE}(?!\w){HOUSE}"),
    any_case(
        rf"(?<!\w)(?:буд\.|будинок|будинку)\ ?№?\ ?\d{{1,3}}(?:[-/]\d{{1,3}})?(?:[а-яіїєґ](?!\w))?{NO_HOUSE}"
    ),
    (any_case(rf"(?<!\w)(?:кв\.|квартир[аиіу])\ ?№?\ ?\d{{1,4}}{NO_FLAT}"), is_no_unit),
    # post codes and boxes, the Ukrainian land register
    any_case(r"(?<!\w)(?:індекс|zip|post\ ?code|postal\ code)\W{1,4}\d{5}(?!\d)"),
    as_written(rf"(?<![\d-])\d{{5}},?\ (?:м\.|місто|смт|с\.)\ {PROPER}"),
    as_written(r"(?<!\w)[A-Z]{1,2}\d[A-Z\d]?\ \d[ABD-HJLNP-UW-Z]{2}(?!\w)"),
    any_case(r"(?<!\w)(?:p\.?\ ?o\.?\ box|а/с|абонентська\ скринька)\ ?№?\ ?\d{1,6}"),
    as_written(r"(?<!\d)\d{10}:\d{2}:\d{3}:\d{4}(?!\d)"),
    # 12 Market Street | Khreshchatyk Street | flat 5 | vul. Shevchenka, 12 | Hauptstrasse 5
    as_written(
        rf"""(?<![\w.,-])\d{{1,4}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?\ (?:[A-Z][\w'.-]{{1,30}}\ ){{1,4}}
        (?:{EN_STREET}\b | St\b(?!\.?\ [A-Z]))"""
    ),
    as_written(
        rf"""(?<![\w-]){NO_STREET}(?:[A-Z][\w'-]{{2,30}}\ ){{1,2}}
        (?:Street|Avenue|Road|Lane|Boulevard|Square|Embankment|Highway|Quay)\b"""
    ),
    any_case(
        r"(?<!\w)(?:apt|apartment|flat|house|building|bldg)\.?\ (?:no\.?\ ?|\#\ ?|№\ ?)?\d{1,3}[a-z]?(?!\w)"
        + NO_BUILDING
    ),
    as_written(
        r"""(?<!\w)(?i: vul\. | vulyts\w{1,3} | prosp\. | prospekt\w? | bulv\. | bulvar\w? | provul\w{1,3}
        | ploshch\w{1,2} | uzviz | ul\. | ulits\w{1,2} | ulica )\ ?(?:[A-Z]\.\ ?)?[A-Z][\w'-]{2,30}
        (?:,?\ \d{1,3}[a-z]?(?!\w))?"""
    ),
    as_written(r"(?<!\w)[A-Z]\w{2,30}(?:strasse|straße|gasse|platz)\ \d{1,3}[a-z]?(?!\w)"),
)

settlements = finder(
    (as_written(rf"(?<![\w.])(?:с\.|смт\.?|м\.|хут\.|сел\.|м-ко)\ ?{PROPER}(?:[-\ ]{PROPER})?"), is_no_unit),
    as_written(
        rf"""(?<!\w)(?i: сел[оіау]м? | селищ[еіау]м? | міст[оіау]м? | містечк[оіау]м? | хутір | хутор[іау]
        | присіл(?:ок|к[ауі]) )\ {PROPER}(?:[-\ ]{PROPER})?"""
    ),
    as_written(
        rf"""(?<!\w){PROPER}(?<=к)(?:ий|ого|ому|ім|а|ої|ій|ою)[ ]
        (?:район\w{{0,2}}|р-н\w?|громад\w{{1,2}}|сільрад\w{{1,2}}|волост\w{{1,2}}|повіт\w{{0,2}})"""
    ),
    as_written(r"(?<!\w)(?:village|town|settlement|hamlet|city)\ (?:of|called|named)\ [A-Z][\w'-]{2,30}"),
    as_written(rf"(?<!\w){NO_VILLAGE}[A-Z][\w'-]{{2,30}}\ (?:village|settlement|hamlet|hromada|raion)\b"),
)
