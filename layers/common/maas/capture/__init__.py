"""Captured requests: a sample of what was asked and answered, kept in S3 for the monitor, masked as declared.

    captures/<model>/date=2026-11-22/hour=07/<time>-<random>.jsonl.gz   one record per line
    outcomes/<model>/date=2026-11-23/<digest>.jsonl.gz                  what callers reported to be true
    outcomes/<model>/<any name>.csv|jsonl[.gz]                          the same, put there as a file

Everything here happens once the caller has the answer, and nothing of it can change that.
"""
