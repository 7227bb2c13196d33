"""`python -m tatemono.laptop.infra.rehearsal.ministack_process`: MiniStack with our shims, in the foreground."""

import ministack.app

from tatemono.laptop.cloud.sign_up import complete_sign_up
from tatemono.laptop.infra.rehearsal.answered_once import AnsweredOnceAsync
from tatemono.laptop.infra.rehearsal.ministack_shims import install
from tatemono.laptop.infra.rehearsal.seams import check_ministack
from tatemono.laptop.infra.rehearsal.wrapping import give


def main() -> None:
    check_ministack()
    install()
    # Calls the function that writes a new member down, as on the laptop.
    complete_sign_up()
    give(ministack.app, app=AnsweredOnceAsync(ministack.app.app))
    ministack.app.main()


if __name__ == "__main__":
    main()
