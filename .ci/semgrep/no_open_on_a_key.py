# Examples for `semgrep scan --test`: what the rule must find, and what it must leave alone.
import os
from pathlib import Path


def fetch(record, client, folder):
    key = record["s3"]["object"]["key"]
    # ruleid: no-open-on-a-key
    open(key)
    # ruleid: no-open-on-a-key
    Path(key).read_bytes()
    # ruleid: no-open-on-a-key
    os.path.join("/tmp", key)
    name = record["s3"]["object"]["key"].rpartition("/")[2]
    # ruleid: no-open-on-a-key
    (folder / name).write_text("")
    # ok: no-open-on-a-key
    client.get_object(Bucket="bucket", Key=key)
    # ok: no-open-on-a-key
    open("template.yaml")
    # ok: no-open-on-a-key
    return Path(__file__).parent / "static"


def store(job, path):
    # ruleid: no-open-on-a-key
    open(job.key, "rb")
    # ok: no-open-on-a-key
    open(path, "rb")
