"""Fill a fresh Tryton database with the demo company's documents.

Run as a program of its own (`python -m groundwire.demo.erp_fill CONF DATABASE SCALE`): it loads Tryton
into its process, which groundwire never does. Company, chart, products and parties are made through
proteus. Documents are made in bulk, by the same models in one transaction for each kind, since every
call through proteus is a transaction with empty caches. No invoice is printed: that took
four fifths of the time of posting it. Run it with `-O`: an assertion in Tryton's records looks at every
record of a batch for each of them.
"""

from __future__ import annotations

import datetime as dt
import functools
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from groundwire.demo.data import PRODUCTS, SEED, customers

T = TypeVar("T")

INVOICES, SALES, PURCHASES = 640, 120, 48
LOCKED = ("ir_sequence", "ir_sequence_strict", "account_journal_period")
SUPPLIERS = ("Bauer", "Voltek", "Nordkabel", "Chipwerk", "Rheinoptik", "Sensotec")


@dataclass(frozen=True, kw_only=True)
class Books:
    """What every document refers to, as ids; `products` with list price, unit and name."""

    company: int
    currency: int
    term: int
    receivable: int
    revenue: int
    customers: tuple[tuple[int, int], ...]
    suppliers: tuple[int, ...]
    products: tuple[tuple[int, Decimal, int, str], ...]
    goods: tuple[tuple[int, Decimal, int, str], ...]


def main() -> None:
    """Create company, chart, products, parties, and a share of the documents."""
    from proteus import config

    configuration, database, scale = sys.argv[1], sys.argv[2], float(sys.argv[3])
    session = config.set_trytond(database, config_file=configuration)
    session.skip_warning = True
    books = _set_up(session, scale)
    today = dt.date.today()
    for make, count in ((_invoices, INVOICES), (_purchases, PURCHASES), (_sales, SALES)):
        asked = max(6, int(count * scale))
        print(_in_one_transaction(session, functools.partial(make, books, today, asked)), flush=True)


def _in_one_transaction(session: Any, step: Callable[[Any], T]) -> T:
    """Do a step with the database's models, and then what it left to Tryton's queue.

    Every warning is answered yes. Tryton locks only at the start: a step that needs a lock which is not
    in `LOCKED` is begun again with it.
    """
    from trytond.transaction import Transaction, TransactionError
    from trytond.worker import run_task

    session.pool.get("account.invoice").print_invoice = classmethod(lambda cls, invoices: None)
    context = {**session.context, "_skip_warnings": True}
    extras: dict[str, Any] = {"_lock_tables": list(LOCKED)}
    while True:
        with Transaction().start(session.database_name, session.user, context=context, **extras) as transaction:
            try:
                result = step(session.pool)
            except TransactionError as error:
                transaction.rollback()
                transaction.tasks.clear()
                error.fix(extras)
                continue
            transaction.commit()
            tasks = list(transaction.tasks)
            transaction.tasks.clear()
        for task in tasks:
            run_task(session.pool, task)
        return result


def _set_up(session: Any, scale: float) -> Books:
    from proteus import Model, Wizard

    today = dt.date.today()
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
    print("company", flush=True)

    accounts = _chart(Model, Wizard, company, today)
    products = _products(Model, accounts)
    term = _payment_term(Model)
    _payment_method(Model)
    print("products", flush=True)

    known = [c for c in customers() if c.in_erp][: max(5, int(300 * scale))]
    Country = Model.get("country.country")
    countries = {}
    for code, name in sorted({(c.country_code, c.country) for c in known}):
        country = Country(name=name, code=code)
        country.save()
        countries[code] = country.id

    def party(name: str, code: str, **address: Any) -> dict[str, Any]:
        return {"name": name, "code": code, "addresses": [("create", [address])]}

    values = [
        party(c.name, c.number, city=c.city, postal_code=c.postal_code, country=countries[c.country_code])
        | {"customer_payment_term": term.id}
        for c in known
    ]
    values += [party(f"{n} Supply GmbH", f"S-{i:03d}", city="Stuttgart") for i, n in enumerate(SUPPLIERS, 1)]

    def with_addresses(pool: Any) -> list[tuple[int, int]]:
        return [(p.id, p.addresses[0].id) for p in pool.get("party.party").create(values)]

    made = _in_one_transaction(session, with_addresses)
    buyers, suppliers = tuple(made[: len(known)]), tuple(party for party, _ in made[len(known) :])
    print(f"{len(buyers)} customers", flush=True)

    facts = tuple((p.id, p.template.list_price, p.template.default_uom.id, p.template.name) for p in products)
    return Books(
        company=company.id,
        currency=euro.id,
        term=term.id,
        receivable=accounts["receivable"].id,
        revenue=accounts["revenue"].id,
        customers=buyers,
        suppliers=suppliers,
        products=facts,
        goods=tuple(f for f, p in zip(facts, PRODUCTS, strict=True) if not p.is_service),
    )


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


def _payment_method(Model: Any) -> None:
    journal = Model.get("account.journal").find([("type", "=", "cash")], limit=1)[0]
    account = Model.get("account.account").find([("name", "ilike", "%cash%"), ("type", "!=", None)], limit=1)[0]
    method = Model.get("account.invoice.payment.method")(name="Bank", journal=journal)
    method.credit_account = method.debit_account = account
    method.save()


def _invoices(books: Books, today: dt.date, count: int, pool: Any) -> str:
    """Customers' invoices: a few drafts, most of the old ones paid, the rest open or overdue."""
    rng = random.Random(f"{SEED} invoices")
    Invoice, Journal = pool.get("account.invoice"), pool.get("account.journal")
    (journal,) = Journal.search([("type", "=", "revenue")], limit=1)
    values = []
    for _ in range(count):
        party, address = rng.choice(books.customers)
        lines = [
            {
                "type": "line", "product": identity, "quantity": float(rng.choice((1, 1, 2, 3, 5, 10))), "unit": unit,
                "unit_price": price, "account": books.revenue, "description": name, "company": books.company,
                "currency": books.currency,
            }
            for identity, price, unit, name in rng.sample(books.products, rng.randint(1, 3))
        ]  # fmt: skip
        values.append(
            {
                "type": "out", "party": party, "invoice_address": address, "account": books.receivable,
                "journal": journal.id, "currency": books.currency, "company": books.company, "payment_term": books.term,
                "invoice_date": today - dt.timedelta(days=int(rng.triangular(1, 330, 40))), "lines": [("create", lines)],
            }
        )  # fmt: skip
    made = Invoice.create(values)
    issued = made[max(1, count // 20) :]
    Invoice.post(issued)
    payments = []
    for invoice in issued:
        age = (today - invoice.invoice_date).days
        if rng.random() < (0.85 if age > 45 else 0.35):
            date = min(today, invoice.invoice_date + dt.timedelta(days=rng.randint(5, 40)))
            payments.append((invoice, date, Decimal("0.5") if rng.random() < 0.05 else Decimal(1)))
    _pay(pool, books, payments)
    return f"{count} invoices, {len(payments)} payments"


def _pay(pool: Any, books: Books, payments: list[tuple[Any, dt.date, Decimal]]) -> None:
    """Book payments of a share of each invoice, and settle those that are paid in full."""
    Invoice, Move, Line = (pool.get(n) for n in ("account.invoice", "account.move", "account.move.line"))
    Period = pool.get("account.period")
    (method,) = pool.get("account.invoice.payment.method").search([], limit=1)
    moves = []
    for invoice, date, share in payments:
        amount = (invoice.total_amount * share).quantize(Decimal("0.01"))
        bank = Line(account=method.debit_account, debit=amount, credit=Decimal(0))
        settled = Line(account=invoice.account, party=invoice.party, debit=Decimal(0), credit=amount)
        moves.append(
            Move(
                journal=method.journal,
                period=Period.find(books.company, date=date),
                date=date,
                origin=invoice,
                company=books.company,
                lines=[bank, settled],
            )
        )
    Move.save(moves)
    Move.post(moves)
    settling = [next(line for line in move.lines if line.account == move.origin.account) for move in moves]
    Invoice.add_payment_lines({move.origin: [line] for move, line in zip(moves, settling, strict=True)})
    whole = [
        [*invoice.lines_to_pay, line]
        for (invoice, _, share), line in zip(payments, settling, strict=True)
        if share == 1
    ]
    Line.reconcile(*whole)


def _purchases(books: Books, today: dt.date, count: int, pool: Any) -> str:
    """Orders to suppliers: a few drafts and quotations, the rest confirmed, and most of those received."""
    rng = random.Random(f"{SEED} purchases")
    Purchase, Shipment = pool.get("purchase.purchase"), pool.get("stock.shipment.in")
    (warehouse,) = pool.get("stock.location").search([("type", "=", "warehouse")], limit=1)
    made = []
    for _ in range(count):
        purchase = Purchase(party=rng.choice(books.suppliers), company=books.company, currency=books.currency)
        purchase.on_change_party()
        purchase.purchase_date = today - dt.timedelta(days=rng.randint(0, 300))
        purchase.payment_term = books.term
        purchase.warehouse = warehouse
        purchase.invoice_method = "manual"
        lines = []
        for identity, price, unit, _name in rng.sample(books.goods, rng.randint(1, 3)):
            cost = (price / 2).quantize(Decimal("0.01"))
            quantity = float(rng.choice((10, 20, 50)))
            lines.append(pool.get("purchase.line")(product=identity, quantity=quantity, unit=unit, unit_price=cost))
        purchase.lines = lines
        made.append(purchase)
    Purchase.save(made)
    made.sort(key=lambda p: p.purchase_date)
    Purchase.quote(made[: -max(1, count // 10)])
    ordered = made[: -max(2, count // 5)]
    Purchase.confirm(ordered)
    Purchase.process(ordered)
    arrived = ordered[: -max(1, count // 6)]
    shipments = []
    for purchase in arrived:
        date = min(today, purchase.purchase_date + dt.timedelta(days=rng.randint(2, 20)))
        moves = [m for line in purchase.lines for m in line.moves]
        shipments.append(
            Shipment(
                supplier=purchase.party,
                company=books.company,
                warehouse=warehouse,
                warehouse_input=warehouse.input_location,
                warehouse_storage=warehouse.storage_location,
                planned_date=date,
                effective_date=date,
                incoming_moves=moves,
                reference=f"DN-{rng.randint(10000, 99999)}",
            )
        )
    Shipment.save(shipments)
    Shipment.receive(shipments)
    Shipment.do(shipments[: -max(1, len(shipments) // 8)])
    return f"{count} purchases, {len(shipments)} deliveries"


def _sales(books: Books, today: dt.date, count: int, pool: Any) -> str:
    """Customers' orders, the newest still drafts and quotations; most goods of the others have been shipped."""
    rng = random.Random(f"{SEED} sales")
    Sale, Shipment = pool.get("sale.sale"), pool.get("stock.shipment.out")
    made = []
    for _ in range(count):
        party, address = rng.choice(books.customers)
        sale = Sale(party=party, company=books.company, currency=books.currency, payment_term=books.term)
        sale.invoice_address = sale.shipment_address = address
        sale.sale_date = today - dt.timedelta(days=int(rng.triangular(0, 330, 30)))
        sale.reference = rng.choice((None, f"PO-{rng.randint(1000, 9999)}"))
        sale.invoice_method = "manual"
        sale.shipment_method = "order"
        sale.lines = [
            pool.get("sale.line")(
                product=identity, quantity=float(rng.choice((1, 2, 4, 8, 20))), unit=unit, unit_price=price
            )
            for identity, price, unit, _name in rng.sample(books.products, rng.randint(1, 4))
        ]
        made.append(sale)
    Sale.save(made)
    made.sort(key=lambda s: s.sale_date)
    Sale.quote(made[: -max(1, count // 10)])
    ordered = made[: -max(2, count // 5)]
    Sale.confirm(ordered)
    Sale.process(ordered)
    shipments = [shipment for sale in ordered for shipment in sale.shipments]
    for shipment in shipments:
        ordered_on = shipment.moves[0].origin.sale.sale_date
        shipment.effective_date = min(today, ordered_on + dt.timedelta(days=rng.randint(1, 14)))
    Shipment.save(shipments)
    leaving = shipments[: -max(1, len(shipments) // 5)]
    Shipment.assign_force(leaving)
    Shipment.pick(leaving)
    packed = leaving[: -max(1, len(leaving) // 12)]
    Shipment.pack(packed)
    Shipment.do(packed)
    return f"{count} sales, {len(shipments)} shipments"


if __name__ == "__main__":
    main()
