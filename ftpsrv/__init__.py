"""The FTP side of the gateway; the only importer of pyftpdlib."""
