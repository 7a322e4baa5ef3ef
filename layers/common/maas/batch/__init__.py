"""Files dropped into S3: cut into blocks, scored by the model's own function, put together again.

In the model's function: `scoring` with `table` (CSV) and `lines` (JSON Lines), `cells`, `rejects`.
In the batch function: everything else, from `event` to `report`.
"""
