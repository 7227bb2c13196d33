"""Tatemono: a generative-AI image app, from the phone to the AWS account."""
