"""How a client proves to the token endpoint who it is: by its secret, or by an assertion signed with its key.

Source: learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from typing import Any

import jwt
from cryptography import x509
from multidict import MultiMapping

from tests.sandbox.microsoft import errors
from tests.sandbox.microsoft.state import Client, Faults

Form = MultiMapping[Any]

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def prove(client: Client, form: Form, faults: Faults, audiences: Collection[str]) -> None:
    """Raises Refused unless the form proves that it comes from this client."""
    assertion = str(form.get("client_assertion", ""))
    if assertion:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise errors.bad_assertion(900144, "The request body must contain 'client_assertion_type'.")
        _check_assertion(client, assertion, faults, audiences)
    elif form.get("client_secret"):
        _check_secret(client, str(form["client_secret"]), faults)
    else:
        raise errors.no_client_proof()


def _check_secret(client: Client, secret: str, faults: Faults) -> None:
    if faults.wrong_client_secret or not hmac.compare_digest(secret.encode(), client.secret.encode()):
        raise errors.wrong_secret(client.id)
    if faults.client_secret_expired:
        raise errors.expired_secret(client.id)


def _check_assertion(client: Client, assertion: str, faults: Faults, audiences: Collection[str]) -> None:
    # Its times are real ones, like those of TLS: the client's library knows nothing of the sandbox's clock.
    try:
        if faults.wrong_client_secret or not client.public_key:
            raise jwt.InvalidSignatureError
        claims = jwt.decode(
            assertion,
            _public_key(client),
            algorithms=["PS256", "RS256"],
            audience=list(audiences),
            options={"require": ["aud", "exp", "iss", "sub", "jti"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise errors.bad_assertion(700024, "Client assertion is not within its valid time range.") from error
    except jwt.InvalidAudienceError as error:
        words = "Client assertion audience claim does not match Realm issuer."
        raise errors.bad_assertion(700023, words) from error
    except jwt.InvalidTokenError as error:
        words = "Client assertion failed signature validation."
        raise errors.bad_assertion(700027, words) from error
    if {claims["iss"], claims["sub"]} != {client.id}:
        words = "Client assertion application identifier doesn't match 'client_id' parameter."
        raise errors.bad_assertion(700021, words)


def _public_key(client: Client) -> Any:
    if "BEGIN CERTIFICATE" in client.public_key:
        return x509.load_pem_x509_certificate(client.public_key.encode()).public_key()
    return client.public_key
