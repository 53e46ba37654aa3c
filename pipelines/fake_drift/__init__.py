"""A Drift to try the pipeline with: an organisation, and a server that answers as Drift does.

Nothing in here touches Drift, and nothing that reads Drift may import it.
"""
