"""The connector's API over HTTP, version 1.

One table of endpoints (:mod:`~freebusy.web.connector.table`) drives what is answered, how
requests are validated, the OpenAPI document and the page for people.
"""

from freebusy.web.connector.site import ConnectorSite, is_connectors

__all__ = ["ConnectorSite", "is_connectors"]
