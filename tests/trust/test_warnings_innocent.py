"""Heritage texts that betray nothing raise no warning, and no text makes the search slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oberih.trust.warnings import Names, warnings_in

NEAR = Names(["Чернігів", "Седнів", "Козацьке", "Суми", "Біла Церква"])
WHO = Names.of_people(["Оксана Коваленко"])

UKRAINIAN = [
    "Дерев'яна тризрубна церква, збудована 1746 р. коштом козацького полковника.",
    "Храм споруджено у 1690–1702 рр., перебудовано 1911 року; дзвіницю зведено 12 травня 1819 р.",
    "Буд. 1905 р., реконструкція 1954 р., буд. арх. невідомий.",
    "Пл. 124,5 кв. м, висота 18,4 м. Стіни з дубових брусів 24 × 32 см.",
    "Загальна площа 1250 м², площа забудови 340,75 м².",
    "Розміри: 12,345 × 13,678 × 4,512 м; товщина стін 0,85 м.",
    "Розміри ікони 103,5 × 72,3 × 3,2 см. Інв. № КН-12345, І-678.",
    "Інв. № 0671234567, група зберігання А, акт № 380 від 12.05.1978.",
    "КН 12345/1-7; КВ-1234; НДФ 5678; Ж-1905",
    "ЦДІАК України, ф. 127, оп. 1020, спр. 4567, арк. 12–34 зв.",
    "У 3 кв. 2022 р. покрівлю полагоджено.",
    "Глибина розкопу 5 м. Церква стояла на мурованому підмурку.",
    "Археологічна траншея № 2, квадрати А-5 і Б-6, шар ІІІ, глибина 1,25–1,40 м.",
    "У розвідковій траншеї виявлено кераміку XII–XIII ст.",
    "Кут нахилу даху 45°, азимут вівтаря 85,5°.",
    "Вівтар звернено на схід, вхід — із заходу; крен дзвіниці 2°30′ на північ.",
    "Температура в залі 18 °C, вологість 55 %.",
    "Пам'ятник загиблим воїнам-односельцям, скульптор невідомий, 1957 р.",
    "Братська могила радянських солдатів, поховано 123 особи.",
    "Будівлю знято дроном DJI Mini 3, 450 фото, 1 млн полігонів.",
    "Казарми ХІХ ст., цегла, стиль історизм; нині музей.",
    "Садиба, будинок ХІХ ст., будинок 2-поверховий, мурований.",
    "Будинок 18 століття з мезоніном, будинок 5 × 8 м.",
    "Стиль — козацьке бароко, біла церква з золотими банями, рівне місце, велика сума.",
    "Ікона Святої Оксани, св. Миколай, образ Богородиці.",
    "Книга пожертв: 12 345 крб. 67 коп., 1 250,50 грн.",
    "ISBN 978-966-123-456-7, ISSN 0130-5247, УДК 719:72(477)",
    "Масштаб 1:50, ГСД 0,4512 мм, похибка 0.0031 м, RMS 0.4521 px.",
    "Координатна сітка на кресленні: осі А–Д, 1–7.",
    "Ліцензія CC BY 4.0; версія 2.10.3; файл model_v2.1.glb",
    "Колірна точка білого 0.3127, 0.3290; гама 2,2.",
    "Матриця 0.9998 0.0123; 0.1234 0.5678",
    "Епіграма: «Майстер Іван Зарудний р. Б. 1743».",
    "Телефон дисковий, бакеліт, 1950-ті. Телефонний апарат «Багта-50».",
    "Швейна машина «Зінгер» № 12345678, 1908 р.",
    "Автомобіль ГАЗ-М1, 1938 р. випуску; автомобіль ЗІС-5",
    "Лист пергаменту, 25,4 × 18,2 см, 42 рядки, XV ст.",
    "Хата-мазанка, с. 15–17 каталогу, рис. 4, табл. XII.",
    "Позиція 12 каталогу; позиції 3–7 опису.",
    "Монета: срібло, 5,45 г, 24,5 мм, 1654 р.",
    "Бронзова гармата XVII ст., калібр 76 мм.",
    "Оборонні вали й рови городища XI ст., фортеця бастіонного типу.",
]
ENGLISH = [
    "Wooden three-part church, built in 1746 and rebuilt in 1911; the bell tower is of 12 May 1819.",
    "Height 18.4 m, width 12.345 m, depth 13.678 m, walls 0.85 m thick.",
    "Dimensions: 103.5 x 72.3 x 3.2 cm; H 12.50 W 3.20 m.",
    "Measured 12.345, 13.678 and 4.512 m between the piers.",
    "Inventory numbers KN-12345, A-678, 1905.12.34, 2019,8032.1, EA 1234.",
    "Accession no. 1987.123.45; photo no. 0671234567; box 12, folder 34.",
    "St. Michael's Cathedral, St Nicholas and the Church of St Andrew.",
    "The roof pitch is 45°, the altar faces 85.5° east, lean 2°30′.",
    "Kept at 18 °C and 55 % humidity; 60 W lamps, 12.50 N load, 3.25 E modulus.",
    "Monument to the Unknown Soldier; memorial of the soldiers who fell in 1943.",
    "Flown with a drone: 450 photos, 1 million polygons, 12 control points.",
    "Former barracks of the nineteenth century, now a museum of the town.",
    "Lime mortar with brick dust; the mortar joints are 12 mm.",
    "Trial trench 3, context 104, depth 1.25 to 1.40 m.",
    "Excavation trench and the dugout canoe found in it.",
    "A water tank, an oil tank and the old fuel tanks of the mill.",
    "House 18 m long, building 5 x 8 m, flat 3 mm washers, 2 storeys.",
    "House 2-storey, building of 1905, Building 1905.",
    "The Silk Road, the Roman Road and an old square with a fountain.",
    "ISBN 978-0-306-40615-7, doi:10.1234/abc.5678, ark:/99999/b1gk8t2n5x7wq3mz",
    "Licence CC BY-SA 4.0, version 2.10.3, commit 7383e72.",
    "Scale 1:50, GSD 0.4512 mm, RMS 0.4521 px, error 0.0031 m.",
    "White point 0.3127, 0.3290; matrix 0.9998 0.0123 0.1234.",
    "sha512 8f3a9c0d1e2b4a5f6c7d8e9f0a1b2c3d",
    "Cost 12,345.67 hryvnias; weight 1,234.5 kg; 1.2345, 2.3456",
    "Psalm 51:29, folio 12r, MS 381, pp. 123-145, plate XII.",
    "Sewing machine no. 12345678, Singer, 1908; car GAZ-M1 of 1938",
    "Bronze cannon of the seventeenth century, bore 76 mm, cast by Master Ivan.",
    "Ramparts and ditches of a hillfort, bastions of the fortress.",
    "A Cossack village house; our village; a museum village of the open air.",
    "IMG_20230501_123045.jpg",
    "DSC01234.ARW",
    "scan-2023-05-01_v2.glb",
    "PXL_20230501_093045123.MP.jpg",
    "church_front_01_of_24.jpeg",
    "2 + 2 = 4, A+B, C++ and 1234+56",
    "The artist's palette: 12 colours at 3.5 % each; ratio 16:9 and 3:2.",
    "Chapter 4.2.1: columns A-C, rows 1-7; see also 5.3.",
]
INNOCENT = [*UKRAINIAN, *ENGLISH]


@pytest.mark.parametrize("text", INNOCENT)
def test_a_text_that_betrays_nothing_raises_no_warning(text: str) -> None:
    assert [(w.kind, w.text) for w in warnings_in(text, settlements_near=NEAR, people=WHO)] == []


@given(st.text(max_size=300))
def test_any_text_is_read_and_what_is_quoted_stands_there(text: str) -> None:
    for warning in warnings_in(text, settlements_near=NEAR, people=WHO):
        assert 0 <= warning.start < warning.end <= len(text)
        assert text[warning.start : warning.end] == warning.text


PIECES = [
    *(
        "1",
        "51.4939 ",
        "51°29'",
        "A ",
        "вул. ",
        "вулиця Шевченка ",
        "@",
        "a.",
        "0-",
        "+3 ",
        "https://",
        "N",
        "X ",
    ),
    *(
        "а" * 31 + " ",
        "A" * 30 + " ",
        "Street ",
        "8f",
        "\u0308",
        "'",
        "військових ",
        "a@a.",
        "(0",
        "maps.google",
    ),
    *("1 1 ", "Козацьке ", "Біла "),
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_makes_the_search_slow(piece: str) -> None:
    text = (piece * 20_000)[:20_000]
    began = time.process_time()
    warnings_in(text, settlements_near=NEAR, people=WHO)
    assert time.process_time() - began < 3  # a tenth of it here
