# Examples for `semgrep scan --test`: what the rule must find, and what it must leave alone.

# ruleid: no-pickle
import pickle

# ruleid: no-pickle
import joblib

# ruleid: no-pickle
from dill import loads

# ok: no-pickle
import json

import numpy as np
import pandas as pd


def read(path):
    # ruleid: no-pickle
    np.load(path, allow_pickle=True)
    # ruleid: no-pickle
    pd.read_pickle(path)
    # ok: no-pickle
    np.load(path)
    # ok: no-pickle
    np.load(path, allow_pickle=False)
    # ok: no-pickle
    return json.load(path), pd.read_csv(path)
