"""Salesforce's own grammar of SOQL (`@salesforce/soql-common`, BSD-3-Clause), which its editors use.

It is installed from npm once into the user's cache directory. It knows no objects and no fields: what it refuses,
Salesforce refuses too.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable

from node_packages import installed

PACKAGE = b"""{
  "name": "groundwire-soql-grammar",
  "private": true,
  "dependencies": { "@salesforce/soql-common": "0.2.2", "antlr4ts": "0.5.0-alpha.4" }
}
"""

_PROGRAM = """
const { SOQLParser } = require('@salesforce/soql-common/lib/soql-parser');
const parser = SOQLParser({ isApex: false, isMultiCurrencyEnabled: true, apiVersion: 59.0 });
const found = {};
for (const text of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
  const errors = parser.parseQuery(text).getParserErrors();
  if (errors.length) found[text] = errors[0].getMessage();
}
process.stdout.write(JSON.stringify(found));
"""


def refused(statements: Iterable[str]) -> dict[str, str]:
    """Those that Salesforce's grammar does not know, and why; all of them are parsed by one process.

    Raises:
        NoNode: Node or the package is not there.
    """
    folder = installed("soql", PACKAGE)
    given = json.dumps(sorted(set(statements)))
    done = subprocess.run(["node", "-e", _PROGRAM], cwd=folder, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-800:]
    found: dict[str, str] = json.loads(done.stdout)
    return found
