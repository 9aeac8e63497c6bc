"""The admin pages of fraud control."""

from fraud.admin.cases import CaseAdmin
from fraud.admin.rules import RuleAdmin

__all__ = ["CaseAdmin", "RuleAdmin"]
