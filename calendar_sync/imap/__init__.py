"""Calendar folders on an IMAP server; the only importer of imapclient."""
