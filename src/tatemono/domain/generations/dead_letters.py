"""Messages that a queue gave up after it had handed them out too often: what they were about, and why they died."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from tatemono.domain.errors import NotFound
from tatemono.domain.generations.generation import FINAL_STATES, State

#: A redrive sends no more than so many a second, so that the letters do not push everything else aside.
REDRIVEN_PER_SECOND = 5
#: And no more than so many in one act.
MOST_AT_ONCE = 500
#: The queue whose tickets name generations.
GENERATIONS_QUEUE = "image-jobs"
#: Those whose tickets name other work that the database keeps, and writes tickets for again by itself.
KEPT_WORK_QUEUES = frozenset({"mail", "exports"})


class NoSuchDeadLetter(NotFound):
    code = "no_such_letter"
    texts: ClassVar[dict[str, str]] = {
        "en": "No such dead letter waits for a decision.",
        "ja": "該当する未処理のデッドレターはありません。",
    }


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message as it came out of a dead-letter queue.

    :ivar receive_count: how often it was handed out
    """

    message_id: str
    body: str
    receive_count: int
    sent_at: datetime | None
    first_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One that waits for a decision, with what is known of its generation now.

    :ivar times_seen: how often the mover saw it; more than once if its removal failed
    :ivar last_failure: how the last attempt of the generation ended
    """

    id: UUID
    queue: str
    message_id: str
    body: str
    receive_count: int
    sent_at: datetime | None
    first_received_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    times_seen: int
    redriven_at: datetime | None
    discarded_at: datetime | None
    generation_id: UUID | None
    generation_state: State | None
    attempts: int
    last_failure: str | None

    @property
    def reason(self) -> str:
        return explain(self)


#: Reason → English, Japanese.
REASONS = {
    "work_is_kept": (
        "A ticket for work that the database keeps; the relay writes new tickets by itself. Redriving does no harm.",
        "対象の処理はデータベースに残っており、チケットは自動で再発行されます。再投入しても問題ありません。",
    ),
    "not_handled": (
        "No worker could handle it: the database was away, or it says something unknown. Redrive it once.",
        "ワーカーが処理できませんでした(データベース停止、または未知の内容)。一度だけ再投入してください。",
    ),
    "not_a_ticket": (
        "Its body is no ticket: something else wrote into this queue. Discard it.",
        "本文がチケットではありません。別のプログラムが書き込んだ可能性があります。破棄してください。",
    ),
    "generation_gone": (
        "Its generation does not exist any more. Discard it.",
        "対象の生成リクエストはもう存在しません。破棄してください。",
    ),
    "generation_ended": (
        "Its generation has ended; the ticket came back because no worker could delete it. Discard it.",
        "対象の生成は完了しています。ワーカーがチケットを削除できずに残ったものです。破棄してかまいません。",
    ),
    "workers_died": (
        "Workers that held it vanished in mid-job more than once. See the attempts before it is redriven.",
        "このチケットを持つワーカーが処理中に何度も停止しました。再投入の前に試行の記録を確認してください。",
    ),
    "workers_could_not_claim": (
        "Workers took it and did not get as far as a claim: the database was away, or they died. Redrive it.",
        "ワーカーが受け取った後、処理を開始できませんでした(データベース停止など)。再投入してください。",
    ),
    "still_waiting": (
        "Its generation waits or is painted; the relay writes new tickets by itself. Redriving does no harm.",
        "対象の生成は順番待ちか作成中です。チケットは自動で再発行されるため、再投入しても問題ありません。",
    ),
}


def explain(letter: DeadLetter) -> str:
    """Why it probably died: a key of `REASONS`."""
    if letter.queue != GENERATIONS_QUEUE:
        return "work_is_kept" if letter.queue in KEPT_WORK_QUEUES else "not_handled"
    if letter.generation_id is None:
        return "not_a_ticket"
    if letter.generation_state is None:
        return "generation_gone"
    if letter.generation_state in FINAL_STATES:
        return "generation_ended"
    if letter.last_failure == "lease_lost":
        return "workers_died"
    return "still_waiting" if letter.attempts else "workers_could_not_claim"


def reason_text(reason: str, language: str) -> str:
    english, japanese = REASONS[reason]
    return japanese if language == "ja" else english
