"""What the relay and the image worker are told besides, in tests that are about something else."""

from typing import Any

from tatemono.laptop.secret_values import private_key_pem


async def told_besides(sqs: Any, name: str) -> dict[str, str]:
    """:param name: a bucket that is there; a queue of nobody's is made beside it"""
    url = (await sqs.create_queue(QueueName=f"{name}-besides"))["QueueUrl"]
    return {
        "MAIL_QUEUE_URL": url,
        "MAIL_EVENTS_QUEUE_URL": url,
        "EXPORTS_QUEUE_URL": url,
        "PICTURES_BUCKET": name,
        "UPLOADS_BUCKET": name,
        "MEMBERS_POOL_ID": "nobody leaves here",
        "RECEIPT_KEY": "a key for tests",
        "RECONCILE_REPAIR": "false",
        "PICTURE_URL_KEY": private_key_pem(),
        "PICTURE_URL_KEY_ID": "KTEST",
        "PUBLIC_URL": "https://pictures.example.jp",
    }
