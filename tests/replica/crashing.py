"""A sync in a process of its own, which a test kills: ``python -m tests.replica.crashing``.

The mailbox is a file, so that what the process did to it stays; it is written as a server
writes its mailboxes, whole, after each request.
"""
