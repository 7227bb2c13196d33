"""S3: how many old versions a lifecycle rule keeps is read back, too."""

from typing import Any

from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from tatemono_tools.terraform.rehearsal.patches import wrap


def install() -> None:
    wrap(FakeBucket, "set_lifecycle", _keep_newer_versions)
    wrap(S3Response, "serialized", _add_newer_versions)


def _keep_newer_versions(old: Any, bucket: Any, rules: Any) -> None:
    old(bucket, rules)
    for rule, given in zip(bucket.rules, rules, strict=True):
        rule.newer_versions = (given.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions")


def _add_newer_versions(old: Any, response: Any, answer: Any) -> Any:
    result = answer.result if isinstance(answer.result, dict) else {}
    if "TransitionDefaultMinimumObjectSize" in result and "Rules" in result:
        rules = response.backend.head_bucket(response.bucket_name).rules
        for rule, kept in zip(result["Rules"], rules, strict=True):
            if getattr(kept, "newer_versions", None) is not None:
                rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = kept.newer_versions
    return old(response, answer)
