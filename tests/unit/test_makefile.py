"""What the Makefile passes on to the tools."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile, and settings whose production runs on arm64."""
    for name in ("Makefile", "pyproject.toml", "requirements"):
        (tmp_path / name).symlink_to(ROOT / name)
    settings = (
        (ROOT / "samconfig.toml")
        .read_text()
        .replace('"Environment=prod"', '"Architecture=arm64", "Environment=prod"')
    )
    (tmp_path / "samconfig.toml").write_text(settings)
    return tmp_path


def make(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=folder, env=inherited | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("environment", "processor"), [("dev", "x86_64"), ("prod", "arm64")])
def test_what_is_deployed_is_what_is_built(checkout: Path, environment: str, processor: str) -> None:
    """The build follows the processor of the section that is deployed."""
    assert f"Architecture={processor}" in make(checkout, "-n", "build", f"ENV={environment}").stdout
    assert make(checkout, "architecture", f"ENV={environment}").returncode == 0


@pytest.mark.parametrize(
    ("environment", "processor", "other"), [("dev", "arm64", "x86_64"), ("prod", "x86_64", "arm64")]
)
def test_another_processor_than_the_stack_gets_is_refused(
    checkout: Path, environment: str, processor: str, other: str
) -> None:
    """Before anything is built, and with the line that would make it right."""
    done = make(checkout, "architecture", f"ENV={environment}", ARCHITECTURE=processor)
    assert done.returncode == 2
    assert f"deploys {other}" in done.stderr
    assert f'"Architecture={processor}"' in done.stderr
    first = make(checkout, "-n", "deploy", f"ENV={environment}", ARCHITECTURE=processor).stdout
    assert first.startswith(f'if [ "{processor}" != "{other}" ]')


@pytest.mark.parametrize("region", [{}, {"AWS_DEFAULT_REGION": "eu-central-1"}])
def test_a_deployment_goes_where_the_profile_says(checkout: Path, region: dict[str, str]) -> None:
    """No region of ours reaches `sam deploy`; checks that call nobody have one all the same."""
    (checkout / "print.mk").write_text('include Makefile\nregion:\n\t@echo "[$$AWS_DEFAULT_REGION]"\n')
    printed = make(checkout, "-f", "print.mk", "region", **region).stdout.strip()
    assert printed == f"[{region.get('AWS_DEFAULT_REGION', '')}]"
    lines = make(checkout, "-n", "deploy").stdout.splitlines()
    (deploy,) = [line for line in lines if "sam deploy" in line]
    (build,) = [line for line in lines if "sam build" in line]
    assert "REGION" not in deploy
    assert "AWS_DEFAULT_REGION" in build
