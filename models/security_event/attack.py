"""Names of attacks in the NSL-KDD files, and the families that they are counted among."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NORMAL = "normal"
UNKNOWN = "unknown"
# Source: the list of attack types of the KDD Cup 1999 task, and the documentation of the DARPA intrusion
# detection evaluations of 1998 and 1999 for the attacks that occur in test files only.
_NAMES = {
    "dos": "apache2 back land mailbomb neptune pod processtable smurf teardrop udpstorm worm",
    "probe": "ipsweep mscan nmap portsweep saint satan",
    "r2l": "ftp_write guess_passwd httptunnel imap multihop named phf sendmail snmpgetattack snmpguess spy "
    "warezclient warezmaster xlock xsnoop",
    "u2r": "buffer_overflow loadmodule perl ps rootkit sqlattack xterm",
}
FAMILIES = (NORMAL, *_NAMES, UNKNOWN)
_FAMILY = {NORMAL: NORMAL} | {name: family for family, names in _NAMES.items() for name in names.split()}


def family_of(names: NDArray[Any]) -> NDArray[Any]:
    """The family of each name, shape (n,); an attack without a known name is `unknown`."""
    distinct, places = np.unique(names.astype(str), return_inverse=True)
    return np.array([_FAMILY.get(name, UNKNOWN) for name in distinct.tolist()], object)[places]
