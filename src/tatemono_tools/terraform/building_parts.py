"""The building in its own words: which part of it a Terraform resource belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """:ivar module: its Terraform module; empty for the root"""

    module: str
    english: str
    japanese: str


PARTS = (
    Part("network", "the building and its floors", "建物とその階"),
    Part("edge", "the gate and its guards", "門と門番"),
    Part("services", "the rooms where work happens", "仕事の部屋"),
    Part("database", "the archive", "書庫"),
    Part("storage", "the warehouse", "倉庫"),
    Part("messaging", "the letter boxes", "郵便受け"),
    Part("mail", "the post office", "郵便局"),
    Part("identity", "the reception desk", "受付"),
    Part("safe", "the safe", "金庫"),
    Part("", "the index cards", "索引カード"),
    Part("bastion", "the service entrance", "通用口"),
    Part("access", "staff badges and day passes", "職員証と一日入館証"),
    Part("observability", "the sensors", "センサー"),
    Part("guard", "the visitor log and the guards", "来館記録と警備"),
)


def part_of(address: str) -> Part:
    """The part that the resource at this address belongs to."""
    module = address.split(".")[1] if address.startswith("module.") else ""
    return next((part for part in PARTS if part.module == module), Part(module, module, module))
