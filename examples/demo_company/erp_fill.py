"""Fill a fresh Tryton database with the demo company's documents, through proteus.

Run as a program of its own (`python -m groundwire.demo.erp_fill CONF DATABASE SCALE`): it loads Tryton
into its process, which groundwire never does.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
from decimal import Decimal
from typing import Any

from groundwire.demo.data import PRODUCTS, SEED, customers


def main() -> None:
    """Create company, chart, products, parties, invoices, sales and purchases."""
    from proteus import Model, Wizard, config

    configuration, database, scale = sys.argv[1], sys.argv[2], float(sys.argv[3])
    session = config.set_trytond(database, config_file=configuration)
    today = dt.date.today()
    rng = random.Random(SEED)

    Currency, Party = Model.get("currency.currency"), Model.get("party.party")
    euro = Currency(name="Euro", code="EUR", numeric_code="978", symbol="€", rounding=Decimal("0.01"), digits=2)
    rate = euro.rates.new()
    rate.date, rate.rate = dt.date(today.year - 3, 1, 1), Decimal("1.0")
    euro.save()
    own = Party(name="Groundwire Instruments GmbH", code="OWN")
    own.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party, wizard.form.currency = own, euro
    wizard.execute("add")
    company = Model.get("company.company").find([])[0]
    User = Model.get("res.user")
    user = User.find([("login", "=", "admin")])[0]
    user.companies.append(company)
    user.company = company
    user.save()
    session._context = User.get_preferences(True, session.context)
    _answer_warnings(database)
    print("company", flush=True)

    accounts = _chart(Model, Wizard, company, today)
    products = _products(Model, accounts)
    term = _payment_term(Model)
    print("products", flush=True)

    known = [c for c in customers() if c.in_erp][: max(5, int(300 * scale))]
    countries = {c.code: c for c in Model.get("country.country").find([])}
    parties = []
    for customer in known:
        party = Party(name=customer.name, code=customer.number, customer_payment_term=term)
        address = party.addresses[0] if party.addresses else party.addresses.new()
        address.city, address.postal_code = customer.city, customer.postal_code
        address.country = countries.get(customer.country_code)
        parties.append(party)
    Party.save(parties)
    suppliers = [
        Party(name=f"{n} Supply GmbH", code=f"S-{i:03d}")
        for i, n in enumerate(("Bauer", "Voltek", "Nordkabel", "Chipwerk"), 1)
    ]
    Party.save(suppliers)
    print(f"{len(parties)} customers", flush=True)

    _invoices(Model, accounts, rng, today, parties, products, term, int(150 * scale))
    _sales(Model, rng, today, parties, products, term, int(24 * scale))
    _purchases(Model, rng, today, suppliers, products, int(10 * scale))


def _answer_warnings(database: str) -> None:
    """Say yes to every warning, such as that an invoice of last spring is due already."""
    from trytond.pool import Pool

    Pool(database).get("res.user.warning").check = classmethod(lambda cls, name: False)


def _chart(Model: Any, Wizard: Any, company: Any, today: dt.date) -> dict[str, Any]:
    FiscalYear, Sequence, SequenceStrict = (
        Model.get(n) for n in ("account.fiscalyear", "ir.sequence", "ir.sequence.strict")
    )
    SequenceType = Model.get("ir.sequence.type")
    move_type = SequenceType.find([("name", "=", "Account Move")], limit=1)[0]
    invoice_type = SequenceType.find([("name", "=", "Invoice")], limit=1)[0]
    Template = Model.get("account.account.template")
    root = Template.find([("parent", "=", None)])[0]
    create = Wizard("account.create_chart")
    create.execute("account")
    create.form.account_template, create.form.company = root, company
    create.execute("create_account")
    Account = Model.get("account.account")
    found: dict[str, Any] = {}
    for kind in ("receivable", "payable", "revenue", "expense"):
        wanted = [(f"type.{kind}", "=", True), ("company", "=", company.id), ("closed", "!=", True)]
        if kind in ("receivable", "payable"):
            wanted.append(("party_required", "=", True))
        found[kind] = Account.find(wanted, limit=1)[0]
    if create.state != "end":
        create.form.account_receivable, create.form.account_payable = found["receivable"], found["payable"]
        create.execute("create_properties")
    cash = Account.find([("type.assets", "=", True), ("name", "ilike", "%cash%")], limit=1)
    found["cash"] = cash[0] if cash else found["receivable"]
    for year in (today.year - 1, today.year, today.year + 1):
        fiscal = FiscalYear(
            name=str(year), start_date=dt.date(year, 1, 1), end_date=dt.date(year, 12, 31), company=company
        )
        sequence = (
            SequenceStrict
            if FiscalYear._fields.get("move_sequence", {}).get("relation") == "ir.sequence.strict"
            else Sequence
        )
        numbers = sequence(name=f"Move {year}", sequence_type=move_type, company=company)
        numbers.save()
        fiscal.move_sequence = numbers
        invoices = SequenceStrict(
            name=f"Invoice {year}", sequence_type=invoice_type, company=company, prefix=f"{year}-"
        )
        invoices.save()
        row = fiscal.invoice_sequences[0] if fiscal.invoice_sequences else fiscal.invoice_sequences.new()
        row.in_invoice_sequence = row.in_credit_note_sequence = invoices
        row.out_invoice_sequence = row.out_credit_note_sequence = invoices
        fiscal.save()
        fiscal.click("create_period")
    return found


def _products(Model: Any, accounts: dict[str, Any]) -> list[Any]:
    Category, Template = Model.get("product.category"), Model.get("product.template")
    unit = Model.get("product.uom").find([("name", "=", "Unit")])[0]
    accounting = Category(name="Accounting", accounting=True)
    accounting.account_expense, accounting.account_revenue = accounts["expense"], accounts["revenue"]
    accounting.save()
    categories: dict[str, Any] = {}
    made = []
    for product in PRODUCTS:
        if product.category not in categories:
            categories[product.category] = Category(name=product.category)
            categories[product.category].save()
        template = Template(name=product.name, type="service" if product.is_service else "goods", default_uom=unit)
        template.code = product.code
        template.list_price = Decimal(product.list_price)
        template.salable = True
        template.purchasable = not product.is_service
        template.account_category = accounting
        template.categories.append(Category(categories[product.category].id))
        variant = template.products[0] if template.products else template.products.new()
        variant.cost_price = Decimal(product.cost_price)
        template.save()
        made.append(template.products[0])
    return made


def _payment_term(Model: Any) -> Any:
    term = Model.get("account.invoice.payment_term")(name="30 days")
    line = term.lines.new()
    line.type = "remainder"
    line.relativedeltas.new().days = 30
    term.save()
    return term


def _invoices(
    Model: Any,
    accounts: dict[str, Any],
    rng: random.Random,
    today: dt.date,
    parties: list[Any],
    products: list[Any],
    term: Any,
    count: int,
) -> None:
    Invoice, Method = Model.get("account.invoice"), Model.get("account.invoice.payment.method")
    Journal = Model.get("account.journal")
    cash_journal = Journal.find([("type", "=", "cash")], limit=1)
    cash = _cash_account(Model)
    method = None
    if cash_journal and cash is not None:
        method = Method(name="Bank", journal=cash_journal[0], credit_account=cash, debit_account=cash)
        method.save()
    made, paid = [], []
    journal = Journal.find([("type", "=", "revenue")], limit=1)[0].id
    currency = Model.get("currency.currency").find([("code", "=", "EUR")])[0].id
    facts = [(p.id, p.template.list_price, p.template.default_uom.id, p.template.name) for p in products]
    customers_ = [(p.id, p.addresses[0].id) for p in parties]
    company = Model.get("company.company").find([])[0].id
    values = []
    for _ in range(count):
        party, address = rng.choice(customers_)
        lines = [
            {
                "type": "line", "product": identity, "quantity": float(rng.choice((1, 1, 2, 3, 5, 10))), "unit": unit,
                "unit_price": price, "account": accounts["revenue"].id, "description": name, "company": company,
                "currency": currency,
            }
            for identity, price, unit, name in rng.sample(facts, rng.randint(1, 3))
        ]  # fmt: skip
        values.append(
            {
                "type": "out", "party": party, "invoice_address": address, "account": accounts["receivable"].id,
                "journal": journal, "currency": currency, "company": company, "payment_term": term.id,
                "invoice_date": today - dt.timedelta(days=int(rng.triangular(1, 330, 40))), "lines": [("create", lines)],
            }
        )  # fmt: skip
    # one call: the form's own way, field by field, asks the server a dozen times for every line
    made = [Invoice(i) for i in Invoice._proxy.create(values, Invoice._config.context)]
    print(f"{count} invoices", flush=True)
    drafts = max(1, count // 20)
    Invoice._proxy.post([i.id for i in made[drafts:]], Invoice._config.context)
    made = [Invoice(i.id) for i in made]
    print("invoices posted", flush=True)
    for invoice in made[drafts:]:
        age = (today - invoice.invoice_date).days
        if method is not None and rng.random() < (0.85 if age > 45 else 0.35):
            paid.append(invoice)
    for number, invoice in enumerate(paid[: count // 3]):
        pay = invoice.click("pay")
        pay.form.payment_method = method
        pay.form.date = min(today, invoice.invoice_date + dt.timedelta(days=20))
        pay.execute("choice")
        if number % 50 == 49:
            print(f"{number + 1} payments", flush=True)


def _cash_account(Model: Any) -> Any:
    found = Model.get("account.account").find([("name", "ilike", "%cash%"), ("type", "!=", None)], limit=1)
    return found[0] if found else None


def _sales(
    Model: Any, rng: random.Random, today: dt.date, parties: list[Any], products: list[Any], term: Any, count: int
) -> None:
    Sale = Model.get("sale.sale")
    made = []
    for _ in range(count):
        sale = Sale(party=rng.choice(parties), payment_term=term, invoice_method="manual")
        sale.sale_date = today - dt.timedelta(days=int(rng.triangular(0, 330, 30)))
        sale.reference = rng.choice((None, f"PO-{rng.randint(1000, 9999)}"))
        for product in rng.sample(products, rng.randint(1, 4)):
            line = sale.lines.new()
            line.product = product
            line.quantity = float(rng.choice((1, 2, 4, 8, 20)))
            line.unit_price = product.template.list_price
        made.append(sale)
    Sale.save(made)
    Sale.click(made[count // 5 :], "quote")
    Sale.click(made[count // 3 :], "confirm")
    print(f"{count} sales", flush=True)


def _purchases(
    Model: Any, rng: random.Random, today: dt.date, suppliers: list[Any], products: list[Any], count: int
) -> None:
    Purchase = Model.get("purchase.purchase")
    made = []
    goods = [p for p in products if p.template.purchasable]
    for _ in range(count):
        purchase = Purchase(party=rng.choice(suppliers), invoice_method="manual")
        purchase.purchase_date = today - dt.timedelta(days=rng.randint(0, 300))
        for product in rng.sample(goods, rng.randint(1, 3)):
            line = purchase.lines.new()
            line.product = product
            line.quantity = float(rng.choice((10, 20, 50)))
            line.unit_price = (product.template.list_price / 2).quantize(Decimal("0.01"))
        made.append(purchase)
    Purchase.save(made)
    print(f"{count} purchases", flush=True)


if __name__ == "__main__":
    main()
