"""`python -m tatemono_tools.terraform.rehearsal.ministack_process`: MiniStack with our shims, in the foreground."""

import ministack.app

from tatemono_tools.laptop.cloud.sign_up import complete_sign_up
from tatemono_tools.terraform.rehearsal.idempotency import IdempotentAsgi
from tatemono_tools.terraform.rehearsal.ministack_shims import install
from tatemono_tools.terraform.rehearsal.patches import check_ministack, set_attributes


def main() -> None:
    check_ministack()
    install()
    # Calls the PostConfirmation function, as on the laptop.
    complete_sign_up()
    set_attributes(ministack.app, app=IdempotentAsgi(ministack.app.app))
    ministack.app.main()


if __name__ == "__main__":
    main()
