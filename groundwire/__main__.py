"""`python -m groundwire` is the `groundwire` command."""

from groundwire.agents.cli import main

if __name__ == "__main__":
    main()
