"""`python -m tests.mutants`: changes the code in small ways, and says which changes no test near it notices.

A mutant is one small change of `domain`, `usecases` or `adapters/postgres`: another operator, a bound or constant one
off, a predicate of a SQL statement or an operand dropped, the arms of a condition exchanged, a `not` dropped, a call
or a refusal left out. Each lives in a copy of the tree (`lanes.py`), never in the tree itself, on servers that are
started once; the tests near it (`near.py`) run until one fails, and fails again. What no test can tell from the code is
listed with a reason in `equivalent.toml`. The command fails if more than 5 % of the others survive.

    .venv/bin/python -m tests.mutants                       # 60 by chance, always the same: half an hour
    .venv/bin/python -m tests.mutants --seed 2 --list       # others, and only say which
    .venv/bin/python -m tests.mutants --id 4d3ef195         # just this one
    .venv/bin/python -m tests.mutants --area postgres --line 'now()' --count 100

Why not a library: mutmut 3.8 and cosmic-ray 8.7 were tried. Both are kept, and both work with these tests as they are
(pytest-asyncio, importlib mode, `src`, servers of a whole run).

- mutmut copies the tree, too, and forks for each mutant, so a mutant costs a second. But it changes bodies of functions
  only: the statements of `adapters/postgres` are constants of modules, and so are most bounds of `domain`; none of them
  gets a mutant. A seventh of those that it makes of one use case are texts of errors.
- cosmic-ray has no mutants of texts either. It changes the working tree in place, leaves a change there when it is
  stopped, and starts PostgreSQL anew for each mutant: 25 seconds each.
"""

import signal
import sys
from pathlib import Path

# As pytest's `pythonpath` has it.
sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.program import main

# It ends what it has started, however it is ended itself.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
sys.exit(main())
