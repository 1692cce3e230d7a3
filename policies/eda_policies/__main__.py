"""``python -m eda_policies``, which is ``eda-policies``."""

from eda_policies.command import app

if __name__ == "__main__":
    app(prog_name="python -m eda_policies")
