"""`python -m tatemono.laptop.infra.rehearsal.ministack_process`: MiniStack with our shims, in the foreground."""

from ministack.app import main as serve

from tatemono.laptop.cloud.sign_up import complete_sign_up
from tatemono.laptop.infra.rehearsal.ministack_shims import install
from tatemono.laptop.infra.rehearsal.seams import check_ministack


def main() -> None:
    check_ministack()
    install()
    # Calls the function that writes a new member down, as on the laptop.
    complete_sign_up()
    serve()


if __name__ == "__main__":
    main()
