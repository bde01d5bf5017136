"""Ask the demo company's development questions and score the answers: `make eval`."""

from __future__ import annotations

import os

from groundwire import Hub
from groundwire.agents.agent import Agent
from groundwire.agents.evals import run_cases
from groundwire.demo.company import DemoCompany
from groundwire.demo.questions import CASES


def main() -> None:
    """Start the company, ask, and print what was right."""
    with DemoCompany(progress=print) as company:
        environment = {**os.environ, **company.environment}
        with Hub.from_config(company.config_path, environment) as hub:
            agent = Agent(hub)
            agent.warm()
            print(run_cases(agent, CASES, print_line=print).summary())


if __name__ == "__main__":
    main()
