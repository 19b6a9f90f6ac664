"""Finds and reads price books: those of the project, and those that come with Headwater.

A book is a YAML file ``NAME.yml`` or ``NAME@DATE.yml`` in the project's folder ``prices``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headwater.base.codec import Json
from headwater.base.diagnostics import Diagnostic
from headwater.base.errors import NotFound
from headwater.base.settings import Settings
from headwater.plan import books
from headwater.plan.books import (
    Contract,
    Discount,
    PriceBook,
    read_book,
    read_contract,
    unusable_book,
    unused_discounts,
    with_contract,
)
from headwater.plan.prices import declared_prices
from headwater.plan.state import Prices
from headwater.project.yaml_text import read_mapping

FOLDER = "prices"
"""Folder of a project's own price books."""

_SHIPPED = Path(books.__file__).parent / "price_lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBook:
    """A price book and where it is.

    Attributes:
        book: The book.
        file: Its file.
        is_shipped: Whether it comes with Headwater.
    """

    book: PriceBook
    file: str
    is_shipped: bool


def list_books(root: Path) -> tuple[FoundBook, ...]:
    """Return every book, the project's first, then by name, newest first.

    Raises:
        Invalid: ``price-book-malformed``, ``yaml-malformed``.
    """
    own = (_read(file, is_shipped=False) for file in sorted((root / FOLDER).glob("*.yml")))
    return _in_order([*own, *_shipped()])


def _shipped() -> list[FoundBook]:
    return [_read(file, is_shipped=True) for file in sorted(_SHIPPED.glob("*.yml"))]


def _in_order(found: list[FoundBook]) -> tuple[FoundBook, ...]:
    newest = sorted(found, key=lambda each: each.book.date, reverse=True)
    return tuple(sorted(newest, key=lambda each: (each.is_shipped, each.book.name)))


def find_book(name: str, root: Path) -> FoundBook:
    """Return the book of a name, a version ``name@date``, or a file.

    Of several with the name the project's go first, then the newest.

    Raises:
        NotFound: ``price-book-not-found``.
        Invalid: ``price-book-malformed``, ``yaml-malformed``.
    """
    if name.endswith((".yml", ".yaml")):
        file = root / Path(name).expanduser()
        if not file.is_file():
            raise _missing(name, f"there is no file `{file}`")
        return _read(file, is_shipped=False)
    # What another file says wrong is not in the way of a book that its file is named after.
    stem = name.partition("@")[0]
    files = sorted((root / FOLDER).glob("*.yml"))
    own = [_read(file, is_shipped=False) for file in files if file.stem.partition("@")[0] == stem]
    found = _called(name, _in_order([*own, *_shipped()])) or _called(name, list_books(root))
    if found is not None:
        return found
    known = list_books(root)
    names = ", ".join(dict.fromkeys(each.book.version for each in known))
    raise _missing(name, f"there are: {names}")


def _called(name: str, found: Iterable[FoundBook]) -> FoundBook | None:
    return next((each for each in found if name in {each.book.name, each.book.version}), None)


def prices_in_force(settings: Settings, root: Path) -> Prices | None:
    """Return the prices that the settings declare, from the book that they name.

    Args:
        settings: The settings.
        root: Folder of the project; relative paths are below it.

    Raises:
        NotFound: ``price-book-not-found``, ``price-not-found``.
        Invalid: ``price-book-malformed``, ``yaml-malformed``, ``setting-invalid``.
    """
    return declared_prices(settings, _book_in_force(settings, root))


def _book_in_force(settings: Settings, root: Path) -> PriceBook | None:
    name = settings.text("prices.book")
    if name is None:
        return None
    book = find_book(name, root).book
    return laid_over(book, settings.text("prices.contract"), root)


def laid_over(book: PriceBook, contract: str | None, root: Path) -> PriceBook:
    """Return the book with a contract's prices; as it is when there is none.

    Raises:
        NotFound: ``price-book-not-found``, when the contract's file does not exist.
        Invalid: ``price-book-malformed``, ``yaml-malformed``.
    """
    if contract is None:
        return book
    return with_contract(book, _contract(contract, root))


def contract_findings(settings: Settings, root: Path) -> tuple[Diagnostic, ...]:
    """Report discounts of the contract in force that apply to no price of the book.

    Raises:
        NotFound: ``price-book-not-found``.
        Invalid: ``price-book-malformed``, ``yaml-malformed``.
    """
    name, place = settings.text("prices.book"), settings.text("prices.contract")
    if name is None or place is None:
        return ()
    book = find_book(name, root).book
    contract = _contract(place, root)
    return tuple(_unused(place, book, each) for each in unused_discounts(book, contract))


def _unused(place: str, book: PriceBook, discount: Discount) -> Diagnostic:
    parts = (
        ("sku", discount.sku),
        ("service", discount.service),
        ("provider", discount.provider),
    )
    named = ", ".join(f"{what} `{value}`" for what, value in parts if value) or "nothing"
    return Diagnostic(
        code="contract-unused",
        severity="warning",
        what=f"a discount of the contract `{place}`, for {named}, changes no price",
        why=f"the book `{book.name}` has no such line, so that list prices are used",
        fix=f"correct the name: `hw price show {book.name}` lists what there is",
    )


def _contract(place: str, root: Path) -> Contract:
    file = root / Path(place).expanduser()
    if not file.is_file():
        raise _missing(place, f"there is no file `{file}`")
    return read_contract(place, _content(file))


def _read(file: Path, *, is_shipped: bool) -> FoundBook:
    book = read_book(file.name, _content(file))
    return FoundBook(book=book, file=str(file), is_shipped=is_shipped)


def _content(file: Path) -> Mapping[str, Json]:
    try:
        return read_mapping(file.name, file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise unusable_book(file.name, str(error)) from error


def _missing(name: str, why: str) -> NotFound:
    return NotFound(
        "price-book-not-found",
        f"there is no price book `{name}`",
        why=why,
        fix="`hw price list` shows the books; name one as `prices.book`",
    )
