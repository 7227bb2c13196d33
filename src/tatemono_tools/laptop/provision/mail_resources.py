"""SES in the embedded cloud: the sender's domain, and where the events of mail go."""

import asyncio
from email.utils import parseaddr
from typing import Any

from botocore.exceptions import ClientError

from tatemono_tools.laptop.provision.cloud_resources import Cloud
from tatemono_tools.plan.building import Mail

_DESTINATION = "mail-events"


async def ensure_mail(cloud: Cloud, mail: Mail, *, prefix: str, sender: str) -> str:
    """Make the sender's domain and the configuration set; its name.

    :param prefix: of names here, e.g. `tatemono-laptop-`
    :param sender: an address, with or without a name
    """
    name = prefix + mail.configuration_set
    domain = parseaddr(sender)[1].rpartition("@")[2]
    await asyncio.gather(
        _unless_it_exists(cloud.ses.create_email_identity(EmailIdentity=domain)),
        _unless_it_exists(cloud.ses.create_configuration_set(ConfigurationSetName=name)),
    )
    # The embedded cloud takes the topic for the queue that has its name, as if that were subscribed to it.
    topic = f"arn:aws:sns:{cloud.region}:{cloud.access_key_id}:{mail.events_queue}"
    wanted = {
        "Enabled": True,
        "MatchingEventTypes": sorted(mail.event_types),
        "SnsDestination": {"TopicArn": topic},
    }
    answer = await cloud.ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
    known = {found.pop("Name"): found for found in answer.get("EventDestinations", [])}
    arguments = {
        "ConfigurationSetName": name,
        "EventDestinationName": _DESTINATION,
        "EventDestination": wanted,
    }
    if _DESTINATION not in known:
        await _unless_it_exists(cloud.ses.create_configuration_set_event_destination(**arguments))
    elif known[_DESTINATION] != wanted:
        await cloud.ses.update_configuration_set_event_destination(**arguments)
    return name


async def _unless_it_exists(call: Any) -> None:
    try:
        await call
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise
