"""The tenant's portal: calls, balance, invoices, lines, people and keys of one's own."""
