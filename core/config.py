"""The configuration file, `groundwire.toml`: sources, what people call things, links, limits.

Secrets stay out of it: `${NAME}` in any text takes an environment variable, or what the environment file beside the
configuration says (`groundwire.env`). In place of a text, `{ env = "NAME" }` does the same, `{ file = "path" }` takes
a file's content (relative to the configuration), and `{ keyring = "NAME" }` what the system's keyring keeps.
Every error names the setting by its dotted path.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
)

from groundwire.core.catalog import near_names
from groundwire.core.errors import ConfigError, QueryError
from groundwire.core.freshness import parse_age
from groundwire.core.secrets import read_environment, read_keyring

DEFAULT_NAME = "groundwire.toml"
PATH_VARIABLE = "GROUNDWIRE_CONFIG"
CACHE_VARIABLE = "GROUNDWIRE_CACHE"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _age(value: str) -> str:
    try:
        parse_age(value)
    except QueryError as error:
        raise ValueError(str(error)) from None
    return value


Age = Annotated[str, AfterValidator(_age)]
"""Text such as "30s", "5m", "2h", "1d"."""


class FieldConfig(_Section):
    """`[sources.NAME.entities.ENTITY.field.FIELD]`: what people know about a field."""

    description: str = ""
    synonyms: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    sensitive: bool = False


class MeasureConfig(_Section):
    """`[sources.NAME.entities.ENTITY.measures.MEASURE]`: a named expression."""

    expression: str
    description: str = ""
    synonyms: tuple[str, ...] = ()


class ReplicaConfig(_Section):
    """`replica = true`, or `[sources.NAME.entities.ENTITY.replica]`: a local copy that is kept up to date.

    `cursor` names the field that grows with every change, where the source does not say; without one every
    sync reads everything. The rest stands in for the same setting of `[replicas]`.
    """

    cursor: str | None = None
    every: str | None = None
    overlap: str | None = None
    reconcile: str | None = None

    @field_validator("every", "overlap", "reconcile")
    @classmethod
    def _is_age(cls, value: str | None) -> str | None:
        return value if value is None else _age(value)


class ReplicasConfig(_Section):
    """`[replicas]`: where the copies are kept, and how.

    `url` is a database for SQLAlchemy, SQLite or PostgreSQL; by default a file among the user's data, one for each
    configuration file. `every` is
    the pause between syncs. `overlap` is how late a change may be committed, counted from its own timestamp, and
    still be found. `reconcile` is the longest pause between comparisons of all keys. `lease` is how long
    a crashed sync on another machine holds up the next.
    """

    url: SecretStr | None = None
    every: str = "5m"
    overlap: str = "2m"
    reconcile: str = "1h"
    lease: str = "30s"

    @field_validator("every", "overlap", "reconcile", "lease")
    @classmethod
    def _is_age(cls, value: str) -> str:
        return _age(value)


class EntityConfig(_Section):
    """`[sources.NAME.entities.ENTITY]`: what people know about an entity.

    `fields` lists the only fields to show; `hide` takes some away.
    """

    description: str = ""
    label: str = ""
    synonyms: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    field: dict[str, FieldConfig] = Field(default_factory=dict)
    measures: dict[str, MeasureConfig] = Field(default_factory=dict)
    max_age: Age | None = None
    replica: ReplicaConfig | None = None

    @field_validator("replica", mode="before")
    @classmethod
    def _true_is_by_default(cls, value: Any) -> Any:
        """`replica = true` is a replica with the defaults of `[replicas]`."""
        return ({} if value else None) if isinstance(value, bool) else value


class WebhookConfig(_Section):
    """`[sources.NAME.webhook]`: who may tell of changes at `/events/NAME`, and how it proves who it is.

    `kind` is `salesforce` (outbound messages) or `odoo` (webhook actions), which can't sign, so the secret is the
    last part of the address and Salesforce's `organization` must fit; or `hmac`, which signs every request.
    """

    kind: Literal["salesforce", "odoo", "hmac"]
    secret: SecretStr = Field(min_length=16)
    organization: str | None = None


class ActionsConfig(_Section):
    """`[actions]`: how what is proposed comes to be done. Which actions there are is said by each source.

    `expires` is how long a proposal may wait for its approval. With `two_people`, nobody approves what they proposed.
    """

    expires: Age = "1d"
    two_people: bool = False


class SourceConfig(BaseModel):
    """`[sources.NAME]`: the kind of connector, its settings, and its entities' descriptions.

    `actions` are what may be done there, apart from reading, after a person has approved: `name = true`, or a table of
    settings; none by default.

    `rate` bounds what all processes together ask of the source ("10/s", "1000/h"). `reserve` is the share of the
    source's own quota that is kept for questions. `events` says how changes of replicated entities are heard of
    between syncs: `notify` (PostgreSQL, after `groundwire events install`) or `poll`, every `poll`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    entities: dict[str, EntityConfig] = Field(default_factory=dict)
    max_age: Age | None = None
    infer_relations: bool = True
    profile: bool = True
    rate: str | None = None
    reserve: float = Field(default=0.1, ge=0, lt=1)
    events: Literal["notify", "poll"] | None = None
    poll: Age = "1s"
    webhook: WebhookConfig | None = None
    actions: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)

    @field_validator("actions", mode="before")
    @classmethod
    def _true_is_without_settings(cls, value: Any) -> Any:
        """`create_task = true` is an action without settings, `false` none."""
        if not isinstance(value, Mapping):
            return value
        return {name: {} if given is True else given for name, given in value.items() if given is not False}

    @property
    def settings(self) -> dict[str, Any]:
        """What belongs to the connector itself."""
        return dict(self.model_extra or {})

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Without the connector's own settings: which of them are secrets only the connector knows."""
        own = type(self).model_fields
        return ((name, value if name in own else "…") for name, value in super().__repr_args__())


class LinkConfig(BaseModel):
    """`[[links]]`: `from` and `to` are `entity.field`; many records of `from` belong to one of `to`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: str = Field(alias="from")
    to: str
    name: str
    reverse: str


class ModelConfig(_Section):
    """`[model]`: which language model answers. `name` is known weights, a path to a GGUF file, or a
    `provider:model` of LangChain's `init_chat_model`.

    `lora` is a LoRA adapter in GGUF for these weights, `chat_template` a Jinja file in place of their own template.
    `thinking` is how many tokens a reasoning model may think before it answers. With `effort = "low"` a query that was
    refused is not written again, and code phrases what was found: quicker, plainer, and a little less often right.
    """

    name: str = "qwen2.5-coder-1.5b-instruct-q4_k_m"
    context: int = Field(default=8192, ge=512)
    threads: int | None = Field(default=None, ge=1)
    prefix_cache: bool = True
    lora: Path | None = None
    chat_template: Path | None = None
    thinking: int = Field(default=512, ge=0)
    effort: Literal["high", "low"] = "high"
    options: dict[str, Any] = Field(default_factory=dict, repr=False)


class ExamplesConfig(_Section):
    """`[examples]`: whether questions are kept with their query and outcome, to be reviewed and to learn from.

    `file` is a SQLite database that only its owner can read; by default one in the user's state directory.
    """

    keep: bool = False
    file: Path | None = None


class LimitsConfig(_Section):
    """`[limits]`: what a query may cost.

    `rows` bounds each scan and the result; `bytes` all scans of a query together, and the result. What
    is cut is marked. `timeout` is in seconds, for the whole query. `query_bytes` is the longest query.
    `memory` is what joining may take, for all queries of this process together.
    """

    rows: int = Field(default=2_000_000, ge=1)
    bytes: int = Field(default=2_000_000_000, ge=1_000_000)
    timeout: float = Field(default=60.0, gt=0)
    query_bytes: int = Field(default=100_000, ge=1_000)
    memory: str = "2GB"


class FreshnessConfig(_Section):
    """`[freshness]`: the oldest acceptable age of data where question, entity and source say nothing; 0 is live."""

    max_age: Age = "0s"


class CacheConfig(_Section):
    """`[cache]`: where earlier reads are kept for questions that allow data of their age.

    `url` is `redis://...`, or `sqlite:///path`; by default a file in the user's cache directory. `max_bytes` bounds all
    fragments together, `max_fragment` one of them; both as they are stored. A fragment that is used when more than
    `refresh_at` of the allowed age is over is read again behind the answer: by this process (`here`), by
    a `worker`, or not at all (`off`). `catalogs` is how old the description of a source may be that an earlier process
    learned; `0` asks the source in every process, as `groundwire check` always does.
    """

    enabled: bool = True
    catalogs: Age = "1h"
    url: SecretStr | None = None
    max_bytes: int = Field(default=256_000_000, ge=1_000_000)
    max_fragment: int = Field(default=64_000_000, ge=1_000)
    refresh: Literal["here", "worker", "off"] = "here"
    refresh_at: float = Field(default=0.75, gt=0, le=1)


class WorkerConfig(_Section):
    """`[worker]`: who keeps replicas up to date.

    `broker` carries errands between machines; without it `$AMQP_URL`, `$REDIS_URL`, or a folder beside the replicas.
    `name` begins every queue's name. `concurrency` is how many entities one worker syncs at a time. `visibility` is
    how long Redis waits before it gives a worker's errand to another. `webhooks` is where events are received, as
    "127.0.0.1:8766".
    """

    broker: SecretStr | None = None
    name: str = Field(default="groundwire", pattern=r"^[A-Za-z0-9_-]+$")
    concurrency: int = Field(default=4, ge=1)
    visibility: Age = "1h"
    webhooks: str | None = Field(default=None, pattern=r"^[^\s/]+:\d{1,5}$")


class RoleConfig(_Section):
    """`[policy.roles.NAME]`: what a role may see.

    `allow` and `deny` are patterns of `source.entity` and `source.entity.field`, in which `*` stands for anything.
    `rows` has a condition in the query language for an entity's pattern, with `principal.ATTRIBUTE` for what differs
    between people; `masks` has `hash`, `partial`, `null`, or `round` with a unit for a field's pattern.
    `propose` and `approve` are patterns of `source.action`; `never_write` are fields that no action may write.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    rows: dict[str, str] = Field(default_factory=dict)
    masks: dict[str, str] = Field(default_factory=dict)
    propose: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    never_write: tuple[str, ...] = ()


Attribute = bool | int | float | date | str
"""One value of a principal's attribute."""


class PrincipalConfig(_Section):
    """`[policy.principals.NAME]`: somebody who asks: roles, attributes, and accounts of the operating system."""

    roles: tuple[str, ...] = ()
    attributes: dict[str, Attribute | tuple[Attribute, ...]] = Field(default_factory=dict)
    os_users: tuple[str, ...] = ()


class BudgetConfig(_Section):
    """`[policy.budgets.NAME]`: what a principal, or `*` for everybody else, may be given in each clock hour (UTC).

    `cost` is in the units of `[policy.prices]`; what is asked while some is left is answered to its end.
    """

    queries: int | None = Field(default=None, ge=0)
    rows: int | None = Field(default=None, ge=0)
    bytes: int | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)


class PricesConfig(_Section):
    """`[policy.prices]`: what a query costs, a second that it takes, and a thousand tokens that a model evaluates."""

    query: float = Field(default=0.0, ge=0)
    second: float = Field(default=0.0, ge=0)
    thousand_tokens: float = Field(default=0.0, ge=0)


class TokenConfig(_Section):
    """`[policy.tokens]`: JSON Web Tokens that say who asks.

    `key` is the shared secret of HS256, or the public key of RS256 as PEM. `name` is the claim with the principal's
    name, `roles` the one with names of roles. `attributes` are claims that become attributes of the same name.
    """

    algorithm: Literal["HS256", "RS256"]
    key: SecretStr
    audience: str | None = None
    issuer: str | None = None
    name: str = "sub"
    roles: str | None = None
    attributes: tuple[str, ...] = ()


class PolicyConfig(_Section):
    """`[policy]`: who may see what; what nobody allowed is not there. Without this section everybody sees everything.

    `mask_key` is the secret behind `hash`. `operators` are accounts of the operating system that may ask as
    another principal with `--as`.
    """

    roles: dict[str, RoleConfig] = Field(default_factory=dict)
    principals: dict[str, PrincipalConfig] = Field(default_factory=dict)
    budgets: dict[str, BudgetConfig] = Field(default_factory=dict)
    prices: PricesConfig = PricesConfig()
    tokens: TokenConfig | None = None
    mask_key: SecretStr | None = None
    operators: tuple[str, ...] = ()


class AuditConfig(_Section):
    """`[audit]`: the trail of what was asked and answered; kept under a `[policy]`, and wherever this section is.

    `path` is the file; by default one among this user's state, for each configuration. `key` makes hashes that nobody
    else can make. `on_failure` says what becomes of questions while nothing can be written.
    """

    enabled: bool | None = None
    path: str | None = None
    key: SecretStr | None = None
    on_failure: Literal["refuse", "answer"] = "refuse"


class McpConfig(_Section):
    """`[mcp]`: who may ask over HTTP. `token` is the one of whoever starts the server; made and shown at the start
    where there is none. `tokens` are those of principals, by their names.
    """

    token: SecretStr | None = None
    tokens: dict[str, SecretStr] = Field(default_factory=dict)


class TelemetryConfig(_Section):
    """`[telemetry]`: traces and metrics by OpenTelemetry, when `enabled`; and the log.

    `endpoint` is where they are sent (OTLP over HTTP), with `headers`; without it the variables of OpenTelemetry say so
    (`OTEL_EXPORTER_OTLP_ENDPOINT`). `traces` and `metrics` may each be left out. `prometheus` is where metrics can be
    fetched instead, as "127.0.0.1:9464", or true for `/metrics` of `serve` alone. `content` lets spans hold questions,
    answers, and messages of errors. `tags` tells sources the id of the question that they are asked for. `logs` makes
    the log JSON, with every span a line.
    """

    enabled: bool = False
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    traces: bool = True
    metrics: bool = True
    prometheus: Literal[True] | Annotated[str, Field(pattern=r"^[^\s/]+:\d{1,5}$")] | None = None
    content: bool = False
    tags: bool = True
    logs: Literal["text", "json"] = "text"


class ServeConfig(_Section):
    """`[serve]`: who may ask `groundwire serve`, and how much of it.

    `token` and `tokens` are as in `[mcp]`; a token that is made is kept for the next start. `operators` are principals
    who may see the operator's page; without a policy whoever may ask may. `hosts` are names by which this machine is
    reached beside loopback's. `rate` is what one principal may ask ("20/s", "1000/m"), `body` how large a request may
    be, in bytes, and `rows` what a result may have. `questions` are answered at a time: one by a local model, eight by
    another; `waiting` more wait for their turn, `waiting_each` of one principal, `timeout` seconds at most until the
    answer. `grace` is how many seconds requests under way are given when the server ends.
    """

    token: SecretStr | None = None
    tokens: dict[str, SecretStr] = Field(default_factory=dict)
    operators: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    rate: str = "50/s"
    body: int = Field(default=1_000_000, ge=1_000)
    rows: int = Field(default=100_000, ge=1)
    questions: int | None = Field(default=None, ge=1, le=64)
    waiting: int = Field(default=100, ge=0)
    waiting_each: int = Field(default=10, ge=0)
    timeout: float = Field(default=300.0, gt=0)
    grace: float = Field(default=10.0, ge=0)

    @field_validator("rate")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if not re.fullmatch(r"\d+(\.\d+)?/[smhd]", value.replace(" ", "")):
            raise ValueError(f"{value!r} is not a rate; write 5/s, 100/m, 1000/h or 10000/d")
        return value


class Config(_Section):
    """The whole file. With `offline`, this process connects to nothing that the file does not name."""

    sources: dict[str, SourceConfig] = Field(default_factory=dict)
    links: tuple[LinkConfig, ...] = ()
    model: ModelConfig = ModelConfig()
    examples: ExamplesConfig = ExamplesConfig()
    limits: LimitsConfig = LimitsConfig()
    replicas: ReplicasConfig = ReplicasConfig()
    freshness: FreshnessConfig = FreshnessConfig()
    cache: CacheConfig = CacheConfig()
    worker: WorkerConfig = WorkerConfig()
    policy: PolicyConfig | None = None
    audit: AuditConfig | None = None
    mcp: McpConfig = McpConfig()
    telemetry: TelemetryConfig = TelemetryConfig()
    serve: ServeConfig = ServeConfig()
    actions: ActionsConfig = ActionsConfig()
    offline: bool = False
    on_error: Literal["raise", "incomplete", "stale"] = "raise"
    _place: Path | None = PrivateAttr(default=None)
    _environment: Mapping[str, str] | None = PrivateAttr(default=None)
    _names: Mapping[str, str] | None = PrivateAttr(default=None)

    @property
    def place(self) -> Path | None:
        """The file that this was read from, else the folder that its paths start at; None if made in code."""
        return self._place


def cache_folder() -> Path:
    """This user's caches: `$GROUNDWIRE_CACHE`, else the operating system's place for them."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_dir("groundwire"))


def load(
    path: str | Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> Config:
    """Read and check a configuration file.

    Args:
        path: the file; without it `$GROUNDWIRE_CONFIG`, then `groundwire.toml` in this directory.
        environment: in place of the process's own; what it lacks comes from the environment file.
        names: what stands for `{name}` in the file's texts: one file then serves several databases.

    Raises:
        ConfigError: naming the setting, or the file that is missing.
    """
    given = environment
    environment = os.environ if environment is None else environment
    file = Path(path or environment.get(PATH_VARIABLE) or DEFAULT_NAME)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"can't read the configuration {file}: {error.strerror}; name one with --config or {PATH_VARIABLE}"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the configuration {file} is not UTF-8") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from None
    environment = {**read_environment(file), **environment}
    config = parse(_named(raw, names) if names else raw, base=file.parent, environment=environment)
    config._place, config._environment, config._names = file.resolve(), given, names
    return config


def again(config: Config) -> Config:
    """A configuration as its file and its secrets are now.

    Raises:
        ConfigError: it was not read from a file, or is not valid any more.
    """
    if config.place is None or not config.place.is_file():
        raise ConfigError("it was not read from a file")
    return load(config.place, config._environment, names=config._names)


def parse(raw: Mapping[str, Any], *, base: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Check an already decoded configuration; `base` is where `{ file = ... }` paths start.

    Raises:
        ConfigError: naming the setting.
    """
    filled = _fill(raw, "", base, os.environ if environment is None else environment)
    try:
        config = Config.model_validate(filled)
    except ValidationError as error:
        raise _config_error(error, filled, Config) from None
    for name in config.sources:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ConfigError("a source's name is letters, digits and underscores", setting=f"sources.{name}")
    config._place = base.resolve()
    return config


def secret_files(file: Path) -> list[Path]:
    """The files that a configuration file takes texts from, `{ file = ... }`; without those whose names are variables.

    Args:
        file: a configuration that `load` accepts.
    """

    def inside(value: Any) -> list[Path]:
        if isinstance(value, Mapping):
            if set(value) == {"file"} and isinstance(value["file"], str):
                return [] if "${" in value["file"] else [file.parent / value["file"]]
            return [found for inner in value.values() for found in inside(inner)]
        return [found for inner in value for found in inside(inner)] if isinstance(value, list) else []

    return inside(tomllib.loads(file.read_text(encoding="utf-8")))


def settings_of(model: type[BaseModel], settings: Mapping[str, Any], *, setting: str) -> Any:
    """Check one connector's settings against its own model; what the model does not name is an error in any case.

    Raises:
        ConfigError: naming the setting and the valid ones.
    """
    names = {n for n, f in model.model_fields.items()} | {f.alias for f in model.model_fields.values() if f.alias}
    if model.model_config.get("extra") != "allow":
        for name in settings:
            if name not in names:
                raise ConfigError(_unknown_setting(name, model, top=True), setting=f"{setting}.{name}")
    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        raise _config_error(error, settings, model, prefix=setting) from None


def _named(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"(?<!\$)\{(\w+)\}", lambda m: names.get(m[1], m[0]), value)
    if isinstance(value, Mapping):
        return {_named(k, names): _named(v, names) for k, v in value.items()}
    return [_named(v, names) for v in value] if isinstance(value, list) else value


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _whole_text(text: str, where: str) -> str:
    """The text, if it can be written and sent: what is no UTF-8 in an environment is half a character here."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("this is not UTF-8", setting=where) from None
    return text


def _fill(value: Any, where: str, base: Path, environment: Mapping[str, str]) -> Any:
    if isinstance(value, str):

        def replace(match: re.Match[str]) -> str:
            if match[1] not in environment:
                raise ConfigError(f"environment variable {match[1]} is not set", setting=where)
            return environment[match[1]]

        return _whole_text(_VARIABLE.sub(replace, value), where)
    if isinstance(value, Mapping):
        if set(value) == {"env"} and isinstance(value["env"], str):
            if value["env"] not in environment:
                raise ConfigError(f"environment variable {value['env']} is not set", setting=where)
            return _whole_text(environment[value["env"]], where)
        if set(value) == {"keyring"} and isinstance(value["keyring"], str):
            found = read_keyring(value["keyring"])
            if found is None:
                raise ConfigError(f"the keyring has no {value['keyring']!r} for groundwire", setting=where)
            return found
        if set(value) == {"file"} and isinstance(value["file"], str):
            file = base / _fill(value["file"], where, base, environment)
            try:
                return file.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(f"can't read {file}: {error.strerror}", setting=where) from None
            except UnicodeDecodeError:
                raise ConfigError(f"{file} is not UTF-8", setting=where) from None
        return {k: _fill(v, f"{where}.{k}" if where else str(k), base, environment) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, f"{where}[{i}]", base, environment) for i, v in enumerate(value)]
    return value


def _config_error(error: ValidationError, data: Any, model: type[BaseModel], prefix: str = "") -> ConfigError:
    """The first problem as one sentence; never shows the value, which may be a secret."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join([p for p in [prefix] if p] + [str(p) for p in first["loc"]])
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = _unknown_setting(str(first["loc"][-1]), model, top=len(first["loc"]) == 1)
    elif first["type"] == "missing":
        message = "this setting is required"
    more = error.error_count() - 1
    return ConfigError(message + (f" (and {more} more)" if more else ""), setting=where)


def _unknown_setting(name: str, model: type[BaseModel], *, top: bool) -> str:
    """What to write instead; all that is valid where the setting is one of the model's own."""
    names = [f.alias or n for n, f in model.model_fields.items()]
    near = near_names(name, names)
    message = f"unknown setting; did you mean {', '.join(near)}?" if near else "unknown setting."
    return message + (f" Valid settings: {', '.join(sorted(names)) or 'none'}" if top else "")
