"""The console's function: open static files, and data about operations and files."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest

from functions.console.handler import STATIC, Console
from maas.batch.files import Files
from maas.batch.job import Job, Jobs, Progress, job_id
from maas.registry import Registry
from tests import tiny_model
from tests.lambda_events import Caller, Context, rest_event

DATA_BUCKET = "data-for-tests"


@pytest.fixture
def call(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Caller]:
    """The console over one model with two versions, the newer one a canary."""
    monkeypatch.setenv("MAAS_DATA_BUCKET", DATA_BUCKET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    boto3.client("s3").create_bucket(Bucket=DATA_BUCKET)
    registry.promote("tiny", registry.publish(*tiny_model.version()), actor="ana", reason="first")
    newer = registry.publish(*tiny_model.version(summary="A better one."))
    registry.canary("tiny", newer, 10, actor="ben", reason="looks better")
    return Caller(Console("console"))


def test_page_and_every_file_it_names(call: Caller) -> None:
    """The page comes with all scripts and styles that it, or one of them, refers to."""
    page = call("GET", "/")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    wanted = set(re.findall(r'(?:src|href)="console/([^"]+)"', page.body.decode()))
    for script in STATIC.glob("*.js"):
        wanted |= set(re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")))
    assert wanted <= {path.name for path in STATIC.iterdir()}
    assert {path.name for path in STATIC.iterdir()} == wanted | {"index.html"}, "a file nobody asks for"
    for name in wanted:
        assert call("GET", f"/console/{name}").status == 200


def test_static_files_reach_no_other_host(call: Caller) -> None:
    """The policy lets the page talk to itself and to the bucket for files, and no file names another host."""
    policy = call("GET", "/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert f"connect-src 'self' https://{DATA_BUCKET}.s3.amazonaws.com;" in policy
    for path in STATIC.iterdir():
        hosts = set(re.findall(r"https?://([\w.-]+)", path.read_text(encoding="utf-8")))
        assert hosts <= {"www.w3.org"}, path.name  # the name of SVG, never fetched


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "cn-north-1"])
def test_the_page_may_send_files_where_its_addresses_lead(
    call: Caller, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    """The host of a presigned address is in the policy, whatever S3 is called in the region."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_REGION", region)
    begun = call("POST", "/console/data/files/tiny/rows.csv").json
    address = urlsplit(begun["url"])
    policy = call("GET", "/").headers["Content-Security-Policy"]
    allowed = re.search(r"connect-src ([^;]+)", policy)
    assert allowed is not None
    assert f"{address.scheme}://{address.netloc}" in allowed.group(1).split()


@pytest.mark.parametrize(
    ("asked", "location"), [("/prod", "/prod/"), ("/models/v", "/models/v/"), ("//elsewhere", "/elsewhere/")]
)
def test_the_page_is_sent_where_its_files_are(call: Caller, asked: str, location: str) -> None:
    """Without the slash behind the stage a browser is sent on: relative addresses would lead beside it."""
    event = rest_event("GET", "/")
    event["requestContext"]["path"] = asked
    answer = call.handler(event, Context())
    assert (answer["statusCode"], answer["multiValueHeaders"]["Location"]) == (308, [location])
    for path in ("/", "/prod/"):
        event["requestContext"]["path"] = path
        assert call.handler(event, Context())["statusCode"] == 200


def test_an_unchanged_page_is_not_sent_again(call: Caller) -> None:
    """The entity tag that came with the page gives a 304 without a body."""
    tag = call("GET", "/").headers["ETag"]
    again = call("GET", "/", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["handler.py", "..%2Fhandler.py", "nothing.js", "%2e%2e", "index.html.bak"])
def test_nothing_but_the_page_is_served(call: Caller, name: str) -> None:
    """Names are looked up among the static files; nothing else can be read."""
    assert call("GET", f"/console/{name}").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/console/data%2Fmodels",
        "/console/data%252Fmodels",
        "/console/%64ata/models",
        "/console/%2564ata/models",
        "/console//data/models",
        "/console/data//models",
        "/console/./data/models",
        "/%63onsole/data/models",
        "/console%2Fdata%2Fmodels%2Ftiny",
        "/console/data/models",
        "/console/data/models/tiny",
    ],
)
def test_data_is_answered_on_the_guarded_route_alone(call: Caller, path: str) -> None:
    """However the path is written: who came by a route that asks nobody for a name gets a 404."""
    uploads = path.replace("models/tiny", "models").replace("models", "files/tiny/rows.csv")
    for method, sent in (("GET", path), ("POST", uploads), ("POST", uploads.replace("s/t", "s%2Ft"))):
        for route in ("/console/{proxy+}", "/", "/{proxy+}", None):
            event = rest_event(method, sent) | {"resource": route}
            assert call.handler(event, Context())["statusCode"] == 404, (method, sent, route)
    assert call("GET", "/console/data/models/tiny").status == 200
    assert call("POST", "/console/data/files/tiny/rows.csv").status == 201


@pytest.mark.parametrize("path", ["data%2Fmodels", "%64ata/models", "/data/models", "data/models%2Ftiny"])
def test_only_names_are_decoded_in_a_path(call: Caller, path: str) -> None:
    """What is quoted makes no other route of a path, not even behind the guarded one."""
    event = rest_event("GET", f"/console/{path}") | {"resource": "/console/data/{proxy+}"}
    assert call.handler(event, Context())["statusCode"] == 404
    begun = call("POST", "/console/data/files/tiny/my%20rows.csv").json
    assert begun["id"].endswith("/my-rows.csv")


def test_overview_tells_production_and_canary(call: Caller, registry: Registry) -> None:
    """Each model comes with its state, its scores and the share of its canary."""
    registry.publish(*tiny_model.version(model="younger"))
    found = {model["name"]: model for model in call("GET", "/console/data/models").json["models"]}
    assert found["tiny"]["state"] == "ready"
    assert found["tiny"]["canary"]["weight"] == 10
    assert found["younger"] == {"name": "younger", "state": "unpromoted"}


def test_a_broken_model_spoils_its_own_line_only(call: Caller) -> None:
    """A damaged pointer is reported where it is; the rest of the list stands."""
    boto3.client("s3").put_object(Bucket="models-for-tests", Key="models/torn/production.json", Body=b"{")
    found = {model["name"]: model for model in call("GET", "/console/data/models").json["models"]}
    assert found["torn"]["state"] == "broken"
    assert found["tiny"]["state"] == "ready"


def test_versions_have_roles_and_moves_their_makers(call: Caller) -> None:
    """The page of versions shows who serves and who moved what, newest first."""
    found = call("GET", "/console/data/models/tiny").json
    assert sorted(version["role"] for version in found["versions"]) == ["canary", "production"]
    assert [(move["action"], move["actor"]) for move in found["history"]] == [
        ("canary", "ben"),
        ("promote", "ana"),
    ]
    assert call("GET", "/console/data/models/nobody").status == 404


def test_a_file_is_sent_watched_and_fetched(call: Caller) -> None:
    """The address takes the file; its state follows the job; the results come with addresses of their own."""
    begun = call("POST", "/console/data/files/tiny/my rows.csv").json
    key = "inbox/" + begun["id"]
    assert re.fullmatch(r"inbox/tiny/console/\d{8}T\d{6}-[0-9a-f]{8}/my-rows\.csv", key)
    assert urlsplit(begun["url"]).path.endswith(key)
    assert call("GET", f"/console/data/files/{begun['id']}").status == 404  # not there yet
    s3 = boto3.client("s3")
    etag = s3.put_object(Bucket=DATA_BUCKET, Key=key, Body=b"a\n1\n")["ETag"].strip('"')
    assert call("GET", f"/console/data/files/{begun['id']}").json["state"] == "waiting"
    jobs = Jobs(Files(DATA_BUCKET, s3))
    job = Job(bucket=DATA_BUCKET, key=key, etag=etag, size=4, progress=Progress(rows=1, scored=1, offset=4))
    held = jobs.create(job)
    assert held is not None
    assert job.id == job_id(DATA_BUCKET, key, etag)
    assert call("GET", f"/console/data/files/{begun['id']}").json["state"] == "running"
    jobs.save(held, job.model_copy(update={"status": "done"}))
    s3.put_object(Bucket=DATA_BUCKET, Key=key.replace("inbox/", "outbox/"), Body=b"a,volume\n1,2\n")
    done = call("GET", f"/console/data/files/{begun['id']}").json
    assert (done["state"], done["scored"]) == ("done", 1)
    assert set(done["downloads"]) == {"result"}


@pytest.mark.parametrize("name", ["rows.exe", "rows"])
def test_a_file_that_cannot_be_scored_is_refused_before_it_is_sent(call: Caller, name: str) -> None:
    """The console refuses what batch scoring would refuse, with the same reason."""
    answer = call("POST", f"/console/data/files/tiny/{name}")
    assert answer.status == 422
    assert ".csv" in answer.json["detail"]


def test_costs_are_estimated_from_a_duration(call: Caller) -> None:
    """Milliseconds and calls a month give dollars; nonsense gives 400."""
    found = call("GET", "/console/data/cost/4.5/100000").json
    assert found["milliseconds"] == 4.5
    assert 0 < found["usd_per_thousand"] < found["usd_per_month"] < found["usd_always_on_per_month"]
    for bad in ("x/1", "nan/1", "1/-1", "1e9/1"):
        assert call("GET", f"/console/data/cost/{bad}").status == 400


def test_costs_go_by_the_memory_of_the_model(call: Caller) -> None:
    """What a model said of its memory is counted with; without it, this function's own."""
    own, larger = (call("GET", f"/console/data/cost/4.5/100000{end}").json for end in ("", "/2048"))
    assert (own["memory"], larger["memory"]) == (1024, 2048)
    assert larger["usd_compute_per_thousand"] > own["usd_compute_per_thousand"]
    for bad in ("64", "20000", "much"):
        assert call("GET", f"/console/data/cost/4.5/100000/{bad}").status == 400


def test_an_answer_says_what_it_is_billed_by(call: Caller) -> None:
    """Duration and memory come with every answer, models' too: from there the page knows a model's memory."""
    timing = call("GET", "/console/settings.json").headers["Server-Timing"]
    assert re.fullmatch(r"total;dur=\d+\.\d\d, memory;desc=1024", timing)


def test_the_newest_report_comes_with_its_address(call: Caller) -> None:
    """A report of the monitor can be fetched by whoever may see the page's data; no report, no address."""
    assert call("GET", "/console/data/models/tiny/drift").json == {"windows": []}
    key = "reports/tiny/latest.html"
    boto3.client("s3").put_object(Bucket=DATA_BUCKET, Key=key, Body=b"<p>", ContentType="text/html")
    assert urlsplit(call("GET", "/console/data/models/tiny/drift").json["report"]).path == f"/{key}"


def test_settings_tell_how_to_log_in_and_no_more(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page learns the kind of authentication; no bucket, no account, no secret."""
    monkeypatch.setenv("MAAS_AUTHENTICATION", "AWS_IAM")
    answer: dict[str, Any] = call("GET", "/console/settings.json").json
    assert answer == {"environment": "local", "authentication": "AWS_IAM", "region": "us-east-1", "login": {}}
    assert DATA_BUCKET not in json.dumps(answer)


def test_the_page_may_ask_for_a_token_where_people_log_in(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page learns where that is, and its policy lets it talk to that place and to no other."""
    monkeypatch.setenv("MAAS_LOGIN_URL", "https://maas.auth.us-east-1.amazoncognito.com")
    monkeypatch.setenv("MAAS_LOGIN_CLIENT", "console")
    login = call("GET", "/console/settings.json").json["login"]
    assert login == {"authorize": "https://maas.auth.us-east-1.amazoncognito.com", "client": "console"}
    policy = call("GET", "/").headers["Content-Security-Policy"]
    assert ".amazonaws.com https://maas.auth.us-east-1.amazoncognito.com;" in policy


def test_the_function_is_small() -> None:
    """Code and page together stay far below what would slow a start."""
    files = [path for path in Path(STATIC).parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 120_000
