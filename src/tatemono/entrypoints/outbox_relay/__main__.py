"""`python -m tatemono.entrypoints.outbox_relay`."""

from tatemono.entrypoints.outbox_relay.relay import main
from tatemono.entrypoints.process import run
from tatemono.settings import OutboxRelaySettings, read

if __name__ == "__main__":
    settings = read(OutboxRelaySettings)
    run(lambda stopping: main(settings, stopping), settings)
