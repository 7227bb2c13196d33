"""The command line, `tatemono`."""
