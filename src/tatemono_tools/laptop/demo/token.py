"""`tatemono demo --token`: an access token of the demo's guest, to try the API without a phone."""

import asyncio

import httpx2
from rich.console import Console
from rich.markup import escape

from tatemono_tools.invocation import typed
from tatemono_tools.laptop.demo.demo import front_door
from tatemono_tools.laptop.demo.phone import Phone, PhoneRefused
from tatemono_tools.laptop.process.state import StateFolder

_USE = """\
An access token of the demo's guest, good for {minutes} minutes on this building only. To try the API with it:
  in a browser: {base_url}/v1/api/docs, the button Authorize, and paste it
  in a shell:   TOKEN=$({typed} demo --token)
                curl --cacert {authority} -H "Authorization: Bearer $TOKEN" {base_url}/v1/api/me
Routes that ask for a DPoP proof (signing in, becoming a member) want a signature by the phone's key for each request:
they cannot be tried by hand."""


def print_token(state: StateFolder, console: Console, told: Console) -> int:
    """Sign the demo's phone in, and print its access token: alone on `console`, what to do with it on `told`.

    The API takes it as that of any phone. It ends as theirs do, and with the session when the demo signs out.

    :returns: the exit code
    :raises NotRunning: no building is up in this folder
    """
    base_url, authority = front_door(state, told.print)

    async def sign_in() -> dict[str, object]:
        async with Phone.kept(state.path / "demo-phone.json", base_url, authority) as phone:
            return await phone.sign_in()

    try:
        answer = asyncio.run(sign_in())
    except (PhoneRefused, httpx2.TransportError) as error:
        told.print(f"[red]{escape(str(error) or type(error).__name__)}[/red]")
        return 1
    minutes = int(str(answer["expires_in"])) // 60
    text = _USE.format(typed=typed(), minutes=minutes, base_url=base_url, authority=authority)
    told.print(text, highlight=False, markup=False, soft_wrap=True)
    console.print(str(answer["access_token"]), highlight=False, markup=False, soft_wrap=True)
    return 0
