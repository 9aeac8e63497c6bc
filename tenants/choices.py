"""Allowed values of the tenants app."""

from django.db import models


class TenantKind(models.TextChoices):
    """Where a tenant stands in the tree: one operator, resellers below it, customers below either."""

    OPERATOR = "operator", "Operator"
    RESELLER = "reseller", "Reseller"
    CUSTOMER = "customer", "Customer"


class Role(models.TextChoices):
    """What a user may do; the table is ``tenants.roles``."""

    OPERATOR_ADMIN = "operator_admin", "Operator: administrator"
    OPERATOR_SUPPORT = "operator_support", "Operator: support"
    OPERATOR_FINANCE = "operator_finance", "Operator: finance"
    TENANT_ADMIN = "tenant_admin", "Tenant: administrator"
    TENANT_USER = "tenant_user", "Tenant: user"
    READ_ONLY = "read_only", "Read only"


OPERATOR_ROLES = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_SUPPORT, Role.OPERATOR_FINANCE})
OPERATOR_TENANT_ROLES = OPERATOR_ROLES | {Role.READ_ONLY}
"""What the operator's own users and keys may be."""

TENANT_ROLES = frozenset({Role.TENANT_ADMIN, Role.TENANT_USER, Role.READ_ONLY})
"""What those of every other tenant may be."""
