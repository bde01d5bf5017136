"""A thousand other entities beside the real ones, to see whether the right ones are still found.

They have the names and fields of a company's other systems, put together from word lists with a fixed seed, and
hold no records. Some are confusingly near to a real one: `orders` gets `orders_archive`, with some of its fields. It is
a measure of retrieval and of prompts, not of speed: nothing is read from them unless the model chooses wrongly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pyarrow as pa

from groundwire.core.catalog import Catalog, Entity, Field, Relation
from groundwire.core.connector import Connector, Scan, ScanReport

SIZE = 1000
"""Entities, all sources of the crowd together."""
NEAR = 3
"""Entities for each real one that resemble it, while they are at most a tenth of the crowd."""
SEED = 20250101

_SUBJECTS = {
    "hr": "applicant appraisal attendance benefit bonus candidate department dependent employee headcount holiday "
    "interview leave overtime payslip pension position referral shift skill timesheet training vacancy",
    "finance": "accrual asset audit bank_account bill budget cash_flow cost_center credit_note depreciation dispute "
    "dunning expense fiscal_period intercompany journal ledger loan payable receivable remittance tax treasury",
    "logistics": "bin carrier container customs_entry delivery dock driver forklift freight inbound manifest pallet "
    "parcel picking putaway return_order route shipment stock_count tour truck warehouse waybill",
    "production": "batch bill_of_materials blueprint calibration downtime equipment inspection lot machine mold "
    "operation plant quality_check recipe routing scrap spare_part tool_set torque_test work_center work_order yield",
    "marketing": "ad_group audience banner campaign click conversion event_booking funnel keyword landing_page lead "
    "newsletter partner persona press_release promotion sponsor survey touchpoint visitor webinar",
    "service": "agent_note appointment call chat_session complaint contract escalation field_visit incident "
    "knowledge_base maintenance outage problem queue replacement satisfaction_poll service_level site_visit technician "
    "warranty",
    "legal": "agreement breach clause compliance_case consent dispute_file filing licence nda obligation patent policy "
    "power_of_attorney retention_rule sanction_check subpoena supplier_check trademark",
}
_KINDS = (
    "adjustment allocation approval archive assignment attachment balance calendar category change_log checklist "
    "comment configuration detail document estimate exception export forecast group header history import index "
    "item line mapping master metric note parameter plan priority_rule projection quota rate reason reconciliation "
    "request result review rule schedule segment snapshot staging status summary tag target template "
    "threshold type version "
)
_NEAR_KINDS = ("archive", "draft", "forecast", "import", "audit", "adjustment", "template", "staging")
_TEXTS = "code title description remark reference external_ref owner region country city language currency channel unit"
_NUMBERS = "amount quantity unit_price discount score weight_kg duration_minutes percentage exchange_rate sort_order"
_MOMENTS = "created_at updated_at valid_from valid_to due_date approved_at closed_at planned_on started_at ended_at"
_FLAGS = "is_active is_default is_locked needs_review"
_CHOICES = {
    "status": ("draft", "submitted", "approved", "rejected", "closed"),
    "state": ("new", "in_progress", "on_hold", "done"),
    "priority": ("low", "normal", "high", "urgent"),
    "kind": ("internal", "external", "mixed"),
    "severity": ("minor", "major", "critical"),
    "frequency": ("daily", "weekly", "monthly", "yearly"),
}


class CrowdConnector(Connector):
    """One of the other systems; every read of it is empty.

    Args:
        name: of the source.
        entities: what it has.
    """

    def __init__(self, name: str, entities: Sequence[Entity]) -> None:
        super().__init__(name, None)
        self.entities = list(entities)

    def discover(self) -> list[Entity]:
        return self.entities

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        report.native.append(f"read {scan.entity.name}, which holds nothing")
        report.total = 0
        yield from ()


def connectors(real: Catalog, size: int = SIZE, seed: int = SEED) -> list[CrowdConnector]:
    """The other systems' connectors, `size` entities in all; the same for the same arguments.

    Args:
        real: what they stand beside.
        size: how many entities.
        seed: of the choices.
    """
    # a seed of its own, and no secret: the same crowd every time
    chance = random.Random(seed)  # noqa: S311
    taken = {entity.source.lower() for entity in real}
    names = {source: source if source not in taken else f"{source}_dept" for source in _SUBJECTS}
    found: dict[str, dict[str, Entity]] = {name: {} for name in names.values()}
    near = min(NEAR, max(1, size // 10 // max(1, len(real))))
    for entity in sorted(real, key=lambda e: e.full_name)[: size // 10]:
        for kind in chance.sample(_NEAR_KINDS, near):
            source = names[chance.choice(list(_SUBJECTS))]
            made = _resembling(chance, source, entity, kind)
            found[source][made.name] = made
    possible = [
        (s, f"{subject}_{kind}") for s, text in _SUBJECTS.items() for subject in text.split() for kind in _KINDS.split()
    ]
    left = size - sum(len(entities) for entities in found.values())
    for source, name in sorted(chance.sample(possible, left)):
        found[names[source]][name] = _invented(chance, names[source], name)
    return [CrowdConnector(source, _related(entities)) for source, entities in found.items() if entities]


def _invented(chance: random.Random, source: str, name: str) -> Entity:
    fields = [Field(name="id", type=pa.int64(), nullable=False)]
    fields += [Field(name=n, type=pa.string()) for n in chance.sample(_TEXTS.split(), chance.randint(2, 5))]
    fields += [Field(name=n, type=pa.float64()) for n in chance.sample(_NUMBERS.split(), chance.randint(1, 3))]
    fields += [Field(name=n, type=pa.timestamp("us")) for n in chance.sample(_MOMENTS.split(), chance.randint(1, 3))]
    fields += [Field(name=n, type=pa.bool_()) for n in chance.sample(_FLAGS.split(), chance.randint(0, 1))]
    for choice in chance.sample(list(_CHOICES), chance.randint(0, 2)):
        fields.append(Field(name=choice, type=pa.string(), values=_CHOICES[choice]))
    return Entity(
        source=source, name=name, fields=tuple(fields), primary_key=("id",), rows=chance.randint(0, 5_000_000)
    )


def _resembling(chance: random.Random, source: str, real: Entity, kind: str) -> Entity:
    """Named after a real entity, with about half of its fields and two more."""
    name = f"{real.name.split('.')[-1]}_{kind}"
    kept = [f for f in real.fields if f.name in real.primary_key or chance.random() < 0.5]
    known = {f.name.lower() for f in kept}
    more = [Field(name=n, type=pa.timestamp("us")) for n in chance.sample(_MOMENTS.split(), 2) if n not in known]
    key = tuple(k for k in real.primary_key if k.lower() in known)
    return Entity(
        source=source, name=name, fields=(*kept, *more), primary_key=key, rows=chance.randint(0, real.rows or 10_000)
    )


def _related(entities: dict[str, Entity]) -> list[Entity]:
    """The same entities; those that share a subject belong to the first of them."""
    heads: dict[str, Entity] = {}
    related = []
    for entity in entities.values():
        subject = entity.name.rpartition("_")[0]
        head = heads.setdefault(subject, entity)
        if head is entity or head.primary_key != ("id",) or entity.primary_key != ("id",):
            related.append(entity)
            continue
        key = f"{head.name}_id"
        relation = Relation(name=head.name, target=head.full_name, on=((key, "id"),), native=key)
        fields = (*entity.fields, Field(name=key, type=pa.int64()))
        related.append(
            Entity(
                source=entity.source,
                name=entity.name,
                fields=fields,
                primary_key=entity.primary_key,
                relations=(relation,),
                rows=entity.rows,
            )
        )
    return related
