"""Drives the functions that read: the catalogue, the console, the authorizer."""

from functions.authorizer.handler import Authorizer, Refused
from functions.catalogue.handler import Catalogue
from functions.console.handler import Console
from maas.batch.files import Files
from maas.batch.job import Job, Jobs
from tests.lambda_events import Caller
from tests.oidc_issuer import oidc_issuer
from tests.rights.calls import recorded
from tests.rights.roles import Case
from tests.rights.world import ARNS, DATA, world

METHOD = "arn:aws:execute-api:us-east-1:123456789012:api/dev/GET/v2"


def catalogue() -> Case:
    """Every route of the catalogue, and a path that leads nowhere."""
    with world():
        call = Caller(Catalogue("catalogue"))
        with recorded() as calls:
            for path in ("/v1/models", "/v2", "/v2/models", "/v2/health/live", "/v2/health/ready"):
                assert call("GET", path).status == 200
            assert call("GET", "/no/such/path").status == 404
            assert call("POST", "/v2/repository/index", {}).status == 200
    return Case("CatalogueRole", frozenset(calls), ARNS)


def console() -> Case:
    """The page, what it shows of a model, and a file: begun, waited for, scored, fetched."""
    with world() as stack:
        call = Caller(Console("console"))
        jobs = Jobs(Files(DATA, stack.s3))
        with recorded() as calls:
            for path in ("/", "/console/app.js", "/console/settings.json", "/console/data/models"):
                assert call("GET", path).status == 200
            for path in ("/console/data/models/tiny", "/console/data/models/tiny/drift"):
                assert call("GET", path).status == 200
            begun = call("POST", "/console/data/files/tiny/rows.csv").json
            assert call("GET", f"/console/data/files/{begun['id']}").status == 404
        key = "inbox/" + begun["id"]
        etag = stack.s3.put_object(Bucket=DATA, Key=key, Body=b"a\n1\n")["ETag"].strip('"')
        with recorded() as waiting:
            assert call("GET", f"/console/data/files/{begun['id']}").json["state"] == "waiting"
        held = jobs.create(Job(bucket=DATA, key=key, etag=etag, size=4))
        assert held is not None
        jobs.save(held, held.job.model_copy(update={"status": "done"}))
        stack.s3.put_object(Bucket=DATA, Key=key.replace("inbox/", "outbox/"), Body=b"a,volume\n1,2\n")
        stack.s3.put_object(Bucket=DATA, Key="reports/tiny/2026-11-22/report.json", Body=b"{}")
        with recorded() as more:
            assert call("GET", f"/console/data/files/{begun['id']}").json["state"] == "done"
            call("GET", "/console/data/models/tiny/drift")
    return Case("ConsoleRole", frozenset(calls | waiting | more), ARNS)


def authorizer() -> Case:
    """A good token and a bad one: neither needs anything of AWS."""
    with world() as stack, oidc_issuer() as issuer:
        stack.environment.setenv("MAAS_TOKEN_ISSUER", issuer.url)
        handler = Authorizer("authorizer")
        with recorded() as calls:
            for token in (issuer.token(), "nonsense"):
                event = {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": METHOD}
                try:
                    handler(event, None)
                except Refused:
                    assert token == "nonsense"
    return Case("AuthorizerRole", frozenset(calls), ARNS)
