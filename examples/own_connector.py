"""A connector of your own: the Python packages of this environment as entities that can be queried and joined.

    python examples/own_connector.py

lists the packages with the most requirements. `discover` says what there is, `scan` delivers it; nothing is declared
in `capabilities`, so filters, joins and sums are done by groundwire. Prove yours with `groundwire.connectors.testing`.
"""

from collections.abc import Iterator
from importlib.metadata import distributions

import pyarrow as pa
from pydantic import BaseModel

from groundwire import Hub
from groundwire.core.catalog import Entity, Field, Relation
from groundwire.core.connector import Connector, Scan, ScanReport


class PackagesConnector(Connector):
    """`packages` (name, version, summary) and their `requirements` (package, text)."""

    class Settings(BaseModel):
        """Nothing to set."""

    def discover(self) -> list[Entity]:
        packages = Entity(
            source=self.name,
            name="packages",
            fields=tuple(Field(name=n, type=pa.string()) for n in ("name", "version", "summary")),
            primary_key=("name",),
            relations=(
                Relation(name="requirements", target="python.requirements", on=(("name", "package"),), many=True),
            ),
        )
        requirements = Entity(
            source=self.name,
            name="requirements",
            fields=tuple(Field(name=n, type=pa.string()) for n in ("package", "text")),
            relations=(Relation(name="owner", target="python.packages", on=(("package", "name"),)),),
        )
        return [packages, requirements]

    def scan(self, scan: Scan, report: ScanReport) -> Iterator[pa.RecordBatch]:
        report.native.append(f"importlib.metadata: {scan.entity.name}")
        found = {d.name: d for d in distributions()}.values()
        if scan.entity.name == "packages":
            rows = [{"name": d.name, "version": d.version, "summary": d.metadata["Summary"]} for d in found]
        else:
            rows = [{"package": d.name, "text": text} for d in found for text in d.requires or ()]
        yield pa.RecordBatch.from_pylist(rows, schema=scan.schema)


def main() -> None:
    """Ask it as if it were a database."""
    with Hub([PackagesConnector("python", PackagesConnector.Settings())]) as hub:
        result = hub.query(
            """SELECT name, version, COUNT(requirements) AS needs FROM python.packages
               WHERE EXISTS(SELECT 1 FROM requirements) ORDER BY needs DESC, name LIMIT 5"""
        )
    for name, version, needs in result.rows():
        print(f"{name} {version} names {needs} requirements")


if __name__ == "__main__":
    main()
