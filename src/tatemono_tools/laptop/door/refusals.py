"""The front door's own refusals, in the languages of the app. nginx fills in the request id."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """A problem of RFC 9457. `status` stands where nginx's own status alone leads here, without a cause of ours."""

    code: str
    status: int | None
    title_en: str
    detail_en: str
    title_ja: str
    detail_ja: str


# The first of several with the same status is what nginx means by it. 494 is nginx's own number for headers that are
# too large, 497 for plain HTTP on the TLS port; the client gets 400.
REFUSALS = (
    Refusal(
        "bad_request",
        400,
        "Bad request",
        "The request could not be understood.",
        "不正なリクエスト",
        "リクエストを解釈できませんでした。",
    ),
    Refusal(
        "path_not_canonical",
        None,
        "Ambiguous path",
        "Write the path without empty, dot or needlessly encoded segments, and without backslash, semicolon or #.",
        "あいまいなパス",
        "空やドットだけの区切り、不要なエンコード、バックスラッシュ、セミコロン、# をパスから除いてください。",
    ),
    Refusal(
        "forbidden",
        403,
        "Not allowed",
        "This address may not come in here.",
        "許可されていません",
        "このアドレスからはアクセスできません。",
    ),
    Refusal(
        "request_blocked",
        None,
        "Request blocked",
        "The request looks like an attack and was not passed on.",
        "リクエストを遮断しました",
        "攻撃とみられる内容が含まれていたため、遮断しました。",
    ),
    Refusal(
        "https_required",
        None,
        "HTTPS required",
        "Use https:// for this address.",
        "HTTPS が必要です",
        "https:// でアクセスしてください。",
    ),
    Refusal(
        "method_not_allowed",
        405,
        "Method not allowed",
        "This method cannot be used here.",
        "使用できないメソッド",
        "ここではこのメソッドを使用できません。",
    ),
    Refusal(
        "not_found",
        404,
        "Not found",
        "Nothing answers at this address.",
        "見つかりません",
        "このアドレスには何もありません。",
    ),
    Refusal(
        "request_timeout",
        408,
        "Request timed out",
        "The request took too long to arrive. Try again.",
        "タイムアウト",
        "リクエストの受信に時間がかかりすぎました。もう一度お試しください。",
    ),
    Refusal(
        "body_too_large",
        413,
        "Request too large",
        "Send a smaller request body.",
        "リクエストが大きすぎます",
        "送信する内容を小さくしてください。",
    ),
    Refusal(
        "uri_too_long",
        414,
        "Address too long",
        "Use a shorter address.",
        "アドレスが長すぎます",
        "アドレスを短くしてください。",
    ),
    Refusal(
        "headers_too_large",
        494,
        "Headers too large",
        "Send fewer or smaller headers.",
        "ヘッダーが大きすぎます",
        "ヘッダーを小さくしてください。",
    ),
    Refusal(
        "plain_http_on_tls_port",
        497,
        "HTTPS required",
        "This port speaks HTTPS only: use https://.",
        "HTTPS が必要です",
        "このポートは HTTPS 専用です。https:// でアクセスしてください。",
    ),
    Refusal(
        "too_many_requests",
        429,
        "Too many requests",
        "Wait a little, then try again.",
        "リクエストが多すぎます",
        "しばらく待ってから、もう一度お試しください。",
    ),
    Refusal(
        "internal_error",
        500,
        "Something went wrong",
        "The front door could not handle the request. Try again.",
        "エラーが発生しました",
        "処理できませんでした。もう一度お試しください。",
    ),
    Refusal(
        "bad_gateway",
        502,
        "Service not reachable",
        "The service is not running or closed the connection. Try again in a moment.",
        "サービスに接続できません",
        "サービスが停止しているか、接続が切れました。しばらくしてからもう一度お試しください。",
    ),
    Refusal(
        "service_unavailable",
        503,
        "Service unavailable",
        "The service cannot answer now. Try again in a moment.",
        "サービスを利用できません",
        "現在応答できません。しばらくしてからもう一度お試しください。",
    ),
    Refusal(
        "gateway_timeout",
        504,
        "Service timed out",
        "The service did not answer in time. Try again.",
        "応答がありません",
        "サービスが時間内に応答しませんでした。もう一度お試しください。",
    ),
)
