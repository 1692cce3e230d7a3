"""A page that shows a deployed program at work: its graph, what moves, what waits, what failed, and faults by a button.

    with embedded_aws() as aws, console(aws) as page:
        print(page.url)

What it reads is an API of its own (``Reading``), which tests use without the page. Nothing is read, and hardly anything
noted, while nobody looks.
"""

from eda_sandbox.console.additions import Additions as Additions
from eda_sandbox.console.additions import Answer as Answer
from eda_sandbox.console.additions import Button as Button
from eda_sandbox.console.additions import Count as Count
from eda_sandbox.console.additions import Counted as Counted
from eda_sandbox.console.additions import Hop as Hop
from eda_sandbox.console.additions import Series as Series
from eda_sandbox.console.additions import Way as Way
from eda_sandbox.console.reading import Reading as Reading
from eda_sandbox.console.recording import Recording as Recording
from eda_sandbox.console.recording import recording as recording
from eda_sandbox.console.serving import Console as Console
from eda_sandbox.console.serving import console as console
