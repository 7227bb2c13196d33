"""What the commands `tatemono operator …` do."""

import asyncio
import io
import signal
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import NoReturn, Protocol

import segno
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tatemono.domain.operators.roles import Role
from tatemono_tools.laptop.operate.operators import Enrolment, OperatorPool, open_pool
from tatemono_tools.laptop.operate.running import running_cloud
from tatemono_tools.laptop.process.state import StateFolder
from tatemono_tools.plan.building import read_plan

_BREAK_OFF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ask(Protocol):
    def __call__(self, question: str, *, hidden: bool = False) -> str:
        """Ask the person, on the terminal; a hidden answer is not shown."""
        ...


def create(state: StateFolder, console: Console, ask: Ask, *, email: str, role: Role) -> int:
    """:raises OperatorRefused: there is such an operator already, or no code was right"""
    breakable = _Breakable(ask)

    def ask_code(enrolment: Enrolment) -> str:
        console.print("Scan this with an authenticator app, or type the key into it:\n")
        drawn = io.StringIO()
        segno.make(enrolment.uri, error="l").terminal(out=drawn, compact=True)
        console.print(Text.from_ansi(drawn.getvalue()), soft_wrap=True)
        console.print(f"Key: {enrolment.secret}\n", highlight=False, soft_wrap=True)
        return breakable("The code that it shows now")

    async def make(pool: OperatorPool) -> None:
        password = await pool.create(email, role, ask_code)
        console.print(f"\n{email} is an operator now, in the role {role.value}.")
        console.print(f"Password, shown this once: {password}", highlight=False, markup=False, soft_wrap=True)
        console.print(f"Sign in at {pool.site_url}", highlight=False, soft_wrap=True)

    return _within(state, make)


def invite(state: StateFolder, console: Console, *, email: str, role: Role) -> int:
    """:raises OperatorRefused: there is such an operator already"""

    async def make(pool: OperatorPool) -> None:
        password = await pool.invite(email, role)
        console.print(f"{email} is invited, in the role {role.value}.", highlight=False)
        console.print(f"Sign in at {pool.site_url}", highlight=False, soft_wrap=True)
        console.print(
            f"Temporary password, shown this once, good for a day: {password}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )

    return _within(state, make)


def token(state: StateFolder, console: Console, ask: Ask, *, email: str) -> int:
    """:raises OperatorRefused: the password or the code is wrong"""
    breakable = _Breakable(ask)

    async def sign_in(pool: OperatorPool) -> None:
        password = breakable("Password", hidden=True)
        tokens = await pool.sign_in(email, password, lambda: breakable("Code of the authenticator app"))
        # Alone on its line and nothing else on stdout, for `$(…)`.
        console.print(tokens["AccessToken"], highlight=False, markup=False, soft_wrap=True)

    return _within(state, sign_in)


def show(state: StateFolder, console: Console) -> int:
    async def print_table(pool: OperatorPool) -> None:
        table = Table("operator", "role", "authenticator app", "may sign in", box=None)
        for operator in await pool.list_operators():
            may_sign_in = operator.enabled and bool(operator.roles)
            marks = ["yes" if mark else "no" for mark in (operator.second_factor, may_sign_in)]
            table.add_row(operator.email, ", ".join(operator.roles) or "none", *marks)
        console.print(table)

    return _within(state, print_table)


def set_role(state: StateFolder, console: Console, *, email: str, role: Role) -> int:
    """:raises OperatorRefused: there is no such operator"""

    async def change(pool: OperatorPool) -> None:
        await pool.set_role(email, role)
        console.print(f"{email} has the role {role.value} from the next sign-in on.", highlight=False)

    return _within(state, change)


def disable(state: StateFolder, console: Console, *, email: str) -> int:
    """:raises OperatorRefused: there is no such operator"""

    async def end(pool: OperatorPool) -> None:
        await pool.disable(email)
        console.print(f"{email} cannot sign in any more. A token that is out stays good until it expires.")

    return _within(state, end)


def _within(state: StateFolder, work: Callable[[OperatorPool], Awaitable[None]]) -> int:
    plan = read_plan()

    async def run() -> None:
        async with open_pool(plan, running_cloud(plan, state)) as pool:
            await work(pool)

    asyncio.run(run())
    return 0


class _Breakable:
    """A question that the person may break off: at once, where asyncio would first wait for the answer.

    What is half-made is removed then, which another signal must not break off: a terminal that is closed sends several.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def __call__(self, question: str, *, hidden: bool = False) -> str:
        before = {number: signal.signal(number, self._break_off) for number in _BREAK_OFF}
        try:
            answer = self._ask(question, hidden=hidden)
        except BaseException:
            self._ignore()
            raise
        for number, handler in before.items():
            signal.signal(number, handler)
        return answer

    def _break_off(self, _number: int, _frame: FrameType | None) -> NoReturn:
        self._ignore()
        raise KeyboardInterrupt

    def _ignore(self) -> None:
        for number in _BREAK_OFF:
            signal.signal(number, signal.SIG_IGN)
