"""`python -m tatemono_tools.terraform.rehearsal.stub PORT ACCOUNT`: Chatbot, Access Analyzer and cost anomalies.

Neither emulator has them. The stub keeps what it is given and gives it back, which is all that Terraform asks of them.
"""

import json
import re
import sys
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


class StubState:
    """What has been made, by kind and ARN."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._made: dict[str, dict[str, Json]] = {}
        self._tags: dict[str, Any] = {}

    def answer(self, call: str, request: Json) -> Json | None:
        """The answer to one call, or None where there is none."""
        for pattern, handle in _CALLS.items():
            found = re.fullmatch(pattern, call)
            if found:
                return handle(self, request, *found.groups())
        return None

    def _make(self, kind: str, resource: str, facts: Json) -> str:
        arn = f"arn:aws:{kind}::{self._account}:{resource}"
        self._made.setdefault(kind, {})[arn] = facts
        return arn

    def create_slack_channel(self, request: Json) -> Json:
        name = request["ConfigurationName"]
        arn = self._make("chatbot", f"chat-configuration/slack-channel/{name}", request)
        request |= {
            "ChatConfigurationArn": arn,
            "SlackTeamName": "team",
            "SlackChannelName": "channel",
            "State": "ENABLED",
        }
        self._tags[arn] = request.get("Tags", [])
        return {"ChannelConfiguration": request}

    def describe_slack_channels(self, request: Json) -> Json:
        arn = request.get("ChatConfigurationArn")
        made = self._made.get("chatbot", {})
        return {"SlackChannelConfigurations": [facts for key, facts in made.items() if arn in {None, key}]}

    def create_analyzer(self, request: Json) -> Json:
        name = request["analyzerName"]
        arn = self._make("access-analyzer", f"analyzer/{name}", request)
        request |= {"arn": arn, "name": name, "createdAt": "2026-01-01T00:00:00Z", "status": "ACTIVE"}
        request.setdefault("tags", {})
        return {"arn": arn}

    def get_analyzer(self, _request: Json, name: str) -> Json | None:
        made = self._made.get("access-analyzer", {}).values()
        return next(({"analyzer": facts} for facts in made if facts["name"] == name), None)

    def create_anomaly(self, request: Json, kind: str) -> Json:
        facts = request[f"Anomaly{kind}"]
        arn = self._make(f"ce-{kind}", f"anomaly{kind.lower()}/{uuid.uuid4()}", facts)
        facts |= {f"{kind}Arn": arn, "AccountId": self._account}
        self._tags[arn] = request.get("ResourceTags", [])
        return {f"{kind}Arn": arn}

    def get_anomalies(self, request: Json, kind: str) -> Json:
        asked = request.get(f"{kind}ArnList")
        made = self._made.get(f"ce-{kind}", {})
        return {f"Anomaly{kind}s": [facts for arn, facts in made.items() if not asked or arn in asked]}

    def cost_explorer_tags(self, request: Json) -> Json:
        return {"ResourceTags": self._tags.get(request["ResourceArn"], [])}

    def slack_channel_tags(self, request: Json) -> Json:
        return {"Tags": self._tags.get(request["ResourceARN"], [])}

    def update_cost_tags(self, request: Json) -> Json:
        self._made.setdefault("cost-tags", {}).update(
            {tag["TagKey"]: tag for tag in request["CostAllocationTagsStatus"]}
        )
        return {"Errors": []}

    def list_cost_tags(self, request: Json) -> Json:
        made = self._made.get("cost-tags", {})
        wanted = request.get("TagKeys") or list(made)
        return {"CostAllocationTags": [made[key] | {"Type": "UserDefined"} for key in wanted if key in made]}


_CALLS: dict[str, Callable[..., Json | None]] = {
    "POST /create-slack-channel-configuration": StubState.create_slack_channel,
    "POST /describe-slack-channel-configurations": StubState.describe_slack_channels,
    "POST /list-tags-for-resource": StubState.slack_channel_tags,
    "PUT /analyzer": StubState.create_analyzer,
    "GET /analyzer/(.+)": StubState.get_analyzer,
    "CreateAnomaly(Monitor|Subscription)": StubState.create_anomaly,
    "GetAnomaly(Monitor|Subscription)s": StubState.get_anomalies,
    "ListTagsForResource": StubState.cost_explorer_tags,
    "UpdateCostAllocationTagsStatus": StubState.update_cost_tags,
    "ListCostAllocationTags": StubState.list_cost_tags,
}


class _Handler(BaseHTTPRequestHandler):
    state: StubState

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or f"{self.command} {self.path}"
        answer = self.state.answer(call, json.loads(body or b"{}"))
        if answer is None:
            self.log_message("there is no answer to %s", call)
        status, document = (404, {"message": f"there is no answer to {call}"}) if answer is None else (200, answer)
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if answer is None:
            self.send_header("X-Amzn-ErrorType", "ResourceNotFoundException")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = _serve  # noqa: N815 - http.server's names

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Only what goes wrong is written down."""


def main() -> None:
    _Handler.state = StubState(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()


if __name__ == "__main__":
    main()
