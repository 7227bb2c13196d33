"""Why a generation ended without pictures, or waits for longer, as the API says it to people."""

from tatemono.domain.generations.attempts import PAINTER_OUT_OF_ORDER

#: `failure_code` → English, Japanese.
FAILURES = {
    "prompt_refused": (
        "The painter does not paint this prompt. Change it and try again; it cost nothing.",
        "この内容の画像は作成できません。プロンプトを変えてお試しください。クレジットは消費されていません。",
    ),
    "painter_refused_user": (
        "The painter takes no more requests for your account. If that is wrong, ask support; it cost nothing.",
        "このアカウントからは画像を作成できません。お心当たりがなければお問い合わせください。クレジットは消費されていません。",
    ),
    "painter_out_of_order": (
        "No pictures can be made now. The fault is ours, not your prompt's. Try again later; it cost nothing.",
        "サービス側の問題で画像を作成できません。後でもう一度お試しください。クレジットは消費されていません。",
    ),
    "reference_rejected": (
        "The painter cannot read the reference picture. Use another; it cost nothing.",
        "参照画像を読み取れませんでした。別の画像をお使いください。クレジットは消費されていません。",
    ),
    "painter_rejected_request": (
        "The painter did not understand the request. It cost nothing.",
        "画像の作成リクエストが受け付けられませんでした。クレジットは消費されていません。",
    ),
    "painter_busy": (
        "The painter has too much to do. Try again later; it cost nothing.",
        "ただいま混み合っています。後でもう一度お試しください。クレジットは消費されていません。",
    ),
    "painter_unavailable": (
        "The painter cannot be reached. Try again later; it cost nothing.",
        "画像の作成サービスに接続できません。後でもう一度お試しください。クレジットは消費されていません。",
    ),
    "painter_timed_out": (
        "The painter did not finish in time. Try again; it cost nothing.",
        "時間内に画像が完成しませんでした。もう一度お試しください。クレジットは消費されていません。",
    ),
    "painter_gave_no_picture": (
        "The painter gave no usable picture. Try again; it cost nothing.",
        "正しい画像が得られませんでした。もう一度お試しください。クレジットは消費されていません。",
    ),
    "picture_not_kept": (
        "The picture could not be stored. Try again; it cost nothing.",
        "画像を保存できませんでした。もう一度お試しください。クレジットは消費されていません。",
    ),
    "prompt_flagged": (
        "This prompt asks for something that is not allowed here. Change it and try again; it cost nothing.",
        "このプロンプトは利用規約で認められない内容を含むため、作成できません。クレジットは消費されていません。",
    ),
    "reference_flagged": (
        "This reference picture shows something that is not allowed here. Use another; it cost nothing.",
        "この参照画像は利用規約で認められない内容を含むため、使用できません。クレジットは消費されていません。",
    ),
    "picture_flagged": (
        "What came out is not allowed to be shown. Change the prompt and try again; it cost nothing.",
        "作成された画像が利用規約に反するため、表示できません。クレジットは消費されていません。",
    ),
    "moderation_unavailable": (
        "The check that comes before painting does not answer. Try again later; it cost nothing.",
        "安全性の確認ができませんでした。後でもう一度お試しください。クレジットは消費されていません。",
    ),
    "picture_not_moderated": (
        "The picture could not be checked, so it cannot be shown. Try again later; it cost nothing.",
        "画像の安全性を確認できなかったため、表示できません。クレジットは消費されていません。",
    ),
    "cancelled": (
        "It was cancelled. It cost nothing.",
        "キャンセルされました。クレジットは消費されていません。",
    ),
}
#: Why a generation waits for longer → English, Japanese.
DELAYS = {
    PAINTER_OUT_OF_ORDER.failure_code: (
        "No pictures can be made now. The fault is ours, not your prompt's. It is tried again for a while.",
        "サービス側の問題で画像を作成できません。プロンプトの問題ではありません。しばらく自動で再試行します。",
    ),
}
_OTHER = ("It failed. It cost nothing.", "画像を作成できませんでした。クレジットは消費されていません。")


def failure_text(code: str, language: str) -> str:
    return _in(language, FAILURES.get(code, _OTHER))


def delay_text(code: str, language: str) -> str:
    return _in(language, DELAYS[code])


def _in(language: str, texts: tuple[str, str]) -> str:
    english, japanese = texts
    return japanese if language == "ja" else english
