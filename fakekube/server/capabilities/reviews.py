"""Questions that are asked as objects: who am I, whose token is it, may they, what may I."""

from __future__ import annotations

from collections.abc import Callable

from fakekube.access.authorization import Asked, Decision
from fakekube.api import reviews
from fakekube.registry.kind import Object
from fakekube.registry.user import User
from fakekube.server.capabilities.posted import posted
from fakekube.server.encoding import object_response
from fakekube.server.resources import Exchange
from fakekube.server.responses import Response

_Answered = Callable[[Object], Object]


async def self_subject_review(exchange: Exchange) -> Response:
    user, now = exchange.call.user, exchange.state.plane.clock.timestamp()
    return await _answered(exchange, lambda review: reviews.self_subject_review(review, user, now))


async def token_review(exchange: Exchange) -> Response:
    authenticator = exchange.state.authenticator
    return await _answered(exchange, lambda review: reviews.token_review(review, authenticator))


async def subject_access_review(exchange: Exchange) -> Response:
    decide = _decide(exchange)
    return await _answered(exchange, lambda review: reviews.subject_access_review(review, decide))


async def local_subject_access_review(exchange: Exchange) -> Response:
    decide = _decide(exchange)
    return await _answered(exchange, lambda review: reviews.local_subject_access_review(review, decide))


async def self_subject_access_review(exchange: Exchange) -> Response:
    user, decide = exchange.call.user, _decide(exchange)
    return await _answered(exchange, lambda review: reviews.self_subject_access_review(review, user, decide))


async def self_subject_rules_review(exchange: Exchange) -> Response:
    user, authorizer = exchange.call.user, exchange.state.authorizer
    return await _answered(
        exchange,
        lambda review: reviews.self_subject_rules_review(
            review, lambda namespace: authorizer.rules_of(user, namespace)
        ),
    )


def _decide(exchange: Exchange) -> Callable[[User, Asked], Decision]:
    state = exchange.state
    return (lambda user, asked: Decision(True)) if state.always_allow else state.authorizer.decide


async def _answered(exchange: Exchange, answer: _Answered) -> Response:
    representation = exchange.representation(tables=False)
    plane, call = exchange.state.plane, exchange.call
    review = await posted(exchange)
    attributes = plane.attributes(call, "CREATE", review.object, dry_run=review.dry_run)
    await plane.admission.mutate(review.object, None, attributes)
    answered = answer(review.object)
    await plane.admission.validate(review.object, None, attributes)
    return object_response(exchange.request, representation, exchange.kind, answered, plane.clock.now(), 201)
