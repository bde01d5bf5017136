"""The customers, people and products that all three systems of the demo company know.

Everything is made from one seed, so that a customer number means the same company in the
CRM (`Account.AccountNumber`), the ERP (`party.code`) and the warehouse (`customer_code`).
Each system adds what it alone knows: see `salesforce_sandbox`, `tryton_server`, `warehouse`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

SEED = 20240229
"""Change it and every system tells another story."""


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One company.

    Attributes:
        number: `C-0001` and up; the key that the systems share.
        in_crm, in_erp, in_warehouse: which systems know it. Prospects are only in the CRM,
            old customers only in the ERP: a join that forgets this counts wrong.
        employees: heads; None where sales never asked.
        annual_revenue: in euros; None where unknown.
    """

    number: str
    name: str
    industry: str
    country: str
    country_code: str
    city: str
    postal_code: str
    employees: int | None
    annual_revenue: int | None
    segment: str
    in_crm: bool
    in_erp: bool
    in_warehouse: bool


@dataclass(frozen=True, kw_only=True)
class Product:
    """One thing that the company sells; prices in euros without tax, two decimals, as text."""

    code: str
    name: str
    category: str
    list_price: str
    cost_price: str
    is_service: bool


INDUSTRIES = ("Manufacturing", "Retail", "Healthcare", "Logistics", "Energy", "Finance", "Education", "Food")
SEGMENTS = ("Enterprise", "Mid-Market", "Small Business")

_PLACES = (
    ("Germany", "DE", (("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"), ("Köln", "50667"))),
    ("France", "FR", (("Paris", "75001"), ("Lyon", "69001"), ("Marseille", "13001"))),
    ("Spain", "ES", (("Madrid", "28001"), ("Barcelona", "08001"), ("Sevilla", "41001"))),
    ("United Kingdom", "GB", (("London", "EC1A 1BB"), ("Manchester", "M1 1AE"))),
    ("Poland", "PL", (("Warszawa", "00-001"), ("Kraków", "30-001"))),
    ("Japan", "JP", (("東京", "100-0001"), ("大阪", "530-0001"))),
    ("China", "CN", (("上海", "200000"), ("深圳", "518000"))),
    ("Egypt", "EG", (("القاهرة", "11511"),)),
    ("United States", "US", (("New York", "10001"), ("Austin", "73301"), ("Chicago", "60601"))),
)
_COUNTRY_WEIGHTS = (28, 14, 10, 10, 8, 5, 5, 3, 17)
_LEGAL = {
    "DE": ("GmbH", "AG", "KG"),
    "FR": ("SARL", "SA"),
    "ES": ("S.L.", "S.A."),
    "GB": ("Ltd", "PLC"),
    "PL": ("sp. z o.o.", "S.A."),
    "US": ("Inc.", "LLC", "Corp."),
}
_FIRST = (
    "Nord",
    "Alpen",
    "Rhein",
    "Blue River",
    "Silver",
    "Atlas",
    "Orion",
    "Cedar",
    "Maple",
    "Granite",
    "Lumen",
    "Vector",
    "Harbor",
    "Summit",
    "Sonnen",
    "Étoile",
    "Océan",
    "Iber",
    "Castilla",
    "Wisła",
    "Bałtyk",
    "Quartz",
    "Falcon",
    "Juniper",
    "Copper",
    "Aurora",
    "Zenith",
    "Delta",
    "Nova",
    "Pioneer",
    "Kestrel",
    "Willow",
)
_SECOND = {
    "Manufacturing": ("Werke", "Tools", "Metall", "Precision", "Castings"),
    "Retail": ("Markt", "Stores", "Outfitters", "Trading", "Mode"),
    "Healthcare": ("Klinik", "Medical", "Pharma", "Care", "Diagnostics"),
    "Logistics": ("Freight", "Spedition", "Cargo", "Lines", "Transport"),
    "Energy": ("Energie", "Power", "Solar", "Wind", "Grid"),
    "Finance": ("Capital", "Bank", "Finanz", "Insurance", "Partners"),
    "Education": ("Akademie", "School", "Learning", "Verlag", "Institute"),
    "Food": ("Foods", "Brauerei", "Bakery", "Molkerei", "Farms"),
}
_OTHER_SCRIPTS = {
    "JP": (
        "東京精密工業株式会社",
        "大阪食品株式会社",
        "富士ロジスティクス",
        "さくら医療機器",
        "北斗エネルギー",
        "山田製作所",
    ),
    "CN": (
        "上海远航物流有限公司",
        "深圳新光电子有限公司",
        "华东食品集团",
        "长江能源股份",
        "金桥教育科技",
        "东海制造",
    ),
    "EG": ("شركة النيل للصناعات", "مجموعة القاهرة التجارية", "دلتا للأغذية", "الأهرام للطاقة"),
}
_AWKWARD = (
    "O'Brien & Sons Ltd",
    'The "Quoted" Company Inc.',
    "100% Natural_Foods LLC",
    "Straße & Söhne GmbH",
    "Backslash\\Works GmbH",
    "null",
)


@cache
def customers() -> tuple[Customer, ...]:
    """420 companies: 360 of them in the CRM, 300 in the ERP, 280 in the warehouse."""
    rng = random.Random(SEED)
    taken: set[str] = set()
    made: list[Customer] = []
    for index in range(1, 421):
        country, code, cities = rng.choices(_PLACES, weights=_COUNTRY_WEIGHTS)[0]
        industry = rng.choice(INDUSTRIES)
        city, postal_code = rng.choice(cities)
        segment = rng.choices(SEGMENTS, weights=(15, 35, 50))[0]
        low, high = {"Enterprise": (1000, 20000), "Mid-Market": (100, 999), "Small Business": (3, 99)}[segment]
        employees = rng.randint(low, high)
        made.append(
            Customer(
                number=f"C-{index:04d}",
                name=_name(rng, index, code, industry, taken),
                industry=industry,
                country=country,
                country_code=code,
                city=city,
                postal_code=postal_code,
                employees=None if rng.random() < 0.06 else employees,
                annual_revenue=None if rng.random() < 0.1 else employees * rng.randint(60, 240) * 1000,
                segment=segment,
                in_crm=index <= 360,
                in_erp=index > 120,
                in_warehouse=80 < index <= 360,
            )
        )
    return tuple(made)


def _name(rng: random.Random, index: int, code: str, industry: str, taken: set[str]) -> str:
    if index % 60 == 7:
        return _AWKWARD[index // 60 % len(_AWKWARD)]
    scripts = [n for n in _OTHER_SCRIPTS.get(code, ()) if n not in taken]
    while True:
        if scripts:
            name = rng.choice(scripts)
        else:
            legal = rng.choice(_LEGAL.get(code, ("Co., Ltd.",)))
            name = f"{rng.choice(_FIRST)} {rng.choice(_SECOND[industry])} {legal}"
        if name not in taken:
            taken.add(name)
            return name


PRODUCTS: tuple[Product, ...] = tuple(
    Product(code=code, name=name, category=category, list_price=price, cost_price=cost, is_service=service)
    for code, name, category, price, cost, service in (
        ("SEN-100", "Temperature Sensor", "Sensors", "49.90", "21.00", False),
        ("SEN-200", "Vibration Sensor", "Sensors", "129.00", "58.50", False),
        ("SEN-300", "Flow Meter", "Sensors", "389.00", "170.25", False),
        ("SEN-400", "Gas Detector", "Sensors", "549.50", "260.00", False),
        ("GTW-10", "Edge Gateway", "Gateways", "890.00", "415.00", False),
        ("GTW-20", "Edge Gateway Pro", "Gateways", "1490.00", "702.40", False),
        ("GTW-30", "Cellular Router", "Gateways", "645.00", "300.00", False),
        ("CTL-1", "Compact Controller", "Controllers", "1120.00", "530.00", False),
        ("CTL-2", "Rack Controller", "Controllers", "2750.00", "1310.00", False),
        ("CTL-3", "Safety Controller", "Controllers", "3980.00", "1895.00", False),
        ("DSP-7", "Operator Panel 7 inch", "Displays", "410.00", "188.00", False),
        ("DSP-15", "Operator Panel 15 inch", "Displays", "960.00", "455.00", False),
        ("CAB-5", "Sensor Cable 5 m", "Accessories", "14.50", "4.20", False),
        ("CAB-25", "Sensor Cable 25 m", "Accessories", "52.00", "17.80", False),
        ("PSU-24", "Power Supply 24 V", "Accessories", "78.00", "33.10", False),
        ("LIC-BAS", "Monitoring Licence Basic", "Software", "600.00", "0.00", True),
        ("LIC-PRO", "Monitoring Licence Professional", "Software", "2400.00", "0.00", True),
        ("SRV-INS", "Installation Day", "Services", "950.00", "520.00", True),
        ("SRV-TRN", "Training Day", "Services", "1200.00", "480.00", True),
        ("SRV-SUP", "Premium Support Year", "Services", "3600.00", "900.00", True),
    )
)
