"""Calendar folders on an IMAP server; the only importer of imapclient."""

from calendar_sync.imap.settings import ImapSettings
from calendar_sync.imap.source import ImapSource

__all__ = ["ImapSettings", "ImapSource"]
