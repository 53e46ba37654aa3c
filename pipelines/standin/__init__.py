"""A Drift to try and to test against: an organisation and its server. Demo and tests alone use it.

Nothing in here touches Drift, and nothing that syncs Drift may import it.
"""
