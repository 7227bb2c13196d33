"""The studio: a local painter that speaks OpenAI's images and moderations API.

It stands in for `https://api.openai.com` on a laptop, so the adapters and the unmodified `openai` SDK run the same code
as in production. What it paints is marked as an offline stand-in, in a corner and in the file's metadata.
docs/reference/studio.md lists every parameter, fault and setting.
"""
