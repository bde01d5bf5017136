"""The CRM's records: what sales and support know of the demo company's customers."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from groundwire.demo.data import INDUSTRIES, SEED, SEGMENTS, customers

Record = dict[str, Any]

STAGES = (
    ("Prospecting", 10),
    ("Qualification", 20),
    ("Proposal", 50),
    ("Negotiation", 75),
    ("Closed Won", 100),
    ("Closed Lost", 0),
)
PICKLISTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Account", "Industry"): INDUSTRIES,
    ("Account", "Segment__c"): SEGMENTS,
    ("Opportunity", "StageName"): tuple(s for s, _ in STAGES),
    ("Opportunity", "LeadSource"): ("Web", "Referral", "Trade Show", "Partner"),
    ("Case", "Status"): ("New", "Working", "Escalated", "Closed"),
    ("Case", "Priority"): ("Low", "Medium", "High"),
    ("Case", "Origin"): ("Phone", "Email", "Web"),
    ("Task", "Status"): ("Not Started", "In Progress", "Completed"),
}
_FIRST = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Elena",
    "Farid",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "美咲",
    "伟",
    "ليلى",
    "Marek",
    "Nadia",
    "Oscar",
    "Paula",
    "Rosa",
    "Stefan",
    "Tariq",
]
_LAST = [
    "Schmidt",
    "Müller",
    "García",
    "Kowalski",
    "Dubois",
    "佐藤",
    "王",
    "حسن",
    "O'Connor",
    "Brown",
    "Novak",
    "Rossi",
    "Weber",
    "Lopez",
    "Martin",
]


def records(today: dt.date) -> dict[str, list[Record]]:
    """All records by object, with dates around `today`; the same for the same day."""
    rng = random.Random(SEED)
    made: dict[str, list[Record]] = {n: [] for n in ("User", "Account", "Contact", "Opportunity", "Case", "Task")}

    def stamp(days: float) -> dt.datetime:
        midnight = dt.datetime.combine(today, dt.time(), dt.UTC)
        return (midnight - dt.timedelta(days=days, seconds=rng.randint(0, 86_399))).replace(microsecond=0)

    def add(name: str, prefix: str, days: float, **fields: Any) -> Record:
        identity = f"{prefix}{len(made[name]) + 1:012d}AAA"
        created = stamp(days)
        record = {"Id": identity, **fields, "CreatedDate": created, "SystemModstamp": created}
        made[name].append(record)
        return record

    for index in range(12):
        first, last = _FIRST[index], _LAST[index]
        manager = made["User"][0]["Id"] if index > 2 else None
        email = f"user{index + 1}@example.com"
        role = "Sales" if index < 8 else "Support"
        add(
            "User",
            "005",
            900,
            Name=f"{first} {last}",
            Email=email,
            Department=role,
            IsActive=index != 7,
            ManagerId=manager,
        )
    sales = [u["Id"] for u in made["User"][:8]]
    support = [u["Id"] for u in made["User"][8:]]
    for customer in (c for c in customers() if c.in_crm):
        account = add(
            "Account",
            "001",
            rng.randint(30, 1500),
            Name=customer.name,
            AccountNumber=customer.number,
            Industry=customer.industry if rng.random() > 0.05 else None,
            AnnualRevenue=float(customer.annual_revenue) if customer.annual_revenue else None,
            NumberOfEmployees=customer.employees,
            BillingCity=customer.city,
            BillingCountry=customer.country,
            Segment__c=customer.segment,
            Renewal_Date__c=today + dt.timedelta(days=rng.randint(-60, 400)) if rng.random() > 0.2 else None,
            OwnerId=rng.choice(sales),
            ParentId=made["Account"][rng.randrange(20)]["Id"]
            if len(made["Account"]) > 20 and rng.random() < 0.08
            else None,
        )
        for _ in range(rng.choice((1, 2, 3, 4))):
            first, last = rng.choice(_FIRST), rng.choice(_LAST)
            number = len(made["Contact"]) + 1
            contact = add(
                "Contact",
                "003",
                rng.randint(1, 1000),
                Name=f"{first} {last}",
                Email=f"contact{number}@example.org" if rng.random() > 0.1 else None,
                Title=rng.choice(("CEO", "Buyer", "Plant Manager", "IT Lead", None)),
                AccountId=account["Id"],
            )
            if rng.random() < 0.8:
                due = today + dt.timedelta(days=rng.randint(-90, 60))
                state = rng.choice(PICKLISTS["Task", "Status"])
                add(
                    "Task",
                    "00T",
                    rng.randint(0, 120),
                    Subject=f"Call {last}",
                    Status=state,
                    ActivityDate=due,
                    WhoId=contact["Id"],
                    WhatId=account["Id"],
                    OwnerId=account["OwnerId"],
                )
        for _ in range(rng.choice((0, 1, 2, 3, 5, 8))):
            stage, probability = rng.choices(STAGES, weights=(15, 15, 15, 10, 30, 15))[0]
            closed = stage.startswith("Closed")
            add(
                "Opportunity",
                "006",
                rng.randint(5, 500),
                Name=f"{customer.name} - {rng.choice(('Sensors', 'Gateways', 'Retrofit', 'Licences', 'Support'))}",
                AccountId=account["Id"],
                OwnerId=account["OwnerId"],
                StageName=stage,
                Probability=float(probability),
                Amount=round(rng.lognormvariate(9.5, 1.0), 2) if rng.random() > 0.05 else None,
                CloseDate=today + dt.timedelta(days=rng.randint(-400, -1) if closed else rng.randint(-10, 180)),
                LeadSource=rng.choice((*PICKLISTS["Opportunity", "LeadSource"], None)),
                IsClosed=closed,
                IsWon=stage == "Closed Won",
            )
        for _ in range(rng.choice((0, 0, 1, 2, 4))):
            state = rng.choices(PICKLISTS["Case", "Status"], weights=(15, 20, 8, 57))[0]
            days = rng.randint(0, 300)
            add(
                "Case",
                "500",
                days,
                CaseNumber=f"{len(made['Case']) + 1:08d}",
                Subject=rng.choice(
                    (
                        "Gateway offline",
                        "Wrong invoice",
                        'Says "error 12"',
                        "Sensor drift\nafter reset",
                        "Übertemperatur",
                        "Training 🙂",
                    )
                ),
                AccountId=account["Id"],
                OwnerId=rng.choice(support),
                Status=state,
                Priority=rng.choice(PICKLISTS["Case", "Priority"]),
                Origin=rng.choice(PICKLISTS["Case", "Origin"]),
                IsClosed=state == "Closed",
                ClosedDate=stamp(max(0, days - rng.randint(0, 20))) if state == "Closed" else None,
            )
    return made


REFERENCES: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("User", "ManagerId"): ("Manager", ("User",)),
    ("Account", "OwnerId"): ("Owner", ("User",)),
    ("Account", "ParentId"): ("Parent", ("Account",)),
    ("Account", "RecordTypeId"): ("RecordType", ("RecordType",)),
    ("Contact", "AccountId"): ("Account", ("Account",)),
    ("Opportunity", "AccountId"): ("Account", ("Account",)),
    ("Opportunity", "OwnerId"): ("Owner", ("User",)),
    ("Opportunity", "RecordTypeId"): ("RecordType", ("RecordType",)),
    ("Case", "AccountId"): ("Account", ("Account",)),
    ("Case", "OwnerId"): ("Owner", ("User",)),
    ("Task", "WhoId"): ("Who", ("Contact",)),
    ("Task", "WhatId"): ("What", ("Account", "Opportunity")),
    ("Task", "OwnerId"): ("Owner", ("User",)),
}
"""(object, field) to the relationship's name and the objects that it may refer to."""
