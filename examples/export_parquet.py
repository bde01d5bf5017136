"""A result as a pandas data frame, and as a Parquet file that carries the proof of where it came from.

    python examples/export_parquet.py sales.parquet

prints

      region  revenue
    0  north    150.0
    1  south     80.0
    sales.parquet: 2 rows of shop.sales, complete

Any source will do; here the data is two columns in memory. pandas comes with `pip install 'groundwire[pandas]'`.
"""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector

SALES = pa.table({"region": ["north", "south", "north"], "amount": [100.0, 80.0, 50.0]})


def main(file: str) -> None:
    """Ask, show, write, and read back what the file says of itself."""
    with Hub([MemoryConnector.from_tables("shop", {"sales": SALES})]) as hub:
        result = hub.query("SELECT region, SUM(amount) AS revenue FROM shop.sales GROUP BY 1 ORDER BY 2 DESC")

    print(result.to_pandas())

    proof = {"complete": result.complete, "sources": [source.to_dict() for source in result.sources]}
    pq.write_table(result.table.replace_schema_metadata({"groundwire": json.dumps(proof)}), file)

    read = pq.read_table(file)
    proof = json.loads(read.schema.metadata[b"groundwire"])
    entities = ", ".join(entity for source in proof["sources"] for entity in source["entities"])
    print(f"{file}: {len(read)} rows of {entities}, {'complete' if proof['complete'] else 'INCOMPLETE'}")


if __name__ == "__main__":
    main(sys.argv[1])
