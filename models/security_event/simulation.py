"""Simulated traffic: a small network with web, mail, file and name servers, and nine kinds of attacks."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.security_event.handler import handler
from maas.artifact import digest_of
from maas.manifest import DataSource
from models.table import Table, checked_columns

_ROWS = 1200
_NORMAL_SHARE = 0.55
# Service, transport protocol, typical bytes out and back, whether one logs in.
_SERVICES = (
    ("http", "tcp", 230, 4000, 1),
    ("smtp", "tcp", 1100, 330, 1),
    ("domain_u", "udp", 44, 90, 0),
    ("ftp_data", "tcp", 1500, 1, 1),
    ("telnet", "tcp", 250, 1200, 1),
    ("eco_i", "icmp", 30, 1, 0),
)
_ATTACKS = (
    "neptune",
    "smurf",
    "back",
    "ipsweep",
    "portsweep",
    "satan",
    "guess_passwd",
    "warezclient",
    "buffer_overflow",
)
_LEAST_SHARE = 0.3  # of the commonest attack's rows, for the rarest


def simulate(seed: int, *, rows: int = _ROWS) -> Table:
    """Simulated connections with the attacks' names, the same for the same seed; nothing was measured."""
    generator = np.random.default_rng(seed)
    shares = np.linspace(1, _LEAST_SHARE, len(_ATTACKS))
    shares *= (1 - _NORMAL_SHARE) / shares.sum()
    names = generator.choice(["normal", *_ATTACKS], rows, p=[_NORMAL_SHARE, *shares]).astype(object)
    values = _ordinary(rows, generator)
    for name, changes in _changes(rows, generator).items():
        for field, column in changes.items():
            values[field] = np.where(names == name, column, values[field])
    plain = {name: column.tolist() for name, column in values.items()}
    title = f"simulated traffic, seed {seed}"
    data = DataSource(
        name=title,
        source="simulated: models/security_event/simulation.py",
        digest=digest_of(repr((plain, names.tolist())).encode()),
        rows=rows,
        simulated=True,
    )
    columns = checked_columns(handler.contract, plain, name=title, lines=range(rows))
    return Table(columns=columns, target=names, data=data)


def _ordinary(n: int, generator: np.random.Generator) -> dict[str, NDArray[Any]]:
    used = generator.choice(len(_SERVICES), n, p=[0.5, 0.15, 0.15, 0.1, 0.05, 0.05])
    service, protocol, out, back, login = (
        np.array(part, object)[used] for part in zip(*_SERVICES, strict=True)
    )
    spread = generator.lognormal(0, 0.8, (2, n))
    long = service == "telnet"
    return {
        "duration": np.where(long, generator.integers(1, 900, n), generator.poisson(0.3, n)),
        "protocol_type": protocol,
        "service": service,
        "flag": np.where(generator.random(n) < 0.95, "SF", "REJ").astype(object),  # noqa: PLR2004 - a share
        "src_bytes": (out.astype(float) * spread[0]).astype(int),
        "dst_bytes": (back.astype(float) * spread[1]).astype(int),
        "logged_in": login.astype(int),
        "hot": (long & (generator.random(n) < 0.1)).astype(int),  # noqa: PLR2004 - a share
        "num_failed_logins": np.zeros(n, int),
        "root_shell": np.zeros(n, int),
        "num_file_creations": (long & (generator.random(n) < 0.1)).astype(int),  # noqa: PLR2004 - a share
        "count": 1 + generator.poisson(6, n),
        "srv_count": 1 + generator.poisson(8, n),
        "serror_rate": generator.beta(0.3, 20, n).round(2),
        "rerror_rate": generator.beta(0.3, 10, n).round(2),
        "same_srv_rate": generator.beta(20, 0.5, n).round(2),
        "diff_srv_rate": generator.beta(0.5, 20, n).round(2),
        "dst_host_count": generator.integers(20, 256, n),
        "dst_host_srv_count": generator.integers(100, 256, n),
        "dst_host_same_srv_rate": generator.beta(8, 1, n).round(2),
        "dst_host_diff_srv_rate": generator.beta(0.5, 15, n).round(2),
        "dst_host_same_src_port_rate": generator.beta(0.5, 8, n).round(2),
        "dst_host_serror_rate": generator.beta(0.3, 30, n).round(2),
    }


def _changes(n: int, generator: np.random.Generator) -> dict[str, dict[str, Any]]:
    """What each kind of attack changes about an ordinary connection."""
    high, many = generator.beta(20, 1, n).round(2), generator.integers(100, 500, n)
    empty: dict[str, Any] = {"src_bytes": 0, "dst_bytes": 0, "logged_in": 0}
    scattered = {"same_srv_rate": generator.beta(1, 10, n).round(2), "diff_srv_rate": high}
    session = {"protocol_type": "tcp", "flag": "SF", "duration": generator.integers(1, 300, n)}
    return {
        "neptune": {
            **empty,
            "protocol_type": "tcp",
            "service": "private",
            "flag": "S0",
            "count": many,
            "serror_rate": high,
            "dst_host_serror_rate": high,
            "dst_host_srv_count": generator.integers(1, 25, n),
        },
        "smurf": {
            "protocol_type": "icmp",
            "service": "ecr_i",
            "src_bytes": 1032,
            "dst_bytes": 0,
            "logged_in": 0,
            "count": many,
            "srv_count": many,
            "dst_host_same_src_port_rate": high,
        },
        "back": {"service": "http", "src_bytes": generator.integers(40_000, 60_000, n), "hot": 2},
        "ipsweep": {
            "protocol_type": "icmp",
            "service": "eco_i",
            "src_bytes": 8,
            "dst_bytes": 0,
            "logged_in": 0,
            "dst_host_same_src_port_rate": high,
        },
        "portsweep": {**empty, **scattered, "flag": "RSTR", "rerror_rate": high, "service": "private"},
        "satan": {
            **empty,
            **scattered,
            "flag": "REJ",
            "rerror_rate": high,
            "count": many,
            "service": "other",
        },
        "guess_passwd": {
            **session,
            "service": "telnet",
            "num_failed_logins": 1,
            "logged_in": 0,
            "dst_bytes": 180,
        },
        "warezclient": {**session, "service": "ftp", "hot": generator.integers(5, 30, n), "dst_bytes": 3000},
        "buffer_overflow": {
            **session,
            "service": "telnet",
            "root_shell": 1,
            "num_file_creations": 2,
            "hot": 3,
        },
    }
