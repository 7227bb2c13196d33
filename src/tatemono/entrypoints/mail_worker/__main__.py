"""`python -m tatemono.entrypoints.mail_worker`."""

from tatemono.entrypoints.mail_worker.worker import main
from tatemono.entrypoints.process import run
from tatemono.settings import MailWorkerSettings, read

if __name__ == "__main__":
    settings = read(MailWorkerSettings)
    run(lambda stopping: main(settings, stopping), settings)
