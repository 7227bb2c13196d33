"""Passwords that an attacker would guess within Cognito's patience, by the lists and patterns of zxcvbn.

NIST SP 800-63B-4, 3.1.1.2 asks for a list of passwords that are common, expected or compromised; OWASP ASVS 5.0, 6.2.4
and 6.2.11, for the 3,000 most common at least, and words of the context. zxcvbn brings 30,000, and finds them in other
cases and spellings, with a year behind them, in rows of the keyboard and in repetitions.
"""

import asyncio
import re
from threading import Lock

from tatemono.domain.identity.members import Password, PasswordGuessable

#: Below that zxcvbn speaks of "very guessable: protection from throttled online attacks".
MIN_GUESSES_LOG10 = 6
#: Looking takes longer the longer the text is (10 ms at this length), and what begins well is good enough.
LOOKED_AT_CHARACTERS = 32
#: What people here think of first, besides the parts of their own address.
CONTEXT_WORDS = ("tatemono", "たてもの", "建物", "picture", "gazou", "kaiin", "パスワード")

# zxcvbn keeps the words of the context in a dictionary that all calls share.
_one_at_a_time = Lock()


async def refuse_guessable(password: Password, email: str) -> None:
    """Look at a password that a person wants to have. In a thread: the lists take 0.2 s and 14 MB when first needed.

    :raises PasswordGuessable:
    """
    if await asyncio.to_thread(guesses_log10, password.text, email) < MIN_GUESSES_LOG10:
        raise PasswordGuessable


def guesses_log10(text: str, email: str) -> float:
    """How many guesses it takes to come upon `text`, for an attacker who knows the address, to the base of 10."""
    from zxcvbn import zxcvbn  # noqa: PLC0415 - see above: most processes never look at a password

    words = [*CONTEXT_WORDS, email, email.partition("@")[0], *(part for part in re.split(r"[^\w]+|_", email) if part)]
    with _one_at_a_time:
        return float(zxcvbn(text[:LOOKED_AT_CHARACTERS], user_inputs=words)["guesses_log10"])
