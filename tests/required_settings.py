"""Settings that the relay and the image worker need, in tests that are about something else."""

from typing import Any

from tatemono_tools.laptop.secret_values import content_credentials, private_key_pem


async def required_settings(sqs: Any, name: str) -> dict[str, str]:
    """:param name: a bucket that is there; a queue that no service reads is made beside it"""
    url = (await sqs.create_queue(QueueName=f"{name}-unread"))["QueueUrl"]
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
        "QUARANTINE_BUCKET": name,
        "DISTRIBUTION_ID": "none",
        "MODERATION_MODEL": "omni-moderation-latest",
        "MODERATION_WHEN_DOWN": "closed-for-references",
        "CONTENT_CREDENTIALS": content_credentials(),
        "PUBLIC_URL": "https://pictures.example.jp",
    }
