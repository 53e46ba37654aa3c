"""The run and the commands beside it: what `meetings.py` calls, on the source and the warehouse."""
