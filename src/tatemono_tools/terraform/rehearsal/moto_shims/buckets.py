"""S3: how many old versions a lifecycle rule keeps is read back, too."""

from typing import Any

from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from tatemono_tools.terraform.rehearsal.wrapping import replace


def install() -> None:
    replace(FakeBucket, "set_lifecycle", _remember)
    replace(S3Response, "serialized", _tell)


def _remember(old: Any, bucket: Any, rules: Any) -> None:
    old(bucket, rules)
    for rule, told in zip(bucket.rules, rules, strict=True):
        rule.newer_versions = (told.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")


def _tell(old: Any, response: Any, answer: Any) -> Any:
    told = answer.result if isinstance(answer.result, dict) else {}
    if "TransitionDefaultMinimumObjectSize" in told and "Rules" in told:
        rules = response.backend.head_bucket(response.bucket_name).rules
        for rule, kept in zip(told["Rules"], rules, strict=True):
            if getattr(kept, "newer_versions", None) is not None:
                rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = kept.newer_versions
    return old(response, answer)
