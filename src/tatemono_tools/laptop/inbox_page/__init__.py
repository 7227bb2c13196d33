"""The laptop's inbox: a page that shows every mail that the building has sent. None of it leaves this machine."""
