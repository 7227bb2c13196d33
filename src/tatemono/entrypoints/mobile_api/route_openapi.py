"""How this API's routes describe themselves in the OpenAPI document."""

from fastapi import APIRouter

from tatemono.entrypoints.http.route_openapi import OF_A_BODY, OPEN_TO_ALL, WITH_TOKEN, answers, body, router_below

__all__ = ["OF_A_BODY", "OPEN_TO_ALL", "PREFIX", "WITH_TOKEN", "answers", "body", "router"]

PREFIX = "/v1/api"


def router(tag: str) -> APIRouter:
    return router_below(PREFIX, tag)
