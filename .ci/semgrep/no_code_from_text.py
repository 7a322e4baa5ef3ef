# Examples for `semgrep scan --test`: what the rule must find, and what it must leave alone.
import os
import subprocess

import yaml


def run(text):
    # ruleid: no-code-from-text
    eval(text)
    # ruleid: no-code-from-text
    exec(text)
    # ruleid: no-code-from-text
    os.system(text)
    # ruleid: no-code-from-text
    subprocess.run(text, shell=True)
    # ruleid: no-code-from-text
    yaml.load(text)
    # ok: no-code-from-text
    subprocess.run(["sam", "build"])
    # ok: no-code-from-text
    return yaml.safe_load(text)
