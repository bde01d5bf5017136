"""Countries and states as people name them, `German` and `Germany`, and as systems keep them, `DE` and `DEU`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from groundwire.core.catalog import Field

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

_STATES = """
Alabama AL; Alaska AK; Arizona AZ; Arkansas AR; California CA; Colorado CO; Connecticut CT; Delaware DE; Florida FL
Georgia GA; Hawaii HI; Idaho ID; Illinois IL; Indiana IN; Iowa IA; Kansas KS; Kentucky KY; Louisiana LA; Maine ME
Maryland MD; Massachusetts MA; Michigan MI; Minnesota MN; Mississippi MS; Missouri MO; Montana MT; Nebraska NE
Nevada NV; New Hampshire NH; New Jersey NJ; New Mexico NM; New York NY; North Carolina NC; North Dakota ND; Ohio OH
Oklahoma OK; Oregon OR; Pennsylvania PA; Rhode Island RI; South Carolina SC; South Dakota SD; Tennessee TN; Texas TX
Utah UT; Vermont VT; Virginia VA; Washington WA; West Virginia WV; Wisconsin WI; Wyoming WY
"""
"""Of the United States, with the codes of the postal service."""


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


def _by_code() -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    """What people say for the codes of countries, and for those of states."""
    countries: dict[str, list[str]] = {}
    for said, kept in BY_NAME.items():
        for code in kept[-2:]:
            if said != code.lower() and said not in ("us", "english"):  # a pronoun, and more often a language
                countries.setdefault(code, []).append(said)
    states = {row[-2:]: (row[:-3].lower(),) for row in _STATES.strip().replace("\n", "; ").split("; ")}
    return {code: tuple(texts) for code, texts in countries.items()}, states


_COUNTRIES, _STATES_BY_CODE = _by_code()


def spoken(field: Field) -> Mapping[str, tuple[str, ...]]:
    """What people say for the values of a field that keeps countries, or states, by their codes: in lower case."""
    return _spoken(field.name.lower(), field.values)


@lru_cache(maxsize=4096)
def _spoken(name: str, values: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    if not values or not all(len(v) in (2, 3) and v.isalpha() and v.isupper() for v in values):
        return {}
    known = _STATES_BY_CODE if "state" in name or "prov" in name else _COUNTRIES
    found = {v: known[v] for v in values if v in known}
    named = any(part in name for part in ("countr", "nation", "state", "ctry", "land"))
    return found if 2 * len(found) > len(values) and (named or len(found) == len(values) > 2) else {}
