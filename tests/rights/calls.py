"""What a function asks of AWS while it runs, in IAM's words: the action, and on which resource."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.iam import ACCOUNT, REGION

# Who is at work here: the function itself, somebody that it called, or nobody has said.
_ours: ContextVar[bool | None] = ContextVar("_ours", default=None)
_MISSING = {"404", "NoSuchKey"}

type Handler = Callable[[Any, Any], Any]


class Call(NamedTuple):
    """One use of a right; `prefix` is what IAM sees as s3:prefix."""

    action: str
    resource: str
    prefix: str | None = None


_S3 = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteObject": ("s3:DeleteObject",),
    "GetObject": ("s3:GetObject",),
    "HeadObject": ("s3:GetObject",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
}
_S3_BUCKET = {"ListObjectsV2": "s3:ListBucket", "ListMultipartUploads": "s3:ListBucketMultipartUploads"}
_OTHERS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "CloudWatch.DescribeAlarms": ("cloudwatch:DescribeAlarms", lambda _: "*"),
    "CloudWatch.GetMetricData": ("cloudwatch:GetMetricData", lambda _: "*"),
    "CloudWatch.PutMetricData": ("cloudwatch:PutMetricData", lambda _: "*"),
    "KMS.GetPublicKey": ("kms:GetPublicKey", lambda given: given["KeyId"]),
    "KMS.Sign": ("kms:Sign", lambda given: given["KeyId"]),
    "Lambda.Invoke": ("lambda:InvokeFunction", lambda given: _function(given["FunctionName"])),
    "Secrets Manager.GetSecretValue": ("secretsmanager:GetSecretValue", lambda given: given["SecretId"]),
    "SFN.StartExecution": ("states:StartExecution", lambda given: given["stateMachineArn"]),
    "SQS.ChangeMessageVisibility": ("sqs:ChangeMessageVisibility", lambda given: _queue(given["QueueUrl"])),
    "SQS.SendMessage": ("sqs:SendMessage", lambda given: _queue(given["QueueUrl"])),
}


def uses(service: str, operation: str, given: dict[str, Any], *, missing: bool = False) -> list[Call]:
    """The rights that one call of an API takes.

    Args:
        service: As botocore calls it.
        operation: As the API calls it.
        given: Its parameters.
        missing: Whether the object was not there. Who may not list is told 403 then, and cannot tell.

    Raises:
        KeyError: Nobody has said yet which rights it takes.
    """
    if service != "S3":
        action, resource = _OTHERS[f"{service}.{operation}"]
        return [Call(action, resource(given))]
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    if operation in _S3_BUCKET:
        return [Call(_S3_BUCKET[operation], bucket, given.get("Prefix", ""))]
    found = [Call(action, f"{bucket}/{given['Key']}") for action in _S3[operation]]
    if "IfMatch" in given:  # S3 compares only for those who may read
        found.append(Call("s3:GetObject", f"{bucket}/{given['Key']}"))
    return [*found, Call("s3:ListBucket", bucket, given["Key"])] if missing else found


@contextmanager
def recorded(*, unsaid: bool = True) -> Iterator[set[Call]]:
    """Every use of a right, presigned addresses among them, until the context ends.

    Args:
        unsaid: Whether to record also what is neither `ours` nor `theirs`.
    """
    calls: set[Call] = set()
    call, announce = BaseClient._make_api_call, BaseClient._emit_api_params  # type: ignore[attr-defined]

    def record(client: Any, operation: str, given: dict[str, Any]) -> Any:
        wanted = unsaid if _ours.get() is None else _ours.get()
        missing = False
        try:
            return call(client, operation, given)
        except ClientError as error:
            missing = error.response["Error"]["Code"] in _MISSING
            raise
        finally:
            if wanted:
                calls.update(uses(client.meta.service_model.service_id, operation, given, missing=missing))

    def sign(client: Any, api_params: dict[str, Any], operation_model: Any, context: dict[str, Any]) -> Any:
        if context.get("is_presign_request"):
            calls.update(uses(client.meta.service_model.service_id, operation_model.name, api_params))
        return announce(client, api_params, operation_model, context)

    with (
        mock.patch.object(BaseClient, "_make_api_call", record),
        mock.patch.object(BaseClient, "_emit_api_params", sign),
    ):
        yield calls


@contextmanager
def unrecorded() -> Iterator[None]:
    """What the test itself does, to prepare the next thing."""
    token = _ours.set(False)
    try:
        yield
    finally:
        _ours.reset(token)


def ours(handler: Handler) -> Handler:
    """The handler whose calls are to be recorded, among others at work."""
    return _marked(handler, mark=True)


def theirs(handler: Handler) -> Handler:
    """A function that ours calls: what it does, it does with rights of its own."""
    return _marked(handler, mark=False)


def _marked(handler: Handler, *, mark: bool) -> Handler:
    def run(event: Any, context: Any) -> Any:
        token = _ours.set(mark)
        try:
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context)))
        finally:
            _ours.reset(token)

    return run


def _function(name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def _queue(url: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
