"""Connect a language model to live CRM, ERP and SQL data: the names that users import."""

from groundwire.core.errors import ConfigError, GroundwireError, QueryError, SourceError
from groundwire.core.hub import Hub
from groundwire.core.result import Result

__all__ = ["ConfigError", "GroundwireError", "Hub", "QueryError", "Result", "SourceError"]
