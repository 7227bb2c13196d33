"""What happened to an account, as the API says it to its user."""

#: The kind of a security event → English, Japanese.
SECURITY_EVENTS = {
    "copied_identifier": (
        "Another installation came with the identifier of your device and got nothing. Was it you, with a new one?",
        "お使いのデバイスの識別子が別のアプリから使われましたが、情報は渡っていません。再インストールしましたか。",
    ),
    "refresh_reused": (
        "Somebody used an old sign-in of one of your devices. The device was signed out.",
        "お使いのデバイスの古いサインイン情報が再び使われたため、そのデバイスをサインアウトしました。",
    ),
    "signed_out_everywhere": ("All your devices were signed out.", "すべてのデバイスをサインアウトしました。"),
    "device_revoked": ("A device was removed from your account.", "デバイスをアカウントから削除しました。"),
    "suspended": ("Your account was suspended.", "アカウントが停止されました。"),
    "restored": ("Your account was restored.", "アカウントの停止が解除されました。"),
    "password_changed": ("Your password was changed.", "パスワードが変更されました。"),
    "email_changed": ("Your e-mail address was changed.", "メールアドレスが変更されました。"),
    "transferred": ("Your account was moved to another device.", "アカウントが別のデバイスに引き継がれました。"),
    "merged": ("Another account was merged into yours.", "別のアカウントが統合されました。"),
    "deletion_requested": ("You asked to delete your account.", "アカウントの削除を申請しました。"),
    "deletion_undone": ("The deletion of your account was undone.", "アカウントの削除を取り消しました。"),
    "merge_undone": ("A merge into your account was undone.", "アカウントの統合が取り消されました。"),
}
_OTHER = ("Something happened to your account.", "アカウントに変更がありました。")


def security_event_text(kind: str, language: str) -> str:
    english, japanese = SECURITY_EVENTS.get(kind, _OTHER)
    return japanese if language == "ja" else english
