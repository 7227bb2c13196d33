"""Celery with SQS, through kombu's transport: a job is queued after the transaction that writes it."""

import os
from urllib.parse import quote, urlsplit

from benchmarks.queues import plain, threads
from celery import Celery

_KEYS = {"access_key_id": os.environ["AWS_ACCESS_KEY_ID"], "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"]}
_PLACE = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc

app = Celery("by_celery", broker=f"sqs://{quote(_KEYS['access_key_id'])}:{quote(_KEYS['secret_access_key'])}@{_PLACE}")
app.conf.update(
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "is_secure": False,
        "predefined_queues": {"jobs": {"url": os.environ["JOBS_QUEUE_URL"], **_KEYS}},
        "wait_time_seconds": 5,
        "polling_interval": 0.05,
    },
    task_default_queue="jobs",
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=10,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="paint")
def paint(generation_id: str) -> None:
    threads.settle(generation_id)


def work() -> None:
    app.worker_main(
        [
            "worker",
            "--pool=prefork",
            "--concurrency=2",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
    )


if __name__ == "__main__":
    plain.main(lambda jobs: threads.submit(jobs, paint.delay), work)
