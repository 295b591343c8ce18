"""The contract and its meaning: one OpenAPI document, and `decide(request, state) -> outcome` as a pure function.

This package does not use HTTP, a clock or a global random generator; the caller passes the time and the generator.
"""

from openapi.decision.computed import COMPUTED, completed
from openapi.decision.content import Content
from openapi.decision.contract import Contract, Operation
from openapi.decision.data import NOT_EXPECTED
from openapi.decision.decision import Decision, decide, force
from openapi.decision.envelope import Envelope
from openapi.decision.footprint import Footprint, footprint
from openapi.decision.lookup import Let
from openapi.decision.permitted import Acceptance, Permitted, permitted
from openapi.decision.rule import ANY_CODE, ASSUMED, NOTHING_SHOWN, Rule, Shown
from openapi.decision.timeless import only_decides_by_time
from openapi.decision.unsure import Moment, depends_on_now
from openapi.document.document import Document, Node
from openapi.document.errors import (
    ContractError,
    ExecutionError,
    InvalidDocument,
    Problem,
    TableFull,
    WorldError,
    nearest,
    short_name,
)
from openapi.document.json_value import parse_json
from openapi.document.reader import parse_document, read_document
from openapi.document.swagger import converted, is_swagger
from openapi.loading.compile import load, whole_document
from openapi.loading.outline import METHODS
from openapi.loading.world import World, demo_world, duration, instant, load_world, read_row, read_world
from openapi.parameters.names import REQUEST, expression_name, request_parts
from openapi.parameters.parameter import CONSTRAINTS, INT_RANGES, Absence, Parameter
from openapi.parameters.paths import Paths, path_segments, path_template
from openapi.parameters.readings import KEYS, KINDS, REQUESTS, Stated, folded, spellings
from openapi.parameters.secret_names import tells_secret
from openapi.schemas.convert import Schemas
from openapi.schemas.sample import sample as value_of_schema
from openapi.schemas.validator import covers
from openapi.state.plain import (
    RowChange,
    changed,
    changes_between,
    plain_changes,
    plain_state,
    read_changes,
    read_state,
)
from openapi.state.state import Approximate, Change, Columns, State, is_lost
from openapi.witness.clues import Clues, Source, item_sources, joint_sources, sample, sources
from openapi.witness.lifecycle import Transition, transitions
from openapi.witness.parameter_values import items_of, likely, near, texts, values
from openapi.witness.witness import Candidate, classified, lacking, sendable, simplest, unreachable, witnesses

__all__ = [
    "ANY_CODE",
    "ASSUMED",
    "COMPUTED",
    "CONSTRAINTS",
    "INT_RANGES",
    "KEYS",
    "KINDS",
    "METHODS",
    "NOTHING_SHOWN",
    "NOT_EXPECTED",
    "REQUEST",
    "REQUESTS",
    "Absence",
    "Acceptance",
    "Approximate",
    "Candidate",
    "Change",
    "Clues",
    "Columns",
    "Content",
    "Contract",
    "ContractError",
    "Decision",
    "Document",
    "Envelope",
    "ExecutionError",
    "Footprint",
    "InvalidDocument",
    "Let",
    "Moment",
    "Node",
    "Operation",
    "Parameter",
    "Paths",
    "Permitted",
    "Problem",
    "RowChange",
    "Rule",
    "Schemas",
    "Shown",
    "Source",
    "State",
    "Stated",
    "TableFull",
    "Transition",
    "World",
    "WorldError",
    "changed",
    "changes_between",
    "classified",
    "completed",
    "converted",
    "covers",
    "decide",
    "demo_world",
    "depends_on_now",
    "duration",
    "expression_name",
    "folded",
    "footprint",
    "force",
    "instant",
    "is_lost",
    "is_swagger",
    "item_sources",
    "items_of",
    "joint_sources",
    "lacking",
    "likely",
    "load",
    "load_world",
    "near",
    "nearest",
    "only_decides_by_time",
    "parse_document",
    "parse_json",
    "path_segments",
    "path_template",
    "permitted",
    "plain_changes",
    "plain_state",
    "read_changes",
    "read_document",
    "read_row",
    "read_state",
    "read_world",
    "request_parts",
    "sample",
    "sendable",
    "short_name",
    "simplest",
    "sources",
    "spellings",
    "tells_secret",
    "texts",
    "transitions",
    "unreachable",
    "value_of_schema",
    "values",
    "whole_document",
    "witnesses",
]
