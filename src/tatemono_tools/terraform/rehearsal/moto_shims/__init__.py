"""What moto 5.2.5 lacks for the building. Each shim says what Terraform's provider asks for in vain."""

from tatemono_tools.terraform.rehearsal.moto_shims import accounts, buckets, monitoring, networks


def install() -> None:
    """Put all of them in, before moto serves its first request."""
    networks.install()
    accounts.install()
    monitoring.install()
    buckets.install()
