"""The building in its own words: which part of it a Terraform resource belongs to."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildingPart:
    """:ivar module: its Terraform module; empty for the root"""

    module: str
    english: str
    japanese: str


PARTS = (
    BuildingPart("network", "the building and its floors", "建物とその階"),
    BuildingPart("edge", "the gate and its guards", "門と門番"),
    BuildingPart("services", "the rooms where work happens", "仕事の部屋"),
    BuildingPart("database", "the archive", "書庫"),
    BuildingPart("storage", "the warehouse", "倉庫"),
    BuildingPart("messaging", "the letter boxes", "郵便受け"),
    BuildingPart("mail", "the post office", "郵便局"),
    BuildingPart("identity", "the reception desk", "受付"),
    BuildingPart("secrets", "the safe", "金庫"),
    BuildingPart("", "the index cards", "索引カード"),
    BuildingPart("bastion", "the service entrance", "通用口"),
    BuildingPart("access", "staff badges and day passes", "職員証と一日入館証"),
    BuildingPart("observability", "the sensors", "センサー"),
    BuildingPart("audit", "the visitor log and the guards", "来館記録と警備"),
)


def part_of(address: str) -> BuildingPart:
    """The part that the resource at this address belongs to."""
    module = address.split(".")[1] if address.startswith("module.") else ""
    return next((part for part in PARTS if part.module == module), BuildingPart(module, module, module))
