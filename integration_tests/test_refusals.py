"""What each endpoint may be refused, and by which answer: no row of another object is lost, and nothing is silent."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from integration_tests.refusals import CHOSEN, Account, Cell, Place, examine, laboratory


class Accounts:
    """The accounts of the cells, each made when it is first wanted."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._made: dict[str, Account] = {}

    def of(self, place: Place) -> Account:
        name = repr(place.options)
        if name not in self._made:
            self._made[name] = self._stack.enter_context(Account(**place.options))
        return self._made[name]


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with laboratory(), ExitStack() as stack:
        yield Accounts(stack)


@pytest.mark.parametrize("cell", CHOSEN, ids=lambda cell: cell.name)
def test_what_is_refused_is_said_and_costs_nothing_else(accounts: Accounts, cell: Cell) -> None:
    assert examine(cell, accounts.of(cell.place)).wrong == []
