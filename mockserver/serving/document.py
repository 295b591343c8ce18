"""The document that is served, at `/openapi.json` and `/openapi.yaml` unless the contract has these paths itself."""

from __future__ import annotations

import yaml
from flask import Blueprint, Response

from mockserver.http.reply import JSON, encoded
from mockserver.serving.mock import Mock

YAML = "application/yaml"


def served_document(mock: Mock) -> Blueprint:
    """Its routes. Files that the document refers to are part of it."""
    blueprint = Blueprint("document", __name__)

    @blueprint.get("/openapi.json")
    def as_json() -> Response:
        return Response(encoded(mock.contract.document), content_type=JSON)

    @blueprint.get("/openapi.yaml")
    def as_yaml() -> Response:
        text = yaml.safe_dump(mock.contract.document, allow_unicode=True, sort_keys=False, width=120)
        return Response(text, content_type=YAML)

    return blueprint
