"""A request sent twice is answered once: the Idempotency-Key header.

`key` reads the header, `once` answers, `records` remembers answers in S3. The last two stand on Powertools'
utility, which imports boto3, and are imported when the first request with a key arrives.

Source: draft-ietf-httpapi-idempotency-key-header-07, "The Idempotency-Key HTTP Header Field".
"""
