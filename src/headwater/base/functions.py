"""Functions of a project (UDFs) as values: what they take, give and are made of.

They have no rows, so that they are kept in the metastore as a text, as views are, and made anew in
every session of the engine that needs them.
"""

from dataclasses import dataclass
from typing import Literal

from headwater.base.codec import decode, encode

Language = Literal["sql", "python"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """What a function takes.

    Attributes:
        name: Its name in the body.
        type: Its type, as written; empty for any.
        default: SQL of its value when it is left out; empty when it must be given.
    """

    name: str
    type: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One form of a function.

    Attributes:
        arguments: In order.
        returns: Type of its value, as written; empty when it is not declared.
        body: Compiled text: an expression, or a query of one value; a file in Python.
    """

    arguments: tuple[Argument, ...]
    returns: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function.

    Attributes:
        language: Of its bodies.
        signatures: Its forms; the arguments of a call choose among them.
        entry_point: In Python, the function of the file that is called.
        kind: Tells this document from others.
    """

    language: Language
    signatures: tuple[Signature, ...]
    entry_point: str = ""
    kind: Literal["function"] = "function"

    def document(self) -> str:
        """Write it as the metastore and plans keep it."""
        return encode(self).decode()


def is_function_document(text: str) -> bool:
    """Say whether the text of a view is a function's: no query begins with a brace."""
    return text.startswith("{")


def read_function(text: str) -> Function:
    """Read what ``Function.document`` wrote.

    Raises:
        ValueError: The text is none.
    """
    return decode(Function, text)
