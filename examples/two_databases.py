"""One query over two databases that know nothing of each other, joined by a link that the configuration declares.

    python examples/two_databases.py

prints

    Ada Ltd     berlin    2  340.00
    Bø AS       oslo      1   99.50
    complete: True
    read: 3 rows of billing, and the 2 companies that they name
"""

import sqlite3
import tempfile
from pathlib import Path

from groundwire import Hub

CONFIG = """
[sources.crm]
type = "sql"
url = "sqlite:///{folder}/crm.sqlite"

[sources.billing]
type = "sql"
url = "sqlite:///{folder}/billing.sqlite"

[[links]]                          # no foreign key says this: the two are different databases
from = "billing.invoices.debtor"
to = "crm.companies.debtor_number"
name = "company"                   # invoices.company.name
reverse = "invoices"               # companies.invoices
"""

COMPANIES = """
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT, city TEXT, debtor_number TEXT UNIQUE);
INSERT INTO companies VALUES (1, 'Ada Ltd', 'berlin', 'D-1'), (2, 'Bø AS', 'oslo', 'D-2'), (3, 'Cy SA', 'paris', 'D-3');
"""

INVOICES = """
CREATE TABLE invoices (number TEXT PRIMARY KEY, debtor TEXT, amount NUMERIC(10, 2), paid BOOLEAN);
INSERT INTO invoices VALUES ('R1', 'D-1', 100, false), ('R2', 'D-1', 240, false),
                            ('R3', 'D-2', 99.5, false), ('R4', 'D-3', 5000, true);
"""


def make(file: Path, statements: str) -> None:
    """A SQLite database of these statements."""
    connection = sqlite3.connect(file)
    connection.executescript(statements)
    connection.close()


def main() -> None:
    """Make both databases in a folder that is thrown away, and ask them one question."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder / "crm.sqlite", COMPANIES)
        make(folder / "billing.sqlite", INVOICES)
        (folder / "groundwire.toml").write_text(CONFIG.format(folder=folder))

        with Hub.from_config(folder / "groundwire.toml") as hub:
            result = hub.query(
                """SELECT company.name, company.city, COUNT(*) AS invoices, SUM(amount) AS unpaid
                   FROM billing.invoices WHERE NOT paid GROUP BY 1, 2 ORDER BY unpaid DESC"""
            )
        for company, city, invoices, unpaid in result.rows():
            print(f"{company:10}  {city:8}  {invoices}  {unpaid:6.2f}")
        print("complete:", result.complete)
        rows = {source.source: source.rows for source in result.sources}
        print(f"read: {rows['billing']} rows of billing, and the {rows['crm']} companies that they name")


if __name__ == "__main__":
    main()
