"""Ask the demo company's development questions and score the answers: part of `make eval`."""

from __future__ import annotations

import os

from groundwire.agents.cli_eval import begun, measure, report
from groundwire.agents.eval_cases import parse, unique
from groundwire.agents.eval_setup import Target
from groundwire.agents.evals import Evaluation
from groundwire.demo.company import DemoCompany
from groundwire.demo.questions import CASES


def main() -> None:
    """Start the company, ask, and print what was right."""
    cases = unique([parse(raw, f"demo-{n}", f"demo case {n}") for n, raw in enumerate(CASES, 1)])
    with DemoCompany(progress=print) as company:
        target = Target(config=company.config_path, environment={**os.environ, **company.environment})
        done = begun({"mode": "single", "model": target.parsed("").model.name, "ablated": []})
        measure(Evaluation(target), done, cases)
        report(done)


if __name__ == "__main__":
    main()
