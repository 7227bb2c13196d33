"""The studio: a local painter that speaks OpenAI's images and moderations API.

It stands in for `https://api.openai.com`, so that the unmodified `openai` SDK runs the same code on a laptop as in
production. What it paints is marked as an offline stand-in, in a corner and in the file's metadata. README.md is a
short start; docs/reference/studio.md lists every parameter, fault and setting.
"""
