"""`python -m tatemono_tools.terraform.rehearsal.stub PORT ACCOUNT`: Chatbot, Access Analyzer and cost anomalies.

Neither emulator has them. They keep what they are told and tell it again, which is all that Terraform asks of them.
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

    def answer(self, call: str, told: Json) -> Json | None:
        """The answer to one call, or None where there is none."""
        for pattern, handle in _CALLS.items():
            found = re.fullmatch(pattern, call)
            if found:
                return handle(self, told, *found.groups())
        return None

    def _make(self, kind: str, resource: str, facts: Json) -> str:
        arn = f"arn:aws:{kind}::{self._account}:{resource}"
        self._made.setdefault(kind, {})[arn] = facts
        return arn

    def chat(self, told: Json) -> Json:
        name = told["ConfigurationName"]
        arn = self._make("chatbot", f"chat-configuration/slack-channel/{name}", told)
        told |= {
            "ChatConfigurationArn": arn,
            "SlackTeamName": "team",
            "SlackChannelName": "channel",
            "State": "ENABLED",
        }
        self._tags[arn] = told.get("Tags", [])
        return {"ChannelConfiguration": told}

    def chats(self, told: Json) -> Json:
        arn = told.get("ChatConfigurationArn")
        made = self._made.get("chatbot", {})
        return {"SlackChannelConfigurations": [facts for key, facts in made.items() if arn in {None, key}]}

    def analyzer(self, told: Json) -> Json:
        name = told["analyzerName"]
        arn = self._make("access-analyzer", f"analyzer/{name}", told)
        told |= {"arn": arn, "name": name, "createdAt": "2026-01-01T00:00:00Z", "status": "ACTIVE"}
        told.setdefault("tags", {})
        return {"arn": arn}

    def analyzer_named(self, _told: Json, name: str) -> Json | None:
        made = self._made.get("access-analyzer", {}).values()
        return next(({"analyzer": facts} for facts in made if facts["name"] == name), None)

    def watch(self, told: Json, kind: str) -> Json:
        facts = told[f"Anomaly{kind}"]
        arn = self._make(f"ce-{kind}", f"anomaly{kind.lower()}/{uuid.uuid4()}", facts)
        facts |= {f"{kind}Arn": arn, "AccountId": self._account}
        self._tags[arn] = told.get("ResourceTags", [])
        return {f"{kind}Arn": arn}

    def watches(self, told: Json, kind: str) -> Json:
        asked = told.get(f"{kind}ArnList")
        made = self._made.get(f"ce-{kind}", {})
        return {f"Anomaly{kind}s": [facts for arn, facts in made.items() if not asked or arn in asked]}

    def tags(self, told: Json) -> Json:
        return {"ResourceTags": self._tags.get(told["ResourceArn"], [])}

    def chat_tags(self, told: Json) -> Json:
        return {"Tags": self._tags.get(told["ResourceARN"], [])}

    def activate(self, told: Json) -> Json:
        self._made.setdefault("cost-tags", {}).update({tag["TagKey"]: tag for tag in told["CostAllocationTagsStatus"]})
        return {"Errors": []}

    def cost_tags(self, told: Json) -> Json:
        made = self._made.get("cost-tags", {})
        wanted = told.get("TagKeys") or list(made)
        return {"CostAllocationTags": [made[key] | {"Type": "UserDefined"} for key in wanted if key in made]}


_CALLS: dict[str, Callable[..., Json | None]] = {
    "POST /create-slack-channel-configuration": StubState.chat,
    "POST /describe-slack-channel-configurations": StubState.chats,
    "POST /list-tags-for-resource": StubState.chat_tags,
    "PUT /analyzer": StubState.analyzer,
    "GET /analyzer/(.+)": StubState.analyzer_named,
    "CreateAnomaly(Monitor|Subscription)": StubState.watch,
    "GetAnomaly(Monitor|Subscription)s": StubState.watches,
    "ListTagsForResource": StubState.tags,
    "UpdateCostAllocationTagsStatus": StubState.activate,
    "ListCostAllocationTags": StubState.cost_tags,
}


class _Handler(BaseHTTPRequestHandler):
    papers: StubState

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or f"{self.command} {self.path}"
        answer = self.papers.answer(call, json.loads(body or b"{}"))
        if answer is None:
            self.log_message("nobody answers %s", call)
        status, told = (404, {"message": f"nobody answers {call}"}) if answer is None else (200, answer)
        content = json.dumps(told).encode()
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
    _Handler.papers = StubState(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()


if __name__ == "__main__":
    main()
