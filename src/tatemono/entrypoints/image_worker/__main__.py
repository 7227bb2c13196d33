"""`python -m tatemono.entrypoints.image_worker`."""

from tatemono.entrypoints.image_worker.worker import main
from tatemono.entrypoints.process import run
from tatemono.settings import ImageWorkerSettings, read

if __name__ == "__main__":
    settings = read(ImageWorkerSettings)
    run(lambda stopping: main(settings, stopping), settings)
