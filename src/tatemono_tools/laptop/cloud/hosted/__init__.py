"""The sign-in pages and OAuth endpoints of a user pool with a domain, in place of MiniStack's.

Those never ask for the second factor. These do, and keep MiniStack's users, groups, keys and tokens.
`docs/reference/embedded-cloud.md` says what they do and what only AWS proves.
"""
