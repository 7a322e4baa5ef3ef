"""OpenSSF model-signing bundles: who trained the files in a folder, to be verified without this project.

A bundle is a Sigstore bundle with an in-toto statement about every file of the folder; the package
`model-signing` makes it, and its command verifies it:

    model_signing verify key FOLDER --signature FOLDER/model.sig --public_key trainer.pub
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from maas.errors import ConfigurationError
from maas.signer import SigningKey

NAME = "model.sig"


def sign(folder: Path, key: Path | SigningKey) -> Path:
    """Sign all files of a folder and write the bundle beside them.

    Args:
        folder: What `maas train --out` or `maas bundle` wrote, and nothing else.
        key: A file with a private key on P-256 in PEM, not encrypted; or a key in KMS.

    Raises:
        ConfigurationError: No such folder, or no such key.
    """
    if not folder.is_dir() or not any(path.name != NAME for path in folder.iterdir()):
        raise ConfigurationError(f"There is nothing to sign in {folder}")
    bundle = folder / NAME
    make = _of_file(key) if isinstance(key, Path) else _of_keeper(key)
    # The bundle itself is no part of what it vouches for.
    hashes = _package("hashing").Config().set_ignored_paths(paths=[bundle], ignore_git_paths=True)
    make(_package("signing").signing.Payload(hashes.hash(folder))).write(bundle)
    return bundle


def _of_file(path: Path) -> Callable[[Any], Any]:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{path} holds no private key in PEM, or an encrypted one") from error
    if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1):
        raise ConfigurationError(f"The key in {path} is not on P-256")
    made: Callable[[Any], Any] = _package("signing").ec_key.Signer(path).sign
    return made


def _of_keeper(key: SigningKey) -> Callable[[Any], Any]:
    """The package's signer of key files, with a key in the file's place that never leaves its keeper."""
    signer = _package("signing").ec_key.Signer
    made = signer.__new__(signer)  # its constructor wants a file
    made._private_key = _Kept(key)  # noqa: SLF001 - the package has no place for other keepers
    sign: Callable[[Any], Any] = made.sign
    return sign


def _package(module: str) -> Any:
    # Any: its modules re-export what they use without saying so, which type checkers do not accept.
    return import_module(f"model_signing.{module}")


class _Kept:
    """As much of a private key as that signer asks for."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def public_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        return load_der_public_key(self._key.public_key.der)

    def sign(self, data: bytes, _: object) -> bytes:
        return self._key.sign(data)
