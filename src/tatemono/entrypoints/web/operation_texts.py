"""What the pages call the admin API's operations: what an operator may do, and what an operator did."""

from typing import Final, NamedTuple

from tatemono.domain.operators.roles import Operation


class OperationText(NamedTuple):
    """In English and Japanese: what may be done; and what was done, for operations that are recorded."""

    may: tuple[str, str]
    did: tuple[str, str] | None = None


OPERATIONS: Final[dict[Operation, OperationText]] = {
    Operation.GET_OPERATOR: OperationText(("See who you are", "自分の情報を見る")),
    Operation.LIST_OWN_ACTS: OperationText(("See what you did", "自分の操作の記録を見る")),
    Operation.FIND_PEOPLE: OperationText(("Find people", "利用者を探す")),
    Operation.GET_PERSON: OperationText(("See a person's devices and sessions", "利用者のデバイスとセッションを見る")),
    Operation.SUSPEND_PERSON: OperationText(("Suspend a person", "利用者を停止する"), ("Suspended", "停止")),
    Operation.RESTORE_PERSON: OperationText(
        ("End a suspension", "停止を解除する"), ("Ended the suspension", "停止の解除")
    ),
    Operation.SIGN_OUT_PERSON: OperationText(
        ("Sign a person out everywhere", "利用者をすべてサインアウトさせる"),
        ("Signed out everywhere", "すべてサインアウト"),
    ),
    Operation.LIST_AUDIT_RECORDS: OperationText(("See what all operators did", "全オペレーターの操作の記録を見る")),
    Operation.GET_QUEUE: OperationText(("See the queue", "キューの状態を見る")),
    Operation.PAUSE_QUEUE: OperationText(
        ("Pause the queue", "キューを一時停止する"), ("Paused the queue", "キューの一時停止")
    ),
    Operation.RESUME_QUEUE: OperationText(
        ("Resume the queue", "キューを再開する"), ("Resumed the queue", "キューの再開")
    ),
    Operation.DRAIN_QUEUE: OperationText(
        ("Take nothing more on", "新しい依頼の受付を止める"), ("Stopped taking requests on", "受付の停止")
    ),
    Operation.FILL_QUEUE: OperationText(
        ("Take requests on again", "依頼の受付を再開する"), ("Takes requests on again", "受付の再開")
    ),
    Operation.REPRIORITISE_GENERATION: OperationText(
        ("Change the priority of a request", "依頼の優先度を変える"),
        ("Changed a request's priority", "依頼の優先度の変更"),
    ),
    Operation.REPRIORITISE_PERSON: OperationText(
        ("Change the priority of a person's requests", "利用者の依頼の優先度を変える"),
        ("Changed the priority of a person's requests", "利用者の依頼の優先度の変更"),
    ),
    Operation.LIST_DEAD_LETTERS: OperationText(("See dead letters", "デッドレターを見る")),
    Operation.REDRIVE_DEAD_LETTERS: OperationText(
        ("Send dead letters again", "デッドレターを再投入する"), ("Sent dead letters again", "デッドレターの再投入")
    ),
    Operation.LIST_STYLE_PRESETS: OperationText(("See the style presets", "スタイルの一覧を見る")),
    Operation.CREATE_STYLE: OperationText(
        ("Make a style preset", "スタイルを追加する"), ("Made a style preset", "スタイルの追加")
    ),
    Operation.CHANGE_STYLE: OperationText(
        ("Change a style preset", "スタイルを変更する"), ("Changed a style preset", "スタイルの変更")
    ),
    Operation.RETIRE_STYLE: OperationText(
        ("Retire a style preset", "スタイルの提供を終える"), ("Retired a style preset", "スタイルの提供終了")
    ),
    Operation.PREPARE_STYLE_SAMPLE: OperationText(
        ("Upload a sample picture", "見本画像をアップロードする"), ("Prepared a sample picture", "見本画像の準備")
    ),
    Operation.COMPLETE_STYLE_SAMPLE: OperationText(
        ("Show a sample picture", "見本画像を公開する"), ("Showed a new sample picture", "見本画像の公開")
    ),
    Operation.LIST_REPORTS: OperationText(("See reports", "通報を見る")),
    Operation.CLAIM_REPORT: OperationText(("Take a report on", "通報を担当する"), ("Took a report on", "通報の担当")),
    Operation.DECIDE_REPORT: OperationText(
        ("Decide about a report", "通報を判断する"), ("Decided about a report", "通報の判断")
    ),
    Operation.TAKE_DOWN_PICTURE: OperationText(
        ("Take a picture down", "画像を取り下げる"), ("Took a picture down", "画像の取り下げ")
    ),
    Operation.LIST_TAKEDOWNS: OperationText(("See what was taken down", "取り下げた画像の一覧を見る")),
    Operation.UNDO_TAKEDOWN: OperationText(
        ("Undo a takedown", "取り下げを元に戻す"), ("Undid a takedown", "取り下げの取り消し")
    ),
    Operation.LIST_ESCALATIONS: OperationText(("See escalations", "重大事案の記録を見る")),
    Operation.LIST_BLOCKED_WORDS: OperationText(("See blocked words", "禁止語を見る")),
    Operation.ADD_BLOCKED_WORD: OperationText(("Block a word", "禁止語を追加する"), ("Blocked a word", "禁止語の追加")),
    Operation.REMOVE_BLOCKED_WORD: OperationText(
        ("Unblock a word", "禁止語を外す"), ("Unblocked a word", "禁止語の解除")
    ),
    Operation.TEST_BLOCKED_WORDS: OperationText(("Try a phrase against blocked words", "文が禁止語に当たるか試す")),
    Operation.LIST_BLOCKED_HASHES: OperationText(("See blocked pictures", "禁止画像を見る")),
    Operation.ADD_BLOCKED_HASH: OperationText(
        ("Block a picture", "禁止画像を追加する"), ("Blocked a picture", "禁止画像の追加")
    ),
    Operation.REMOVE_BLOCKED_HASH: OperationText(
        ("Unblock a picture", "禁止画像を外す"), ("Unblocked a picture", "禁止画像の解除")
    ),
    Operation.DISCARD_DEAD_LETTERS: OperationText(
        ("Discard dead letters", "デッドレターを破棄する"), ("Discarded dead letters", "デッドレターの破棄")
    ),
}


def operation_texts(language: str) -> dict[str, str]:
    """`op_…` and `act_…` of each operation."""
    index = 1 if language == "ja" else 0
    texts = {f"op_{operation}": text.may[index] for operation, text in OPERATIONS.items()}
    return texts | {f"act_{operation}": text.did[index] for operation, text in OPERATIONS.items() if text.did}
