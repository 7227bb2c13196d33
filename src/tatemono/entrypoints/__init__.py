"""The processes that production starts, one module or package each."""
