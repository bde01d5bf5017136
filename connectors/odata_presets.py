"""What SAP's and Microsoft's OData services need beside the standard: how to log in, and their quirks.

Source: SAP Business One Service Layer User Manual (login, `B1SESSION`, `B1S-PageSize`); Dataverse Web API
(authentication, page size, formatted values, count limit, service protection limits); Dynamics 365 Business
Central API v2.0 (companies, environments); SAP S/4HANA API reference (`sap-client`, Basic, no CSRF token for GET).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FORMATTED = "OData.Community.Display.V1.FormattedValue"
"""Dataverse's annotation that holds what its users see in place of a number."""

PresetName = Literal["s4hana", "business-one", "dynamics365", "business-central"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One product's ways.

    Attributes:
        session: log in by `POST Login` and send the session's cookie.
        scope: of OAuth client credentials, below the source's origin; empty for none.
        pages_itself: records are asked for in windows (`$top` and `$skip`), since the product gives all at once.
        counts: whether its counts are those of all records.
        json_batch: `$batch` only in JSON.
        formatted: numbers carry the labels that users see.
        per_company: entity sets lie below `companies(id)`.
        headers: sent with every request.
        page_header: header by which it takes the number of records in a page, beside `Prefer`.
    """

    session: bool = False
    scope: str = ""
    pages_itself: bool = False
    counts: bool = True
    json_batch: bool = False
    formatted: bool = False
    per_company: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    page_header: str = ""


STANDARD = Preset()
PRESETS: Mapping[PresetName, Preset] = {
    # version 2 services of S/4HANA send everything in one answer
    "s4hana": Preset(pages_itself=True),
    "business-one": Preset(session=True, page_header="B1S-PageSize"),
    # counts stop at 5,000
    "dynamics365": Preset(scope="/.default", counts=False, formatted=True, headers={"OData-MaxVersion": "4.0"}),
    "business-central": Preset(scope="/.default", json_batch=True, per_company=True),
}

MICROSOFT_LOGIN = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"

CURSORS = (
    "modifiedAt",
    "modifiedon",
    "lastModifiedDateTime",
    "systemModifiedAt",
    "LastChangeDateTime",
    "LastChangedDateTime",
)
"""Names under which CAP, Dataverse, Business Central and S/4HANA keep the moment of the last change."""
