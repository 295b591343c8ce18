"""The contract and its meaning: one OpenAPI document, and `decide(request, state) -> outcome` as a pure function.

Nothing in here speaks HTTP, reads a clock or draws from a global source of randomness: the caller brings them.
"""

from openapi._compile import load
from openapi._contract import Contract, Operation
from openapi._decision import Acceptance, Decision, Permitted, Rule, decide, force, permitted
from openapi._document import Document, Node, parse_document, read_document
from openapi._envelope import Envelope
from openapi._errors import ContractError, ExecutionError, InvalidDocument, Problem, TableFull, WorldError, nearest
from openapi._life import Transition, transitions
from openapi._pool import Source, likely, near, sample, sources, values
from openapi._request import Absence, Parameter
from openapi._state import Change, State
from openapi._witness import Candidate, classified, lacking, simplest, unreachable, witnesses
from openapi._world import World, duration, instant, load_world, read_world

__all__ = [
    "Absence",
    "Acceptance",
    "Candidate",
    "Change",
    "Contract",
    "ContractError",
    "Decision",
    "Document",
    "Envelope",
    "ExecutionError",
    "InvalidDocument",
    "Node",
    "Operation",
    "Parameter",
    "Permitted",
    "Problem",
    "Rule",
    "Source",
    "State",
    "TableFull",
    "Transition",
    "World",
    "WorldError",
    "classified",
    "decide",
    "duration",
    "force",
    "instant",
    "lacking",
    "likely",
    "load",
    "load_world",
    "near",
    "nearest",
    "parse_document",
    "permitted",
    "read_document",
    "read_world",
    "sample",
    "simplest",
    "sources",
    "transitions",
    "unreachable",
    "values",
    "witnesses",
]
