"""Countries as people name them, `German` and `Germany`, and as systems keep them, `DE` and `DEU`."""

from __future__ import annotations

_TABLE = """
Argentina Argentinian,Argentine AR ARG; Australia Australian AU AUS; Austria Austrian AT AUT; Belgium Belgian BE BEL
Brazil Brazilian BR BRA; Bulgaria Bulgarian BG BGR; Canada Canadian CA CAN; Chile Chilean CL CHL
China Chinese CN CHN; Colombia Colombian CO COL; Croatia Croatian HR HRV; Cyprus Cypriot CY CYP
Czechia,Czech_Republic Czech CZ CZE; Denmark Danish DK DNK; Egypt Egyptian EG EGY; Estonia Estonian EE EST
Finland Finnish FI FIN; France French FR FRA; Germany German DE DEU; Greece Greek GR GRC
Hungary Hungarian HU HUN; India Indian IN IND; Indonesia Indonesian ID IDN; Ireland Irish IE IRL
Israel Israeli IL ISR; Italy Italian IT ITA; Japan Japanese JP JPN; Latvia Latvian LV LVA
Lithuania Lithuanian LT LTU; Luxembourg Luxembourgish LU LUX; Malaysia Malaysian MY MYS; Mexico Mexican MX MEX
Morocco Moroccan MA MAR; Netherlands,Holland Dutch NL NLD; New_Zealand New_Zealand NZ NZL; Norway Norwegian NO NOR
Peru Peruvian PE PER; Philippines Filipino PH PHL; Poland Polish PL POL; Portugal Portuguese PT PRT
Romania Romanian RO ROU; Russia Russian RU RUS; Saudi_Arabia Saudi SA SAU; Serbia Serbian RS SRB
Singapore Singaporean SG SGP; Slovakia Slovak,Slovakian SK SVK; Slovenia Slovenian SI SVN
South_Africa South_African ZA ZAF
South_Korea,Korea Korean,South_Korean KR KOR; Spain Spanish ES ESP; Sweden Swedish SE SWE; Switzerland Swiss CH CHE
Taiwan Taiwanese TW TWN; Thailand Thai TH THA; Turkey,Turkiye Turkish TR TUR; Ukraine Ukrainian UA UKR
United_Arab_Emirates,UAE Emirati AE ARE; United_Kingdom,UK,Great_Britain,Britain,England British,English GB GBR
United_States,USA,US,America,United_States_of_America American,US US USA; Vietnam Vietnamese VN VNM
"""


def _rows() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in _TABLE.replace("\n", ";").split(";"):
        if not row.strip():
            continue
        names, adjectives, two, three = row.split()
        spoken = [n.replace("_", " ") for n in (*names.split(","), *adjectives.split(","))]
        kept = (*(n.replace("_", " ") for n in names.split(",")), two, three)
        for text in spoken:
            found[text.lower()] = kept
    return found


BY_NAME: dict[str, tuple[str, ...]] = _rows()
"""A country or its adjective in lower case, to how systems may keep it: its names first, then its codes."""

LANGUAGE_CODES = {
    "german": "de",
    "english": "en",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "dutch": "nl",
    "portuguese": "pt",
    "polish": "pl",
    "chinese": "zh",
    "arabic": "ar",
    "japanese": "ja",
    "russian": "ru",
    "turkish": "tr",
}
"""Languages by their English names, to their codes in ISO 639."""
