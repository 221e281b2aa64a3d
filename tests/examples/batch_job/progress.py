"""How far a job is, in a file that is whole at any moment, whatever happens."""

import json
from pathlib import Path


class Progress:
    """What is known of each row, by its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = json.loads(path.read_text("utf-8")) if path.exists() else {}

    def __getitem__(self, name: str) -> dict:
        return self.rows.get(name, {})

    def note(self, name: str, **facts: object) -> None:
        self.rows[name] = facts
        self.save()

    def forget(self, name: str) -> None:
        del self.rows[name]
        self.save()

    def save(self) -> None:
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.rows, ensure_ascii=False, indent=1), "utf-8")
        draft.replace(self.path)
