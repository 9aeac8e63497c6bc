"""The documents say what there is."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
OURS = {"alerts", "analytics", "billing", "dids", "fraud", "sip", "tenants"}
# Pages whose title is in words, or is the model's family.
SYNONYMS = {
    "ApiKey": "API key",
    "AuditEntry": "Audit entry",
    "DirtyHour": "Dirty hour",
    "HourlyTraffic": "Hourly traffic",
}

LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
"""The target of a Markdown link within the project."""


def test_every_model_is_in_the_title_of_one_page_and_no_page_is_of_none() -> None:
    pages = {path.name: path.read_text() for path in sorted((ROOT / "docs" / "models").glob("*.md"))}
    titles = {
        name: [part.strip() for part in re.split(",| and ", text.split("\n")[0].lstrip("# "))]
        for name, text in pages.items()
    }
    models = [model.__name__ for model in apps.get_models() if model._meta.app_label in OURS]
    wanted = sorted(SYNONYMS.get(name, name) for name in models)
    assert sorted(title for names in titles.values() for title in names) == wanted


def test_every_link_of_the_documents_leads_to_a_file() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]
    assert dead == []
