"""dramatiq on Redis: a job is queued after the transaction that writes it."""

import threading

import dramatiq
from benchmarks.queues import plain, threads
from dramatiq.brokers.redis import RedisBroker
from dramatiq.worker import Worker

broker = RedisBroker(url=plain.REDIS_URL)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="jobs", actor_name="paint")
def paint(generation_id: str) -> None:
    threads.settle(generation_id)


def work() -> None:
    worker = Worker(broker, worker_threads=8)
    worker.start()
    threading.Event().wait()  # until it is ended


if __name__ == "__main__":
    plain.main(lambda jobs: threads.submit(jobs, paint.send), work)
