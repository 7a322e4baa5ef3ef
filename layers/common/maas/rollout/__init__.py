"""A version's way into production without anyone at the wheel: admitted, tried on a share, watched, widened.

`admission` says whether a version may be released, `steps` are those of the state machine, `trial` judges a
canary by its metrics, `alarm` takes it back at once, `arrival` starts a training for data that came in.
"""
