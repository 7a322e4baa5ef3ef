"""Security events: is a network connection an attack or normal traffic, and which kind of attack.

A record describes one connection by the 41 features of the KDD Cup 1999 set. A version may also be trained
on a plain matrix of numbers; it then reads `values` and nothing else, and refuses records without them.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from maas.contract import Columns, Matrix, Prediction, Record
from maas.endpoint import Endpoint
from maas.preprocessing.categories import one_hot

MOST_VALUES = 256
_MOST_BYTES = 2**40
_MOST_COUNTED = 10**6

ProtocolName = Literal["tcp", "udp", "icmp"]
ConnectionState = Literal["SF", "S0", "S1", "S2", "S3", "REJ", "RSTO", "RSTR", "RSTOS0", "SH", "SHR", "OTH"]
Family = Literal["normal", "dos", "probe", "r2l", "u2r", "unknown"]


def _number(text: str, unit: str, most: int, example: int = 0) -> Any:
    return Field(
        default=0,
        ge=0,
        le=most,
        description=text,
        examples=[example],
        json_schema_extra={"unit": unit},
    )


def _counted(text: str, example: int = 0) -> Any:
    return _number(text, "count", _MOST_COUNTED, example)


def _yes(text: str, example: int = 0) -> Any:
    return _number(f"1 if {text}, otherwise 0.", "0 or 1", 1, example)


def _share(text: str, example: float = 0.0) -> Any:
    return Field(
        default=0.0,
        ge=0,
        le=1,
        description=f"Share of {text}.",
        examples=[example],
        json_schema_extra={"unit": "share"},
    )


_SAME_HOST = "the connections of the last two seconds to the same host"
_SAME_SERVICE = "the connections of the last two seconds to the same service"
_HOST = "the last 100 connections to the destination host"
_HOST_SERVICE = "the last 100 connections to the destination host's same service"


class Connection(Record):
    """One connection; what is left out counts as zero or unknown."""

    duration: int = _number("Length of the connection.", "s", 10**7)
    protocol_type: ProtocolName | None = Field(
        default=None, description="Transport protocol.", examples=["tcp"]
    )
    service: str | None = Field(
        default=None,
        max_length=20,
        pattern="^[A-Za-z0-9_]+$",
        description="Network service at the destination, such as http or telnet; any other name is allowed.",
        examples=["http", "ftp_data"],
    )
    flag: ConnectionState | None = Field(
        default=None,
        description="How the connection went: SF is an ordinary end, S0 no answer, REJ a refusal.",
        examples=["SF"],
    )
    src_bytes: int = _number("Data bytes from the source.", "bytes", _MOST_BYTES, 232)
    dst_bytes: int = _number("Data bytes from the destination.", "bytes", _MOST_BYTES, 8153)
    land: int = _yes("source and destination have the same address and port")
    wrong_fragment: int = _counted("Wrong fragments.")
    urgent: int = _counted("Packets with the urgent flag.")
    hot: int = _counted("Hot indicators: sensitive directories entered, programs created or run.")
    num_failed_logins: int = _counted("Failed attempts to log in.")
    logged_in: int = _yes("a login succeeded", 1)
    num_compromised: int = _counted("Conditions that show a compromised system.")
    root_shell: int = _yes("a root shell was obtained")
    su_attempted: int = _number(
        "Whether `su root` was tried: 0 no, 1 yes; the published files also have 2.", "0 to 2", 2
    )
    num_root: int = _counted("Operations done as root.")
    num_file_creations: int = _counted("Files created.")
    num_shells: int = _counted("Shell prompts.")
    num_access_files: int = _counted("Operations on access control files.")
    num_outbound_cmds: int = _counted("Outbound commands in an FTP session.")
    is_host_login: int = _yes("the login is on the list of root or administrator accounts")
    is_guest_login: int = _yes("the login is a guest's")
    count: int = _counted(f"Number of {_SAME_HOST}.", 5)
    srv_count: int = _counted(f"Number of {_SAME_SERVICE}.", 5)
    serror_rate: float = _share(f"{_SAME_HOST} that had SYN errors", 0.2)
    srv_serror_rate: float = _share(f"{_SAME_SERVICE} that had SYN errors", 0.2)
    rerror_rate: float = _share(f"{_SAME_HOST} that were refused")
    srv_rerror_rate: float = _share(f"{_SAME_SERVICE} that were refused")
    same_srv_rate: float = _share(f"{_SAME_HOST} that went to the same service", 1.0)
    diff_srv_rate: float = _share(f"{_SAME_HOST} that went to other services")
    srv_diff_host_rate: float = _share(f"{_SAME_SERVICE} that went to other hosts")
    dst_host_count: int = _number(
        "Connections to the destination host among the last 100 (up to 255 as published).", "count", 255, 30
    )
    dst_host_srv_count: int = _number(
        "Connections to the destination host's same service (up to 255 as published).", "count", 255, 255
    )
    dst_host_same_srv_rate: float = _share(f"{_HOST} that went to the same service", 1.0)
    dst_host_diff_srv_rate: float = _share(f"{_HOST} that went to other services")
    dst_host_same_src_port_rate: float = _share(f"{_HOST} that came from the same source port", 0.03)
    dst_host_srv_diff_host_rate: float = _share(f"{_HOST_SERVICE} that came from other hosts", 0.04)
    dst_host_serror_rate: float = _share(f"{_HOST} that had SYN errors", 0.03)
    dst_host_srv_serror_rate: float = _share(f"{_HOST_SERVICE} that had SYN errors", 0.01)
    dst_host_rerror_rate: float = _share(f"{_HOST} that were refused")
    dst_host_srv_rerror_rate: float = _share(f"{_HOST_SERVICE} that were refused", 0.01)
    values: list[Annotated[float, Field(ge=-1e30, le=1e30)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_VALUES,
        description="For versions trained on a matrix: its columns in order, without the label. Such a "
        "version reads nothing else; the others do not read it.",
        examples=[None, [0.5, 12.0, 3.25]],
        json_schema_extra={"unit": "as in the matrix", "parts": "elements"},
    )


class Finding(Prediction):
    """What the connection is taken for."""

    attack: bool = Field(description="Whether it is taken for an attack.", examples=[False])
    probability: float = Field(
        description="Probability of an attack where attacks, of kinds never seen before, are as frequent as "
        "normal traffic; 0.5 divides.",
        examples=[0.02],
        json_schema_extra={"unit": "probability", "decimals": 4, "probability_of": True},
    )
    family: Family = Field(
        description="The likeliest kind of attack, or normal; unknown where the version knows no kinds.",
        examples=["normal"],
    )


_LOGARITHMS = (
    "duration",
    "src_bytes",
    "dst_bytes",
    "wrong_fragment",
    "urgent",
    "hot",
    "num_failed_logins",
    "num_compromised",
    "su_attempted",
    "num_root",
    "num_file_creations",
    "num_shells",
    "num_access_files",
    "count",
    "srv_count",
)
_AS_GIVEN = (
    "land",
    "logged_in",
    "root_shell",
    "is_guest_login",
    *(name for name in Connection.model_fields if name.endswith("_rate")),
)
_OF_255 = ("dst_host_count", "dst_host_srv_count")
_PROTOCOLS = ("tcp", "udp", "icmp")
# States that say the same count as one: attacks in the data show them in turn.
_STATES = {
    "ended": ("SF",),
    "unanswered": ("S0",),
    "refused": ("REJ",),
    "reset": ("RSTO", "RSTR", "RSTOS0"),
    "left_open": ("S1", "S2", "S3"),
}
# Only what much normal traffic uses: a rare service would be learnt by heart as the mark of one attack.
_SERVICES = ("http", "smtp", "ftp", "ftp_data", "telnet", "domain_u", "eco_i", "ecr_i", "private", "other")

FEATURES = (
    *(f"log_{name}" for name in _LOGARITHMS),
    *_AS_GIVEN,
    *_OF_255,
    *(f"protocol_{name}" for name in _PROTOCOLS),
    *(f"state_{name}" for name in _STATES),
    *(f"service_{name}" for name in _SERVICES),
    "values_given",
    *(f"value_{place}" for place in range(MOST_VALUES)),
)
CONNECTION_FEATURES = FEATURES.index("values_given")
"""Number of features made of the connection; those of `values` follow, their number first."""


def features(records: Columns) -> Matrix:
    """The model's matrix, shape (n, len(FEATURES)), float32; counts and sizes as logarithms."""
    given = ~np.isnan(records["values"])
    columns = [np.log1p(records[name]) for name in _LOGARITHMS]
    columns += [records[name] for name in _AS_GIVEN]
    columns += [records[name] / 255 for name in _OF_255]
    # The last column of each is the unknown: all of the others 0 say the same.
    columns += list(one_hot(records["protocol_type"], _PROTOCOLS)[:, :-1].T)
    columns += [np.isin(records["flag"].astype(str), states) for states in _STATES.values()]
    columns += list(one_hot(records["service"], _SERVICES)[:, :-1].T)
    columns += [given.sum(axis=1)]
    return np.hstack([np.column_stack(columns), np.where(given, records["values"], 0)]).astype(np.float32)


_HALF = 0.5
_FAMILIES = np.array(["dos", "probe", "r2l", "u2r", "unknown"], object)


def respond(outputs: Columns) -> Columns:
    """Probability and shares of the families, shape (n, 5), as the answer's fields."""
    # As it is answered: the two must not contradict each other.
    probability = np.round(outputs["probability"].reshape(-1).astype(np.float64), 4)
    attack = probability >= _HALF
    shares = outputs["families"]
    # What a version learnt as altered traffic has no name; any named family goes before it.
    likeliest = np.where(shares[:, :-1].max(axis=1) > 0, shares[:, :-1].argmax(axis=1), len(_FAMILIES) - 1)
    return {
        "attack": attack,
        "probability": probability,
        "family": np.where(attack, _FAMILIES[likeliest], "normal"),
    }


handler = Endpoint("security_event", Connection, Finding, features, feature_names=FEATURES, respond=respond)
