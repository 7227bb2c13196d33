"""`python -m tatemono_tools.terraform.rehearsal.ministack_process`: MiniStack with our shims, in the foreground."""

import ministack.app

from tatemono_tools.laptop.cloud.sign_up import complete_sign_up
from tatemono_tools.terraform.rehearsal.answered_once import AnsweredOnceAsync
from tatemono_tools.terraform.rehearsal.ministack_shims import install
from tatemono_tools.terraform.rehearsal.patches import check_ministack
from tatemono_tools.terraform.rehearsal.wrapping import give


def main() -> None:
    check_ministack()
    install()
    # Calls the function that writes a new member down, as on the laptop.
    complete_sign_up()
    give(ministack.app, app=AnsweredOnceAsync(ministack.app.app))
    ministack.app.main()


if __name__ == "__main__":
    main()
